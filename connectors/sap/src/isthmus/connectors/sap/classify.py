"""What would a request do to the system? Read off method, path, parameters and body; the unknown stays unknown."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httpx2
from httpx2 import Request

from isthmus.connectors.sap.csrf import HEADER
from isthmus.connectors.sap.describe import home_of
from isthmus.connectors.sap.odata.batch import ChangeSet, Part, read_json, read_multipart
from isthmus.connectors.sap.odata.edm import EntitySet, Operation, OperationKind, Service, Version
from isthmus.connectors.sap.personal import country_of
from isthmus.connectors.sap.predicates import record_of
from isthmus.connectors.sap.settings import SapSettings
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import METHOD_OVERRIDES, parameters, parse_json
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON

__all__ = ["Classifier"]

_OPTIONS = frozenset(
    {
        *("$select", "$filter", "$orderby", "$expand", "$top", "$skip", "$skiptoken", "$inlinecount", "$count"),
        *("$format", "$search", "search"),
    }
)
_ONE = frozenset({"$select", "$expand", "$format"})
_STEERING = METHOD_OVERRIDES | {"sap-passport", "sap-message-scope", "sap-contextid-accept", "prefer-override"}
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_PATH = re.compile(r"[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*")
_SEGMENT = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:\((?P<key>.*)\))?", re.DOTALL)
_BAD = re.compile(r"[\\\x00-\x1f\x7f]")
_NOWHERE = re.compile(rb"%(?:25|5c|00)", re.IGNORECASE)
DEEPEST = 20
_SERVICE = (RequestClass(Effect.READ, metadata=True),)
"""A service's own root and its metadata hold no record."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request below a service's root, taken apart."""

    alias: str
    service: Service
    method: str
    segments: Sequence[tuple[str, str | None]]
    params: Mapping[str, str]
    content: bytes

    def object(self, entity_set: EntitySet) -> str:
        return f"{self.alias}.{entity_set.name}"


class Classifier:
    """Classifies the requests of one connection by its settings and the metadata last read."""

    def __init__(self, settings: SapSettings, seen: Callable[[str], Service | None]) -> None:
        self._settings = settings
        self._seen = seen

    def __call__(self, request: Request) -> Sequence[RequestClass]:
        """Classify a request part by part; an empty answer means that it is not known to be harmless."""
        alias, below = self._place(request)
        params = parameters(request)
        if alias is None or below is None or params is None or _steered(request):
            return ()
        client = params.get("sap-client", self._settings.client)
        if (self._settings.client and client != self._settings.client) or (
            request.method in ("GET", "HEAD", "DELETE") and request.content
        ):
            return ()
        params = {name: value for name, value in params.items() if name not in ("sap-client", "sap-language")}
        match request.method, below:
            case "GET" | "HEAD", [] | [""] if not params:
                return _SERVICE
            case "GET", ["$metadata"] if not params:
                return _SERVICE
            case "POST", ["$batch"] if not params:
                return self._batch(request, alias)
        service = self._seen(alias)
        segments = [_segment(one) for one in below]
        told = [one for one in segments if one is not None]
        if service is None or len(told) < len(segments) or HEADER in _fetching(request):
            return ()
        return tuple(_classes(_Asked(alias, service, request.method, told, params, request.content)))

    def _place(self, request: Request) -> tuple[str | None, Sequence[str] | None]:
        """Find the service by the longest root that the path lies below, and split what follows."""
        raw = request.url.raw_path.partition(b"?")[0]
        roots = sorted(self._settings.services.items(), key=lambda one: -len(one[1]))
        found = next(((alias, root) for alias, root in roots if (raw + b"/").startswith(root.encode() + b"/")), None)
        if found is None:
            return None, None
        alias, root = found
        return alias, _split(raw[len(root) :])

    def _batch(self, request: Request, alias: str) -> Sequence[RequestClass]:
        kind = request.headers.get("content-type", "")
        plain = kind.partition(";")[0].strip().lower() == "application/json"
        entries = read_json(request.content) if plain else read_multipart(kind, request.content)
        parts = [one for entry in entries or () for one in (entry.parts if isinstance(entry, ChangeSet) else (entry,))]
        found = [self._part(one, request, alias) for one in parts]
        return tuple(part for some in found for part in some) if found and all(found) else ()

    def _part(self, part: Part, batch: Request, alias: str) -> Sequence[RequestClass]:
        where = f"{self._settings.services[alias]}/{part.target}"
        try:
            made = Request(part.method, batch.url.join(where), headers=dict(part.headers), content=part.body or None)
        except (ValueError, UnicodeError, httpx2.InvalidURL):
            return ()
        # What the address became must be what was written, and no batch lies in a batch.
        kept = made.url.raw_path.decode("ascii") == where and not part.target.startswith("$batch")
        return self(made) if kept else ()


def _steered(request: Request) -> bool:
    return any(name.lower() in _STEERING for name in request.headers)


def _fetching(request: Request) -> Sequence[str]:
    """A token is fetched at a service's root alone."""
    return [name.lower() for name, value in request.headers.items() if value.strip().lower() == "fetch"]


