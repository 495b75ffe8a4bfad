"""How does the JSON of a document become operations?

An operation that says something unusable keeps its place and its problem: the others can be called all the same.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from isthmus.connectors.openapi.bodies import BodyReader
from isthmus.connectors.openapi.document import Document, In, Operation, Parameter, Reply, Scheme, Style
from isthmus.connectors.openapi.flat import flat
from isthmus.connectors.openapi.references import BadDocument, Place, Texts
from isthmus.connectors.openapi.schemas import Direction, Schema, Schemas
from isthmus.core.errors import ConfigurationError
from isthmus.core.records import JSON

__all__ = ["read_document"]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_VERSION = re.compile(r"3\.[01](?:\.\d+)?(?:-[\w.]+)?")
_TEMPLATE = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|\{[^{}/]+\})*")
_NAMED = re.compile(r"\{([^{}/]+)\}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_ODD = re.compile(r"[^A-Za-z0-9_]+")
_IGNORED = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that mean nothing (OpenAPI 3.1 section 4.8.12.1)."""
_RESERVED = frozenset(
    {"host", "cookie", "connection", "content-length", "transfer-encoding", "te", "upgrade", "trailer", "expect",
     "proxy-authorization", "proxy-connection", "keep-alive", "forwarded", "x-forwarded-host",
     "x-http-method-override", "x-http-method", "x-method-override"}
)  # fmt: skip
_STYLES: Mapping[In, tuple[Style, ...]] = {
    In.PATH: (Style.SIMPLE, Style.LABEL, Style.MATRIX),
    In.QUERY: (Style.FORM, Style.SPACE, Style.PIPE, Style.DEEP),
    In.HEADER: (Style.SIMPLE,),
    In.COOKIE: (Style.FORM,),
}


def read_document(name: str, document: JSON, beside: Mapping[str, JSON] | None = None) -> Document:
    """Read a document, and the files beside it that it refers to; raises ConfigurationError."""
    texts = Texts(document, beside)
    said = texts.root.text("openapi")
    if not _VERSION.fullmatch(said):
        told = f"version {said[:20]!a}" if said else "no OpenAPI document"
        raise ConfigurationError(f"{name} is {told}; give one of version 3.0 or 3.1", object=name)
    return _Reader(texts, modern=said.startswith("3.1")).document()


