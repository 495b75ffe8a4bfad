"""What takes jobs of Bulk API 2.0: many records out of the org, and into it."""

from .exports import export

__all__ = ["export"]
