"""Workday's SOAP web services: requests from our own templates, replies as records."""
