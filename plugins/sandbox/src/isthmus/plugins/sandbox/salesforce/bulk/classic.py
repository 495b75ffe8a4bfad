"""How does the older Bulk API (`/services/async/`) answer?"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.message import Json, Reply, Request
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.errors import ApiError
from isthmus.plugins.sandbox.salesforce.xml_text import XmlError, read_xml

from .classic_jobs import DONE, QUERIES, Batch, ClassicJob
from .classic_wire import (
    JSON,
    info,
    info_list,
    outcomes_as_json,
    outcomes_as_rows,
    outcomes_as_xml,
    read_object,
    records_as_xml,
    xml,
)
from .csv_text import Dialect
from .jobs import JOB, find
from .load import OPERATIONS

_CODES: Final = {
    "INVALID_SESSION_ID": ("InvalidSessionId", "Invalid session id"),
    "INVALID_AUTH_HEADER": ("InvalidSessionId", "Unable to find session id"),
    "REQUEST_LIMIT_EXCEEDED": ("ExceededQuota", None),
    "SERVER_UNAVAILABLE": ("ServerUnavailable", None),
    "JSON_PARSER_ERROR": ("InvalidJob", None),
    "NOT_FOUND": ("InvalidUrl", None),
}
_CSV: Final = Dialect(line_ending="LF")


def classic_token(request: Request) -> str | None:
    """Return the session id of the header that this API has for it."""
    return request.headers.get("x-sfdc-session")


def refuse_classic(request: Request, refusal: ApiError) -> Reply:
    """Return a refusal as this API writes it: 400 for a bad session, with one code and one message."""
    code, message = _CODES.get(refusal.code, (refusal.code, None))
    status = 400 if refusal.status in (401, 404) else refusal.status
    body = {"exceptionCode": code, "exceptionMessage": message or refusal.message}
    return info("error", body, as_json=_is_json(request), status=status)


def answer_classic(call: Call) -> Reply:
    """Answer a request below `/services/async/XX.0/`; raises ApiError."""
    path = call.request.path.strip("/").split("/", 3)[3:]
    for method, pattern, resource in _ROUTES:
        match = pattern.fullmatch(path[0]) if path and method == call.method else None
        if match is not None:
            return resource(call, *match.groups())
    raise ApiError(400, "InvalidUrl", f"No resource {call.method} {call.request.path}")


def _create(call: Call) -> Reply:
    settings = _settings(call)
    name, operation, key = (str(settings.get(word) or "") for word in ("object", "operation", "externalIdFieldName"))
    sobject, kind = call.view.object(name), str(settings.get("contentType") or "XML").upper()
    if sobject is None or sobject.metadata:
        raise ApiError(400, "InvalidEntity", f"Unable to find object: {name}")
    if operation not in (*OPERATIONS, *QUERIES):
        raise ApiError(400, "InvalidJob", f"Unable to parse Job: unknown operation {operation}")
    if kind not in ("CSV", "XML", "JSON"):
        raise ApiError(400, "FeatureNotEnabled", f"Binary or unknown content type: {kind}")
    column = call.view.field(sobject, key)
    if operation == "upsert" and (column is None or not column.is_key):
        raise ApiError(400, "InvalidJob", f"Field name provided, {key} does not match an External ID for {name}")
    now = stamp(call.org.clock.now())
    job = ClassicJob(
        id=call.org.jobs.next_id(JOB),
        owner=call,
        created=now,
        modified=now,
        sobject=sobject,
        operation=operation,
        key=column.name if operation == "upsert" and column else None,
        content_type=kind,
        concurrency="Serial" if settings.get("concurrencyMode") in (1, "1", "Serial") else "Parallel",
        speaks_json=_is_json(call.request),
    )
    call.org.jobs.classic[job.id] = job
    return _told(call, job, 201)


def _read(call: Call, key: str) -> Reply:
    job = _job(call, key)
    for batch in job.batches:
        batch.look(call)
    return _told(call, job)


def _change(call: Call, key: str) -> Reply:
    job, state = _job(call, key), str(_settings(call).get("state"))
    if state not in ("Closed", "Aborted"):
        raise ApiError(400, "InvalidJobState", f"A job can be set to Closed or Aborted, not to {state}")
    if job.state != "Open":
        raise ApiError(400, "InvalidJobState", f"Closing already {job.state} Job not allowed")
    job.end(state)
    return _told(call, job)


def _add(call: Call, key: str) -> Reply:
    job = _job(call, key)
    if job.state != "Open":
        raise ApiError(400, "InvalidJobState", f"This job is not open: its state is {job.state}")
    batch = job.add(call)
    reply = info("batchInfo", _batch_info(batch), as_json=_json_batch(job), status=201)
    reply.headers["Location"] = f"/services/async/{call.version}/job/{job.id}/batch/{batch.id}"
    return reply


def _list(call: Call, key: str) -> Reply:
    job = _job(call, key)
    for batch in job.batches:
        batch.look(call)
    infos = map(_batch_info, job.batches)
    return info_list("batchInfoList", "batchInfo", infos, as_json=_json_batch(job))


def _read_batch(call: Call, key: str, batch_key: str) -> Reply:
    job, batch = _batch(call, key, batch_key)
    batch.look(call)
    return info("batchInfo", _batch_info(batch), as_json=_json_batch(job))


def _request(call: Call, key: str, batch_key: str) -> Reply:
    job, batch = _batch(call, key, batch_key)
    return Reply(200, batch.body, media_type=_MEDIA[job.content_type])


def _results(call: Call, key: str, batch_key: str) -> Reply:
    job, batch = _batch(call, key, batch_key)
    if batch.seen not in DONE:
        raise ApiError(400, "InvalidBatch", f"Batch {batch.id} has no results while it is {batch.seen}")
    if job.operation in QUERIES:
        names = [batch.result_id] if batch.result_id else []
        if _json_batch(job):
            return Reply(200, names, media_type=JSON)
        return xml("result-list", "".join(f"<result>{name}</result>" for name in names))
    match job.content_type:
        case "JSON":
            return Reply(200, outcomes_as_json(batch.outcomes), media_type=JSON)
        case "CSV":
            return Reply(200, _CSV.write(outcomes_as_rows(batch.outcomes)), media_type="text/csv")
    return outcomes_as_xml(batch.outcomes)


def _query_result(call: Call, key: str, batch_key: str, result: str) -> Reply:
    job, batch = _batch(call, key, batch_key)
    if batch.found is None or batch.seen not in DONE or batch.result_id[:15] != result[:15]:
        raise ApiError(400, "InvalidBatch", f"Unable to find result: {result}")
    match job.content_type:
        case "JSON":
            return Reply(200, batch.found.with_milliseconds(), media_type=JSON)
        case "CSV":
            header, rows = batch.found.table()
            return Reply(200, _CSV.write([header, *rows]), media_type="text/csv")
    return records_as_xml(batch.found.records)


_MEDIA: Final = {"CSV": "text/csv", "XML": "application/xml", "JSON": JSON}
_ROUTES: Final[tuple[tuple[str, re.Pattern[str], Callable[..., Reply]], ...]] = tuple(
    (method, re.compile(pattern), resource)
    for method, pattern, resource in (
        ("POST", "job", _create),
        ("GET", "job/([^/]+)", _read),
        ("POST", "job/([^/]+)", _change),
        ("POST", "job/([^/]+)/batch", _add),
        ("GET", "job/([^/]+)/batch", _list),
        ("GET", "job/([^/]+)/batch/([^/]+)", _read_batch),
        ("GET", "job/([^/]+)/batch/([^/]+)/request", _request),
        ("GET", "job/([^/]+)/batch/([^/]+)/result", _results),
        ("GET", "job/([^/]+)/batch/([^/]+)/result/([^/]+)", _query_result),
    )
)


def _settings(call: Call) -> Mapping[str, Json]:
    """Return what a `jobInfo` says, in XML or in JSON."""
    try:
        if not _is_json(call.request):
            return read_object(read_xml(call.request.body))
        found: object = json.loads(call.request.body)
    except (XmlError, ValueError) as error:
        raise ApiError(400, "InvalidJob", f"Unable to parse Job: {error}") from None
    if not isinstance(found, dict):
        raise ApiError(400, "InvalidJob", "Unable to parse Job: it is no object")
    return found


def _told(call: Call, job: ClassicJob, status: int = 200) -> Reply:
    counts = {state: sum(batch.seen == state for batch in job.batches) for state in ("Queued", "InProgress", *DONE)}
    rows = [batch.counts for batch in job.batches]
    body: dict[str, Json] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.sobject.name,
        "createdById": job.owner.user_id,
        "createdDate": job.created,
        "systemModstamp": job.modified,
        "state": job.state,
        "externalIdFieldName": job.key,
        "concurrencyMode": job.concurrency,
        "contentType": job.content_type,
        "numberBatchesQueued": counts["Queued"],
        "numberBatchesInProgress": counts["InProgress"],
        "numberBatchesCompleted": counts["Completed"],
        "numberBatchesFailed": counts["Failed"],
        "numberBatchesTotal": len(job.batches),
        "numberRecordsProcessed": sum(done for done, _ in rows),
        "numberRetries": 0,
        "apiVersion": float(job.owner.version),
        "numberRecordsFailed": sum(failed for _, failed in rows),
        **_times(sum(done for done, _ in rows)),
    }
    as_json = _is_json(call.request) if "content-type" in call.request.headers else job.speaks_json
    if as_json:
        body |= {"assignmentRuleId": None, "fastPathEnabled": False}
    return info("jobInfo", body, as_json=as_json, status=status)


def _batch_info(batch: Batch) -> Mapping[str, Json]:
    done, failed = batch.counts
    return {
        "id": batch.id,
        "jobId": batch.job.id,
        "state": batch.seen,
        "stateMessage": batch.message if batch.seen in DONE else None,
        "createdDate": batch.created,
        "systemModstamp": batch.modified,
        "numberRecordsProcessed": done,
        "numberRecordsFailed": failed,
        **_times(done),
    }


def _times(rows: int) -> Mapping[str, Json]:
    """Return milliseconds of work, made up from the number of rows."""
    return {"totalProcessingTime": 3 * rows, "apiActiveProcessingTime": 2 * rows, "apexProcessingTime": 0}


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith(JSON)


def _json_batch(job: ClassicJob) -> bool:
    return job.content_type == "JSON"


def _job(call: Call, key: str) -> ClassicJob:
    job = find(call.org.jobs.classic, call, key)
    if job is None:
        raise ApiError(400, "InvalidJob", f"Unable to find job id: {key}")
    return job


def _batch(call: Call, key: str, batch_key: str) -> tuple[ClassicJob, Batch]:
    job = _job(call, key)
    batch = next((each for each in job.batches if each.id[:15] == batch_key[:15]), None)
    if batch is None:
        raise ApiError(400, "InvalidBatch", f"Unable to find batch id: {batch_key}")
    return job, batch
