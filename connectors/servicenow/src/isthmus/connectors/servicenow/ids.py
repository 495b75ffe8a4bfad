"""What is a sys_id, and which one does an idempotency key lead to?"""

import hashlib
import re

from isthmus.core.errors import InvalidArguments

__all__ = ["checked_id", "id_of_key", "is_id"]

_FORM = re.compile(r"[0-9a-zA-Z]{32}")


def is_id(text: str) -> bool:
    """Tell whether a text has the form of a sys_id: 32 hexadecimal digits, or other letters where somebody chose it."""
    return _FORM.fullmatch(text) is not None


def checked_id(id: str) -> str:
    """Return an id as it was given; raises InvalidArguments where it is none."""
    if not is_id(id):
        raise InvalidArguments(f"{id[:40]!a} is no sys_id; use one that an answer gave", field="id")
    return id


def id_of_key(object: str, field: str, value: str) -> str:
    """Return the sys_id of the record that a key makes: always the same, so a second create meets the first."""
    return hashlib.sha256(f"isthmus\x1f{object}\x1f{field}\x1f{value}".encode("utf-8", "replace")).hexdigest()[:32]