def _split(raw: bytes) -> Sequence[str] | None:
    """Split a path; None where two servers could read it differently. A key may hold a slash, encoded once."""
    if not raw:
        return []
    if _NOWHERE.search(raw) or not raw.startswith(b"/"):
        return None
    try:
        parts = [unquote_to_bytes(one).decode() for one in raw[1:].split(b"/")]
    except UnicodeDecodeError:
        return None
    plain = [_LITERAL.sub("''", one) for one in parts]
    dotted = any(word in (".", "..") for one in parts for word in one.split("/"))
    odd = any(_BAD.search(one) for one in parts) or any("/" in one or "%" in one for one in plain)
    return None if odd or dotted else parts


def _segment(text: str) -> tuple[str, str | None] | None:
    if text == "$count":
        return text, None
    found = _SEGMENT.fullmatch(text)
    return None if found is None else (found["name"], found["key"])


def _classes(asked: _Asked) -> Iterator[RequestClass]:
    """Yield what a request does; nothing where it is not understood."""
    (name, key), *rest = asked.segments
    entity_set = asked.service.sets.get(name)
    operation = _operation(asked.service, name, "")
    if entity_set is not None and operation is None:
        id = _id(asked, entity_set, key)
        if key is None or id is not None:
            yield from _of_set(asked, entity_set, id, rest)
    elif operation is not None and entity_set is None and not rest:
        yield from _of_import(asked, operation, key)


def _operation(service: Service, path: str, bound_to: str) -> Operation | None:
    """Find what is called at the root of a service, or on an entity or set of a type."""
    if bound_to:
        fits = (one for one in service.operations if one.path == path and one.bound_to == bound_to)
    else:
        imports = service.version is Version.V2
        fits = (one for one in service.operations if one.path == path and (imports or not one.bound_to))
    return next(fits, None)


def _id(asked: _Asked, entity_set: EntitySet, key: str | None) -> str | None:
    if key is None:
        return None
    try:
        return record_of(key, entity_set, asked.service)
    except InvalidArguments:
        return None


def _of_set(
    asked: _Asked, entity_set: EntitySet, id: str | None, rest: Sequence[tuple[str, str | None]]
) -> Iterator[RequestClass]:
    object, records = asked.object(entity_set), (id,) if id is not None else ()
    match asked.method, list(rest):
        case "GET", [] if asked.params.keys() <= (_ONE if id is not None else _OPTIONS):
            yield RequestClass(Effect.READ, object, records)
            yield from _touched(asked, entity_set)
        case "GET", [("$count", None)] if id is None and asked.params.keys() <= {"$filter"}:
            yield RequestClass(Effect.READ, object)
            yield from _touched(asked, entity_set)
        case "POST", [] if id is None and not asked.params:
            yield from _made(asked, entity_set)
        case "PATCH" | "MERGE" | "PUT", [] if id is not None and not asked.params and _only_own(asked, entity_set):
            yield RequestClass(Effect.UPDATE, object, records)
        case "DELETE", [] if id is not None and not asked.params:
            yield RequestClass(Effect.DELETE, object, records)
        case method, [(name, key)]:
            found = _operation(asked.service, name, entity_set.type.name)
            if found is not None and found.kind is not OperationKind.FUNCTION_IMPORT and found.method == method:
                yield from _run(asked, found, object, records, called=key)


def _of_import(asked: _Asked, operation: Operation, key: str | None) -> Iterator[RequestClass]:
    if operation.method != asked.method:
        return
    records = tuple(_named(asked, operation))
    if operation.keys and not records:
        return
    yield from _run(asked, operation, home_of(asked.alias, asked.service, operation), records, called=key)


def _run(
    asked: _Asked, operation: Operation, object: str, records: tuple[str, ...], *, called: str | None
) -> Iterator[RequestClass]:
    """Tell what an operation does: one by GET only reads, and any other does whatever it was declared to do."""
    known = {*operation.parameters, *(name for name, _ in operation.keys)}
    names = {one for one in asked.params if one != "$format"}
    if operation.kind is OperationKind.FUNCTION_IMPORT:
        fits = called is None and names <= known and not asked.content
    elif operation.kind is OperationKind.ACTION:
        fits = called is None and not names and (not asked.content or _is_entity(asked.content, known))
    else:
        fits = names <= {f"@{name}" for name in known}
    if fits and bool(records) == operation.for_each:
        yield RequestClass(Effect.READ if operation.method == "GET" else Effect.EXECUTE, object, records)


