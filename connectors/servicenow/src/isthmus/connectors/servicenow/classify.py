"""What would a request do to the instance? Read off method, path, parameters and body; the unknown stays unknown."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence

import httpx2
from httpx2 import Request

from isthmus.connectors.servicenow.describe import moves_state
from isthmus.connectors.servicenow.doors import classify_door, classify_service
from isthmus.connectors.servicenow.encoded import EncodedError, check_name, parse
from isthmus.connectors.servicenow.ids import is_id
from isthmus.connectors.servicenow.who import WHO
from isthmus.core.errors import UpstreamError
from isthmus.core.http import METHOD_OVERRIDES, parameters, parse_json, segments
from isthmus.core.operation import Effect, RequestClass

__all__ = [
    "MOST_PARTS",
    "TABLES",
    "TABLE_FIELDS",
    "batch_parts",
    "classify",
    "path_parts",
    "steering",
]

TABLES = "nameISNOTEMPTY^ORDERBYsys_id"
"""The query that lists the tables: it touches no record, and says of the instance only how it is made."""
TABLE_FIELDS = "sys_id,name,label"
MOST_PARTS = 100

_PATH = re.compile(r"/api/now(?:/v[12])?(?P<rest>(?:/[^/;]+)+)")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FLAG = re.compile(r"true|false", re.IGNORECASE)
_DISPLAY = re.compile(r"true|false|all", re.IGNORECASE)


def _names(text: str) -> bool:
    try:
        return all(check_name(name) for name in text.split(",") if name)
    except EncodedError:
        return False


def _encoded(text: str) -> bool:
    try:
        parse(text)
    except EncodedError:
        return False
    return True


_SHOWN: Mapping[str, Callable[[str], object]] = {
    "sysparm_fields": _names,
    "sysparm_display_value": _DISPLAY.fullmatch,
    "sysparm_exclude_reference_link": _FLAG.fullmatch,
    "sysparm_input_display_value": lambda text: text.lower() == "false",
    "sysparm_view": lambda text: not text,
    "sysparm_suppress_pagination_header": _FLAG.fullmatch,
}
_LISTED: Mapping[str, Callable[[str], object]] = {
    **_SHOWN,
    "sysparm_query": _encoded,
    "sysparm_limit": _NUMBER.fullmatch,
    "sysparm_offset": _NUMBER.fullmatch,
    "sysparm_no_count": _FLAG.fullmatch,
}
_COUNTED: Mapping[str, Callable[[str], object]] = {
    "sysparm_query": _encoded,
    "sysparm_count": _FLAG.fullmatch,
    "sysparm_display_value": _DISPLAY.fullmatch,
    **{f"sysparm_{one}": _names for one in ("group_by", "avg_fields", "min_fields", "max_fields", "sum_fields")},
}


def classify(request: Request) -> Sequence[RequestClass]:
    """Classify a request part by part; an empty answer means that it is not known to be harmless."""
    parts, params = path_parts(request), parameters(request)
    if params is None or steering(request) or (request.method in ("GET", "DELETE") and request.content):
        return ()
    if parts is None:
        return classify_service(request, params)
    match request.method, list(parts):
        case method, ["table", table, *rest] if _TABLE.fullmatch(table):
            return _table(method, table, rest, params, request)
        case "GET", ["stats", table] if _TABLE.fullmatch(table) and _fits(params, _COUNTED):
            return (RequestClass(Effect.READ, table),)
        case "GET", ["attachment"] if _fits(params, _LISTED):
            return (RequestClass(Effect.READ, "sys_attachment"),)
        case "GET", ["attachment", id] if is_id(id) and not params:
            return (RequestClass(Effect.READ, "sys_attachment", (id,)),)
        case "GET", ["attachment", id, "file"] if is_id(id) and not params:
            return (RequestClass(Effect.READ, "sys_attachment", (id,)),)
        case "POST", ["attachment", "file"]:
            return _attached(params)
        case "POST", ["batch"] if not params:
            return _batch(request)
    return classify_door(request, parts, params)


def path_parts(request: Request) -> Sequence[str] | None:
    """Split what follows the version; None where two servers could read it differently."""
    return segments(request, _PATH)


def steering(request: Request) -> str:
    """Name a header that changes what the request does; empty where there is none."""
    return next((name for name in request.headers if name.lower() in METHOD_OVERRIDES), "")


def batch_parts(request: Request) -> Sequence[tuple[str, Request]] | None:
    """Take a batch apart: the id of each part and its request; None where one of them cannot be read for certain."""
    body = _json(request.content)
    listed = body.get("rest_requests") if isinstance(body, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_PARTS:
        return None
    found = [_part(one, request) for one in listed]
    sound = [one for one in found if one is not None]
    return sound if len(sound) == len(found) and len({id for id, _ in sound}) == len(sound) else None


def _part(raw: object, batch: Request) -> tuple[str, Request] | None:
    if not isinstance(raw, Mapping):
        return None
    id, method, url = raw.get("id"), raw.get("method"), raw.get("url")
    told, coded = raw.get("headers", []), raw.get("body", "")
    if not (isinstance(id, str | int) and isinstance(method, str) and isinstance(url, str) and isinstance(coded, str)):
        return None
    if not isinstance(told, list) or not (url.startswith("/api/now/") and url.isascii() and url.isprintable()):
        return None
    headers = [(one.get("name"), one.get("value")) for one in told if isinstance(one, Mapping)]
    named = [(name, value) for name, value in headers if isinstance(name, str) and isinstance(value, str)]
    try:
        content = base64.b64decode(coded, validate=True)
        made = Request(method, batch.url.join(url), headers=named, content=content or None)
    except (ValueError, binascii.Error, UnicodeError, httpx2.InvalidURL):
        return None
    # What the address became must be what was written: nothing was resolved away.
    kept = made.url.raw_path.decode("ascii") == url
    return (str(id), made) if kept and len(named) == len(told) else None


def _batch(request: Request) -> Sequence[RequestClass]:
    parts = batch_parts(request)
    if parts is None:
        return ()
    found = [() if path_parts(one) == ["batch"] else classify(one) for _, one in parts]
    return tuple(part for some in found for part in some) if all(found) else ()


def _attached(params: Mapping[str, str]) -> Sequence[RequestClass]:
    """A new file, and the record that it is put on."""
    table, id = params.get("table_name", ""), params.get("table_sys_id", "")
    if params.keys() != {"table_name", "table_sys_id", "file_name"} or not (_TABLE.fullmatch(table) and is_id(id)):
        return ()
    return (RequestClass(Effect.CREATE, "sys_attachment"), RequestClass(Effect.READ, table, (id,)))


def _table(
    method: str, table: str, rest: Sequence[str], params: Mapping[str, str], request: Request
) -> Sequence[RequestClass]:
    match method, list(rest):
        case "GET", []:
            listed = params.get("sysparm_query") == TABLES and params.get("sysparm_fields") == TABLE_FIELDS
            if table == "sys_db_object" and listed and _fits(params, _LISTED):
                return (RequestClass(Effect.READ, metadata=True),)
            if table == "sys_user" and params.get("sysparm_query") == WHO:
                known = {name: value for name, value in params.items() if name != "sysparm_query"}
                return (RequestClass(Effect.READ),) if _fits(known, _LISTED) else ()
            return (RequestClass(Effect.READ, table),) if _fits(params, _LISTED) else ()
        case "GET", [id] if is_id(id) and _fits(params, _SHOWN):
            return (RequestClass(Effect.READ, table, (id,)),)
        case "POST", [] if _fits(params, _SHOWN) and _values(request) is not None:
            return (RequestClass(Effect.CREATE, table),)
        case "PATCH" | "PUT", [id] if is_id(id) and _fits(params, _SHOWN):
            return _change(request, table, (id,))
        case "DELETE", [id] if is_id(id) and _fits(params, _SHOWN):
            return (RequestClass(Effect.DELETE, table, (id,)),)
    return ()


def _change(request: Request, table: str, records: tuple[str, ...]) -> Sequence[RequestClass]:
    """A change of the state field is a transition, whatever else the body changes with it."""
    values = _values(request)
    if values is None:
        return ()
    moved = [name for name in values if moves_state(table, name.casefold())]
    effects = [Effect.TRANSITION] if moved else []
    if len(values) > len(moved) or not values:
        effects.append(Effect.UPDATE)
    return tuple(RequestClass(effect, table, records) for effect in effects)


def _values(request: Request) -> Mapping[str, object] | None:
    """Read the values of one record; None where a name comes twice in any case, or a value is no plain one."""
    body = _json(request.content)
    if not isinstance(body, Mapping) or len({name.casefold() for name in body}) < len(body):
        return None
    flat = all(value is None or isinstance(value, str | int | float) for value in body.values())
    return body if flat and all(_names(name) and "," not in name for name in body) else None


def _json(content: bytes) -> object:
    try:
        return parse_json(content)
    except UpstreamError:
        return None


def _fits(params: Mapping[str, str], known: Mapping[str, Callable[[str], object]]) -> bool:
    return all(name in known and bool(known[name](value)) for name, value in params.items())
