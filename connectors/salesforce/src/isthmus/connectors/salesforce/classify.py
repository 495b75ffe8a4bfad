"""What would a request do to the org? Read off method, path, query text and body; the unknown stays unknown."""

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from httpx2 import Request

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.describe import state_fields
from isthmus.core.operation import Effect, RequestClass

__all__ = ["classify"]

_BASE = re.compile(r"^/services/data(?:/v\d{2,3}\.0(?P<rest>/.*)?)?/?$")
_OVERRIDE = "_http_method"
"""With this parameter the org takes a POST for another method (REST API guide, "Using PATCH Method")."""
_RECORD_ID = re.compile(r"^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$")


def classify(request: Request) -> Sequence[RequestClass]:
    """Classify a REST request part by part; an empty answer means that it is not known to be harmless."""
    found = _BASE.match(request.url.raw_path.decode("ascii").partition("?")[0])
    if found is None or _OVERRIDE in {name.casefold() for name in request.url.params}:
        return ()
    parts = [unquote(part) for part in (found["rest"] or "").split("/") if part]
    match request.method, parts:
        case ("GET", [] | ["limits"] | ["limits", "recordCount"] | ["sobjects"]):
            return (RequestClass(Effect.READ),)
        case "GET", ["query", *rest]:
            return _query(request, rest)
        case "GET", ["parameterizedSearch"]:
            return tuple(RequestClass(Effect.READ, name) for name in request.url.params.get_list("sobject"))
        case _, ["sobjects", object, *rest]:
            return _object(request, object, rest)
        case _:
            return ()


def _query(request: Request, rest: Sequence[str]) -> Sequence[RequestClass]:
    """A locator continues a query that was classified when it began."""
    text = request.url.params.get("q")
    if text is None:
        return (RequestClass(Effect.READ),) if len(rest) == 1 else ()
    try:
        reads = soql.reads(soql.parse(text))
    except soql.SoqlError:
        return ()
    return tuple(RequestClass(Effect.READ, read.object or "") for read in reads)


def _object(request: Request, object: str, rest: Sequence[str]) -> Sequence[RequestClass]:
    match request.method, list(rest):
        case "GET", [] | ["describe"]:
            return (RequestClass(Effect.READ, object),)
        case "GET", [id] if _RECORD_ID.match(id):
            return (RequestClass(Effect.READ, object, (id,)),)
        case "GET", [_, _]:
            return (RequestClass(Effect.READ, object),)
        case "POST", []:
            return (RequestClass(Effect.CREATE, object),)
        case "PATCH", [id] if _RECORD_ID.match(id):
            return _change(request, object, (id,))
        case "PATCH", [_, _]:
            return (RequestClass(Effect.CREATE, object), *_change(request, object, ()))
        case "DELETE", [id] if _RECORD_ID.match(id):
            return (RequestClass(Effect.DELETE, object, (id,)),)
        case _:
            return ()


def _change(request: Request, object: str, records: tuple[str, ...]) -> Sequence[RequestClass]:
    """A change of the state field is a transition, whatever else the body changes with it."""
    try:
        body = json.loads(request.content)
    except ValueError:
        return ()
    if not isinstance(body, Mapping):
        return ()
    state = state_fields().get(object, "").casefold()
    moved = any(name.casefold() == state for name in body) if state else False
    effects = [Effect.TRANSITION] if moved else []
    if len(body) > len(effects):
        effects.append(Effect.UPDATE)
    return tuple(RequestClass(effect, object, records) for effect in effects)
