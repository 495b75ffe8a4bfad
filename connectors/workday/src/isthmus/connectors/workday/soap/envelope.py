"""How is a request to a web service written? From templates of our own, each value escaped where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from isthmus.connectors.workday.ids import checked_id
from isthmus.connectors.workday.soap.xml import BSVC, ENVELOPE
from isthmus.core.errors import InvalidArguments

__all__ = ["Asked", "envelope", "get_request", "leaf", "reference_id", "request", "wrapped"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a read asks for: records by their ids, or a page of all; `entered` freezes what was known by then."""

    operation: str
    item: str
    groups: Sequence[str]
    references: Sequence[str] = ()
    page: int = 1
    count: int = 100
    effective: str | None = None
    entered: str | None = None


def envelope(body: str) -> bytes:
    """Wrap a request; what proves who asks is put into the header on its way out, below all that could log it."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns:bsvc="{BSVC}">'
        f"<soapenv:Header/><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    ).encode()


def get_request(asked: Asked, version: str) -> bytes:
    """Write a read."""
    references = "".join(wrapped(f"{asked.item}_Reference", reference_id(one)) for one in asked.references)
    dates = [("As_Of_Effective_Date", asked.effective), ("As_Of_Entry_DateTime", asked.entered)]
    told = "".join(leaf(name, value) for name, value in dates if value)
    told += leaf("Page", str(asked.page)) + leaf("Count", str(asked.count))
    inner = (
        (wrapped("Request_References", references) if references else "")
        + wrapped("Response_Filter", told)
        + wrapped("Response_Group", "".join(leaf(one, "true") for one in asked.groups))
    )
    return envelope(request(asked.operation, version, inner))


def request(operation: str, version: str, inner: str) -> str:
    """Write the element of a request."""
    return f'<bsvc:{operation}_Request bsvc:version="{version}">{inner}</bsvc:{operation}_Request>'


def reference_id(id: str) -> str:
    """Write an id with its type; a text without one is a WID. Raises InvalidArguments."""
    kind, found, value = checked_id(id).partition("=")
    if not found:
        kind, value = "WID", id
    return f"<bsvc:ID bsvc:type={quoteattr(_plain(kind))}>{escape(_plain(value))}</bsvc:ID>"


def leaf(name: str, text: str) -> str:
    """Write an element with a text; raises InvalidArguments."""
    # A carriage return that is written as it is would arrive as a line feed (XML 1.0 section 2.11).
    return f"<bsvc:{name}>{escape(_plain(text), {chr(13): '&#13;'})}</bsvc:{name}>"


def wrapped(name: str, inner: str) -> str:
    """Write an element around others."""
    return f"<bsvc:{name}>{inner}</bsvc:{name}>"


def _plain(text: str) -> str:
    """Return a text that XML 1.0 can hold; raises InvalidArguments (section 2.2)."""
    bad = any(ord(one) < 32 and one not in "\t\n\r" for one in text)
    if bad or any(0xD800 <= ord(one) <= 0xDFFF or ord(one) in (0xFFFE, 0xFFFF) for one in text):
        raise InvalidArguments("a value holds letters that no XML can carry")
    return text
