"""What does a SOQL statement mean, and which rows answer it?"""

from .parse import parse_query
from .run import Results, run
from .syntax import Query, SoqlError

__all__ = ["Query", "Results", "SoqlError", "parse_query", "run"]
