"""In which form may a value be released?"""

import functools
from enum import Enum


@functools.total_ordering
class Form(Enum):
    """Order what a consumer may see: `clear > ref > mask > aggregate > drop`."""

    CLEAR = "clear"
    REF = "ref"
    MASK = "mask"
    AGGREGATE = "aggregate"
    DROP = "drop"

    def __lt__(self, other: object) -> bool:
        """Say whether this form reveals less than the other."""
        if not isinstance(other, Form):
            return NotImplemented
        return _RANK[self] < _RANK[other]


_RANK = {form: rank for rank, form in enumerate(reversed(Form))}
