"""How are an SDK's query jobs answered? By exports: no job of its own is made, so none outlives its caller's rights.

The id of a job holds the query, the locator where the export stands. Both mean something here only, and hold nothing
that the caller did not send or was not given sealed.
"""

import base64
import csv
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.encoding import answer, withheld
from isthmus.connectors.salesforce.queries import parse_text
from isthmus.core import Page
from isthmus.core.connector import Calls
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.records import JSON, MOST_BATCH, Query, Record, Ref, Value
from isthmus.core.verbs import export

__all__ = ["job_state", "make_job", "results"]

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
LONGEST = 200_000
"""Characters of a job's description; a query has at most 100,000 (SOQL reference)."""


@dataclass(frozen=True, slots=True)
class _Job:
    text: str
    delimiter: str
    ending: str

    @property
    def id(self) -> str:
        """Return what the job is called: itself."""
        return _packed([self.text, self.delimiter, self.ending])

    @classmethod
    def named(cls, id: str) -> "_Job":
        """Return the job of this name; raises InvalidArguments."""
        match _unpacked(id):
            case [str(text), str(delimiter), str(ending)] if delimiter in DELIMITERS and ending in ENDINGS:
                return cls(text, delimiter, ending)
            case _:
                raise InvalidArguments("this is no job of this session; make one", field="job")

    def query(self) -> tuple[Query, int | None]:
        """Return what is to be exported, and at most how many records of it."""
        try:
            limit = soql.parse(self.text).limit
        except soql.SoqlError as error:
            raise InvalidArguments(str(error), field="query") from error
        query = parse_text(self.text)
        if not isinstance(query, Query):
            raise InvalidArguments(
                "a bulk query takes no figures and no groups; query them without a job", field="query"
            )
        if query.order_by:
            raise InvalidArguments("an export has no order; leave ORDER BY out of a bulk query", field="query")
        return query, limit

    def told(self, base: str, state: str) -> Response:
        """Describe the job as the vendor does."""
        query, _ = self.query()
        body: dict[str, JSON] = {
            "id": self.id,
            "operation": "query",
            "object": query.object,
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(base.rpartition("/v")[2]),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
            "jobType": "V2Query",
        }
        return answer(200, body)


def make_job(body: Mapping[str, JSON], base: str) -> Response:
    """Take a job on, if it could be exported."""
    if body.get("operation") != "query":
        raise InvalidArguments(
            "only the operation `query` is served; deleted records come by `changes`", field="operation"
        )
    delimiter, ending = str(body.get("columnDelimiter") or "COMMA"), str(body.get("lineEnding") or "LF")
    job = _Job(str(body.get("query") or ""), delimiter, ending)
    return _Job.named(job.id).told(base, "UploadComplete")


def job_state(id: str, base: str) -> Response:
    """Say that a job is complete: whoever asks for its results waits for them."""
    return _Job.named(id).told(base, "JobComplete")


async def results(id: str, params: Mapping[str, str], calls: Calls) -> Response:
    """Answer a page of results by an export, encoded once it was released."""
    job = _Job.named(id)
    query, most = job.query()
    given, after = _standing(params.get("locator", ""))
    asked = params.get("maxRecords") or str(MOST_BATCH)
    if not asked.isdecimal() or int(asked) < 1:
        raise InvalidArguments("maxRecords must be a number above 0", field="maxRecords")
    size = min(int(asked), MOST_BATCH, most or MOST_BATCH)
    while True:
        ask = export("", query.object, query.where, select=query.select, limit=size, after=after)
        told = {name: value for name, value in ask.arguments.items() if name != "system"}
        page = await calls.call("export", **told)
        if not isinstance(page, Page):
            raise TypeError("an export did not answer with a page")
        if page.records or page.after is None:
            break
        # The org is still at work, which the call has waited for.
        after = page.after
    records = page.records if most is None else page.records[: most - given]
    given += len(records)
    ended = page.after is None or (most is not None and given >= most)
    locator = "null" if ended else _packed([given, page.after])
    headers = {"content-type": "text/csv", "sforce-locator": locator, "sforce-numberofrecords": str(len(records))}
    return Response(200, headers | withheld(page), _sheet(records, query, job))


def _standing(locator: str) -> tuple[int, str]:
    if not locator:
        return 0, ""
    match _unpacked(locator):
        case [int(given), str(after)] if given >= 0:
            return given, after
        case _:
            raise InvalidArguments("this is no locator of this session; begin the results anew", field="locator")


def _sheet(records: Sequence[Record], query: Query, job: _Job) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=DELIMITERS[job.delimiter], lineterminator=ENDINGS[job.ending], quoting=csv.QUOTE_ALL
    )
    writer.writerow(query.select)
    paths = [path.casefold() for path in query.select]
    for record in records:
        found = _by_path(record)
        writer.writerow([_cell(found.get(path)) for path in paths])
    return text.getvalue().encode()


def _by_path(record: Record) -> Mapping[str, Value]:
    return {path.casefold(): value for path, value in record.fields.items()}


def _cell(value: Value) -> str:
    """Write a value as the vendor's CSV has it; a ref is its token."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Ref(token):
            return token
        case str() | int() | float():
            return str(value)
        case tuple() | list():
            return ";".join(map(_cell, value))
        case _:
            return str(value)


def _packed(value: JSON) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode())).decode().rstrip("=")


def _unpacked(text: str) -> JSON:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacking = zlib.decompressobj()
        found: JSON = json.loads(unpacking.decompress(raw, LONGEST))
    except (ValueError, zlib.error, RecursionError):
        return None
    return found if unpacking.eof else None
