"""What does a web service answer? Records, matched by namespace and name, whatever the prefixes are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from isthmus.connectors.workday.answers import strange
from isthmus.connectors.workday.soap.xml import BSVC, ENVELOPE, local, named, parsed
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["Begun", "Found", "Reply", "begun_of", "reply_of"]


@dataclass(frozen=True, slots=True)
class Found:
    """One record: its ids by type, its descriptor, and its data as nested values; booleans are "1" and "0"."""

    ids: Mapping[str, str]
    descriptor: str
    data: JSON

    @property
    def id(self) -> str:
        """Return the WID, or another id with its type."""
        return _told_id(self.ids)


@dataclass(frozen=True, slots=True)
class Reply:
    """One page of records, and how many there are in all."""

    records: Sequence[Found]
    total: int
    pages: int
    page: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The event that a write began, and the worker whom a hire will make, empty where there is none."""

    event: str
    worker: str


def reply_of(answer: Response, operation: str, item: str) -> Reply:
    """Read the reply of an operation; its data are missing where there are no rows. Raises UpstreamError."""
    body = _body(answer, f"{operation}_Response")
    results, data = body.find(f"{{{BSVC}}}Response_Results"), body.find(f"{{{BSVC}}}Response_Data")
    records = [_found(one, item) for one in (named(data, item) if data is not None else ())]
    if results is None:
        raise strange("without saying how many records there are")
    counts = {name: _count(results, name) for name in ("Total_Results", "Total_Pages", "Page")}
    asked = list(_ids_below(body.find(f"{{{BSVC}}}Request_References")))
    if len(records) == len(asked) == 1 and "WID" not in records[0].ids:
        # Without its reference a record is the one that was asked for.
        records = [Found(asked[0], records[0].descriptor, records[0].data)]
    if any(not one.id for one in records):
        raise strange("with a record that has no id")
    return Reply(records, counts["Total_Results"], counts["Total_Pages"], counts["Page"])


def begun_of(answer: Response, operation: str) -> Begun:
    """Return what a write began; raises UpstreamError."""
    body = _body(answer, f"{operation}_Response")
    event = worker = ""
    for one in body.iter():
        if local(one).endswith("Event_Reference"):
            event = event or _told_id(_ids(one))
        elif local(one) == "Employee_Reference":
            worker = _told_id(_ids(one))
    if not event:
        raise strange("without the event that was begun")
    return Begun(event, worker)


def _body(answer: Response, name: str) -> Element:
    root = parsed(answer.body)
    body = root.find(f"{{{ENVELOPE}}}Body/{{{BSVC}}}{name}")
    if root.tag != f"{{{ENVELOPE}}}Envelope" or body is None:
        raise strange()
    return body


def _found(item: Element, name: str) -> Found:
    reference = item.find(f"{{{BSVC}}}{name}_Reference")
    data = item.find(f"{{{BSVC}}}{name}_Data")
    ids = dict(_ids(reference)) if reference is not None else {}
    own = data.findtext(f"{{{BSVC}}}{name}_ID") if data is not None else None
    if own and not ids:
        ids["Employee_ID" if name == "Worker" else f"{name}_ID"] = own.strip()
    beside = reference.get(f"{{{BSVC}}}Descriptor") if reference is not None else None
    descriptor = item.findtext(f"{{{BSVC}}}{name}_Descriptor") or beside or ""
    return Found(ids, descriptor.strip(), _value(data) if data is not None else None)


def _ids_below(references: Element | None) -> Sequence[Mapping[str, str]]:
    return [_ids(one) for one in references] if references is not None else []


def _ids(reference: Element) -> Mapping[str, str]:
    return {one.get(f"{{{BSVC}}}type", ""): (one.text or "").strip() for one in named(reference, "ID")}


def _told_id(ids: Mapping[str, str]) -> str:
    """Return the WID, or another id with its type; empty where there is none."""
    return ids.get("WID") or next((f"{kind}={value}" for kind, value in ids.items()), "")


def _count(results: Element, name: str) -> int:
    text = (results.findtext(f"{{{BSVC}}}{name}") or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise strange("with a count that is none")
    return int(text)


def _value(element: Element) -> JSON:
    """Return an element as nested values: repeated ones as lists, attributes behind an at-sign, ids by type."""
    attributes: dict[str, JSON] = {f"@{name.rpartition('}')[2]}": value for name, value in element.attrib.items()}
    if not len(element):
        text = (element.text or "").strip()
        return {**attributes, "value": text} if attributes else text
    if all(local(one) == "ID" for one in element):
        return {**attributes, **_ids(element)}
    found: dict[str, list[JSON]] = {}
    for one in element:
        found.setdefault(local(one), []).append(_value(one))
    return {**attributes, **{name: many[0] if len(many) == 1 else many for name, many in found.items()}}
