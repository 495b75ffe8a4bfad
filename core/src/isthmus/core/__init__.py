"""Govern every call from an agent to a system of record."""
