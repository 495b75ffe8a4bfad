"""How does a command read something of a system itself? Governed and recorded like every other look-up."""

from typing import TYPE_CHECKING

from isthmus.core.caller import Caller
from isthmus.core.errors import Denied, IsthmusError

if TYPE_CHECKING:
    from isthmus.core.caller import Principal
    from isthmus.core.connection import Connection
    from isthmus.core.connector import ObjectFacts, Probe
    from isthmus.core.gateway import Gateway
    from isthmus.core.http import CallScope
    from isthmus.core.operation import Operation

__all__ = ["describe", "probe"]

PATIENCE = 15.0
"""Seconds that one look-up may take."""
DOCTOR, MATRIX = "doctor", "policy matrix"


async def probe(gateway: "Gateway", connection: "Connection", user: str) -> "Probe":
    """Ask a connection who it is and what quota is left."""
    principal = connection.principal(Caller(DOCTOR, user or None))
    scope = await _looking_up(gateway, connection, connection.looking_up(""), principal, DOCTOR)
    return await connection.bind(scope).probe()


async def describe(gateway: "Gateway", connection: "Connection", object: str, user: str) -> "ObjectFacts | None":
    """Read what is known of an object; None where the connection has none of that name, or its settings refuse it."""
    principal = connection.principal(Caller(MATRIX, user or None))
    known = connection.known(principal, lambda one: _looking_up(gateway, connection, one, principal, MATRIX))
    try:
        return await known.object(object)
    except IsthmusError as error:
        if isinstance(error, Denied) or error.reason in ("not_found", "invalid_arguments"):
            return None
        raise


async def _looking_up(
    gateway: "Gateway", connection: "Connection", operation: "Operation", principal: "Principal", command: str
) -> "CallScope":
    """Record a look-up that is about to be made, and return the scope to make it in."""
    from isthmus.core.http import CallScope, Meter
    from isthmus.core.journal import Entry, Kind
    from isthmus.core.resilience import Deadline

    entry = Entry(
        kind=Kind.LOOKUP,
        tool=command,
        system=connection.system,
        connection=connection.name,
        object=operation.object,
        zone=connection.zone,
        effects=tuple(sorted(operation.effects)),
    )
    await gateway.parts.journal.transact(lambda transaction: transaction.append(entry))
    return CallScope(
        principal=principal,
        operation=operation,
        deadline=Deadline.after(PATIENCE, gateway.parts.clock),
        permit=None,
        meter=Meter(),
        correlation_id=gateway.parts.new_id(),
        agent=command,
    )
