"""Workday's custom reports as web services: streamed, with prompts as their schema types them."""
