"""What would a request do to the org? Read off method, path, query text and body; the unknown stays unknown."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from httpx2 import Request

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.approvals import classify_approval
from isthmus.connectors.salesforce.describe import state_field
from isthmus.connectors.salesforce.files import BLOBS, classify_upload, is_upload
from isthmus.connectors.salesforce.ids import is_id
from isthmus.connectors.salesforce.tree import classify_tree
from isthmus.core.errors import UpstreamError
from isthmus.core.http import METHOD_OVERRIDES, parse_json, read_parameters, segments
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON

__all__ = ["RESOURCES", "classify", "path_parts", "query_params", "steering"]

_PATH = re.compile(r"/services/data(?:/v\d{2,3}\.0(?P<rest>(?:/[^/;]+)*))?/?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_LOCATOR = re.compile(r"[A-Za-z0-9-]{1,80}")
RESOURCES = frozenset({"describe", "listviews", "quickactions", "recent", "updated", "deleted"})
"""What may follow an object's name and is no key field."""
_MOMENT = re.compile(r"(?<!\w)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z(?!\w)")
LONGEST_KNOWN = 4_096
_SOME_MOMENT = "2000-01-01T00:00:00Z"
_HARMLESS = frozenset({"sforce-query-options", "sforce-call-options"})
"""The vendor's other request headers change what a write does, such as saving in spite of a duplicate rule."""


def classify(request: Request) -> Sequence[RequestClass]:
    """Classify a REST request part by part; an empty answer means that it is not known to be harmless."""
    parts, params = path_parts(request), query_params(request)
    if parts is None or params is None or _steered(request):
        return ()
    match request.method, parts:
        case "GET", [] | ["limits"] | ["sobjects"] | ["process", "approvals"] if not params:
            return (RequestClass(Effect.READ, metadata=True),)
        case "GET", ["query" | "queryAll"] if params.keys() == {"q"}:
            return _query(params["q"])
        case "GET", ["query" | "queryAll", locator] if not params and _LOCATOR.fullmatch(locator):
            # It continues a query that was classified when it began.
            return (RequestClass(Effect.READ),)
        case "GET", ["parameterizedSearch"]:
            return _search(params)
        case _, ["jobs" | "composite", *_]:
            return _many(request, parts, params)
        case "POST", ["process", "approvals"] if not params and not is_upload(request):
            return classify_approval(request)
        case _, ["sobjects", object, *rest] if _NAME.fullmatch(object):
            return _object(request, object, rest, params)
        case _:
            return ()


def path_parts(request: Request) -> Sequence[str] | None:
    """Split what follows the version; None where two servers could read it differently."""
    return segments(request, _PATH)


def query_params(request: Request) -> Mapping[str, str] | None:
    """Read the query string; None where a name comes twice or a semicolon might separate."""
    raw = request.url.query.decode("ascii")
    return _named_fields(raw) if raw.startswith("fields=") and "&" not in raw else read_parameters(raw)


_named_fields = lru_cache(maxsize=1_024)(read_parameters)
"""Which fields are asked for repeats from call to call, and holds no value."""


def _steered(request: Request) -> bool:
    """Tell whether a header or a body on a read could change what the request does."""
    return bool(steering(request)) or (request.method in ("GET", "DELETE") and bool(request.content))


def steering(request: Request) -> str:
    """Name a header that changes what the request does; empty where there is none."""
    return _steering(tuple([name for name, _ in request.headers.raw]))


@lru_cache(maxsize=256)
def _steering(names: tuple[bytes, ...]) -> str:
    for name in names:
        told = name.decode("latin-1").lower()
        if told in METHOD_OVERRIDES or (told.startswith("sforce-") and told not in _HARMLESS):
            return told
    return ""


def _query(text: str) -> Sequence[RequestClass]:
    known = "\\" not in text and len(text) <= LONGEST_KNOWN
    return (_known_form(_form(text)) if known else ()) or _read_text(text)


