"""Does what is stored show that a write happened whose answer was lost?"""

from collections.abc import Mapping, Sequence

from isthmus.connectors.servicenow.answers import VERSION, text_at
from isthmus.connectors.servicenow.values import plain, same_value, wire
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts, Pending, Settlement
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["LONGEST_TRANSACTION", "absent", "altered", "readable", "settle", "write_only"]

LONGEST_TRANSACTION = 600.0
"""Seconds after which a write that is not there will not appear any more; an instance ends REST calls far earlier."""


def write_only(field: FieldFacts) -> bool:
    """Tell whether a field never comes back as it was written: journals are empty, passwords are stars."""
    return not field.filterable and field.type in (FieldType.TEXT, FieldType.OTHER, FieldType.BINARY)


def readable(facts: ObjectFacts, values: Mapping[str, JSON]) -> tuple[str, ...]:
    """Name those of the values that can be compared with what is stored."""
    return tuple(name for name in values if not write_only(facts.field(name)))


def altered(facts: ObjectFacts, sent: Mapping[str, str], stored: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what is stored otherwise than it was sent: ignored for want of a right, computed, or changed by a rule."""
    return {
        name: plain(stored.get(name), facts.field(name).type)
        for name in readable(facts, sent)
        if not same_value(sent[name], stored.get(name))
    }


def settle(pending: Pending, facts: ObjectFacts, found: Sequence[Mapping[str, JSON]]) -> Settlement:
    """Judge a create, an update or an upsert by the records that it may have made or changed, as they are now.

    A record that holds other values may have been changed since, by a rule or by somebody else: that is no proof.
    """
    if len(found) > 1:
        return Settlement.CANNOT_TELL
    if not found:
        # An update of a record that is gone may have happened before it went.
        return Settlement.CANNOT_TELL if pending.key is None else absent(pending)
    row, names = found[0], readable(facts, pending.values)
    same = bool(names) and all(_same(facts.field(name), pending.values[name], row.get(name)) for name in names)
    if pending.version is not None and text_at(row, VERSION) == pending.version:
        # Every change counts the version up, so an equal one rules the write out unless it changed nothing.
        return Settlement.CANNOT_TELL if same else absent(pending)
    return Settlement.HAPPENED if same else Settlement.CANNOT_TELL


def _same(field: FieldFacts, sent: JSON, stored: JSON) -> bool:
    try:
        return same_value(wire(sent, field), stored)
    except InvalidArguments:
        return False


def absent(pending: Pending) -> Settlement:
    """Say that a write did not happen, once it can no longer be under way."""
    return Settlement.NOT_HAPPENED if pending.age > LONGEST_TRANSACTION else Settlement.CANNOT_TELL
