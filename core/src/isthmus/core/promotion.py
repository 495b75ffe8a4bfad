"""Which actions are tools of their own, and how is a call of one a call of `invoke`?"""

import re
from collections.abc import Iterable, Mapping

from isthmus.core.errors import ConfigurationError
from isthmus.core.facts import Promoted
from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON
from isthmus.core.schemas import SHAPES, TASK, Schema
from isthmus.core.tools import Tool

__all__ = ["promoted_tools"]

_ODD = re.compile(r"[^A-Za-z0-9_-]+")
_REF: JSON = {
    "type": "object",
    "properties": {"ref": {"type": "string"}},
    "required": ["ref"],
    "additionalProperties": False,
}
_OWN = ("id", "key", "approval", "task")
"""Arguments of every such tool; an action's argument of the same name gets another one."""
LONGEST = 64


def promoted_tools(system: str, connections: Iterable[Iterable[Promoted]], taken: Iterable[str]) -> tuple[Tool, ...]:
    """Build the tools of what every connection of a system promotes; raises ConfigurationError for equal names."""
    each = [tuple(one) for one in connections]
    common = [one for one in each[0] if all(one in others for others in each[1:])] if each else []
    names, found = set(taken), []
    for one in common:
        tool = _tool(system, one)
        if tool.name in names:
            raise ConfigurationError(
                f"two tools would be called {tool.name!r}; promote one of them only", object=system
            )
        names.add(tool.name)
        found.append(tool)
    return tuple(found)


def _tool(system: str, promoted: Promoted) -> Tool:
    action, shape = promoted.action, SHAPES[Verb.INVOKE]
    inside = {name if name not in _OWN else f"argument_{name}": name for name in action.parameters}
    definitions: dict[str, JSON] = {}
    properties: dict[str, JSON] = {
        told: {"anyOf": [_hoisted(action.parameters[name], definitions), {"$ref": "#/$defs/ref"}]}
        for told, name in inside.items()
    }
    writes = action.effects != {Effect.READ}
    own = [*(("id",) if action.on_record else ()), *(("key", "approval") if writes else ())]
    properties |= {name: dict(shape.properties[name]) for name in own} | {"task": dict(TASK)}
    required = [told for told, name in inside.items() if name in action.required]
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": properties,
        "required": [*(("id",) if action.on_record else ()), *required],
        "additionalProperties": False,
        "$defs": {**definitions, "ref": _REF},
    }
    name = _ODD.sub("_", f"{system}_{action.name}")[:LONGEST]
    fixed = {"system": system, "object": promoted.object, "action": action.name}
    output = _output(shape.output, action.answers)
    return Tool(name, Verb.INVOKE, action.effects, action.description, schema, output, (system,), fixed, inside)


def _output(answer: Schema, told: Schema) -> Schema:
    """Say what an answer is made of; one that is withheld, or that the system gives otherwise, fits all the same."""
    properties = answer["properties"]
    if not told or not isinstance(properties, Mapping):
        return answer
    definitions: dict[str, JSON] = {}
    either: JSON = {"anyOf": [_hoisted(told, definitions), {"type": "object"}]}
    return {**answer, "properties": {**properties, "answer": either}, "$defs": definitions}


def _hoisted(schema: Mapping[str, JSON], definitions: dict[str, JSON]) -> JSON:
    """Move the definitions of one argument's schema to those of the whole tool, under names of their own."""
    own = schema.get("$defs")
    if not isinstance(own, Mapping):
        return dict(schema)
    names = {name: _free(name, one, definitions, own) for name, one in own.items()}
    for name, one in own.items():
        definitions[names[name]] = _renamed(one, names)
    return _renamed({key: one for key, one in schema.items() if key != "$defs"}, names)


def _free(name: str, schema: JSON, definitions: Mapping[str, JSON], own: Mapping[str, JSON]) -> str:
    found, number = name, 1
    while found == "ref" or (found in definitions and definitions[found] != schema) or (found != name and found in own):
        number += 1
        found = f"{name}_{number}"
    return found


def _renamed(schema: JSON, names: Mapping[str, str]) -> JSON:
    if isinstance(schema, Mapping):
        return {
            key: f"#/$defs/{names.get(one.removeprefix('#/$defs/'), one.removeprefix('#/$defs/'))}"
            if key == "$ref" and isinstance(one, str)
            else _renamed(one, names)
            for key, one in schema.items()
        }
    return [_renamed(one, names) for one in schema] if isinstance(schema, list) else schema
