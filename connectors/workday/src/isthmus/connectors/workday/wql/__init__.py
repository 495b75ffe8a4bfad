"""WQL: queries over data sources, compiled from conditions; sources and fields as the tenant describes them."""
