"""How does a tenant answer web services?"""
