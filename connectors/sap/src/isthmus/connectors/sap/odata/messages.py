"""What does a service say in its own words, beside what it answers? Errors of every form, and notes on a success."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from isthmus.core.connector import Note
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response, parse_json
from isthmus.core.records import JSON

__all__ = ["Complaint", "Message", "Severity", "complaint_of", "in_entity", "messages_of", "notes_of", "said"]

MOST_MESSAGES = 100
LARGEST_BODY = 1 << 20
"""Bytes of an error's body that are looked into."""
_CODE = re.compile(r"[A-Za-z0-9_./:+-]{1,80}")
_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_NUMBERED = re.compile(r"\s*/?(?:[^/]+/)*(?P<last>[^/()]+?)(?:\([^()]*\))?\s*")
_OWN_FIELDS = ("SAP__Messages", "_Messages")
"""Where entities of V4 services hold messages of their own (SAP__core vocabulary)."""


class Severity(StrEnum):
    """How bad a message is; SAP numbers them from 1 to 4 in V4."""

    SUCCESS = "success"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_NUMBERS = {1: Severity.SUCCESS, 2: Severity.INFO, 3: Severity.WARNING, 4: Severity.ERROR}
_LETTERS = {"s": Severity.SUCCESS, "i": Severity.INFO, "w": Severity.WARNING, "e": Severity.ERROR, "a": Severity.ERROR}


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `text` is the system's own and is treated as data. `field` is a property's name or empty."""

    severity: Severity
    code: str = ""
    text: str = ""
    field: str = ""

    def as_json(self) -> dict[str, JSON]:
        """Return it as an answer of a tool holds it."""
        told = {"severity": self.severity.value, "code": self.code, "message": self.text, "field": self.field}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an answer that is no success says: its main message, the ones below it, and what it was read from.

    `form` is json, xml, html, text or empty. `transaction` is the id that finds the error in the system's own log.
    """

    form: str
    main: Message = Message(Severity.ERROR)
    details: tuple[Message, ...] = ()
    transaction: str = ""

    @property
    def codes(self) -> Iterator[str]:
        """Yield every code, the one that an administrator would look for first."""
        yield from (one.code for one in self.details if one.severity is Severity.ERROR and one.code)
        if self.main.code:
            yield self.main.code

    @property
    def field(self) -> str:
        """Return the property that it is about, where it names one."""
        return next((one.field for one in (self.main, *self.details) if one.field), "")

    @property
    def text(self) -> str:
        """Return all that it says, each sentence once."""
        return said((self.main, *self.details))


def said(messages: Sequence[Message]) -> str:
    """Join the texts of messages, each once."""
    return " / ".join(dict.fromkeys(one.text for one in messages if one.text))


def complaint_of(response: Response) -> Complaint:
    """Read an error in whichever form it came; what cannot be read is kept as its form alone."""
    body = response.body[:LARGEST_BODY].strip()
    if not body:
        return Complaint("empty")
    if body[:1] in (b"{", b"["):
        return _of_json(body)
    if response.is_page:
        return Complaint("html", Message(Severity.ERROR, text=_shown(body)))
    if body[:1] == b"<":
        return _of_xml(body)
    return Complaint("text", Message(Severity.ERROR, text=_plain(body.decode("utf-8", "replace"))))


def messages_of(response: Response) -> tuple[Message, ...]:
    """Read the messages that come with a success: `sap-message` (V2), `sap-messages` (V4)."""
    found = list[Message]()
    for name in ("sap-message", "sap-messages"):
        told = response.headers.get(name, "")
        if told:
            found += _listed(_parsed(told.encode()))
    return tuple(found[:MOST_MESSAGES])


def notes_of(response: Response, entity: Mapping[str, JSON] | None = None) -> tuple[Note, ...]:
    """Return what an answer to a write, and the entity in it, say beside the success; each message once."""
    told = dict.fromkeys((*messages_of(response), *(in_entity(entity) if entity is not None else ())))
    return tuple(Note(one.severity.value, one.code, one.field, one.text) for one in told)[:MOST_MESSAGES]


def in_entity(entity: Mapping[str, JSON]) -> tuple[Message, ...]:
    """Read the messages that an entity of a V4 service holds itself."""
    return tuple(one for name in _OWN_FIELDS for one in _listed(entity.get(name)))[:MOST_MESSAGES]


