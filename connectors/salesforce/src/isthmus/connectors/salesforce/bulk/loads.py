"""How are many records written, and what became of each?

Up to 200 go in one request of sObject collections, more in one job of Bulk API 2.0. Deletes are always a job, since
only a job names the object whose records they are to be.
"""

import csv
import io
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from isthmus.connectors.salesforce.answers import nodes_of, object_of, strange
from isthmus.connectors.salesforce.bulk.jobs import CSV, ENDED, GONE, ended, job_id, look
from isthmus.connectors.salesforce.bulk.sheet import split_rows
from isthmus.connectors.salesforce.ids import full_id, is_id
from isthmus.connectors.salesforce.queries import query_text
from isthmus.connectors.salesforce.readback import LONGEST_TRANSACTION
from isthmus.connectors.salesforce.reader import Reader
from isthmus.connectors.salesforce.values import cell_of, flat_values
from isthmus.core.connector import Pending, Settlement
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import JSON, Compare, Operator, Query
from isthmus.core.streams import Begun, Line, LineOutcome, Load, Loaded

__all__ = ["load_lines", "read_back"]

TOGETHER = 200
"""Records of one request of sObject collections (REST API guide, "Using sObject Collections")."""
HEAVIEST_UPLOAD = 100_000_000
"""Bytes of a job's data; the vendor takes 150 MB once it is written in base64."""
OPERATIONS = {"create": "insert", "update": "update", "upsert": "upsert", "delete": "delete"}
_SPACE = str.maketrans({"\r": "", "\n": ""})


async def load_lines(org: Reader, load: Load, begun: Begun) -> Loaded | None:
    """Write the lines; None where a job is not done by the deadline."""
    if len(load.lines) <= TOGETHER and load.action != "delete":
        return await _together(org, load)
    sheet = _Sheet(load)
    answer = await org.http.post(org.path("/jobs/ingest"), json=_job(load))
    job = job_id(answer)
    org = replace(org, http=org.http.within(job))
    await begun(job)
    await org.http.put(org.path("/jobs/ingest/{}/batches", job), content=sheet.text(), headers={"content-type": CSV})
    await org.http.patch(org.path("/jobs/ingest/{}", job), json={"state": "UploadComplete"})
    if await ended(org, "ingest", job) is None:
        return None
    return sheet.joined(await _results(org, job))


