"""What does a report as a service answer, in JSON, CSV and XML, and what does its schema say?"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, Final, cast
from xml.sax.saxutils import escape, quoteattr

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import Refused, forbidden, invalid, not_found
from .faults import bomb
from .users import data_file
from .wql.catalogue import Field, Source, sources
from .wql.rows import Moment, Row, rows_of

if TYPE_CHECKING:
    from .call import Call

_PIECE: Final = 128 * 1024
_MANY: Final = ' maxOccurs="unbounded"'
_XSD: Final[Mapping[str, str]] = {"Date": "xsd:date", "Numeric": "xsd:decimal", "Boolean": "xsd:boolean"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question that a report asks; `field` is empty for the day that the report is about."""

    name: str
    field: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One report: it runs with its owner's rights, whoever asks."""

    owner: str
    name: str
    source: Source
    columns: tuple[tuple[str, Field], ...]
    prompts: tuple[Prompt, ...]

    @property
    def namespace(self) -> str:
        """Return the namespace of its XML."""
        return f"urn:com.workday.report/{self.name}"


class Rows:
    """A report that is written piece by piece while it is sent, so that its size does not matter; nobody counted it."""

    size = None

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self._pieces = pieces

    def chunks(self) -> Iterator[bytes]:
        """Yield the report."""
        held: list[bytes] = []
        length = 0
        for piece in self._pieces():
            held.append(piece)
            length += len(piece)
            if length >= _PIECE:
                yield b"".join(held)
                held, length = [], 0
        yield b"".join(held)


@cache
def reports() -> Mapping[tuple[str, str], Report]:
    """Return the reports by owner and name."""
    found = {}
    for told in cast("Sequence[Mapping[str, object]]", data_file("reports.toml")["report"]):
        source = sources()[str(told["source"])]
        columns = cast("Sequence[Sequence[str]]", told["columns"])
        prompts = cast("Sequence[tuple[str, str, str, bool]]", told["prompts"])
        report = Report(
            owner=str(told["owner"]),
            name=str(told["name"]),
            source=source,
            columns=tuple((name, source.fields[field]) for name, field in columns),
            prompts=tuple(Prompt(*each) for each in prompts),
        )
        found[report.owner, report.name] = report
    return found


