"""Which known name did the writer probably mean?"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest known name, or an empty string."""
    spelling = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), spelling, n=1, cutoff=0.6)
    return f"; did you mean {spelling[found[0]]!r}?" if found else ""
