"""How is a report run, and how are its rows given on in parts, when it can be had only as a whole?

A report is written into a file that has no name, read from there entry by entry, and kept as long as an export goes on.
"""

import asyncio
import secrets
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from isthmus.connectors.workday.answers import shown
from isthmus.connectors.workday.conditions import fits, in_order, split
from isthmus.connectors.workday.raas.schema import Schema, schema_of
from isthmus.connectors.workday.raas.stream import Entries
from isthmus.connectors.workday.settings import ReportSettings, WorkdaySettings
from isthmus.core.caller import Principal
from isthmus.core.connector import Batch, Invoked
from isthmus.core.errors import InvalidArguments, NotFound, RetryLater, UpstreamRejected
from isthmus.core.http import Http, Path, path
from isthmus.core.records import JSON, Condition, Query, Row, comparisons

__all__ = [
    "NUMBER",
    "Kept",
    "ReportWay",
    "export_report",
    "read_report",
    "read_report_row",
    "read_schema",
    "run_report",
]

NUMBER = "number"
"""The field that tells rows apart where the report has no column that does: their places."""
MOST_KEPT = 4
MOST_ANSWERED = 500
"""The most rows that a run answers with at once."""


@dataclass(slots=True)
class _Report:
    """A report on its way out: its file, and its entries as far as they are read."""

    file: BinaryIO
    entries: Iterator[Row]
    passed: int = 0


class Kept:
    """Reports that exports are at, each until its end, or until others push it out."""

    def __init__(self) -> None:
        self._reports: OrderedDict[tuple[Principal, str], _Report] = OrderedDict()
        # A connector is not closed, but let go of; what nobody reads on from goes with it.
        weakref.finalize(self, _let_go, self._reports)

    def take(self, principal: Principal, name: str) -> _Report | None:
        """Take one out; nobody else can read on from it meanwhile."""
        return self._reports.pop((principal, name), None)

    def put(self, principal: Principal, name: str, report: _Report) -> None:
        """Keep one; that which was used longest ago is let go of where there are too many."""
        self._reports[principal, name] = report
        if len(self._reports) > MOST_KEPT:
            _, old = self._reports.popitem(last=False)
            old.file.close()


def _let_go(reports: "OrderedDict[tuple[Principal, str], _Report]") -> None:
    for one in reports.values():
        one.file.close()


@dataclass(frozen=True, slots=True)
class ReportWay:
    """One call's way to one report; `as_of` is the day that is asked about where the report has a prompt for it."""

    http: Http
    settings: WorkdaySettings
    own: ReportSettings
    schema: Schema
    object: str
    kept: Kept = field(default_factory=Kept)
    as_of: str | None = None

    def address(self) -> Path:
        """Return the address of the report."""
        return address_of(self.settings, self.own)

    def parameters(self, told: Mapping[str, str]) -> dict[str, str]:
        """Write the prompts as the report takes them; raises InvalidArguments where one is missing."""
        given = dict(told)
        if self.as_of is not None:
            if self.own.as_of is None:
                raise InvalidArguments(
                    f"{self.object} takes no day; name its prompt in settings.reports as as_of", field="as_of"
                )
            given[self.own.as_of] = self.as_of
        missing = [one for one in self.schema.required if one not in given]
        if missing:
            raise InvalidArguments(f"{self.object} asks for {missing[0]}", field=missing[0])
        return {"format": "json"} | {self.schema.sent.get(name, name): value for name, value in given.items()}


def address_of(settings: WorkdaySettings, own: ReportSettings) -> Path:
    """Return the address of a report."""
    return path(f"{settings.soap}/customreport2/{settings.tenant}/{{}}/{{}}", own.owner, own.report)


async def read_schema(http: Http, settings: WorkdaySettings, own: ReportSettings) -> Schema:
    """Read what a report says of itself."""
    return schema_of(await http.get(address_of(settings, own), params={"xsds": ""}, headers={"accept": "text/xml"}))


async def read_report(way: ReportWay, query: Query) -> Sequence[Row]:
    """Run a report and keep the first `query.limit` rows in the order asked; no more than that is ever in memory."""
    told, left = _asked(way, query)
    report = await _run(way, told)
    with report.file:

        def first() -> Sequence[Row]:
            rows = list[Row]()
            for row in report.entries:
                if fits(left, row.fields):
                    rows.append(row)
                if len(rows) > 2 * query.limit + 1_000:
                    rows = list(in_order(rows, query.order_by)[: query.limit])
            return in_order(rows, query.order_by)[: query.limit]

        return [_only(row, query.select) for row in await asyncio.to_thread(first)]


