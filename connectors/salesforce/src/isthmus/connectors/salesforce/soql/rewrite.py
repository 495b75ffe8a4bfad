"""How is a query changed before it is sent: fields added, FIELDS(...) spelled out, filters and limits tightened?

`child` names a subquery by the child relationships that lead to it, as in ("Contacts",); empty means the query itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .ast import Aliased, And, Call, Condition, FieldRef, Fields, FieldsKind, OrderBy, Select, SelectItem
from .names import SoqlError
from .reads import Path, kept_name


def with_fields(select: Select, paths: Iterable[Path], *, child: Path = ()) -> Select:
    """Select these fields too, where they are not selected yet; a query of groups has no place for them and stays.

    Raises SoqlError where FIELDS(...) is not expanded, or where another item answers under a field's name: the vendor
    refuses a name selected twice.
    """
    return _at(select, child, lambda query: _with_fields(query, paths))


def _with_fields(select: Select, paths: Iterable[Path]) -> Select:
    if select.aggregated:
        return select
    if any(isinstance(item, Fields) for item in select.items):
        raise SoqlError("Fields cannot be added beside FIELDS(...); expand it first.")
    present = {_key(item.path) for item in select.items if isinstance(item, FieldRef)}
    taken = set(_answered_otherwise(select.items))
    added: list[FieldRef] = []
    for path in paths:
        if _key(path) in taken:
            raise SoqlError(f"Another item already answers as {'.'.join(path)}; give it another alias.")
        if _key(path) not in present:
            present.add(_key(path))
            added.append(FieldRef(path))
    return replace(select, items=(*select.items, *added)) if added else select


def _answered_otherwise(items: Iterable[SelectItem]) -> Iterable[Path]:
    for item in items:
        if isinstance(item, Aliased):
            yield _key((item.alias,))
        elif isinstance(item, Call) and (field := kept_name(item)) is not None:
            yield _key(field.path)


def expand_fields(select: Select, names: Mapping[FieldsKind, Iterable[str]], *, child: Path = ()) -> Select:
    """Write out FIELDS(...): `names` holds the field names that each kind stands for; none is selected twice."""
    return _at(select, child, lambda query: _expand_fields(query, names))


def _expand_fields(select: Select, names: Mapping[FieldsKind, Iterable[str]]) -> Select:
    present = {_key(item.path) for item in select.items if isinstance(item, FieldRef)}
    items: list[SelectItem] = []
    for item in select.items:
        if not isinstance(item, Fields):
            items.append(item)
            continue
        if item.kind not in names:
            raise SoqlError(f"FIELDS({item.kind}) cannot be expanded without its field names; pass them.")
        for name in names[item.kind]:
            if _key((name,)) not in present:
                present.add(_key((name,)))
                items.append(FieldRef((name,)))
    return replace(select, items=tuple(items))


def with_limit(select: Select, rows: int, *, child: Path = ()) -> Select:
    """Return at most this many rows: a lower LIMIT of the query stays."""
    return _at(
        select, child, lambda query: replace(query, limit=rows if query.limit is None else min(rows, query.limit))
    )


def with_order(select: Select, orders: Iterable[OrderBy]) -> Select:
    """Sort by these too, after what the query sorts by; a query of groups stays as it is."""
    if select.aggregated:
        return select
    present = {order.expression for order in select.order_by}
    added = tuple(order for order in orders if order.expression not in present)
    return replace(select, order_by=(*select.order_by, *added))


def and_where(select: Select, condition: Condition, *, child: Path = ()) -> Select:
    """Require this condition beside what the query already filters by."""
    return _at(select, child, lambda query: replace(query, where=_both(query.where, condition)))


def _both(existing: Condition | None, condition: Condition) -> Condition:
    match existing:
        case None:
            return condition
        case And():
            return And((*existing.terms, condition))
        case _:
            return And((existing, condition))


def _at(select: Select, child: Path, change: Callable[[Select], Select]) -> Select:
    if not child:
        return change(select)
    wanted = child[0].lower()
    items = tuple(
        _at(item, child[1:], change) if isinstance(item, Select) and item.object.lower() == wanted else item
        for item in select.items
    )
    if not any(isinstance(item, Select) and item.object.lower() == wanted for item in items):
        raise SoqlError(f"The query has no subquery over {child[0]}; name a child relationship that it selects.")
    return replace(select, items=items)


def _key(path: Path) -> Path:
    return tuple(part.lower() for part in path)
