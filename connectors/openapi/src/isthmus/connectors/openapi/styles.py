"""How is a value written as a parameter, so that it stays one value of this one parameter?

RFC 6570 as OpenAPI uses it (3.1 sections 4.8.12.3 and following). Where a part of a value holds what separates the
parts, servers that decode before they split would read something else, so that is refused.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar
from urllib.parse import quote

from isthmus.connectors.openapi.document import Parameter, Style
from isthmus.connectors.openapi.schemas import Schema, pointed
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["cookie_text", "header_text", "path_parts", "query_pairs"]

_NOWHERE = frozenset("/\\\ufffd")
_COOKIE = frozenset(chr(one) for one in range(0x21, 0x7F)) - frozenset('",;\\')
_SEPARATORS = {Style.FORM: ",", Style.SPACE: "%20", Style.PIPE: "%7C"}
_T = TypeVar("_T")
Pair: TypeAlias = tuple[str, str]
"""A name and a value, both ready for a query string."""


def query_pairs(
    name: str, value: JSON, schema: Schema, style: Style = Style.FORM, *, explode: bool = True
) -> Iterator[Pair]:
    """Write a parameter of a query or a form; raises InvalidArguments."""
    label = _quoted(name)
    if style is Style.JSON:
        yield label, _quoted(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    elif isinstance(value, Mapping):
        yield from _members(name, value, schema, style, explode=explode)
    elif isinstance(value, list | tuple):
        items = [_text(name, one) for one in _filled(name, value)]
        if explode or style is Style.DEEP:
            yield from ((label, _quoted(one)) for one in items)
        else:
            yield label, _joined(name, items, _SEPARATORS[style])
    else:
        yield label, _quoted(_text(name, value))


def _members(name: str, value: Mapping[str, JSON], schema: Schema, style: Style, *, explode: bool) -> Iterator[Pair]:
    _filled(name, value)
    if style is Style.DEEP:
        for key, one in value.items():
            if any(mark in key for mark in "[]"):
                raise _refusal(name, "has a member whose name holds a bracket")
            each = one if isinstance(one, list | tuple) else (one,)
            yield from ((_quoted(f"{name}[{key}]"), _quoted(_text(name, part))) for part in each)
        return
    known = pointed(schema, schema).get("properties")
    stray = [key for key in value if not isinstance(known, Mapping) or key not in known]
    if stray and explode:
        # Its members become parameters of their own.
        raise _refusal(name, f"has no member {stray[0][:60]!a}")
    if explode:
        yield from ((_quoted(key), _quoted(_text(name, one))) for key, one in value.items())
    else:
        told = [part for key, one in value.items() for part in (key, _text(name, one))]
        yield _quoted(name), _joined(name, told, _SEPARATORS[style])


def path_parts(one: Parameter, value: JSON) -> tuple[str, tuple[str, ...]]:
    """Return the template of a path parameter, with `{}` for each of the values beside it; raises InvalidArguments."""
    template, values = _path_parts(one, value)
    if not all(each.isprintable() and not set(each) & _NOWHERE for each in values):
        # What stands in between may decode these before the service does.
        raise _refusal(one.name, "goes into the path, and has a slash, a backslash or what cannot be printed")
    return template, values


def _path_parts(one: Parameter, value: JSON) -> tuple[str, tuple[str, ...]]:
    prefix, between = {
        Style.LABEL: (".", "." if one.explode else ","),
        Style.MATRIX: (f";{one.name}=", f";{one.name}=" if one.explode else ","),
    }.get(one.style, ("", ","))
    if isinstance(value, Mapping):
        _filled(one.name, value)
        if one.explode:
            pairs = [(key, _text(one.name, each)) for key, each in value.items()]
            _apart(one.name, [part for pair in pairs for part in pair], ("=", between[:1]))
            start = {Style.LABEL: ".", Style.MATRIX: ";"}.get(one.style, "")
            joint = {Style.LABEL: ".", Style.MATRIX: ";"}.get(one.style, ",")
            return start + joint.join("{}={}" for _ in pairs), tuple(part for pair in pairs for part in pair)
        told = [part for key, each in value.items() for part in (key, _text(one.name, each))]
        _apart(one.name, told, (",",))
        return prefix + ",".join("{}" for _ in told), tuple(told)
    if isinstance(value, list | tuple):
        told = [_text(one.name, each) for each in _filled(one.name, value)]
        _apart(one.name, told, (between[:1],))
        return prefix + between.join("{}" for _ in told), tuple(told)
    return prefix + "{}", (_text(one.name, value),)


def header_text(one: Parameter, value: JSON) -> str:
    """Write a header parameter; raises InvalidArguments for what would arrive as something else."""
    text = _plain(one, value)
    if not text or text != text.strip() or not text.isascii() or not text.isprintable():
        raise _refusal(one.name, "takes printable ASCII without spaces around it")
    return text


def cookie_text(one: Parameter, value: JSON) -> str:
    """Write a cookie parameter (RFC 6265 section 4.1.1)."""
    if isinstance(value, Mapping | list | tuple) and one.explode:
        raise _refusal(one.name, "takes one value: several in one cookie have no agreed form")
    text = _plain(one, value)
    if not set(text) <= _COOKIE:
        raise _refusal(one.name, "takes what a cookie may hold: no space, comma, semicolon, quotation mark, backslash")
    return text


def _plain(one: Parameter, value: JSON) -> str:
    if isinstance(value, Mapping):
        told = [(key, _text(one.name, each)) for key, each in _filled(one.name, value).items()]
        _apart(one.name, [part for pair in told for part in pair], (",", "=") if one.explode else (",",))
        return ",".join(("=" if one.explode else ",").join(pair) for pair in told)
    if isinstance(value, list | tuple):
        items = [_text(one.name, each) for each in _filled(one.name, value)]
        _apart(one.name, items, (",",))
        return ",".join(items)
    return _text(one.name, value)


def _joined(name: str, parts: Sequence[str], separator: str) -> str:
    _apart(name, parts, ({"%20": " ", "%7C": "|"}.get(separator, separator),))
    return separator.join(map(_quoted, parts))


def _apart(name: str, parts: Sequence[str], separators: Sequence[str]) -> None:
    for one in parts:
        if not one or any(mark in one for mark in separators):
            raise _refusal(name, "has a part that is empty or holds what separates the parts")


def _filled(name: str, value: _T) -> _T:
    if not value:
        raise _refusal(name, "is empty; leave it out")
    return value


def _text(name: str, value: JSON) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return json.dumps(value)
    raise _refusal(name, "takes texts, numbers, true and false, and nothing inside them")


def _quoted(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise InvalidArguments("an argument holds a lone surrogate; send valid Unicode") from error


def _refusal(name: str, why: str) -> InvalidArguments:
    return InvalidArguments(f"{name!a} {why}", field=name)