class _Reader:
    """Reads one document."""

    def __init__(self, texts: Texts, *, modern: bool) -> None:
        self._texts = texts
        self._schemas = Schemas(texts, modern=modern)
        self._bodies = BodyReader(texts, self._schemas)

    def document(self) -> Document:
        """Read everything."""
        root, operations = self._texts.root, dict[str, Operation]()
        for one in self._operations():
            known = operations.get(one.id)
            if known is None:
                operations[one.id] = one
            else:
                # Which of the two is meant nobody could tell, so neither is called.
                problem = f"{known.method} {known.template} and {one.method} {one.template} share this operationId"
                operations[one.id] = Operation(one.id, known.method, known.template, tags=known.tags, problem=problem)
        servers = tuple(one.text("url") for one in root.at("servers").each() if one.text("url"))
        info = root.at("info")
        return Document(info.text("title"), info.text("version"), operations, self._schemes, servers)

    @cached_property
    def _schemes(self) -> Mapping[str, Scheme]:
        found = {}
        for name, place in self._texts.root.at("components").at("securitySchemes").members().items():
            one = self._texts.resolve(place)
            found[name] = Scheme(
                name,
                one.text("type"),
                one.text("in"),
                one.text("name"),
                one.text("scheme").lower(),
                tuple(sorted(one.at("flows").members())),
            )
        return found

    def _operations(self) -> Iterator[Operation]:
        for template, place in self._texts.root.at("paths").members().items():
            try:
                path = self._texts.resolve(place)
            except BadDocument:
                continue
            for method in METHODS:
                if isinstance((one := path.at(method)).value, Mapping):
                    yield self._operation(method.upper(), template, path, one)

    def _operation(self, method: str, template: str, path: Place, one: Place) -> Operation:
        id = one.text("operationId") or f"{method.lower()}_{_ODD.sub('_', template).strip('_')}"
        tags = tuple(str(each.value) for each in one.at("tags").each() if isinstance(each.value, str))
        summary, description = one.text("summary") or path.text("summary"), one.text("description")
        extensions = {
            name: str(value) for name, value in _members(one) if name.startswith("x-") and isinstance(value, str | int)
        }
        try:
            parameters = self._parameters(template, path, one)
            body = self._bodies.body(one.at("requestBody"))
            return Operation(
                id, method, template, summary, description, tags, parameters, body, self._reply(one),
                self._security(one), flat(parameters, body), extensions,
            )  # fmt: skip
        except BadDocument as error:
            return Operation(id, method, template, summary, description, tags, problem=str(error))

    def _parameters(self, template: str, path: Place, one: Place) -> tuple[Parameter, ...]:
        if not _TEMPLATE.fullmatch(template) or "//" in template:
            raise BadDocument(f"{template[:80]!a} is no path template")
        found: dict[tuple[In, str], Parameter] = {}
        for each in (*path.at("parameters").each(), *one.at("parameters").each()):
            place = self._texts.resolve(each)
            if place.text("in") == "header" and place.text("name").lower() in _IGNORED:
                continue
            told = self._parameter(place)
            found[told.place, told.name] = told
        named, known = _NAMED.findall(template), [name for at, name in found if at is In.PATH]
        if sorted(named) != sorted(known):
            raise BadDocument(f"its path names {sorted(named)} and its path parameters are {sorted(known)}")
        return tuple(found.values())

    def _parameter(self, place: Place) -> Parameter:
        name, at = place.text("name"), place.text("in")
        if at not in ("path", "query", "header", "cookie") or not name:
            raise BadDocument(f"the parameter {name[:60]!a} is in {at[:20]!a}")
        where = In(at)
        if where in (In.HEADER, In.COOKIE) and (not _TOKEN.fullmatch(name) or name.lower() in _RESERVED):
            raise BadDocument(f"the {at} parameter {name[:60]!a} may not be set by a call")
        content = place.at("content").members()
        required, description = place.flag("required") or where is In.PATH, place.text("description")
        if content:
            media, told = next(iter(content.items()))
            if where is not In.QUERY or "json" not in media:
                raise BadDocument(f"the parameter {name[:60]!a} is written as {media[:60]!a}, which is not supported")
            schema = self._schemas.of(told.at("schema"), Direction.SENT)
            return Parameter(name, where, schema, required, Style.JSON, description=description)
        style = place.text("style") or _STYLES[where][0].value
        if style not in [one.value for one in _STYLES[where]]:
            raise BadDocument(f"the style {style[:30]!a} of the {at} parameter {name[:60]!a} is none for it")
        explode = place.flag("explode", default=style == Style.FORM)
        schema = self._schemas.of(place.at("schema"), Direction.SENT)
        return Parameter(name, where, schema, required, Style(style), explode, description)

    def _reply(self, one: Place) -> Reply:
        """Read the first success that is described: 200 before the others, and `2XX` after them."""
        told = one.at("responses").members()
        for status in sorted(name for name in told if name[:1] == "2"):
            answer = self._texts.resolve(told[status])
            headers = frozenset(name.lower() for name in answer.at("headers").members())
            content = answer.at("content").members()
            media = next((name for name in content if "json" in name), next(iter(content), ""))
            if media or status != "200":
                return Reply(media, self._given(content[media].at("schema")) if media else {}, headers)
        return Reply()

    def _given(self, place: Place) -> Schema:
        return self._schemas.of(place, Direction.GIVEN)

    def _security(self, one: Place) -> tuple[tuple[str, ...], ...]:
        told = one.at("security")
        own = told if isinstance(told.value, list) else self._texts.root.at("security")
        found = tuple(tuple(sorted(each.members())) for each in own.each())
        for name in (name for each in found for name in each):
            if name not in self._schemes:
                raise BadDocument(f"its security names {name[:60]!a}, which is no security scheme")
        return found


def _members(place: Place) -> Iterator[tuple[str, JSON]]:
    if isinstance(place.value, Mapping):
        yield from place.value.items()