def answer(call: "Call") -> Reply:
    """Return a report or its schema; raises Refused."""
    owner, _, name = call.place.rest.partition("/")
    report = reports().get((owner.partition("@")[0], name))
    if report is None:
        raise not_found()
    if call.method != "GET":
        raise Refused(405, "Method not allowed")
    if call.user.login != report.owner and "*" not in call.user.domains:
        raise forbidden()
    if "xsds" in call.request.query_string.split("&")[0] or "xsds" in call.query:
        return Reply(200, _schema(report).encode(), media_type="text/xml;charset=UTF-8")
    form = _FORMS.get(call.query.get("format", "xml"))
    if form is None:
        raise invalid()
    rows = _rows(call, report)
    if "xml" in form.media and (fault := call.takes("xml_bomb")):
        return Reply(
            200, bomb(fault.text("style", "entities"), int(fault.number("depth", 100_000))), media_type=form.media
        )
    if call.takes("missing_entry"):
        return Reply(200, form.nothing(report), media_type=form.media)
    if fault := call.takes("broken_report"):
        text = b"".join(form.write(report, rows, int(fault.number("rows", 1)) + 1))
        return Reply(200, text[: -len(text) // 4], media_type=form.media)
    wanted = call.tenant.report_rows
    count = len(rows) if wanted is None else wanted
    return Reply(200, stream=Rows(lambda: form.write(report, rows, count)), media_type=form.media)


def _rows(call: "Call", report: Report) -> list[Row]:
    """Return the rows that the prompts ask for, as the report's owner sees them; raises Refused."""
    allowed = {each.name for each in report.prompts} | {"format"}
    if set(call.query) - allowed:
        raise Refused(400, "Invalid prompt")
    if any(each.required and not call.query.get(each.name) for each in report.prompts):
        raise Refused(400, "Required prompt is missing")
    day = call.view.today
    owner = replace(call, user=call.tenant.users[report.owner])
    for each in report.prompts:
        if not each.field and call.query.get(each.name):
            day = _day(call.query[each.name])
    rows = rows_of(owner, report.source, Moment(day, call.tenant.clock.now()))
    for each in report.prompts:
        text = call.query.get(each.name)
        if text and each.field:
            rows = [row for row in rows if _fits(call, row.get(each.field), text)]
    return rows


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Refused(400, "Invalid prompt value") from None


def _fits(call: "Call", value: Json, text: str) -> bool:
    if isinstance(value, Mapping):
        thing = call.tenant.things.any(text)
        return text in (value["id"], value["descriptor"]) or (thing is not None and thing.wid == value["id"])
    return str(value) == text


def _plain(value: Json) -> str:
    """Return a value as text: an instance by its descriptor, money by its amount, many one below the other."""
    if isinstance(value, Mapping):
        return str(value.get("descriptor", value.get("value", "")))
    if isinstance(value, list):
        return "; ".join(_plain(each) for each in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def _entry(report: Report, row: Row) -> dict[str, Json]:
    """Return a row as JSON shows it: all values are text, many instances a nested list."""
    found: dict[str, Json] = {}
    for name, field in report.columns:
        value = row.get(field.alias)
        if isinstance(value, list):
            found[name] = [{name.removesuffix("_group"): _plain(each)} for each in value]
        elif value is not None:
            found[name] = _plain(value)
    return found


def _repeated(rows: Sequence[bytes], count: int) -> Iterator[bytes]:
    return islice(cycle(rows), count) if rows else iter(())


def _json(report: Report, rows: Sequence[Row], count: int) -> Iterator[bytes]:
    entries = [json.dumps(_entry(report, row), separators=(",", ":"), ensure_ascii=False).encode() for row in rows]
    yield b'{"Report_Entry":['
    between = False
    for each in _repeated(entries, count):
        yield b"," + each if between else each
        between = True
    yield b"]}"


def _csv(report: Report, rows: Sequence[Row], count: int) -> Iterator[bytes]:
    def line(cells: Sequence[str]) -> bytes:
        text = io.StringIO()
        csv.writer(text).writerow(cells)
        return text.getvalue().encode()

    entries = [line([_plain(row.get(field.alias)) for _, field in report.columns]) for row in rows]
    yield line([name for name, _ in report.columns])
    yield from _repeated(entries, count)


def _xml(report: Report, rows: Sequence[Row], count: int) -> Iterator[bytes]:
    return _written(report, rows, count, _element)


def _simple_xml(report: Report, rows: Sequence[Row], count: int) -> Iterator[bytes]:
    return _written(report, rows, count, lambda name, value: f"<wd:{name}>{escape(_plain(value))}</wd:{name}>")


def _element(name: str, value: Json) -> str:
    if isinstance(value, Mapping) and "id" in value:
        id = str(value["id"])
        inside = f'<wd:ID wd:type="WID">{id}</wd:ID>'
        return f"<wd:{name} wd:Descriptor={quoteattr(str(value['descriptor']))}>{inside}</wd:{name}>"
    return f"<wd:{name}>{escape(_plain(value))}</wd:{name}>"


def _written(report: Report, rows: Sequence[Row], count: int, element: Callable[[str, Json], str]) -> Iterator[bytes]:
    def entry(row: Row) -> bytes:
        cells = ((name, row.get(field.alias)) for name, field in report.columns)
        inside = "".join(
            "".join(element(name, each) for each in (value if isinstance(value, list) else [value]))
            for name, value in cells
            if value is not None
        )
        return f"<wd:Report_Entry>{inside}</wd:Report_Entry>".encode()

    head = f"<?xml version='1.0' encoding='UTF-8'?><wd:Report_Data xmlns:wd={quoteattr(report.namespace)}>".encode()
    return chain([head], _repeated([entry(row) for row in rows], count), [b"</wd:Report_Data>"])


def _empty_xml(report: Report) -> bytes:
    return b"".join(_xml(report, [], 0))


@dataclass(frozen=True, slots=True)
class _Form:
    """One format: `nothing` is what comes where even the place of the rows is missing."""

    media: str
    write: Callable[[Report, Sequence[Row], int], Iterator[bytes]]
    nothing: Callable[[Report], bytes]


_FORMS: Final[Mapping[str, _Form]] = {
    "json": _Form("application/json;charset=UTF-8", _json, lambda _: b"{}"),
    "csv": _Form("text/csv;charset=UTF-8", _csv, lambda _: b""),
    "simplexml": _Form("text/xml;charset=UTF-8", _simple_xml, _empty_xml),
    "xml": _Form("text/xml;charset=UTF-8", _xml, _empty_xml),
}


def _type(kind: str) -> str:
    return _XSD.get(kind, "xsd:string")


def _name(prompt: Prompt) -> str:
    return quoteattr(prompt.name.replace("!", "_"))


def _schema(report: Report) -> str:
    """Return the schema: the row's elements, and the prompts beside it."""
    elements = "".join(
        f'<xsd:element name="{name}" type="{_type(field.type)}" minOccurs="0"'
        f"{_MANY if field.type == 'Multi-instance' else ''}/>"
        for name, field in report.columns
    )
    prompts = "".join(
        f'<xsd:element name={_name(each)} type="{_type(each.type)}"'
        f' minOccurs="{int(each.required)}"><xsd:annotation><xsd:documentation>{escape(each.name)}'
        "</xsd:documentation></xsd:annotation></xsd:element>"
        for each in report.prompts
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f" xmlns:wd={quoteattr(report.namespace)} targetNamespace={quoteattr(report.namespace)}"
        ' elementFormDefault="qualified"><xsd:element name="Report_Data" type="wd:Report_DataType"/>'
        f'<xsd:complexType name="Report_EntryType"><xsd:sequence>{elements}</xsd:sequence></xsd:complexType>'
        f'<xsd:complexType name="Report_ParametersType"><xsd:sequence>{prompts}</xsd:sequence></xsd:complexType>'
        '<xsd:complexType name="Report_DataType"><xsd:sequence><xsd:element name="Report_Entry"'
        ' type="wd:Report_EntryType" minOccurs="0" maxOccurs="unbounded"/></xsd:sequence></xsd:complexType>'
        "</xsd:schema>"
    )
