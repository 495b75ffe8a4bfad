"""SAP for isthmus: typed, governed records over OData V2 and V4."""
