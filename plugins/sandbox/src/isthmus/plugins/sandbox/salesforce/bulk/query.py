"""How does Bulk API 2.0 answer queries?"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.message import Json, Reply
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.errors import ApiError, not_found

from .csv_text import Dialect
from .extract import extract
from .ingest import dialect_of
from .jobs import JOB, Owned, Progress, find, mine

_OPERATIONS: Final = ("query", "queryAll")
_ENDED: Final = ("JobComplete", "Failed", "Aborted")
_PAGE: Final = 50_000


@dataclass(slots=True, kw_only=True)
class QueryJob(Owned):
    """One query; its rows are those of the moment it was asked."""

    operation: str
    object: str
    dialect: Dialect
    header: list[str]
    rows: list[list[str]]
    progress: Progress
    state: str = "UploadComplete"

    def look(self, now: float) -> None:
        """Let the job get on as far as it is when somebody looks at it."""
        if self.state in _ENDED:
            return
        if self.progress.look(now):
            self.state = "JobComplete" if self.progress.fail_after is None else "Failed"
            self.touch()
        else:
            self.state = "InProgress"

    def describe(self, *, whole: bool) -> dict[str, Json]:
        """Return the job as the API shows it; `whole` with what a look adds."""
        body: dict[str, Json] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.owner.user_id,
            "createdDate": self.created,
            "systemModstamp": self.modified,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.owner.version),
            "lineEnding": self.dialect.line_ending,
            "columnDelimiter": self.dialect.delimiter,
        }
        if whole:
            count = len(self.rows) if self.state == "JobComplete" else 0
            body |= {"jobType": "V2Query", "numberRecordsProcessed": count, "retries": 0}
            body |= {"totalProcessingTime": 3 * count, "isPkChunkingSupported": True}
            if self.state == "Failed":
                body["errorMessage"] = self.progress.message
        return body


def create(call: Call) -> Reply:
    """Answer `POST /jobs/query`."""
    operation, soql = (str(call.json.get(name) or "") for name in ("operation", "query"))
    if operation not in _OPERATIONS:
        raise ApiError(400, "INVALIDOPERATION", f"Operation '{operation}' is not one of {', '.join(_OPERATIONS)}")
    if not soql:
        raise ApiError(400, "INVALIDJOB", "a query job needs a query")
    dialect = dialect_of(call.json)
    found = extract(call, soql, include_deleted=operation == "queryAll")
    header, rows = found.table()
    now = stamp(call.org.clock.now())
    job = QueryJob(
        id=call.org.jobs.next_id(JOB),
        owner=call,
        created=now,
        modified=now,
        operation=operation,
        object=found.object,
        dialect=dialect,
        header=header,
        rows=rows,
        progress=Progress.of(call),
    )
    call.org.jobs.query[job.id] = job
    return Reply(200, job.describe(whole=False))


def read(call: Call, key: str) -> Reply:
    """Answer `GET /jobs/query/<id>`: one look at the job."""
    job = _job(call, key)
    job.look(call.org.clock())
    return Reply(200, job.describe(whole=True))


def listing(call: Call) -> Reply:
    """Answer `GET /jobs/query`; looks at no job."""
    jobs: list[Json] = [job.describe(whole=False) | {"jobType": "V2Query"} for job in mine(call.org.jobs.query, call)]
    return Reply(200, {"done": True, "records": jobs, "nextRecordsUrl": None})


def change(call: Call, key: str) -> Reply:
    """Answer `PATCH /jobs/query/<id>`: abort."""
    job = _job(call, key)
    if call.json.get("state") != "Aborted":
        raise ApiError(400, "INVALIDJOBSTATE", "a query job can only be set to Aborted")
    if job.state in _ENDED:
        raise ApiError(400, "INVALIDJOBSTATE", f"Aborting already {job.state} Job not allowed")
    job.state = "Aborted"
    job.touch()
    return Reply(200, job.describe(whole=False))


def delete(call: Call, key: str) -> Reply:
    """Answer `DELETE /jobs/query/<id>`: forget a job that has ended."""
    job = _job(call, key)
    if job.state not in _ENDED:
        raise ApiError(400, "INVALIDJOBSTATE", f"Deleting a Job that is {job.state} not allowed, abort it first")
    del call.org.jobs.query[job.id]
    return Reply(204, empty=True)


def results(call: Call, key: str) -> Reply:
    """Answer `GET /jobs/query/<id>/results`: 204 until the job is complete, then page by page.

    Every page repeats the header; the locator behind the last page is the word `null`.
    """
    job = _job(call, key)
    if job.state in ("Failed", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", f"Job {job.id} has no results, it is {job.state}")
    if job.state != "JobComplete":
        return Reply(204, empty=True)
    start, size = _offset(call), _size(call)
    page, end = job.rows[start : start + size], start + size
    locator = _locator(end) if end < len(job.rows) else "null"
    headers = {"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(page))}
    return Reply(200, job.dialect.write([job.header, *page]), headers, "text/csv")


def _size(call: Call) -> int:
    text = call.request.query.get("maxRecords", "")
    if text and not (text.isdecimal() and int(text) > 0):
        raise ApiError(400, "INVALIDJOB", f"maxRecords must be a number above 0, not {text}")
    return int(text or _PAGE)


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(call: Call) -> int:
    locator = call.request.query.get("locator", "")
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        text = "?"
    if locator and not text.isdecimal():
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(text or 0)


def _job(call: Call, key: str) -> QueryJob:
    job = find(call.org.jobs.query, call, key)
    if job is None:
        raise not_found()
    return job
