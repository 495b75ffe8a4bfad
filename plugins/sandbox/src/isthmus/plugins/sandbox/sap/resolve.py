"""To which row, rows or property does a path lead?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .errors import Refused, bad, not_found
from .odata.paths import Segment, named, read_key
from .schema import Link, Operation, Table
from .store import Row
from .values import Value

if TYPE_CHECKING:
    from .call import Call


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: a collection (`row` is None and `many`), a row, or something of a row.

    `rows` are those of a collection that hangs below `owner` over `link`; None stands for the whole entity set.
    """

    table: Table
    row: Row | None = None
    many: bool = False
    rows: tuple[Row, ...] | None = None
    owner: Row | None = None
    link: Link | None = None
    tail: str = ""
    field: str = ""
    operation: Operation | None = None
    arguments: dict[str, Value] | None = None


def resolve(call: "Call", path: Sequence[Segment]) -> Target:
    """Follow a path from the service's root; raises Refused and Malformed."""
    first, *others = path
    table = call.service.find(first.name)
    if table is None:
        raise not_found(first.name)
    target = Target(table, many=True)
    if first.inside is not None:
        target = _picked(call, target, first)
    for segment in others:
        target = _step(call, target, segment)
    return target


def _picked(call: "Call", target: Target, segment: Segment) -> Target:
    """Return the row of a collection that a key names."""
    table = target.table
    key = read_key(segment.inside or "", table, call.version)
    row = call.view.get(table, key)
    if row is None or (target.rows is not None and row not in target.rows):
        raise not_found(segment.name)
    return Target(table, row)


def _step(call: "Call", target: Target, segment: Segment) -> Target:
    if target.tail or target.operation is not None:
        raise not_found(segment.name)
    if segment.name == "$count" and target.many:
        return replace(target, tail="$count")
    if target.row is None:
        raise not_found(segment.name)
    if target.field:
        if segment.name != "$value":
            raise not_found(segment.name)
        return replace(target, tail="$value")
    if "." in segment.name and call.version == 4:
        return _operation(call, target, segment)
    if segment.name in target.table.fields and segment.inside is None:
        return replace(target, field=segment.name)
    return _followed(call, target, segment)


def _followed(call: "Call", target: Target, segment: Segment) -> Target:
    link = call.service.link(target.table, segment.name)
    if link is None or target.row is None:
        raise not_found(segment.name)
    table = call.service.tables[link.table]
    rows = tuple(call.view.follow(link, target.row))
    if not link.many:
        if not rows and call.method == "GET":
            raise _nothing(call, segment.name)
        return Target(table, rows[0] if rows else None, owner=target.row, link=link)
    below = Target(table, many=True, rows=rows, owner=target.row, link=link)
    if segment.inside is None:
        return below
    inside = segment.inside
    return _picked(call, below, Segment(segment.name, inside))


def _nothing(call: "Call", name: str) -> Refused:
    return Refused(204, "", "") if call.version == 4 else not_found(name)


def _operation(call: "Call", target: Target, segment: Segment) -> Target:
    namespace, _, name = segment.name.rpartition(".")
    operation = call.service.operations.get(name)
    if operation is None or namespace not in (call.service.namespace, "SAP__self") or operation.on != target.table.name:
        raise not_found(segment.name)
    if operation.reads != (segment.inside is not None):
        raise bad(f"'{name}' is called {'with' if operation.reads else 'without'} brackets")
    inside = segment.inside or ""
    fields = {each.name: each for each in operation.parameters}
    arguments = named(inside, fields, 4) if inside else {}
    return replace(target, operation=operation, arguments=arguments)