async def export_report(way: ReportWay, query: Query, at: str) -> Batch:
    """Run a report once, and give its rows on in parts; `at` names the run and how many rows were passed."""
    told, left = _asked(way, query)
    name, _, passed = at.partition(":")
    principal = way.http.scope.principal
    if at:
        report = way.kept.take(principal, name)
        if report is None or str(report.passed) != passed:
            raise RetryLater(
                f"the run of {query.object} that this export was at is gone, and another may give other rows; begin "
                "again",
                object=query.object,
            )
    else:
        name, report = secrets.token_hex(8), await _run(way, told)
    try:
        rows = await asyncio.to_thread(lambda: list(islice(_fitting(report, left), query.limit)))
    except BaseException:
        report.file.close()
        raise
    found = [_only(row, query.select) for row in rows]
    if len(rows) < query.limit:
        report.file.close()
        return Batch(found, "")
    way.kept.put(principal, name, report)
    return Batch(found, f"{name}:{report.passed}")


async def read_report_row(way: ReportWay, id: str, fields: Sequence[str]) -> Row:
    """Run a report to find one row; raises NotFound."""
    report = await _run(way, {})
    with report.file:
        found = await asyncio.to_thread(lambda: next((one for one in report.entries if one.id == id), None))
    if found is None:
        raise NotFound("the report has no such row, or does not show it to its owner", object=way.object)
    return _only(found, fields)


async def run_report(way: ReportWay, action: str, arguments: Mapping[str, JSON]) -> Invoked:
    """Run a report with its prompts; raises UpstreamRejected where it has too many rows for one answer."""
    if action != "run":
        raise InvalidArguments(f"{way.object} has no action {action[:80]!a} (it has run)", field="action")
    told = {name: _text(arguments[name], name) for name in way.schema.prompts if name in arguments}
    report = await _run(way, told)
    with report.file:
        rows = await asyncio.to_thread(lambda: list(islice(report.entries, MOST_ANSWERED + 1)))
    if len(rows) > MOST_ANSWERED:
        raise UpstreamRejected(
            f"{way.object} has more than {MOST_ANSWERED} rows; narrow it by its prompts, or export it",
            object=way.object,
        )
    return Invoked({"rows": [dict(row.fields) for row in rows], "count": len(rows)})


async def _run(way: ReportWay, told: Mapping[str, str]) -> _Report:
    file = tempfile.TemporaryFile()  # noqa: SIM115 it outlives this call where an export goes on
    try:
        await way.http.download(
            way.address(), file, params=way.parameters(told), headers={"accept": "application/json"}
        )
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return _Report(file, _rows(way, file))


def _rows(way: ReportWay, file: BinaryIO) -> Iterator[Row]:
    columns = way.schema.columns
    seen = 0
    for seen, entry in enumerate(Entries(file), 1):
        if seen > way.own.rows:
            raise UpstreamRejected(
                f"{way.object} has more than {way.own.rows:,} rows; narrow it by its prompts, or raise rows in "
                "settings.reports",
                object=way.object,
            )
        values = {name: shown(entry.get(name), kind, name) for name, kind in columns.items()}
        number = f"{seen:09}"
        own = values.get(way.own.id) if way.own.id else number
        if not isinstance(own, str) or not own:
            raise UpstreamRejected(
                f"{way.object} has a row without {way.own.id}; name a column in settings.reports that every row has",
                object=way.object,
            )
        yield Row(way.object, own, values | ({} if way.own.id else {NUMBER: number}))


def _fitting(report: _Report, left: Condition | None) -> Iterator[Row]:
    for row in report.entries:
        report.passed += 1
        if fits(left, row.fields):
            yield row


def _asked(way: ReportWay, query: Query) -> tuple[Mapping[str, str], Condition | None]:
    columns = way.schema.columns.keys() | ({NUMBER} if way.own.id is None else set())
    # A prompt that is a column too is compared here, unless the report needs it.
    told, left = split(query.where, frozenset(way.schema.prompts.keys() - columns) | frozenset(way.schema.required))
    named = [*query.select, *(one.field for one in comparisons(left)), *(one.field for one in query.order_by)]
    for name in named:
        if name not in columns and name not in way.schema.prompts:
            raise InvalidArguments(f"{query.object} has no column {name[:80]!a}", field=name[:80])
    return told, left


def _text(value: JSON, name: str) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float) and str(value).isprintable() and str(value):
        return str(value)
    raise InvalidArguments(f"{name} takes one plain value", field=name)


def _only(row: Row, select: Sequence[str]) -> Row:
    return Row(row.object, row.id, {name: row.fields.get(name) for name in select})
