"""Which call is a request of a system's own SDK that no verb expresses? A read, or nothing."""

from collections.abc import Mapping

import httpx2

from isthmus.core.errors import Denied, InvalidArguments
from isthmus.core.operation import Effect, Verb
from isthmus.core.parts import System
from isthmus.core.records import JSON
from isthmus.core.tools import Tool

__all__ = ["relayed"]

LONGEST = 200_000


def relayed(system: System, request: httpx2.Request) -> tuple[Tool, Mapping[str, JSON]]:
    """Return the call that stands for a raw request: a describe of metadata, else an invocation that reads.

    Raises:
        Denied: it writes, or the connector does not know what it does.
        InvalidArguments: it concerns several objects, several connections hold what it asks for, or it is too long.
    """
    connector = next(iter(system.connections.values())).connector
    parts = connector.classify(request)
    what = f"{request.method} {request.url.path}"
    if not parts or any(part.effect is not Effect.READ for part in parts):
        raise Denied(
            f"{what} of an SDK was not sent: it is no read that the connector of {system.name!r} knows. Use a verb "
            "of the session that says the same.",
            code="not_relayed",
            object=system.name,
        )
    objects = {part.object for part in parts}
    if len(objects) > 1:
        raise InvalidArguments(f"{what} reads {' and '.join(sorted(objects))} at once; ask for one", object=system.name)
    told: dict[str, JSON] = {"system": system.name, "object": objects.pop()}
    if all(part.metadata for part in parts):
        return _tool(Verb.DESCRIBE, system), told
    if len(system.connections) > 1:
        raise InvalidArguments(
            f"{what} cannot be asked of {' and '.join(system.connections)} at once; use a query", object=system.name
        )
    body = request.content.decode("utf-8", "replace")
    words = f"{request.method} {request.url.raw_path.decode('ascii')} {body}"
    if len(words) > LONGEST:
        raise InvalidArguments(f"{what} has more than {LONGEST} characters; ask for less", object=system.name)
    return _tool(Verb.INVOKE, system), told | {"request": words}


def _tool(verb: Verb, system: System) -> Tool:
    """Make the tool that such a call goes by; it is on no list, since only a bridge can fill it in."""
    text: JSON = {"type": "string"}
    schema: Mapping[str, JSON] = {
        "type": "object",
        "properties": {"system": text, "object": text, "request": text},
        "additionalProperties": False,
    }
    return Tool("relay", verb, frozenset({Effect.READ}), "", schema, {}, (system.name,))
