"""Which versions of the API does the org speak?"""

from collections.abc import Mapping
from typing import Final

_SEASONS: Final = ("Spring", "Summer", "Winter")


def _label(version: int) -> str:
    """Return a release name: v60 is Spring '24, three releases a year."""
    season = _SEASONS[version % 3]
    year = 24 + (version - 60) // 3 + (1 if season == "Winter" else 0)
    return f"{season} '{year}"


VERSIONS: Final[list[Mapping[str, str]]] = [
    {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
    for number in range(31, 68)
]

KNOWN: Final = frozenset(str(each["version"]) for each in VERSIONS)
