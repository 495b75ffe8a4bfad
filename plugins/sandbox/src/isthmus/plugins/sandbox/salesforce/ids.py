"""How are record ids made, checked and brought to 18 characters?"""

import re
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def suffix(id15: str) -> str:
    """Return the three characters that spell which letters of a 15-character id are capitals."""
    out = []
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(id15[start : start + 5]) if "A" <= char <= "Z")
        out.append(_SUFFIX[bits])
    return "".join(out)


def normalise(value: str) -> str | None:
    """Return the 18-character form, or None where the text cannot be an id.

    A 15-character id is case-sensitive; an 18-character one is not, its suffix restores the capitals.
    """
    if not _FORM.fullmatch(value):
        return None
    if len(value) == 15:
        return value + suffix(value)
    body, tail = value[:15].lower(), value[15:].upper()
    if any(char not in _SUFFIX for char in tail):
        return None
    chars = list(body)
    for group, char in enumerate(tail):
        bits = _SUFFIX.index(char)
        for place in range(5):
            if bits >> place & 1:
                chars[group * 5 + place] = chars[group * 5 + place].upper()
    id15 = "".join(chars)
    return id15 + suffix(id15) if suffix(id15) == tail else None


def mint(prefix: str, pod: str, number: int) -> str:
    """Return the id of the `number`-th record with this key prefix on this pod (two characters)."""
    digits = ""
    while number:
        number, place = divmod(number, 62)
        digits = _DIGITS[place] + digits
    id15 = f"{prefix}{pod}0{digits:0>9}"
    return id15 + suffix(id15)
