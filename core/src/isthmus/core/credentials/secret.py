"""How is a secret value held so that it shows up nowhere by accident?"""

import base64
import hmac
import json
import logging
import threading
import traceback
import weakref
from collections.abc import Iterator
from itertools import product
from typing import NoReturn, Self
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "Redactor", "Secret", "redact"]

MASK = "[secret]"
SHORTEST = 6
"""Shorter values are not looked for: they would mask ordinary words."""

HARMLESS = frozenset(logging.makeLogRecord({}).__dict__) - {"msg", "exc_text", "stack_info"}
"""What logging itself writes into every record: names, places and times."""

_live: weakref.WeakValueDictionary[int, "Secret"] = weakref.WeakValueDictionary()
_lock = threading.Lock()


class Secret:
    """A value that prints as a mask, cannot be serialised, and is known to `redact` for as long as it lives."""

    __slots__ = ("__weakref__", "_forms", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._forms: tuple[str, ...] = ()
        with _lock:
            _live[id(self)] = self

    def reveal(self) -> str:
        """Return the value itself; call it only where the value leaves for its own system."""
        return self._value

    def forms(self) -> tuple[str, ...]:
        """Return the spellings that a log line could hold: as is, escaped, url-encoded, inside base64."""
        if not self._forms:
            self._forms = tuple(_spellings(self._value))
        return self._forms

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; pass its reference and resolve it where it is used")


def redact(text: str) -> str:
    """Mask every live secret in a text."""
    with _lock:
        live = list(_live.values())
    hits = {form for secret in live for form in secret.forms() if form in text}
    # The longest first: one secret may begin with another.
    for form in sorted(hits, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


class Redactor(logging.Filter):
    """Mask every live secret in a log record: message, arguments, traceback, stack and extra attributes.

    Add it to handlers, not to loggers: a logger's filters do not see what its children hand up.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        try:
            message = record.getMessage()
        except (KeyError, TypeError, ValueError):
            # Arguments that do not fit the message must not stop the caller, here as in logging itself.
            message = f"{record.msg!r} {record.args!r}"
        record.msg, record.args = message, None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            # Handlers that format tracebacks themselves would go round the mask.
            record.exc_info = None
        for name in record.__dict__.keys() - HARMLESS:
            value = record.__dict__[name]
            if value is None or isinstance(value, int | float):
                continue
            text = value if isinstance(value, str) else repr(value)
            masked = redact(text)
            if masked != text:
                record.__dict__[name] = masked
        return True


def _spellings(value: str) -> set[str]:
    # A PEM is logged line by line more often than whole.
    parts = {value, *(line for line in value.splitlines() if len(line) >= 16 and not line.startswith("-----"))}
    found: set[str] = set()
    for part in parts:
        if len(part) >= SHORTEST:
            found |= {part, repr(part)[1:-1], json.dumps(part)[1:-1], quote(part, safe=""), quote(part)}
            found |= {quote_plus(part), *_inside_base64(part.encode())}
    return found


def _inside_base64(value: bytes) -> Iterator[str]:
    """Yield what the value looks like at each of its three places in a longer base64 text, such as Basic."""
    for offset, encode in product(range(3), (base64.b64encode, base64.urlsafe_b64encode)):
        encoded = encode(b"\0" * offset + value).decode()
        # The first character(s) mix in the bytes before, the last ones the bytes after.
        start = (0, 2, 3)[offset]
        whole = (offset + len(value)) * 8 // 6
        if whole - start >= SHORTEST:
            yield encoded[start:whole]
