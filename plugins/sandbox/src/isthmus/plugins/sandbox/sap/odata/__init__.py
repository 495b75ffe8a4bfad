"""How does the sandbox read OData's URLs: literals, filters, options, keys?"""
