"""How do the parameters of all places and the parts of the body become one flat list of arguments?"""

import re
from collections.abc import Iterable, Iterator

from isthmus.connectors.openapi.document import Argument, Body, In, Parameter
from isthmus.connectors.openapi.schemas import Schema

__all__ = ["KEY_HEADER", "flat"]

KEY_HEADER = "idempotency-key"
"""The header that core fills with the key of a call (draft-ietf-httpapi-idempotency-key-header)."""
LONGEST = 64
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


def flat(parameters: Iterable[Parameter], body: Body | None) -> tuple[Argument, ...]:
    """Name every argument once: what several places have in common is told apart by its place."""
    told = [*_of_parameters(parameters), *(_of_body(body) if body else ())]
    plain = [one.name.lower() for one in told]
    taken, found = set[str](), []
    for one in told:
        name = one.name if plain.count(one.name.lower()) == 1 else f"{one.place.value}_{one.name}"
        name, number = name[:LONGEST], 1
        while name.lower() in taken:
            number += 1
            name = f"{name[: LONGEST - 4]}_{number}"
        taken.add(name.lower())
        found.append(Argument(name, one.place, one.target, one.schema, one.required))
    return tuple(found)


def _of_parameters(parameters: Iterable[Parameter]) -> Iterator[Argument]:
    for one in parameters:
        if one.place is In.HEADER and one.name.lower() == KEY_HEADER:
            continue
        schema = dict(one.schema)
        if one.place is In.PATH and schema.get("type") == "string":
            # An empty segment would lead elsewhere.
            schema.setdefault("minLength", 1)
        yield Argument(_named(one.name), one.place, one.name, _described(schema, one.description), one.required)


def _of_body(body: Body) -> Iterator[Argument]:
    if body.properties is None:
        yield Argument("body", In.BODY, "", _described(dict(body.schema), body.description), body.required)
        return
    for name, schema in body.properties.items():
        yield Argument(_named(name), In.BODY, name, schema, body.required and name in body.needed)


def _named(name: str) -> str:
    return _ODD.sub("_", name).strip("_") or "value"


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description and "description" not in schema else schema
