"""Which country does this text name?"""

import functools
import unicodedata
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

UNKNOWN_COUNTRY = "??"


_LONGEST = 80


@functools.lru_cache(maxsize=4096)
def normalise_country(text: str) -> str:
    """Turn an ISO 3166-1 code (alpha-2, alpha-3, numeric) or a country's name into alpha-2; anything else is `"??"`."""
    return spellings().get(_folded(text), UNKNOWN_COUNTRY) if len(text) <= _LONGEST else UNKNOWN_COUNTRY


@functools.cache
def countries() -> frozenset[str]:
    """Name every country by its alpha-2 code."""
    return frozenset(spellings().values())


@functools.cache
def spellings() -> Mapping[str, str]:
    """Map every accepted spelling, folded, to its alpha-2 code."""
    found: dict[str, str] = {}
    for alpha2, *others in _rows():
        for spelling in (alpha2, *others):
            if found.setdefault(_folded(spelling), alpha2) != alpha2:
                msg = f"countries.tsv: {spelling!r} names both {found[_folded(spelling)]} and {alpha2}; keep one"
                raise ValueError(msg)
    return MappingProxyType(found)


def _rows() -> list[tuple[str, ...]]:
    lines = files(__package__).joinpath("countries.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return [(alpha2, alpha3, numeric, *names.split("|")) for alpha2, alpha3, numeric, names in rows]


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text.replace("’", "'")).casefold().replace("ı", "i")
    # Latin accents are often lost in CRM data; marks of other scripts carry meaning and stay.
    bare = "".join(char for char in unicodedata.normalize("NFD", folded) if not "\u0300" <= char <= "\u036f")
    return " ".join(unicodedata.normalize("NFC", bare).replace(".", "").replace("-", " ").split())
