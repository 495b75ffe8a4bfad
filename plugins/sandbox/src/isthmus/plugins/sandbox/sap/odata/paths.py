"""Which resource does a path below a service's root name?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from isthmus.plugins.sandbox.sap.schema import Field, Table
from isthmus.plugins.sandbox.sap.values import Value, outer

from .evaluate import fits
from .options import split
from .syntax import Literal, Malformed
from .tokens import tokens

_SEGMENT: Final = re.compile(r"([^()]+?)(?:\((.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path: a name and, where it has brackets, what stands in them."""

    name: str
    inside: str | None


def segments(raw: str) -> list[Segment]:
    """Cut a path that is still percent-encoded at its slashes; raises Malformed."""
    found = []
    for part in raw.strip("/").split("/"):
        match = _SEGMENT.fullmatch(unquote(part))
        if match is None:
            raise Malformed(f"Invalid segment '{unquote(part)}'")
        found.append(Segment(match[1], match[2]))
    return found


def read_key(inside: str, table: Table, version: int) -> tuple[Value, ...]:
    """Read a key predicate: `'1'` or `A='1',B='2'`, in any order; raises Malformed."""
    given = named(inside, {name: table.fields[name] for name in table.key}, version)
    if len(given) != len(table.key):
        raise Malformed(f"Invalid key predicate; the key is {', '.join(table.key)}")
    return tuple(given[name] for name in table.key)


def named(inside: str, fields: Mapping[str, Field], version: int) -> dict[str, Value]:
    """Read values that are named after fields; a single field's value may stand alone. Raises Malformed."""
    found: dict[str, Value] = {}
    for part in split(inside, ","):
        words = tokens(part, version)
        if len(words) == 1 and len(fields) == 1:
            [name], literal = fields, words[0].literal
        elif len(words) == 3 and words[0].named and words[1].text == "=":
            name, literal = words[0].text, words[2].literal
        else:
            raise Malformed(f"Invalid predicate '{part}'")
        if name not in fields or name in found or literal is None:
            raise Malformed(f"Invalid predicate '{part}'")
        found[name] = value_of(fields[name], literal, version)
    return found


def value_of(field: Field, literal: Literal, version: int) -> Value:
    """Return a literal as a value of the field; raises Malformed."""
    value = fits(field, literal, version)
    if value is None or (isinstance(value, str) and field.size and len(outer(field, value)) > field.size):
        raise Malformed(f"{value!r} is no value of '{field.name}'")
    return value
