"""Workday's REST services: collections in pages, and business processes that writes begin."""
