"""Which searches does a SOSL text ask for? Only what a search of names can answer is understood."""

import re
from collections.abc import Mapping, Sequence

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["searches"]

_FIND = re.compile(
    r"\s*FIND\s*\{(?P<term>(?:[^{}\\]|\\.){2,200})\}\s*IN\s+NAME\s+FIELDS\s+RETURNING\s+(?P<returning>.+)",
    re.IGNORECASE | re.DOTALL,
)
_OBJECT = re.compile(
    r"\s*(?P<object>[A-Za-z][A-Za-z0-9_]{0,79})\s*"
    r"\(\s*(?P<fields>[A-Za-z][\w.]*(?:\s*,\s*[A-Za-z][\w.]*)*)(?:\s+LIMIT\s+(?P<limit>\d{1,3}))?\s*\)\s*",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\(.)")
_OPERATORS = re.compile(r"[?&|!{}\[\]()^~*:\"+-]")
MOST = 200


def searches(text: str) -> Sequence[Mapping[str, JSON]]:
    """Read `FIND {words} IN NAME FIELDS RETURNING A(f, ... LIMIT n), B(...)` into arguments of search calls.

    Raises:
        InvalidArguments: it asks for more; a search of all fields would probe fields that the caller may not see.
    """
    found = _FIND.fullmatch(text)
    if found is None:
        raise _not_understood()
    term = found["term"]
    if _OPERATORS.search(_ESCAPED.sub("", term)):
        raise _not_understood()
    words = _ESCAPED.sub(r"\1", term)
    asked: list[Mapping[str, JSON]] = []
    rest = found["returning"]
    while rest:
        one = _OBJECT.match(rest)
        if one is None:
            raise _not_understood()
        fields = [name.strip() for name in one["fields"].split(",")]
        limit = min(int(one["limit"] or MOST), MOST)
        asked.append({"object": one["object"], "text": words, "fields": fields, "limit": max(limit, 1)})
        rest = rest[one.end() :]
        if rest and not rest.startswith(","):
            raise _not_understood()
        rest = rest[1:]
    return asked


def _not_understood() -> InvalidArguments:
    return InvalidArguments(
        "a search here is `FIND {words} IN NAME FIELDS RETURNING Object(Field, ... LIMIT n), ...`; words take no "
        "operators, and all fields are not searched, since that would tell of fields that the caller may not see",
        field="q",
    )
