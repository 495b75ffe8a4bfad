"""How do the arguments of an operation become its request?"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from isthmus.connectors.openapi.bodies import FORM, MULTIPART
from isthmus.connectors.openapi.document import Argument, Body, In, Operation, Parameter, Style
from isthmus.connectors.openapi.flat import KEY_HEADER
from isthmus.connectors.openapi.styles import cookie_text, header_text, path_parts, query_pairs
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Http, Path, QueryString, Response, path
from isthmus.core.records import JSON

__all__ = ["Written", "argument_of", "send", "write"]

_PART_TYPES = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Written:
    """One request, ready to be sent below the base path."""

    method: str
    path: Path
    query: QueryString
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    def with_query(self, more: str) -> "Written":
        """Return the request with one more stretch of query string."""
        return replace(self, query=QueryString("&".join(one for one in (self.query, more) if one)))


async def send(http: Http, written: Written) -> Response:
    """Send a request."""
    return await http.request(
        written.method, written.path, content=written.content, params=written.query, headers=written.headers
    )


def write(operation: Operation, base: str, told: Mapping[str, JSON], key: str = "") -> Written:
    """Write a request; arguments that are None are left out, and `key` goes where the operation has a place for it.

    Raises:
        InvalidArguments: an argument is missing, unknown, or cannot be written where it belongs.
    """
    known = {one.name: one for one in operation.arguments}
    for name in told:
        if name not in known:
            raise InvalidArguments(f"{operation.id} has no argument {name[:80]!a}", field=name[:80])
    given = {name: value for name, value in told.items() if value is not None or known[name].place is In.BODY}
    for one in operation.arguments:
        if one.required and one.name not in given:
            raise InvalidArguments(f"{operation.id} needs {one.name!a}", field=one.name)
    placed: dict[In, dict[str, JSON]] = {place: {} for place in In}
    for name, value in given.items():
        placed[known[name].place][known[name].target] = value
    headers = _headers(operation, placed[In.HEADER], placed[In.COOKIE], key)
    content, media = _content(operation, placed[In.BODY])
    if content is not None:
        headers["content-type"] = media
    return Written(
        operation.method,
        _path(operation, base, placed[In.PATH]),
        QueryString("&".join(f"{name}={value}" for name, value in _pairs(operation, placed[In.QUERY]))),
        headers,
        content,
    )


def argument_of(operation: Operation, place: In, target: str) -> Argument | None:
    """Return the argument that is written at a place."""
    return next((one for one in operation.arguments if one.place is place and one.target == target), None)


def _path(operation: Operation, base: str, told: Mapping[str, JSON]) -> Path:
    template, values, rest = base, list[str](), operation.template
    while rest:
        literal, opened, rest = rest.partition("{")
        name, _, rest = rest.partition("}") if opened else ("", "", "")
        template += literal
        if opened:
            one = operation.parameter(In.PATH, name)
            if one is None or name not in told:
                raise InvalidArguments(f"{operation.id} needs {name!a}", field=name)
            part, filled = path_parts(one, told[name])
            template += part
            values += filled
    return path(template, *values)


def _pairs(operation: Operation, told: Mapping[str, JSON]) -> "list[tuple[str, str]]":
    found = list[tuple[str, str]]()
    for one in operation.parameters:
        if one.place is In.QUERY and one.name in told:
            found += query_pairs(one.name, told[one.name], one.schema, one.style, explode=one.explode)
    return found


def _headers(
    operation: Operation, headers: Mapping[str, JSON], cookies: Mapping[str, JSON], key: str
) -> dict[str, str]:
    found: dict[str, str] = {}
    crumbs: list[str] = []
    for one in operation.parameters:
        if one.place is In.HEADER and one.name.lower() == KEY_HEADER:
            found |= _keyed(operation, one, key)
        elif one.place is In.HEADER and one.name in headers:
            found[one.name.lower()] = header_text(one, headers[one.name])
        elif one.place is In.COOKIE and one.name in cookies:
            crumbs.append(f"{one.name}={cookie_text(one, cookies[one.name])}")
    if operation.reply.media:
        found.setdefault("accept", operation.reply.media.partition(";")[0])
    return found | ({"cookie": "; ".join(crumbs)} if crumbs else {})


def _keyed(operation: Operation, one: Parameter, key: str) -> dict[str, str]:
    if key:
        return {KEY_HEADER: header_text(one, key)}
    if one.required:
        raise InvalidArguments(f"{operation.id} needs a key of your own; give `key`", field="key")
    return {}


def _content(operation: Operation, told: Mapping[str, JSON]) -> tuple[bytes | None, str]:
    body = operation.body
    if body is None or (not told and not body.required):
        return None, ""
    if body.properties is None:
        return _json(told[""]), body.media
    missing = sorted(body.needed - told.keys())
    if missing:
        raise InvalidArguments(f"{operation.id} needs {missing[0]!a}", field=missing[0])
    if body.media == FORM:
        return _form(body, told), FORM
    if body.media == MULTIPART:
        return _multipart(body, told)
    return _json(dict(told)), body.media


def _json(value: JSON) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArguments("the arguments cannot be written as JSON") from error


def _form(body: Body, told: Mapping[str, JSON]) -> bytes:
    pairs = list[tuple[str, str]]()
    for name, value in told.items():
        style, explode = body.styles.get(name, (Style.FORM, True))
        nested = isinstance(value, Mapping) and name not in body.styles
        schema = (body.properties or {}).get(name, {})
        pairs += query_pairs(name, value, schema, Style.JSON if nested else style, explode=explode)
    return "&".join(f"{name}={value}" for name, value in pairs).encode()


def _multipart(body: Body, told: Mapping[str, JSON]) -> tuple[bytes, str]:
    """Write parts (RFC 7578); the boundary is one that no part holds."""
    parts = [_part(body, name, one) for name, value in told.items() for one in _each(value)]
    boundary = hashlib.sha256(b"".join(content for _, content in parts)).hexdigest()[:32]
    while any(boundary.encode() in content for _, content in parts):
        boundary = hashlib.sha256(boundary.encode()).hexdigest()[:32]
    mark = f"--{boundary}".encode()
    chunks = [b"%s\r\n%s\r\n\r\n%s\r\n" % (mark, head, content) for head, content in parts]
    return b"".join([*chunks, mark, b"--\r\n"]), f"{MULTIPART}; boundary={boundary}"


def _each(value: JSON) -> "list[JSON]":
    return list(value) if isinstance(value, list | tuple) else [value]


def _part(body: Body, name: str, value: JSON) -> tuple[bytes, bytes]:
    if any(not one.isprintable() or one in '"\\' for one in name):
        raise InvalidArguments(f"{name!a} cannot name a part of a form", field=name)
    media = body.types.get(name, "" if isinstance(value, _PART_TYPES) else "application/json")
    content = value.encode() if isinstance(value, str) else _json(value)
    head = f'Content-Disposition: form-data; name="{name}"'
    return (head + (f"\r\nContent-Type: {media}" if media else "")).encode(), content
