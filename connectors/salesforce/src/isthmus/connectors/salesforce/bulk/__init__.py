"""What takes jobs of Bulk API 2.0: many records out of the org, and into it."""

from .exports import export
from .loads import load_lines, read_back

__all__ = ["export", "load_lines", "read_back"]