def _named(asked: _Asked, operation: Operation) -> Iterator[str]:
    """Read off the parameters of a function import which record it acts on."""
    fitting = [one for one in asked.service.sets.values() if one.type.name == operation.bound_to]
    pairs = [(key, asked.params.get(name)) for name, key in operation.keys]
    if not fitting or not pairs or any(literal is None for _, literal in pairs):
        return
    told = ",".join(f"{key}={literal}" for key, literal in pairs)
    try:
        yield record_of(told, fitting[0], asked.service)
    except InvalidArguments:
        return


def _touched(asked: _Asked, entity_set: EntitySet) -> Iterator[RequestClass]:
    """Yield a read of each other object that the options lead to: expanded, filtered or sorted by.

    What tells whose country a record belongs to is left out: core reads it along with every record.
    """
    words = " ".join(asked.params.get(one, "") for one in ("$select", "$filter", "$orderby", "$expand"))
    found = dict[str, RequestClass]()
    for told in _PATH.findall(_LITERAL.sub(" ", words)):
        here: EntitySet | None = entity_set
        *_, leaf = steps = told.split("/")
        for step in steps:
            navigation = here.navigations.get(step) if here is not None else None
            if here is None or navigation is None:
                break
            countries = [one.split(".")[1:] for one in country_of(here) if one.startswith(f"{step}.")]
            labels = any(leaf in (step, *rest) for rest in countries)
            here = asked.service.target(navigation)
            name = f"{asked.alias}.{here.name}" if here is not None else f"{asked.alias}.{navigation.target}"
            if not labels:
                found[name] = RequestClass(Effect.READ, name)
    yield from found.values()


def _made(asked: _Asked, entity_set: EntitySet) -> Sequence[RequestClass]:
    """Tell what a create makes: each entity that comes with the first one is a part of its own."""
    body = _entity(asked.content)
    found = list(_parts(asked, entity_set, body)) if body is not None else []
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else ()


def _parts(
    asked: _Asked, entity_set: EntitySet, body: Mapping[str, JSON], depth: int = 0
) -> Iterator[RequestClass | None]:
    """Yield a create for an entity and for each below it; None for what may be something else."""
    yield RequestClass(Effect.CREATE, asked.object(entity_set))
    for name, value in body.items():
        navigation = entity_set.navigations.get(name)
        if navigation is None:
            yield from () if _is_own(entity_set, name, value) else (None,)
            continue
        target, records = asked.service.target(navigation), _sent_along(value)
        if target is None or records is None or depth >= DEEPEST:
            yield None
            return
        for one in records:
            yield from _parts(asked, target, one, depth + 1)


def _sent_along(value: JSON) -> list[Mapping[str, JSON]] | None:
    """Return the entities sent along a navigation; None for a link to one that is there already."""
    raw = value["results"] if isinstance(value, Mapping) and value.keys() == {"results"} else value
    listed = raw if isinstance(raw, list) else [raw]
    records = [one for one in listed if isinstance(one, Mapping)]
    links = any("__deferred" in one or "@odata.id" in one or "@id" in one for one in records)
    bound = any(isinstance(told := one.get("__metadata"), Mapping) and not told.keys() <= {"type"} for one in records)
    return None if links or bound or len(records) < len(listed) else records


def _only_own(asked: _Asked, entity_set: EntitySet) -> bool:
    """Tell whether the body of a change names properties alone: along navigations it would change other entities."""
    body = _entity(asked.content)
    names = entity_set.navigations
    return body is not None and all(
        name not in names and _is_own(entity_set, name, value) for name, value in body.items()
    )


def _is_own(entity_set: EntitySet, name: str, value: JSON) -> bool:
    """Tell whether a member of a body can be about nothing but the entity itself."""
    if name in entity_set.properties or name == "__metadata":
        return True
    binds = name.endswith(("@odata.bind", "@bind", "@odata.delta", "@delta"))
    return not binds and not isinstance(value, Mapping | list)


def _entity(content: bytes) -> Mapping[str, JSON] | None:
    """Read a body that is one object with no name twice."""
    try:
        body = parse_json(content)
    except UpstreamError:
        return None
    return body if isinstance(body, Mapping) else None


def _is_entity(content: bytes, known: frozenset[str] | set[str] | None = None) -> bool:
    """Tell whether a body is one object, of known names where they are given."""
    body = _entity(content)
    return body is not None and (known is None or body.keys() <= known)