def _form(text: str) -> str:
    """Empty every string and every moment: what a query reads is told by its names and words, not by its values.

    Without a backslash in the text every quote begins or ends a string, and no string holds one.
    """
    parts = text.split("'")
    parts[::2] = [_MOMENT.sub(_SOME_MOMENT, part) for part in parts[::2]]
    parts[1::2] = [""] * (len(parts) // 2)
    return "'".join(parts)


def _read_text(text: str) -> Sequence[RequestClass]:
    try:
        reads = soql.reads(soql.parse(text))
    except soql.SoqlError:
        return ()
    # The text of a child query names a relationship; which object that is, only metadata tells.
    named = [read.object for read in reads if read.object is not None]
    return tuple(RequestClass(Effect.READ, name) for name in named) if len(named) == len(reads) else ()


_known_form = lru_cache(maxsize=1_024)(_read_text)
"""The pages of one query differ in the values of its condition only."""


def _many(request: Request, parts: Sequence[str], params: Mapping[str, str]) -> Sequence[RequestClass]:
    """Classify what reads or writes many records."""
    match request.method, parts:
        case "POST", ["jobs", "query"] if not params:
            return _query_job(request)
        case "GET", ["jobs", "query", job, *rest] if is_id(job) and _read_of_job(rest, params):
            # It belongs to a query that was classified when the job was made.
            return (RequestClass(Effect.READ, job=job),)
        case method, ["jobs", "ingest", *rest] if not params:
            return _ingest(request, method, rest)
        case "POST" | "PATCH", ["composite", "sobjects", *rest] if not params:
            return _collection(request, rest)
        case "POST", ["composite", "tree", object] if not params:
            return classify_tree(_json(request), object)
        case _:
            return ()


def _query_job(request: Request) -> Sequence[RequestClass]:
    """A job reads what its query names; the other keys say how its CSV is written."""
    body = _body(request) or {}
    known = {"operation", "query", "contentType", "columnDelimiter", "lineEnding"}
    text = body.get("query")
    if not body.keys() <= known or body.get("operation") not in ("query", "queryAll") or not isinstance(text, str):
        return ()
    return _query(text)


_MADE: Mapping[str, tuple[Effect, ...]] = {
    "insert": (Effect.CREATE,),
    "update": (Effect.UPDATE,),
    "upsert": (Effect.CREATE, Effect.UPDATE),
    "delete": (Effect.DELETE,),
}
_RESULTS = frozenset({"successfulResults", "failedResults", "unprocessedrecords"})


def _ingest(request: Request, method: str, rest: Sequence[str]) -> Sequence[RequestClass]:
    """A job says what it does when it is made; what comes later names the job. To end one that waits writes nothing."""
    match method, list(rest):
        case "POST", []:
            body = _body(request) or {}
            object, effects = str(body.get("object")), _MADE.get(str(body.get("operation")), ())
            known = {"object", "operation", "externalIdFieldName", "contentType", "columnDelimiter", "lineEnding"}
            fits = body.keys() <= known and _NAME.fullmatch(object)
            return tuple(RequestClass(effect, object, job="") for effect in effects) if fits else ()
        case "PUT", [job, "batches"] if is_id(job):
            return (RequestClass(Effect.UPDATE, job=job),)
        case "PATCH", [job] if is_id(job) and _body(request) == {"state": "UploadComplete"}:
            return (RequestClass(Effect.UPDATE, job=job),)
        case "PATCH", [job] if is_id(job) and _body(request) == {"state": "Aborted"}:
            return (RequestClass(Effect.READ, job=job),)
        case "GET", [job, *which] if is_id(job) and (not which or (len(which) == 1 and which[0] in _RESULTS)):
            return (RequestClass(Effect.READ, job=job),)
        case _:
            return ()


def _collection(request: Request, rest: Sequence[str]) -> Sequence[RequestClass]:
    """Each record of a collection is a part of its own; what is deleted by ids alone might be of any object."""
    body = _json(request)
    records = body.get("records") if isinstance(body, Mapping) and body.keys() == {"allOrNone", "records"} else None
    if not isinstance(records, list) or not records:
        return ()
    found: list[RequestClass] = []
    for one in records:
        parts = _member(request.method, rest, one)
        if not parts:
            return ()
        found += parts
    return tuple(found)


def _member(method: str, rest: Sequence[str], record: object) -> Sequence[RequestClass]:
    match record:
        case {"attributes": {"type": str(object), **others}, **values} if not others and _NAME.fullmatch(object):
            body = _flat(values)
        case _:
            return ()
    if body is None:
        return ()
    own = {name: value for name, value in body.items() if name.casefold() != "id"}
    id = next((value for name, value in body.items() if name.casefold() == "id"), None)
    match method, list(rest):
        case "POST", [] if id is None:
            return (RequestClass(Effect.CREATE, object),)
        case "PATCH", [] if isinstance(id, str) and is_id(id):
            return _changed(own, object, (id,))
        case "PATCH", [named, field] if named == object and _is_key(field) and id is None:
            return (RequestClass(Effect.CREATE, object), *_changed(own, object, ()))
        case _:
            return ()


def _read_of_job(rest: Sequence[str], params: Mapping[str, str]) -> bool:
    """Tell whether it asks for the state of a job or for its results."""
    return not params if not rest else list(rest) == ["results"] and params.keys() <= {"maxRecords", "locator"}


def _search(params: Mapping[str, str]) -> Sequence[RequestClass]:
    """Without `sobject` a search goes over everything, so it must name exactly one."""
    object = params.get("sobject", "")
    known = {"q", "in", "sobject", f"{object}.fields", f"{object}.limit"}
    if not _NAME.fullmatch(object) or not params.keys() <= known:
        return ()
    return (RequestClass(Effect.READ, object),)


def _read(object: str, rest: Sequence[str], params: Collection[str]) -> Sequence[RequestClass]:
    match list(rest):
        case [] | ["describe"] if not params:
            # Without `describe` it also lists records that were looked at lately.
            return (RequestClass(Effect.READ, object, metadata=bool(rest)),)
        case ["updated" | "deleted"] if set(params) == {"start", "end"}:
            return (RequestClass(Effect.READ, object),)
        case [id] if is_id(id) and set(params) <= {"fields"}:
            return (RequestClass(Effect.READ, object, (id,)),)
        case [id, field] if is_id(id) and field == BLOBS.get(object) and not params:
            return (RequestClass(Effect.READ, object, (id,)),)
        case [field, _] if _is_key(field) and set(params) <= {"fields"}:
            return (RequestClass(Effect.READ, object),)
        case _:
            return ()


def _object(request: Request, object: str, rest: Sequence[str], params: Collection[str]) -> Sequence[RequestClass]:
    if request.method == "GET":
        return _read(object, rest, params)
    if params:
        return ()
    if is_upload(request):
        return classify_upload(request, object) if request.method == "POST" and not rest else ()
    match request.method, list(rest):
        case "POST", []:
            return (RequestClass(Effect.CREATE, object),) if _body(request) is not None else ()
        case "PATCH", [id] if is_id(id):
            return _change(request, object, (id,))
        case "PATCH", [field, id] if field.casefold() == "id" and is_id(id):
            return _change(request, object, (id,))
        case "PATCH", [field, _] if _is_key(field):
            changes = _change(request, object, ())
            return (RequestClass(Effect.CREATE, object), *changes) if changes else ()
        case "DELETE", [id] if is_id(id):
            return (RequestClass(Effect.DELETE, object, (id,)),)
        case _:
            return ()


def _is_key(field: str) -> bool:
    """Tell a key field from a record id, behind which a relationship to other records would follow."""
    known = field.casefold() in RESOURCES or field.casefold() == "id"
    return not known and not is_id(field) and _NAME.fullmatch(field) is not None


def _change(request: Request, object: str, records: tuple[str, ...]) -> Sequence[RequestClass]:
    """Classify the change that a body makes."""
    body = _body(request)
    return () if body is None else _changed(body, object, records)


def _changed(body: Mapping[str, object], object: str, records: tuple[str, ...]) -> Sequence[RequestClass]:
    """A change of the state field is a transition, whatever else the body changes with it."""
    state = state_field(object)
    moved = [name for name in body if name.casefold() == state]
    effects = [Effect.TRANSITION] if moved else []
    if len(body) > len(moved) or not body:
        effects.append(Effect.UPDATE)
    return tuple(RequestClass(effect, object, records) for effect in effects)


def _body(request: Request) -> Mapping[str, object] | None:
    """Read the values of one record; None where they are not what they seem."""
    return _flat(_json(request))


def _json(request: Request) -> JSON:
    """Read a body of JSON; None where it is none."""
    try:
        return parse_json(request.content)
    except UpstreamError:
        return None


def _flat(body: object) -> Mapping[str, object] | None:
    """Return values; None where a name comes twice, in any case, or a value reaches into another record."""
    if not isinstance(body, Mapping) or len({name.casefold() for name in body}) < len(body):
        return None
    flat = all(value is None or isinstance(value, str | int | float) for value in body.values())
    return body if flat else None
