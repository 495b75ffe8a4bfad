"""How do jobs, batches and results of the older Bulk API look in XML and in JSON?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from isthmus.plugins.sandbox.message import Json, Reply
from isthmus.plugins.sandbox.salesforce.xml_text import local

from .load import Outcome, Record

NAMESPACE: Final = "http://www.force.com/2009/06/asyncapi/dataload"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_NIL: Final = f"{{{_XSI}}}nil"
_DATES: Final = ("createdDate", "systemModstamp")
XML: Final = "application/xml"
JSON: Final = "application/json"


def info(name: str, values: Mapping[str, Json], *, as_json: bool, status: int = 200) -> Reply:
    """Return an answer with one flat object; XML leaves out what is null."""
    if as_json:
        return Reply(status, values, media_type=JSON)
    return xml(name, _elements(values), status)


def info_list(name: str, each: str, values: Iterable[Mapping[str, Json]], *, as_json: bool) -> Reply:
    """Return an answer with a list of flat objects."""
    if as_json:
        return Reply(200, {each: list(values)}, media_type=JSON)
    return xml(name, "".join(f"<{each}>{_elements(one)}</{each}>" for one in values))


def xml(name: str, inner: str, status: int = 200) -> Reply:
    """Return an answer in XML; an element with nothing inside is written empty."""
    end = f">{inner}</{name}>" if inner else " />"
    text = f'<?xml version="1.0" encoding="UTF-8"?><{name}\n   xmlns="{NAMESPACE}"{end}'
    return Reply(status, text.encode(), media_type=XML)


def outcomes_as_json(outcomes: Sequence[Outcome]) -> list[Json]:
    """Return what became of a batch's rows."""
    return [
        {"success": one.error is None, "created": one.created, "id": one.id or None, "errors": _errors(one)}
        for one in outcomes
    ]


def outcomes_as_rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return what became of a batch's rows, with the header that CSV results have."""
    rows = [[one.id, _flag(one.error is None), _flag(one.created), one.error_text] for one in outcomes]
    return [["Id", "Success", "Created", "Error"], *rows]


def outcomes_as_xml(outcomes: Sequence[Outcome]) -> Reply:
    """Return what became of a batch's rows."""
    return xml("results", "".join(f"<result>{_outcome(one)}</result>" for one in outcomes))


def records_as_xml(records: Sequence[Mapping[str, Json]]) -> Reply:
    """Return the records of a query."""
    inner = "".join(f'<records xsi:type="sObject">{_record(record)}</records>' for record in records)
    reply = xml("queryResult", inner)
    space = f'xmlns="{NAMESPACE}" xmlns:xsi="{_XSI}"'
    if isinstance(reply.body, bytes):
        reply.body = reply.body.replace(f'xmlns="{NAMESPACE}"'.encode(), space.encode(), 1)
    return reply


def read_object(element: Element) -> Mapping[str, Json]:
    """Return the children of an element as names and texts."""
    return {local(child): child.text or "" for child in element}


def read_records(root: Element) -> list[Record]:
    """Return the records of an `sObjects` element; a parent's key stands in an `sObject` of its own."""
    return [_read_record(child) for child in root if local(child) == "sObject"]


def _read_record(element: Element) -> Record:
    record: dict[str, Json] = {}
    for child in element:
        name = local(child)
        if child.get(_NIL) == "true":
            record[name] = None
        elif len(child):
            record[name] = _read_record(child[0] if local(child[0]) == "sObject" else child)
        elif child.text:
            record[name] = child.text
    return record


def _errors(outcome: Outcome) -> list[Json]:
    error = outcome.error
    if error is None:
        return []
    named = {"message": error.message, "fields": list(error.fields or ()), "statusCode": error.code}
    return [{**named, "extendedErrorDetails": None}]


def _outcome(one: Outcome) -> str:
    named: dict[str, Json] = {"id": one.id or None, "success": one.error is None, "created": one.created}
    if one.error is None:
        return _elements(named)
    fields = "".join(f"<fields>{escape(name)}</fields>" for name in one.error.fields or ())
    inner = _elements({"message": one.error.message, "statusCode": one.error.code})
    return f"<errors>{fields}{inner}</errors>{_elements(named)}"


def _record(record: Mapping[str, Json]) -> str:
    attributes = record.get("attributes")
    kind = str(attributes["type"]) if isinstance(attributes, Mapping) else "sObject"
    parts = [f"<type>{escape(kind)}</type>"]
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, Mapping):
            parts.append(f'<{name} xsi:type="sObject">{_record(value)}</{name}>')
        elif value is None:
            parts.append(f'<{name} xsi:nil="true"/>')
        else:
            parts.append(f"<{name}>{escape(_text(value))}</{name}>")
    return "".join(parts)


def _elements(values: Mapping[str, Json]) -> str:
    """Return elements for what is not null; dates are written with a Z here, with an offset in JSON."""
    texts = {name: _text(value) for name, value in values.items() if value is not None}
    texts |= {name: texts[name].replace("+0000", "Z") for name in _DATES if name in texts}
    return "".join(f"\n <{name}>{escape(text)}</{name}>" for name, text in texts.items())


def _text(value: Json) -> str:
    return _flag(value) if isinstance(value, bool) else str(value)


def _flag(value: bool) -> str:  # noqa: FBT001 - one value to write
    return "true" if value else "false"
