"""Which tools are offered: one per verb over all systems, with the schemas that arguments and answers must fit."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

import jsonschema_rs

from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON
from isthmus.core.schemas import DEFS, SHAPES, TASK, Schema, Shape

__all__ = ["Tool", "surface"]

_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Tool:
    """A typed operation that an agent may call; `effects` are the most it can do.

    Where it is one action, `fixed` are the arguments of its verb that a call need not give, and `inside` maps those
    that are the action's own to the names that they have there.
    """

    name: str
    verb: Verb
    effects: frozenset[Effect]
    description: str
    input_schema: Schema
    output_schema: Schema
    systems: tuple[str, ...] = field(default=())
    fixed: Mapping[str, JSON] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)

    def whole(self, arguments: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """Return the arguments as its verb takes them."""
        if not self.fixed:
            return arguments
        told = {self.inside[name]: value for name, value in arguments.items() if name in self.inside}
        own = {name: value for name, value in arguments.items() if name not in self.inside}
        return {**own, **self.fixed, **({"arguments": told} if told else {})}

    def narrowed(self, systems: tuple[str, ...]) -> "Tool":
        """Return the same tool for some of its systems only."""
        properties = self.input_schema["properties"]
        known = dict(properties) if isinstance(properties, Mapping) else {}
        schema = {**self.input_schema, "properties": known | {"system": {"enum": list(systems)}}}
        return replace(self, systems=systems, input_schema=schema)

    @cached_property
    def schema_hash(self) -> str:
        """Digest name, description and input schema, so that a changed tool is noticed."""
        told = json.dumps([self.name, self.description, self.input_schema], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(dict(self.input_schema))

    def check(self, arguments: Mapping[str, JSON]) -> None:
        """Refuse arguments that do not fit; the sentence names the argument and never repeats its value."""
        try:
            _texts(arguments) or _STRICT.encode(arguments).encode()
        except (ValueError, TypeError, RecursionError):
            raise InvalidArguments(
                f"{self.name}: the arguments hold what JSON cannot carry: a lone surrogate, a number that is none, an "
                "unknown type or too many levels"
            ) from None
        if self._validator.is_valid(arguments):
            return
        for problem in self._validator.iter_errors(arguments):
            where = ".".join(str(part) for part in problem.instance_path)
            raise InvalidArguments(f"{self.name}: {self._complaint(where, problem, arguments)}", field=where)

    def _complaint(self, where: str, problem: jsonschema_rs.ValidationError, arguments: Mapping[str, JSON]) -> str:
        known = self.input_schema.get("properties")
        required = self.input_schema.get("required")
        names = known if isinstance(known, Mapping) else {}
        if not where:
            unknown = sorted(set(arguments) - set(names))
            if unknown:
                return f"unknown argument {unknown[0]!r}{nearest(unknown[0], names)} (it takes {', '.join(names)})"
            wanted = required if isinstance(required, list) else []
            absent = [name for name in wanted if isinstance(name, str) and name not in arguments]
            if absent:
                return f"argument {absent[0]!r} is missing"
            return "the arguments do not fit together; see the tool's input schema"
        rule = str(problem.schema_path[-1]) if problem.schema_path else "schema"
        return f"argument {where!r} does not fit its schema ({rule})"


def _texts(arguments: Mapping[str, JSON]) -> bool:
    """Tell whether arguments are texts and lists of texts only, which JSON carries; raises UnicodeEncodeError."""
    told: list[JSON] = [*arguments]
    for value in arguments.values():
        if type(value) is list:
            told += value
        else:
            told.append(value)
    try:
        "".join(cast("list[str]", told)).encode()
    except TypeError:
        return False
    return True


def surface(systems: Mapping[str, Iterable[str]]) -> tuple[Tool, ...]:
    """Build the tools for logical systems, given the verbs that each one's connectors implement."""
    return tuple(_tool(verb, shape, systems) for verb, shape in SHAPES.items() if _serving(verb, systems))


def _serving(verb: Verb, systems: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted(name for name, verbs in systems.items() if verb in verbs or verb is Verb.DESCRIBE))


def _tool(verb: Verb, shape: Shape, systems: Mapping[str, Iterable[str]]) -> Tool:
    serving = _serving(verb, systems)
    properties: dict[str, JSON] = {"system": {"enum": list(serving)}, **shape.properties, "task": TASK}
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": properties,
        "required": ["system", *shape.required],
        "additionalProperties": False,
    }
    if shape.one_of:
        schema["oneOf"] = [{"required": list(names)} for names in shape.one_of]
    if "#/$defs/" in str(properties):
        schema["$defs"] = DEFS if "condition" in str(properties) else {"value": DEFS["value"]}
    return Tool(verb.value, verb, frozenset(shape.effects), shape.description, schema, shape.output, serving)