def _job(load: Load) -> dict[str, JSON]:
    settings: dict[str, JSON] = {"object": load.object, "operation": OPERATIONS[load.action]}
    if load.action == "upsert":
        settings["externalIdFieldName"] = load.key_field
    return settings | {"contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}


# Together.


async def _together(org: Reader, load: Load) -> Loaded:
    """Write by one request; the answer is a success even where no line was one."""
    body: JSON = {"allOrNone": False, "records": [_record(load, line) for line in load.lines]}
    match load.action:
        case "create":
            answer = await org.http.post(org.path("/composite/sobjects"), json=body)
        case "update":
            answer = await org.http.patch(org.path("/composite/sobjects"), json=body)
        case _:
            where = org.path("/composite/sobjects/{}/{}", load.object, load.key_field)
            answer = await org.http.patch(where, json=body)
    told = nodes_of(answer.json())
    if len(told) != len(load.lines):
        raise strange()
    return Loaded(tuple(_told(load, one) for one in told))


def _record(load: Load, line: Line) -> dict[str, JSON]:
    # The type must come first: the API reads the values by it.
    return {"attributes": {"type": load.object}} | ({"id": line.id} if line.id else {}) | _values(load, line)


def _values(load: Load, line: Line) -> dict[str, JSON]:
    keyed = {load.key_field: line.key} if load.key_field and line.key is not None else {}
    return flat_values({**line.values, **keyed})


def _told(load: Load, one: Mapping[str, JSON]) -> LineOutcome:
    id = one.get("id")
    if one.get("success") is True:
        if not (isinstance(id, str) and is_id(id)):
            raise strange()
        return LineOutcome(full_id(id), created=load.action == "create" or one.get("created") is True)
    errors = one.get("errors")
    if one.get("success") is not False or not errors:
        raise strange()
    error = nodes_of(errors)[0]
    fields = error.get("fields")
    named = ", ".join(str(name) for name in fields) if isinstance(fields, list) else ""
    code, text = (str(error.get(name) or "") for name in ("statusCode", "message"))
    return LineOutcome(code=code or "UNKNOWN", field=named, text=text)


# By a job.


class _Sheet:
    """The lines of a load as CSV, and which line a row of its results is."""

    def __init__(self, load: Load) -> None:
        lines = [_values(load, line) | ({"Id": line.id} if line.id else {}) for line in load.lines]
        self._load = load
        self._columns = tuple(dict.fromkeys(name for line in lines for name in line))
        cells = [{name: cell_of(name, value) for name, value in line.items()} for line in lines]
        if load.action == "create":
            cells = [{name: "" if line[name] is None else one for name, one in told.items()}
                     for line, told in zip(lines, cells, strict=True)]  # fmt: skip
        self._rows = [[line.get(name, "") for name in self._columns] for line in cells]

    def text(self) -> bytes:
        """Return the data of a job; raises InvalidArguments where it is too much."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([self._columns, *self._rows])
        data = text.getvalue().encode()
        if len(data) > HEAVIEST_UPLOAD:
            raise InvalidArguments("the load is too large for one job; load fewer lines at a time", field="lines")
        return data

    def joined(self, found: Iterable[tuple[Mapping[str, str], LineOutcome]]) -> Loaded:
        """Put outcomes in the order of the lines; lines that are equal are interchangeable.

        Raises:
            UpstreamError: a line has no outcome, or a row is none of the lines.
        """
        waiting: dict[tuple[str, ...], deque[int]] = {}
        for at, row in enumerate(self._rows):
            waiting.setdefault(_alike(row), deque()).append(at)
        outcomes: dict[int, LineOutcome] = {}
        for told, outcome in found:
            lowered = {name.casefold(): value for name, value in told.items()}
            places = waiting.get(_alike([lowered.get(name.casefold(), "") for name in self._columns]))
            if not places:
                raise strange()
            outcomes[places.popleft()] = outcome
        if len(outcomes) != len(self._rows):
            raise strange()
        return Loaded(tuple(outcomes[at] for at in range(len(self._rows))))


def _alike(row: Sequence[str]) -> tuple[str, ...]:
    """Return what a row and its echo have in common: the org may trim texts and change their line ends."""
    return tuple(cell.translate(_SPACE).strip() for cell in row)


_Results: TypeAlias = Sequence[tuple[Mapping[str, str], LineOutcome]]


async def _results(org: Reader, job: str) -> _Results:
    found: list[tuple[Mapping[str, str], LineOutcome]] = []
    for name in ("successfulResults", "failedResults", "unprocessedrecords"):
        answer = await org.http.get(org.path("/jobs/ingest/{}/{}", job, name), headers={"accept": CSV})
        found += [(row, _outcome(name, row)) for row in _rows(answer)]
    return found


def _rows(answer: Response) -> Sequence[Mapping[str, str]]:
    header, *rows = split_rows(answer.body) or [[]]
    if any(len(row) != len(header) for row in rows):
        raise strange()
    return [dict(zip(header, row, strict=True)) for row in rows]


def _outcome(name: str, row: Mapping[str, str]) -> LineOutcome:
    id = row.get("sf__Id", "")
    if name == "unprocessedrecords":
        return LineOutcome(code="UNPROCESSED")
    if name == "successfulResults":
        if not is_id(id):
            raise strange()
        return LineOutcome(full_id(id), created=row.get("sf__Created") == "true")
    code, _, rest = row.get("sf__Error", "").partition(":")
    text, _, fields = rest.rpartition(":")
    return LineOutcome(code=code or "UNKNOWN", field=fields.removesuffix("--").strip(), text=text)


# What became of a load whose answer was lost.


async def read_back(org: Reader, pending: Pending, load: Load) -> tuple[Settlement, Loaded | None]:
    """Tell what became of a load: by its job, or by the keys of what it made."""
    if pending.job:
        return await _by_job(replace(org, http=org.http.within(pending.job)), pending.job, load)
    if len(load.lines) > TOGETHER or load.action == "delete":
        # The job is noted before any line leaves.
        return Settlement.NOT_HAPPENED, None
    if load.action != "create" or not load.key_field or any(not line.key for line in load.lines):
        return Settlement.CANNOT_TELL, None
    return await _by_keys(org, pending, load)


async def _by_job(org: Reader, job: str, load: Load) -> tuple[Settlement, Loaded | None]:
    where = org.path("/jobs/ingest/{}", job)
    answer = await org.get(where, passing=GONE)
    if answer.status in GONE:
        return Settlement.CANNOT_TELL, None
    state = look(object_of(answer))
    if state == "Open":
        # It has not begun to work, and after this it never will.
        state = look(object_of(await org.http.patch(where, json={"state": "Aborted"})))
    if state not in ENDED:
        return Settlement.CANNOT_TELL, None
    try:
        results = await _results(org, job)
        if state == "Aborted" and not results:
            # No line had arrived when it was ended, so none is written.
            return Settlement.NOT_HAPPENED, None
        loaded = _Sheet(load).joined(results)
    except UpstreamError:
        return Settlement.CANNOT_TELL, None
    if all(one.code == "UNPROCESSED" for one in loaded.outcomes):
        return Settlement.NOT_HAPPENED, None
    return Settlement.HAPPENED, loaded


async def _by_keys(org: Reader, pending: Pending, load: Load) -> tuple[Settlement, Loaded | None]:
    """Find what was made by its keys; what is not there is not made once no transaction can still be running."""
    keys = [str(line.key) for line in load.lines]
    found: dict[str, str] = {}
    for begin in range(0, len(keys), 50):
        some = Compare(load.key_field, Operator.IN, tuple(keys[begin : begin + 50]))
        query = Query(load.object, ("Id", load.key_field), some, limit=TOGETHER)
        found |= {str(row.fields[load.key_field]): row.id for row in await org.rows(query_text(query), query)}
    if len(found) < len(keys) and pending.age <= LONGEST_TRANSACTION:
        return Settlement.CANNOT_TELL, None
    if not found:
        return Settlement.NOT_HAPPENED, None
    made = [LineOutcome(found[key], created=True) if key in found else LineOutcome(code="NOT_MADE") for key in keys]
    return Settlement.HAPPENED, Loaded(tuple(made))
