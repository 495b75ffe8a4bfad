"""Does what is stored show that a write happened whose answer was lost?"""

from isthmus.connectors.sap.below import has_below, holds_below, read_below
from isthmus.connectors.sap.odata.answers import entity_of, etag_of
from isthmus.connectors.sap.odata.options import entity_options
from isthmus.connectors.sap.odata.values import same_value
from isthmus.connectors.sap.reading import read_record, read_rows
from isthmus.connectors.sap.way import Way
from isthmus.core.connector import Outcome, Pending, Settlement, Written
from isthmus.core.errors import NotFound
from isthmus.core.records import Compare, Operator, Query, Row

__all__ = ["LONGEST_UPDATE", "absent", "changed_since", "holds", "read_back", "still_there"]

LONGEST_UPDATE = 900.0
"""Seconds after which a write that is not there will not appear any more: work processes end earlier, and so does what
a system writes after its answer (asynchronous update tasks)."""

Settled = tuple[Settlement, Outcome | None]
_UNSURE: Settled = (Settlement.CANNOT_TELL, None)


async def read_back(way: Way, pending: Pending) -> Settled:
    """Look for the record that a write was about; an action leaves nothing that would prove it."""
    if pending.action or pending.verb not in ("create", "update", "delete"):
        return _UNSURE
    if pending.verb == "create":
        return await _created(way, pending)
    if not pending.id:
        return _UNSURE
    if pending.verb == "delete":
        return await _deleted(way, pending), Written(pending.id)
    names = tuple(name for name in pending.values if name in way.set_of(pending.object).properties)
    try:
        found = await read_record(way, pending.object, pending.id, names)
    except NotFound:
        # Missing and hidden look the same, and what is gone may have gone otherwise.
        return Settlement.CANNOT_TELL, Written(pending.id)
    return changed_since(way, pending, found), Written(pending.id, version=found.version)


async def _deleted(way: Way, pending: Pending) -> Settlement:
    """Look whether the record is there; whoever is hidden for privacy is, too."""
    entity_set = way.set_of(pending.object)
    options = entity_options(entity_set.keys, entity_set, way.service)
    try:
        answer = await way.at_record(pending.object, way.get(way.entity(entity_set, pending.id), options))
    except NotFound:
        return Settlement.HAPPENED
    return still_there(pending, etag_of(entity_of(answer.json(), way.service.version), answer.headers))


def still_there(pending: Pending, version: str | None) -> Settlement:
    """Judge a delete whose record is there: with another version it may have been deleted and made anew."""
    moved = pending.version is not None and version != pending.version
    return Settlement.CANNOT_TELL if moved else absent(pending)


async def _created(way: Way, pending: Pending) -> Settled:
    """Find a new record by the key that it was given; a record that is only alike proves nothing."""
    entity_set = way.set_of(pending.object)
    names = tuple(name for name in pending.values if name in entity_set.properties)
    if pending.key is None:
        return _UNSURE
    where = Compare(pending.key.field, Operator.EQ, pending.key.value)
    rows = await read_rows(way, Query(pending.object, names, where, limit=2))
    if not rows:
        return absent(pending), None
    if len(rows) > 1 or not holds(way, pending, rows[0]):
        return _UNSURE
    if has_below(pending.values, entity_set, way.service):
        # Another record may have this key, and the same values, by chance: with the same records below it is no other.
        stored = await read_below(way, entity_set, rows[0].id, pending.values)
        if not holds_below(pending.values, stored, entity_set, way.service):
            return _UNSURE
    return Settlement.HAPPENED, Written(rows[0].id, created=True, version=rows[0].version)


def changed_since(way: Way, pending: Pending, found: Row) -> Settlement:
    """Judge a change by what its record holds now, and by its version where one is known."""
    same = bool(pending.values) and holds(way, pending, found)
    if pending.version is not None and found.version == pending.version:
        # Every change gives a record another etag, so an equal one rules the write out unless it changed nothing.
        return Settlement.CANNOT_TELL if same else absent(pending)
    return Settlement.HAPPENED if same else Settlement.CANNOT_TELL


def holds(way: Way, pending: Pending, found: Row) -> bool:
    """Tell whether a record holds every value that a write gave it."""
    entity_set = way.set_of(pending.object)
    properties = entity_set.properties
    own = [name for name in pending.values if name in properties or not way.service.made_along(entity_set, name)]
    known = [name for name in own if name in properties and name in found.fields]
    return len(known) == len(own) and all(
        same_value(pending.values[name], found.fields[name], properties[name]) for name in known
    )


def absent(pending: Pending) -> Settlement:
    """Say that a write did not happen, once it can no longer be under way."""
    return Settlement.NOT_HAPPENED if pending.age > LONGEST_UPDATE else Settlement.CANNOT_TELL
