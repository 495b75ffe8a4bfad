"""Which lines of a load were written whose answer was lost?"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from isthmus.connectors.sap.faults import ABSENT
from isthmus.connectors.sap.loads import rows_by_ids, rows_by_keys
from isthmus.connectors.sap.odata.values import spelling
from isthmus.connectors.sap.readback import absent, changed_since, holds
from isthmus.connectors.sap.way import Way
from isthmus.core.connector import Line, LineOutcome, Load, Loaded, Pending, Settlement
from isthmus.core.records import Row

__all__ = ["read_load_back"]

Told = tuple[Settlement, str]


async def read_load_back(way: Way, pending: Pending, load: Load) -> tuple[Settlement, Loaded | None]:
    """Tell of every line whether it was written; as long as one cannot be told, the load cannot."""
    sent = [line for number, line in enumerate(load.lines) if number not in load.unsent]
    if load.action == "create":
        if not load.key_field or any(not line.key for line in sent):
            return Settlement.CANNOT_TELL, None
        settled = await _by_key(way, pending, load, sent)
    elif load.action in ("update", "delete"):
        settled = await _by_id(way, pending, load, sent)
    else:
        return Settlement.CANNOT_TELL, None
    found = {told for told, _ in settled}
    if Settlement.CANNOT_TELL in found:
        return Settlement.CANNOT_TELL, None
    if found == {Settlement.NOT_HAPPENED}:
        return Settlement.NOT_HAPPENED, None
    created = load.action == "create"
    outcomes = (
        LineOutcome(id, created=created) if told is Settlement.HAPPENED else LineOutcome(code="not_written")
        for told, id in settled
    )
    every = range(len(load.lines))
    return Settlement.HAPPENED, Loaded([load.unsent[at] if at in load.unsent else next(outcomes) for at in every])


def _named(way: Way, load: Load) -> tuple[str, ...]:
    properties = way.set_of(load.object).properties
    return tuple(dict.fromkeys(name for line in load.lines for name in line.values if name in properties))


async def _by_key(way: Way, pending: Pending, load: Load, lines: Sequence[Line]) -> Sequence[Told]:
    """Find each line by the key that it was given; a record that is only alike proves nothing."""
    property = way.set_of(load.object).properties[load.key_field]
    keys = [line.key for line in lines if line.key]
    rows = await rows_by_keys(way, load, keys, _named(way, load))

    def told(line: Line) -> Told:
        mine = rows.get(spelling(line.key, property), [])
        asked = replace(pending, verb="create", values=line.values, load=None)
        if not mine:
            return absent(pending), ""
        one = mine[0]
        alone = len(mine) == 1 and holds(way, asked, one)
        return (Settlement.HAPPENED, one.id) if alone else (Settlement.CANNOT_TELL, "")

    return [told(line) for line in lines]


async def _by_id(way: Way, pending: Pending, load: Load, lines: Sequence[Line]) -> Sequence[Told]:
    rows, refused = await rows_by_ids(way, load.object, [line.id for line in lines], _named(way, load))
    gone = {id for id, one in refused.items() if one.code == ABSENT}
    return [(_of_record(way, pending, load, line, rows.get(line.id), gone), line.id) for line in lines]


def _of_record(
    way: Way, pending: Pending, load: Load, line: Line, row: Row | None, gone: Collection[str]
) -> Settlement:
    """Judge one line that was sent; other values than it gave may be somebody's later ones."""
    if row is None:
        # It was there when its version was read, just before the line left.
        done = load.action == "delete" and line.id in gone
        return Settlement.HAPPENED if done else Settlement.CANNOT_TELL
    if load.action == "delete":
        return absent(pending)
    asked = replace(pending, verb="update", id=line.id, values=line.values, version=None, load=None)
    return changed_since(way, asked, row)
