"""Is a text an id of Workday's: a WID, a reference id of a type, or an instance id?"""

import re

from isthmus.core.errors import InvalidArguments

__all__ = ["checked_id", "is_id", "is_own", "is_wid"]

_WID = re.compile(r"[0-9a-f]{32}")
_ANY = re.compile(r"[0-9a-f]{32}|[0-9]{1,20}\$[0-9]{1,20}|[A-Za-z][A-Za-z0-9_-]{0,99}=[^\s/\\%?#;&*,'\"()]{1,100}")


def is_wid(text: str) -> bool:
    """Tell whether a text is a Workday id, which is stable within its tenant."""
    return _WID.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id (the pattern of Workday's REST documents)."""
    return _ANY.fullmatch(text) is not None and text.isprintable() and text.isascii()


def is_own(path: tuple[str, ...], ids: tuple[str, ...]) -> bool:
    """Tell whether this is the worker who asks, which only a token of a user tells."""
    return path == ("workers",) and ids == ("me",)


def checked_id(text: str, field: str = "id") -> str:
    """Return an id; raises InvalidArguments where a text cannot be one."""
    if not is_id(text):
        raise InvalidArguments(
            "an id is 32 hexadecimal digits, a reference id such as Employee_ID=21001, or an instance id such as "
            "247$1; pass it as Workday gave it",
            field=field,
        )
    return text
