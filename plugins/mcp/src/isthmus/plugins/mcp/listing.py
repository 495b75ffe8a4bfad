"""How does a tool look in tools/list? Small, as every agent carries the whole list in its context."""

from collections.abc import Mapping
from typing import Any

from mcp.types import Tool as ListedTool
from mcp.types import ToolAnnotations

from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON
from isthmus.core.tools import Tool

__all__ = ["MOST_RECORDS", "listed"]

MOST_RECORDS = 200
"""Of one page: what a model's context takes. A program may have more."""

# Whoever exceeds a bound is told so by name; a model picks its arguments no better for having read them all.
BOUNDS = frozenset({"maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"})
NAMED = frozenset({"properties", "$defs"})


def listed(tool: Tool) -> ListedTool:
    """Return the listing of a tool: its schemas without length bounds, hints, and its effects in `_meta`."""
    reads = tool.effects <= {Effect.READ}
    return ListedTool(
        name=tool.name,
        description=tool.description,
        input_schema=_without_bounds(_told_once(tool)),
        output_schema=_without_bounds(tool.output_schema),
        annotations=ToolAnnotations(
            read_only_hint=reads,
            destructive_hint=not reads and not tool.effects <= {Effect.CREATE},
            idempotent_hint=Effect.CREATE not in tool.effects or tool.verb is Verb.UPSERT,
            # Records hold what people outside the company wrote; metadata does not.
            open_world_hint=tool.verb is not Verb.DESCRIBE,
        ),
        _meta={"isthmus/effects": sorted(tool.effects)},
    )


def _told_once(tool: Tool) -> Mapping[str, JSON]:
    """Return the input schema; what a condition looks like is told by `query` alone."""
    schema, properties = tool.input_schema, tool.input_schema.get("properties")
    if tool.verb is not Verb.EXPORT or not isinstance(properties, Mapping):
        return schema
    where: JSON = {"type": "object", "description": "a condition, as `query` takes it"}
    return {key: value for key, value in schema.items() if key != "$defs"} | {
        "properties": {**properties, "where": where}
    }


def _without_bounds(schema: Mapping[str, JSON]) -> dict[str, Any]:
    return {
        key: {name: _inner(one) for name, one in value.items()}
        if key in NAMED and isinstance(value, Mapping)
        else _inner(value)
        for key, value in schema.items()
        if key not in BOUNDS
    }


def _inner(value: JSON) -> Any:
    if isinstance(value, Mapping):
        most = value.get("maximum")
        if isinstance(most, int) and most > MOST_RECORDS:
            value = {**value, "maximum": MOST_RECORDS}
        return _without_bounds(value)
    if isinstance(value, list):
        return [_inner(one) for one in value]
    return value
