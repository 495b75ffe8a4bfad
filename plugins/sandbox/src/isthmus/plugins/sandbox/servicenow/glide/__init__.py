"""How is an encoded query read and answered?"""

from .match import Compiled, Finder
from .syntax import Condition, Query, parse

__all__ = ["Compiled", "Condition", "Finder", "Query", "parse"]
