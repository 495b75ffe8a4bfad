"""What does a SOQL statement mean, and which rows answer it?"""

from .parse import parse_query
from .records import Results
from .run import columns, run
from .syntax import Query, SoqlError

__all__ = ["Query", "Results", "SoqlError", "columns", "parse_query", "run"]
