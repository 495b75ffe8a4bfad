"""How does the made-up enterprise's SAP system answer?"""
