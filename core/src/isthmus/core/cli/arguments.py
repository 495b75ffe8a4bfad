"""How do words on a command line become the arguments of a tool?"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest
from isthmus.core.records import JSON

if TYPE_CHECKING:
    from isthmus.core.tools import Tool

__all__ = ["find_tool", "read_arguments"]


def find_tool(name: str, tools: Sequence["Tool"]) -> "Tool":
    """Find a tool by its name; raises InvalidArguments naming the nearest."""
    found = next((one for one in tools if one.name == name), None)
    if found is None:
        names = [one.name for one in tools]
        raise InvalidArguments(
            f"there is no tool {name!r} for this client{nearest(name, names) or '; `isthmus tools` lists them'}",
            code="unknown_tool",
        )
    return found


def read_arguments(tool: "Tool", pairs: Sequence[str], document: str | None) -> dict[str, JSON]:
    """Read `key=value` words, or one JSON object (`-` reads it from stdin); the only system there is goes unsaid."""
    if document is not None and pairs:
        raise InvalidArguments("give the arguments as key=value or with --arguments, not both")
    found = _pairs(tool, pairs) if document is None else _document(document)
    if len(tool.systems) == 1:
        found.setdefault("system", tool.systems[0])
    return found


def _document(text: str) -> dict[str, JSON]:
    found = _parsed("--arguments", sys.stdin.read() if text == "-" else text)
    if not isinstance(found, dict):
        raise InvalidArguments('--arguments takes a JSON object, such as \'{"object": "Case"}\'')
    return found


def _pairs(tool: "Tool", pairs: Sequence[str]) -> dict[str, JSON]:
    known = tool.input_schema.get("properties")
    schemas = known if isinstance(known, Mapping) else {}
    found: dict[str, JSON] = {}
    for position, pair in enumerate(pairs, 1):
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InvalidArguments(f"argument {position} is not of the form key=value, such as object=Case")
        head, _, inner = name.partition(".")
        kind = _type(schemas.get(head))
        if inner and kind == "object":
            whole = found.setdefault(head, {})
            if isinstance(whole, dict):
                whole[inner] = _loose(name, text)
        else:
            found[name] = _value(name, text, kind)
    return found


def _type(schema: JSON) -> str:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _value(name: str, text: str, kind: str) -> JSON:
    if kind == "string":
        return text
    if kind == "array" and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    return _loose(name, text)


def _loose(name: str, text: str) -> JSON:
    """Read JSON where it looks like it, and a number, true, false or null; anything else is text."""
    if text.lstrip()[:1] in ("{", "[", '"'):
        return _parsed(f"argument {name!r}", text)
    try:
        found: JSON = json.loads(text)
    except ValueError:
        return text
    return found


def _parsed(what: str, text: str) -> JSON:
    try:
        found: JSON = json.loads(text)
    except ValueError as error:
        raise InvalidArguments(f"{what} is not JSON: {error}; mend it, or quote it for the shell") from None
    return found