def _of_json(body: bytes) -> Complaint:
    found = _parsed(body)
    error = found.get("error") if isinstance(found, Mapping) else None
    if isinstance(error, str) and isinstance(found, Mapping):
        # A token endpoint's own shape (RFC 6749 section 5.2).
        return Complaint("json", Message(Severity.ERROR, _code(error), _text(found.get("error_description"))))
    if not isinstance(error, Mapping):
        return Complaint("json")
    inner = error.get("innererror")
    inner = inner if isinstance(inner, Mapping) else {}
    below = [one for raw in (error.get("details"), inner.get("errordetails")) for one in _listed(raw)]
    known = _message(error)
    # The copy among the details may be the one that names the field.
    again = (one.field for one in below if (one.code, one.text) == (known.code, known.text) and one.field)
    main = Message(Severity.ERROR, known.code, known.text, known.field or next(again, ""))
    return Complaint("json", main, _distinct(below, main), _code(inner.get("transactionid")))


def _distinct(below: Sequence[Message], main: Message) -> tuple[Message, ...]:
    """Leave out what says the same again; Gateway ends its details with a copy of the main message."""
    kept = dict.fromkeys(one for one in below if (one.text, one.code) != (main.text, main.code))
    return tuple(kept)[:MOST_MESSAGES]


def _of_xml(body: bytes) -> Complaint:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return Complaint("xml")
    if etree.QName(root).localname != "error":
        return Complaint("xml")
    main = Message(Severity.ERROR, _code(_child(root, "code")), _plain(_child(root, "message")))
    below = [
        Message(
            _severity(_child(one, "severity")),
            _code(_child(one, "code")),
            _plain(_child(one, "message")),
            _field(_child(one, "propertyref") or _child(one, "target")),
        )
        for one in _all(root, "errordetail")[:MOST_MESSAGES]
    ]
    ids = [one.text or "" for one in _all(root, "transactionid")]
    return Complaint("xml", main, _distinct(below, main), _code(ids[0] if ids else ""))


def _all(element: "etree._Element", name: str) -> Sequence["etree._Element"]:
    return [one for one in element.iter(etree.Element) if etree.QName(one).localname == name]


def _child(element: "etree._Element", name: str) -> str:
    found = (one for one in element if isinstance(one.tag, str) and etree.QName(one).localname == name)
    return next(("".join(str(text) for text in one.itertext()) for one in found), "")


def _shown(body: bytes) -> str:
    """Return what a page shows."""
    try:
        root = etree.fromstring(body[:20_000], etree.HTMLParser(no_network=True, huge_tree=False))
    except (etree.XMLSyntaxError, ValueError):
        return ""
    if root is None:
        return ""
    shown = (one for one in root.iter(etree.Element) if one.tag not in ("script", "style"))
    return _plain(" ".join(text for one in shown for text in (one.text, one.tail) if text))[:500]


def _parsed(body: bytes) -> JSON:
    try:
        return parse_json(body)
    except UpstreamError:
        return None


def _listed(raw: JSON) -> list[Message]:
    """Read one message with its details, or a list of them; Gateway nests `errordetail` in older releases."""
    if isinstance(raw, Mapping):
        nested = raw.get("errordetail")
        if nested is not None:
            return _listed(nested)
        below = raw.get("details")
        return [_message(raw), *(_message(one) for one in _entries(below))]
    return [_message(one) for one in _entries(raw)]


def _entries(raw: JSON) -> list[Mapping[str, JSON]]:
    listed = raw[:MOST_MESSAGES] if isinstance(raw, list) else []
    return [one for one in listed if isinstance(one, Mapping)]


def _message(raw: Mapping[str, JSON]) -> Message:
    text = raw.get("message")
    if isinstance(text, Mapping):
        text = text.get("value")
    told = next((one for one in (raw.get("propertyref"), raw.get("target")) if isinstance(one, str) and one), "")
    return Message(_told_severity(raw), _code(raw.get("code")), _text(text), _field(told))


def _told_severity(raw: Mapping[str, JSON]) -> Severity:
    for name in ("numericSeverity", "@Common.numericSeverity", "@SAP__common.numericSeverity"):
        number = raw.get(name)
        if isinstance(number, int) and number in _NUMBERS:
            return _NUMBERS[number]
    word = raw.get("severity")
    return _severity(word) if isinstance(word, str) else Severity.ERROR


def _severity(word: str) -> Severity:
    plain = word.strip().lower()
    return next((one for one in Severity if one == plain), _LETTERS.get(plain[:1], Severity.ERROR))


def _field(target: str) -> str:
    """Return the property that a target such as `/A_Order('1')/NetAmount` ends in."""
    found = _NUMBERED.fullmatch(target[:500])
    last = found["last"] if found else ""
    return last if _PROPERTY.fullmatch(last) else ""


def _code(raw: JSON) -> str:
    return raw if isinstance(raw, str) and _CODE.fullmatch(raw) else ""


def _text(raw: JSON) -> str:
    return _plain(raw) if isinstance(raw, str) else ""


def _plain(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:2_000]
