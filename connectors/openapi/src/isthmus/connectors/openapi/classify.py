"""What would a request do? It is exactly one operation of the document, and one that is listed, or it is refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from httpx2 import Request

from isthmus.connectors.openapi.bodies import FORM, MULTIPART, is_json
from isthmus.connectors.openapi.document import In, Operation, Style
from isthmus.connectors.openapi.paging import PAGING
from isthmus.connectors.openapi.schemas import pointed
from isthmus.connectors.openapi.service import Listed, Service
from isthmus.core.errors import UpstreamError
from isthmus.core.http import METHOD_OVERRIDES, parse_json, segments
from isthmus.core.operation import Effect, RequestClass, Verb

__all__ = ["Classifier"]

_NAMED = re.compile(r"\{([^{}/]+)\}")


@dataclass(frozen=True, slots=True)
class _Route:
    """The path of an operation, segment by segment; `fixed` tells which segments have no parameter."""

    operation: Operation
    patterns: tuple[re.Pattern[str], ...]
    names: tuple[tuple[str, ...], ...]
    fixed: tuple[bool, ...]

    def match(self, parts: Sequence[str]) -> Mapping[str, str] | None:
        """Return the values of the path parameters; None where the path is another."""
        found: dict[str, str] = {}
        for pattern, names, part in zip(self.patterns, self.names, parts, strict=True):
            told = pattern.fullmatch(part)
            if told is None:
                return None
            found.update(zip(names, told.groups(), strict=True))
        return found


class Classifier:
    """Classifies the requests of one connection."""

    def __init__(self, service: Service, base: str) -> None:
        self._service = service
        self._form = re.compile(re.escape(base) + r"(?P<rest>(?:/[^/]*)+)")
        self._routes: dict[tuple[str, int], list[_Route]] = {}
        for one in service.document.operations.values():
            route = _route(one)
            self._routes.setdefault((one.method, len(route.patterns)), []).append(route)

    def __call__(self, request: Request) -> Sequence[RequestClass]:
        """Classify a request; an empty answer means that it is not known."""
        parts = segments(request, self._form)
        found = self._operation(request.method, parts) if parts else None
        if found is None or any(name.lower() in METHOD_OVERRIDES for name in request.headers):
            return ()
        listed, values = found
        if not (_asks(request, listed) and _carries(request, listed.operation)):
            return ()
        records = (values[listed.record],) if listed.record else ()
        told = listed.settings.to_state if listed.effect is Effect.TRANSITION else ""
        return (RequestClass(listed.effect, listed.object, records, to_state=told),)

    def _operation(self, method: str, parts: Sequence[str]) -> tuple[Listed, Mapping[str, str]] | None:
        """Find the one operation that a path means: fixed segments go before those with a parameter."""
        fits = [
            (route, values)
            for route in self._routes.get((method, len(parts)), ())
            if (values := route.match(parts)) is not None
        ]
        if not fits:
            return None
        best = max(route.fixed for route, _ in fits)
        chosen = [(route, values) for route, values in fits if route.fixed == best]
        listed = self._service.listed.get(chosen[0][0].operation.id)
        return (listed, chosen[0][1]) if len(chosen) == 1 and listed is not None else None


def _route(operation: Operation) -> _Route:
    patterns, names, fixed = [], [], []
    for part in operation.template.split("/")[1:]:
        literals = _NAMED.split(part)
        # Every second piece is the name of a parameter.
        text = "".join(re.escape(one) if at % 2 == 0 else "(.+)" for at, one in enumerate(literals))
        patterns.append(re.compile(text, re.DOTALL))
        names.append(tuple(literals[1::2]))
        fixed.append(len(literals) == 1)
    return _Route(operation, tuple(patterns), tuple(names), tuple(fixed))


def _asks(request: Request, listed: Listed) -> bool:
    """Tell whether the query string has only parameters of the operation, each as often as it may come."""
    raw = request.url.query.decode("ascii")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=bool(raw), errors="strict")
    except ValueError:
        return False
    names = tuple(_names(listed.operation))
    single, several, deep = ({name for name, kind in names if kind == word} for word in ("one", "many", "deep"))
    if listed.settings.verb is Verb.QUERY:
        pages = listed.settings.pages
        single |= PAGING | ({pages.parameter, pages.size} if pages else set())
    told = [name for name, _ in pairs]
    known = all(name in single or name in several or any(name.startswith(f"{one}[") for one in deep) for name in told)
    return known and ";" not in raw and all(told.count(name) == 1 for name in told if name in single)


def _names(operation: Operation) -> Iterator[tuple[str, str]]:
    for one in operation.parameters:
        if one.place is not In.QUERY:
            continue
        facts = pointed(one.schema, one.schema)
        members = facts.get("properties")
        if one.style is Style.DEEP:
            yield one.name, "deep"
        elif isinstance(members, Mapping) and one.explode and one.style is not Style.JSON:
            yield from ((name, "many") for name in members)
        else:
            yield (
                one.name,
                "many" if one.explode and one.style is not Style.JSON and _listed(facts.get("type")) else "one",
            )


def _listed(kind: object) -> bool:
    return kind is None or kind == "array" or (isinstance(kind, list) and "array" in kind)


def _carries(request: Request, operation: Operation) -> bool:
    """Tell whether the body is one that the operation takes."""
    told, body = request.content, operation.body
    if not told:
        return body is None or not body.required
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body is None or media != body.media.lower():
        return False
    if is_json(media):
        try:
            found = parse_json(told)
        except UpstreamError:
            return False
        return body.properties is None or (isinstance(found, Mapping) and found.keys() <= body.properties.keys())
    return media in (FORM, MULTIPART)
