"""Where in a text do known values stand, in whichever spelling, and does it look like something that says nothing?"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from isthmus.core.cassettes.standins import moment_of

__all__ = ["Finder", "Found", "is_address", "says_nothing"]

SHORTEST = 4
"""Letters of a value below which it is not looked for in other texts: it would be found everywhere."""
_WORD = re.compile(r"[^\W_]+")
_ID = re.compile(r"[A-Za-z0-9_.:~-]{1,80}", re.ASCII)
_BANK = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
OPAQUE = 12
"""Letters of an id of which nobody can read anything."""
_PLAIN = re.compile(r"[^A-Za-z]")
_IDS = frozenset(
    {"id", "ids", "sysid", "uuid", "guid", "wid", "jobid", "requestid", "batchid", "transactionid", "referenceid",
     "key", "ref", "cursor", "next", "after", "token", "etag", "version", "href", "link", "url", "uri", "type", "code",
     "status", "state", "group", "atomicitygroup", "locator"}
)  # fmt: skip
"""Names under which a system tells an id, or a word of its own."""
_DIGITS = 6
"""Digits of a number in a text that says nothing; a longer one may be a telephone's."""
_CODE = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?:[A-Z][A-Za-z]*_)+ID|WID|(?:[A-Z][a-z]{2,}){2,5}|v\d{1,3}(?:\.\d)?", re.ASCII
)
_WORDS_OF_PROTOCOLS = frozenset(
    {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "Aborted", "Closed", "Open", "Failed", "Completed", "Queued",
     "CSV", "JSON", "LF", "CRLF", "COMMA", "insert", "update", "upsert", "delete", "query", "success", "error",
     "failure", "inserted", "updated", "ignored", "skipped", "pending", "requested", "approved", "rejected", "true",
     "false", "id", "type", "value", "link", "asc", "desc", "Pending", "Approved", "Rejected", "Started", "Removed"}
)  # fmt: skip
_ETAG = re.compile(r"(?:W/)?\"(?:(datetimeoffset'[0-9T:.Z+-]{8,40}')|([^\"]{1,100}))\"", re.ASCII)
_CONTEXT = re.compile(r"(?:https?://[A-Za-z0-9.:-]+[A-Za-z0-9_./-]*/)?\$metadata#[A-Za-z0-9_./$(),*-]+", re.ASCII)
_MEDIA = re.compile(r"(?:application|text|multipart)/[a-z0-9.+-]+(?:\s*;\s*[A-Za-z0-9.]+=[A-Za-z0-9._-]+)*", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9_.~$()=',-]*)+", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """A known value in a text, and the place where it stands."""

    start: int
    end: int
    value: str


@dataclass(slots=True)
class Finder:
    """Finds values in texts as whole words, in any letter case; `add` says which."""

    _by_word: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def add(self, values: Iterable[str]) -> None:
        """Look for these too; what has no letter and no digit cannot be found."""
        for value in values:
            first = _WORD.search(value)
            if first is None or value in self._known:
                continue
            self._known.add(value)
            self._by_word.setdefault(first[0].casefold(), []).append((first.start(), value))

    def find(self, text: str) -> Iterator[Found]:
        """Yield the values of a text from left to right, the longest first where several begin at one place."""
        end = 0
        for word in _WORD.finditer(text):
            if word.start() < end:
                continue
            best: Found | None = None
            for offset, value in self._by_word.get(word[0].casefold(), ()):
                at = word.start() - offset
                if at >= end and _stands(text, at, value) and (best is None or at + len(value) > best.end):
                    best = Found(at, at + len(value), value)
            if best is not None:
                yield best
                end = best.end

    def replaced(self, text: str, into: Callable[[str], str]) -> str:
        """Return the text with every value in it replaced by what `into` makes of it."""
        made, end = [], 0
        for found in self.find(text):
            made += [text[end : found.start], into(found.value)]
            end = found.end
        return "".join([*made, text[end:]]) if end else text

    def hidden_in(self, text: str) -> bool:
        """Tell whether a value stands in a text, as it is or encoded."""
        return any(next(self.find(one), None) is not None for one in _spellings(text))


def _stands(text: str, at: int, value: str) -> bool:
    end = at + len(value)
    if text[at:end].casefold() != value.casefold():
        return False
    return not (value[-1].isalnum() and end < len(text) and text[end].isalnum())


def _spellings(text: str) -> Iterator[str]:
    """Yield what a text may stand for: itself, without percent-encoding, and what is inside its base64."""
    yield text
    plain = unquote(text)
    if plain != text:
        yield plain
    for found in _BASE64.finditer(plain):
        coded = found[0].rstrip("=").translate(str.maketrans("-_", "+/"))
        for start in range(4):
            part = coded[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            try:
                raw = base64.b64decode(part + "=" * (-len(part) % 4))
            except binascii.Error:
                continue
            yield raw.decode("utf-8", errors="replace")
            yield raw.decode("utf-16-le", errors="replace")
            yield raw.decode("utf-16-be", errors="replace")


def is_address(text: str) -> bool:
    """Tell whether a text is a path or a URL without a query."""
    rest = re.sub(r"^https?://[A-Za-z0-9.:-]+", "", text)
    return _PATH.fullmatch(rest) is not None


def says_nothing(text: str, names: frozenset[str], named: str = "") -> bool:
    """Tell whether a text is an id, a word of the system's own, or an address: none of them speaks about a person.

    A short one that stands under a name of its own is an id only where the name says so; it may be a login or the
    number of a passport.
    """
    if not text.strip() or text in names or text in _WORDS_OF_PROTOCOLS or _CODE.fullmatch(text):
        return True
    if is_address(text) or _CONTEXT.fullmatch(text) or _MEDIA.fullmatch(text):
        return True
    if (tag := _ETAG.fullmatch(text)) is not None:
        return tag[1] is not None or _is_id(tag[2])
    if named and len(text) < OPAQUE and not text.isdigit() and _PLAIN.sub("", named).casefold() not in _IDS:
        return False
    return _is_id(text)


def _is_id(text: str) -> bool:
    if _ID.fullmatch(text) is None or _BANK.fullmatch(text) or moment_of(text) is not None:
        return False
    if text.isdigit():
        return len(text) <= _DIGITS
    return sum(one.isdigit() for one in text) >= 3 and not re.fullmatch(r"[\d.:-]+", text)
