"""What would a request to one of the instance's own services do, beside tables: catalog, changes, CMDB, imports?"""

import re
from collections.abc import Mapping, Sequence

from httpx2 import Request

from isthmus.connectors.servicenow.describe import MIRRORS
from isthmus.connectors.servicenow.ids import is_id
from isthmus.connectors.servicenow.problems import NUMBER, PROBLEM
from isthmus.core.errors import UpstreamError
from isthmus.core.http import parse_json, segments
from isthmus.core.operation import Effect, RequestClass

__all__ = ["classify_door", "classify_service"]

_SERVICE = re.compile(r"/api(?P<rest>/(?:sn_sc|sn_chg_rest|sn_km_api)(?:/[^/;]+)+)")
_MOVES = re.compile(r"/api/x_[a-z0-9_]{1,40}/problem(?P<rest>(?:/[^/;]+)+)")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SOURCE = re.compile(r"[A-Za-z0-9 _.-]{1,80}")
_CHANGE, _ITEM, _ARTICLE = "change_request", "sc_cat_item", "kb_knowledge"
_STATES = frozenset({"state"})


def classify_service(request: Request, params: Mapping[str, str]) -> Sequence[RequestClass]:
    """Classify a request outside `/api/now`; nothing where it is not known for certain."""
    parts = segments(request, _SERVICE)
    if parts is None:
        return _problem(request, params)
    named = [one for at, one in enumerate(parts) if at != 1 or one not in ("v1", "v2")]
    match request.method, named:
        case "GET", ["sn_sc", "servicecatalog", "items", id] if is_id(id) and not params:
            return (RequestClass(Effect.READ, _ITEM, (id,)),)
        case "POST", ["sn_sc", "servicecatalog", "items", id, "order_now"] if is_id(id) and not params:
            return (RequestClass(Effect.CREATE, _ITEM, (id,)),) if _object(request) is not None else ()
        case "GET", ["sn_km_api", "knowledge", "articles"] if params.keys() <= {"query", "fields", "limit"}:
            return (RequestClass(Effect.READ, _ARTICLE),)
        case method, ["sn_chg_rest", "change", *rest] if not params:
            return _change(method, rest, request)
    return ()


def _problem(request: Request, params: Mapping[str, str]) -> Sequence[RequestClass]:
    """Read a move of a problem by the store app; the service takes its number, so that is what names the record."""
    match request.method, list(segments(request, _MOVES) or ()):
        case "PATCH", [number, "new_state", state] if NUMBER.fullmatch(number) and state.isdecimal() and not params:
            values = _object(request)
            if values is None or any(name.casefold() in _STATES | MIRRORS for name in values):
                return ()
            moved = RequestClass(Effect.TRANSITION, PROBLEM, (number,), to_state=state)
            return (moved, RequestClass(Effect.UPDATE, PROBLEM, (number,))) if values else (moved,)
    return ()


def classify_door(request: Request, parts: Sequence[str], params: Mapping[str, str]) -> Sequence[RequestClass]:
    """Classify a request below `/api/now` that is about no table of the Table API."""
    match request.method, list(parts):
        case "POST", ["import", staging] if _NAME.fullmatch(staging) and not params:
            # What the transform maps make of the row, and of which table, the instance alone decides.
            known = _object(request) is not None
            return (RequestClass(Effect.CREATE, staging), RequestClass(Effect.EXECUTE, staging)) if known else ()
        case "GET", ["cmdb", "instance", table, id] if _NAME.fullmatch(table) and is_id(id) and not params:
            return (RequestClass(Effect.READ, table, (id,)),)
        case "POST", ["cmdb", "instance", table, id, "relation"] if _NAME.fullmatch(table) and is_id(id) and not params:
            return (RequestClass(Effect.UPDATE, table, (id,)),) if _object(request) is not None else ()
        case "DELETE", ["cmdb", "instance", table, id, "relation", link] if (
            _NAME.fullmatch(table) and is_id(id) and is_id(link) and not params
        ):
            # A relation is a part of the item: what is lost is a link, and the item stays.
            return (RequestClass(Effect.UPDATE, table, (id,)),)
        case "POST", ["identifyreconcile"] if _from_a_source(params):
            return _identified(request, (Effect.CREATE, Effect.UPDATE))
        case "POST", ["identifyreconcile", "query"] if _from_a_source(params):
            return _identified(request, (Effect.READ,))
    return ()


def _change(method: str, rest: Sequence[str], request: Request) -> Sequence[RequestClass]:
    match method, list(rest):
        case "POST", ["normal" | "emergency"]:
            return (RequestClass(Effect.CREATE, _CHANGE),) if _object(request) is not None else ()
        case "POST", ["standard", template] if is_id(template):
            return (RequestClass(Effect.CREATE, _CHANGE),) if _object(request) is not None else ()
        case "PATCH", [id] if is_id(id):
            return _moved(request, id)
        case "GET", [id, "nextstate" | "conflict"] if is_id(id):
            return (RequestClass(Effect.READ, _CHANGE, (id,)),)
        case "POST", [id, "conflict"] if is_id(id) and request.content in (b"", b"{}"):
            return (RequestClass(Effect.EXECUTE, _CHANGE, (id,)),)
    return ()


def _moved(request: Request, id: str) -> Sequence[RequestClass]:
    values = _object(request)
    if not values or len({name.casefold() for name in values}) < len(values):
        return ()
    moved = {name for name in values if name.casefold() in _STATES}
    effects = [Effect.TRANSITION] if moved else []
    if len(values) > len(moved):
        effects.append(Effect.UPDATE)
    return tuple(RequestClass(effect, _CHANGE, (id,)) for effect in effects)


def _identified(request: Request, effects: Sequence[Effect]) -> Sequence[RequestClass]:
    """Each item is of a class and may become a new one or change one; relations and lookups would touch more."""
    body = _object(request)
    items = body.get("items") if body is not None and body.keys() == {"items"} else None
    if not isinstance(items, list) or not items:
        return ()
    names: dict[str, None] = {}
    for one in items:
        name = one.get("className") if isinstance(one, Mapping) and one.keys() == {"className", "values"} else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return ()
        names[name] = None
    return tuple(RequestClass(effect, name) for name in names for effect in effects)


def _from_a_source(params: Mapping[str, str]) -> bool:
    return params.keys() == {"sysparm_data_source"} and bool(_SOURCE.fullmatch(params["sysparm_data_source"]))


def _object(request: Request) -> Mapping[str, object] | None:
    try:
        body = parse_json(request.content)
    except UpstreamError:
        return None
    return body if isinstance(body, Mapping) else None
