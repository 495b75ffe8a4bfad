"""Does what is stored show that a write happened whose answer was lost?"""

from collections.abc import Awaitable, Callable, Sequence

from isthmus.connectors.openapi.reads import Collection
from isthmus.core.connector import Outcome, Pending, Settlement, Written
from isthmus.core.errors import NotFound
from isthmus.core.records import Compare, Operator, Query, Row

__all__ = ["LONGEST", "read_back"]

LONGEST = 3_600.0
"""Seconds after which a write that is not there will not appear any more: no gateway holds a request that long."""

Settled = tuple[Settlement, Outcome | None]
Reads = Callable[[str, Sequence[str]], Awaitable[Row]]
_UNSURE: Settled = (Settlement.CANNOT_TELL, None)


async def read_back(pending: Pending, collection: Collection | None, reads: Reads | None) -> Settled:
    """Look for the record that a write was about; an operation leaves nothing that would prove it."""
    if pending.action:
        return _UNSURE
    if pending.verb == "create" and collection is not None and pending.key is not None:
        return await _created(pending, collection)
    if pending.verb not in ("update", "delete") or not pending.id or reads is None:
        return _UNSURE
    try:
        found = await reads(pending.id, tuple(pending.values))
    except NotFound:
        # Missing and hidden look the same, and what is gone may have gone otherwise.
        return Settlement.CANNOT_TELL, Written(pending.id)
    if pending.verb == "delete":
        return _absent(pending), Written(pending.id)
    same = bool(pending.values) and _holds(pending, found)
    unchanged = pending.version is not None and found.version == pending.version
    if unchanged:
        return (Settlement.CANNOT_TELL if same else _absent(pending)), Written(pending.id)
    return (Settlement.HAPPENED if same else Settlement.CANNOT_TELL), Written(pending.id, version=found.version)


async def _created(pending: Pending, collection: Collection) -> Settled:
    """Find a new record by the key that it was given; a record that is only alike proves nothing."""
    if pending.key is None:
        return _UNSURE
    where = Compare(pending.key.field, Operator.EQ, pending.key.value)
    rows = await collection.query(Query(pending.object, tuple(pending.values), where, limit=2))
    if not rows:
        return _absent(pending), None
    if len(rows) > 1 or not _holds(pending, rows[0]):
        return _UNSURE
    return Settlement.HAPPENED, Written(rows[0].id, created=True, version=rows[0].version)


def _holds(pending: Pending, found: Row) -> bool:
    return all(found.fields.get(name) == value for name, value in pending.values.items())


def _absent(pending: Pending) -> Settlement:
    """Say that a write did not happen, once it can no longer be under way."""
    return Settlement.NOT_HAPPENED if pending.age > LONGEST else Settlement.CANNOT_TELL
