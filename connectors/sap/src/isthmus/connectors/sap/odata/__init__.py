"""What do OData V2 and V4 say, apart from any one service?"""
