"""How does isthmus call function modules of an SAP system?"""
