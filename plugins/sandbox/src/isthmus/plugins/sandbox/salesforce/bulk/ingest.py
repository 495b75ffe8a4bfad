"""How does Bulk API 2.0 load rows?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.message import Json, Reply
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.errors import ApiError, not_found
from isthmus.plugins.sandbox.salesforce.schema import SObject

from .csv_text import DELIMITERS, LINE_ENDINGS, CsvError, Dialect
from .jobs import JOB, Owned, Progress, find, mine
from .load import OPERATIONS, Loader, Outcome, as_user, from_cells, unknown_column

_ENDED: Final = ("JobComplete", "Failed", "Aborted")
_CSV: Final = "text/csv"
_MAX_DATA: Final = 150_000_000


@dataclass(slots=True, kw_only=True)
class IngestJob(Owned):
    """One load; `seen` is the state that a look shows, `state` the one that holds."""

    sobject: SObject
    operation: str
    key: str | None
    dialect: Dialect
    state: str = "Open"
    seen: str = "Open"
    data: bytes | None = None
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    error: str | None = None

    def submit(self, call: Call) -> None:
        """Take the data as complete, and work unless a fault holds the job back."""
        self.state = self.seen = "UploadComplete"
        self.progress = Progress.of(call)
        self.touch()
        if not self.progress.held:
            self._work(call)

    def look(self, call: Call) -> None:
        """Let the job get on as far as it is when somebody looks at it."""
        if self.seen in ("UploadComplete", "InProgress"):
            due = self.progress.look(call.org.clock())
            if due:
                self._work(call)
            self.seen = self.state if due else "InProgress"

    def abort(self) -> None:
        """Stop the job; what it has not done stays undone."""
        if self.state in _ENDED:
            raise ApiError(400, "INVALIDJOBSTATE", f"Aborting already {self.state} Job not allowed")
        self._read()
        self.state = self.seen = "Aborted"
        self.touch()

    def describe(self, *, whole: bool) -> dict[str, Json]:
        """Return the job as the API shows it; `whole` with what a finished job adds."""
        body: dict[str, Json] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject.name,
            "createdById": self.owner.user_id,
            "createdDate": self.created,
            "systemModstamp": self.modified,
            "state": self.seen,
            **({"externalIdFieldName": self.key} if self.key else {}),
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.owner.version),
            "contentUrl": f"{self.owner.base[1:]}/jobs/ingest/{self.id}/batches",
            "lineEnding": self.dialect.line_ending,
            "columnDelimiter": self.dialect.delimiter,
        }
        if whole:
            shown = self.outcomes if self.seen in _ENDED else []
            body |= {"jobType": "V2Ingest", **processed(len(shown), sum(each.error is not None for each in shown))}
            if self.error is not None and self.seen == "Failed":
                body["errorMessage"] = self.error
        return body

    def _work(self, call: Call) -> None:
        if self.state != "UploadComplete":
            return
        worker = as_user(call, self.owner, call.effects)
        self._read()
        unknown = unknown_column(worker.view, self.sobject, self.header)
        if self.error is None and unknown is not None:
            self.error = f"InvalidBatch : Field name not found : {unknown}"
        if self.error is None:
            loader = Loader(worker, self.sobject, self.operation, self.key)
            todo = self.rows if self.progress.fail_after is None else self.rows[: self.progress.fail_after]
            self.outcomes = [loader.load(from_cells(self.header, row)) for row in todo]
            self.error = self.progress.message or None
        self.state = "JobComplete" if self.error is None else "Failed"
        self.touch()

    def _read(self) -> None:
        try:
            self.header, self.rows = self.dialect.read(self.data or b"")
        except CsvError as error:
            self.error = str(error)


def processed(count: int, failed: int) -> dict[str, Json]:
    """Return the counts of a finished piece of work; the times are made up from them, in milliseconds."""
    return {
        "numberRecordsProcessed": count,
        "numberRecordsFailed": failed,
        "retries": 0,
        "totalProcessingTime": 3 * count,
        "apiActiveProcessingTime": 2 * count,
        "apexProcessingTime": 0,
    }


def create(call: Call) -> Reply:
    """Answer `POST /jobs/ingest`; a multipart body brings the data along."""
    kind = call.request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/"):
        return Reply(200, _make(call, call.json).describe(whole=False))
    settings, data = _parts(kind, call.request.body)
    job = _make(call, settings)
    job.data = data
    job.submit(call)
    return Reply(200, job.describe(whole=False))


def upload(call: Call, key: str) -> Reply:
    """Answer `PUT /jobs/ingest/<id>/batches`, which takes data once."""
    job = _job(call, key)
    if job.state != "Open" or job.data is not None:
        message = (
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
            "create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        raise ApiError(400, "BULK_API_ERROR", message)
    if len(call.request.body) > _MAX_DATA:
        raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"a job takes at most {_MAX_DATA} bytes")
    job.data = call.request.body
    return Reply(201, empty=True)


def change(call: Call, key: str) -> Reply:
    """Answer `PATCH /jobs/ingest/<id>`: close the upload or abort."""
    job, wanted = _job(call, key), call.json.get("state")
    if wanted == "Aborted":
        job.abort()
    elif wanted != "UploadComplete":
        raise ApiError(400, "INVALIDJOBSTATE", f"Job state must be UploadComplete or Aborted, not {wanted}")
    elif job.state != "Open":
        raise ApiError(400, "INVALIDJOBSTATE", f"Closing already {job.state} Job not allowed")
    else:
        job.submit(call)
    return Reply(200, job.describe(whole=False))


def read(call: Call, key: str) -> Reply:
    """Answer `GET /jobs/ingest/<id>`: one look at the job."""
    job = _job(call, key)
    job.look(call)
    return Reply(200, job.describe(whole=True))


def listing(call: Call) -> Reply:
    """Answer `GET /jobs/ingest`; looks at no job."""
    jobs: list[Json] = [job.describe(whole=False) | {"jobType": "V2Ingest"} for job in mine(call.org.jobs.ingest, call)]
    return Reply(200, {"done": True, "records": jobs, "nextRecordsUrl": None})


def delete(call: Call, key: str) -> Reply:
    """Answer `DELETE /jobs/ingest/<id>`: forget a job that is no longer open."""
    job = _job(call, key)
    if job.state == "Open":
        raise ApiError(400, "INVALIDJOBSTATE", "Deleting a Job that is Open not allowed, abort it first")
    del call.org.jobs.ingest[job.id]
    return Reply(204, empty=True)


def successful(call: Call, key: str) -> Reply:
    """Answer `GET /jobs/ingest/<id>/successfulResults`."""
    job = _ended(call, key)
    found = [(one, row) for one, row in zip(job.outcomes, job.rows, strict=False) if one.error is None]
    rows = [[one.id, "true" if one.created else "false", *row] for one, row in found]
    return _table(job, [["sf__Id", "sf__Created", *job.header], *rows])


def failed(call: Call, key: str) -> Reply:
    """Answer `GET /jobs/ingest/<id>/failedResults`."""
    job = _ended(call, key)
    found = [(one, row) for one, row in zip(job.outcomes, job.rows, strict=False) if one.error is not None]
    rows = [[one.id, one.error_text, *row] for one, row in found]
    return _table(job, [["sf__Id", "sf__Error", *job.header], *rows])


def unprocessed(call: Call, key: str) -> Reply:
    """Answer `GET /jobs/ingest/<id>/unprocessedrecords`."""
    job = _ended(call, key)
    return _table(job, [job.header, *job.rows[len(job.outcomes) :]])


def dialect_of(settings: Mapping[str, Json]) -> Dialect:
    """Return the CSV dialect that a job asks for; raises ApiError for an unknown one."""
    delimiter, ending = (str(settings.get(name, "")) for name in ("columnDelimiter", "lineEnding"))
    if (delimiter or "COMMA") not in DELIMITERS or (ending or "LF") not in LINE_ENDINGS:
        raise ApiError(400, "INVALIDJOB", f"unknown columnDelimiter or lineEnding: {delimiter} {ending}")
    return Dialect(delimiter or "COMMA", ending or "LF")


def _make(call: Call, settings: Mapping[str, Json]) -> IngestJob:
    name, operation, key = (str(settings.get(word) or "") for word in ("object", "operation", "externalIdFieldName"))
    sobject = call.view.object(name)
    if sobject is None or sobject.metadata:
        raise ApiError(400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
    if operation not in OPERATIONS:
        raise ApiError(400, "INVALIDOPERATION", f"Operation '{operation}' is not one of {', '.join(OPERATIONS)}")
    if settings.get("contentType", "CSV") != "CSV":
        raise ApiError(400, "INVALIDJOB", "contentType must be CSV")
    column = call.view.field(sobject, key)
    if operation == "upsert" and (column is None or not column.is_key):
        message = (
            f"Field name provided, {key} does not match an External ID, Salesforce Id, or indexed field for {name}"
        )
        raise ApiError(400, "INVALIDJOB", message)
    now = stamp(call.org.clock.now())
    job = IngestJob(
        id=call.org.jobs.next_id(JOB),
        owner=call,
        created=now,
        modified=now,
        sobject=sobject,
        operation=operation,
        key=column.name if operation == "upsert" and column else None,
        dialect=dialect_of(settings),
    )
    call.org.jobs.ingest[job.id] = job
    return job


def _parts(kind: str, body: bytes) -> tuple[Mapping[str, Json], bytes]:
    """Return the parts `job` and `content` of a multipart body (RFC 2046, section 5.1)."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", "", header="content-disposition"))
        content: object = part.get_payload(decode=True)
        found[name] = content if isinstance(content, bytes) else b""
    try:
        settings: object = json.loads(found["job"])
    except (KeyError, ValueError):
        raise ApiError(400, "JSON_PARSER_ERROR", "the part named job must be a JSON object") from None
    if not isinstance(settings, dict) or "content" not in found:
        raise ApiError(400, "INVALIDJOB", "a multipart request needs a JSON object `job` and then `content`")
    return settings, found["content"]


def _job(call: Call, key: str) -> IngestJob:
    job = find(call.org.jobs.ingest, call, key)
    if job is None:
        raise not_found()
    return job


def _ended(call: Call, key: str) -> IngestJob:
    job = _job(call, key)
    if job.seen not in _ENDED:
        raise ApiError(400, "INVALIDJOBSTATE", f"Job {job.id} has no results while it is {job.seen}")
    return job


def _table(job: IngestJob, rows: list[list[str]]) -> Reply:
    return Reply(200, job.dialect.write(rows), media_type=_CSV)
