"""Is a text a record id, and which 18 characters name the record?"""

import re
import string

from isthmus.core.errors import InvalidArguments

__all__ = ["checked_id", "full_id", "is_id"]

_FORM = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_SUFFIXES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_CAPITALS = {ord(one): "1" if one.isupper() else "0" for one in string.ascii_letters + string.digits}


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id, 15 or 18 characters long."""
    return _FORM.fullmatch(text) is not None


def full_id(id: str) -> str:
    """Return the 18 characters of an id; the last three spell which of the others are capitals."""
    return id + _suffix(id) if len(id) == 15 else id


def checked_id(id: str) -> str:
    """Return an id as it was given; raises InvalidArguments where it is none, or was copied wrongly."""
    if not is_id(id):
        raise InvalidArguments(f"{id[:40]!a} is no Salesforce id; use one that an answer gave", field="id")
    if len(id) == 18 and _suffix(id[:15]) != id[15:]:
        raise InvalidArguments(
            f"{id!r} is no Salesforce id: its last three characters do not fit the others; copy it from an answer",
            field="id",
        )
    return id


def _suffix(id: str) -> str:
    # Backwards, for the first letter of five is the lowest bit.
    bits = id[14::-1].translate(_CAPITALS)
    return _SUFFIXES[int(bits[10:], 2)] + _SUFFIXES[int(bits[5:10], 2)] + _SUFFIXES[int(bits[:5], 2)]
