"""Which requests tell what a table is made of, and what if this identity may not make them?"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from isthmus.connectors.servicenow.answers import text_at
from isthmus.connectors.servicenow.describe import Dictionary, Entry
from isthmus.connectors.servicenow.faults import CANCELLED
from isthmus.connectors.servicenow.pages import Found
from isthmus.connectors.servicenow.queries import groups_of, text_of
from isthmus.core.errors import InvalidArguments, IsthmusError, NotFound, UpstreamRejected
from isthmus.core.records import JSON, AllOf, AnyOf, Compare, Condition, Operator, Order

__all__ = ["METADATA", "read_dictionary"]

LINKS = "m2m_dictionary_dataclass"
METADATA = frozenset({"sys_db_object", "sys_dictionary", "sys_choice", "sys_documentation", LINKS})
MOST_ROWS = 10_000
DEPTH = 8
_PARENTS = tuple(".".join(["super_class"] * depth + ["name"]) for depth in range(1, DEPTH + 1))
_COLUMNS = (
    *("sys_id", "name", "element", "internal_type", "column_label", "reference", "max_length", "choice", "mandatory"),
    *("read_only", "display", "unique"),
)

Read = Callable[[str, str, Sequence[str], int], Awaitable[Found]]
"""Read records of a table: its name, an encoded query, fields, and how many at most."""


async def read_dictionary(read: Read, name: str, language: str) -> Dictionary:
    """Read what an instance says of a table and its parents.

    Raises:
        NotFound: there is no such table, or this identity may not know of it.
        UpstreamRejected: this identity may not read how tables are made, so what a field holds cannot be told.
    """
    line = await _line(read, name)
    chain = line.chain
    here = Compare("name", Operator.IN, tuple(chain))
    active = AllOf(
        (here, Compare("active", Operator.EQ, True), Compare("element", Operator.NE, None))  # noqa: FBT003 a literal
    )
    columns = (await _needed(read, "sys_dictionary", active, _COLUMNS, name)).records
    if not columns:
        raise _hidden("sys_dictionary", name)
    spoken = Compare("language", Operator.EQ, language)
    offered = AllOf((here, spoken, Compare("inactive", Operator.EQ, False)))  # noqa: FBT003 a literal
    choices = await _optional(read, "sys_choice", offered, ("sys_id", "name", "element", "value", "label"), "sequence")
    labels = await _optional(read, "sys_documentation", AllOf((here, spoken)), ("sys_id", "name", "element", "label"))
    named = {(text_at(one, "name"), text_at(one, "element")): text_at(one, "label") for one in labels}
    classes, unread = await _classified(read, chain)
    entries = tuple(_entry(one, named) for one in columns if text_at(one, "element"))
    found = Dictionary(chain, line.label, entries, _grouped(choices), classes, unread)
    return replace(found, below=line.below, more_below=line.hidden)


@dataclass(frozen=True, slots=True)
class _Line:
    """A table and those above it, and the tables below it; `hidden` tells that there may be more of these."""

    chain: Sequence[str]
    label: str
    below: tuple[str, ...]
    hidden: bool


async def _line(read: Read, name: str) -> _Line:
    """Go up to the last parent; the first look finds the tables below too, whose records are its own as well."""
    chain, label, next_name = [name], "", name
    first: Found | None = None
    while next_name:
        own = Compare("name", Operator.EQ, next_name)
        where = own if first else AnyOf((own, *(Compare(parent, Operator.EQ, name) for parent in _PARENTS)))
        found = await _needed(read, "sys_db_object", where, ("sys_id", "name", "label", *_PARENTS), name)
        row = next((one for one in found.records if text_at(one, "name") == next_name), None)
        if row is None and found.hidden:
            raise _hidden("sys_db_object", name)
        if row is None:
            raise NotFound(f"there is no table {name!r} that this identity may see", object=name)
        first = first or found
        label = label or text_at(row, "label")
        parents = [text_at(row, parent) for parent in _PARENTS]
        chain += [one for one in parents if one and one not in chain]
        next_name = parents[-1] if parents[-1] != next_name and len(chain) < 5 * DEPTH else ""
    named = dict.fromkeys(text_at(one, "name") for one in first.records) if first else {}
    return _Line(chain, label, tuple(one for one in named if one and one != name), bool(first and first.hidden))


async def _classified(read: Read, chain: Sequence[str]) -> tuple[Mapping[tuple[str, str], Sequence[str]], bool]:
    """Read the data classes of columns; True where some may be hidden, so that nobody knows what a column holds.

    The link table is looked up first: where it is not, this instance classifies nothing, and a condition on a column
    that it lacks would be ignored.
    """
    own = AllOf((Compare("name", Operator.EQ, LINKS), Compare("element", Operator.NE, None)))
    try:
        columns = await read("sys_dictionary", _text(own), ("sys_id", "element", "reference"), MOST_ROWS)
        links = {text_at(one, "reference"): text_at(one, "element") for one in columns.records}
        column, class_ = links.get("sys_dictionary", ""), links.get("data_classification", "")
        if not column or not class_:
            return {}, bool(columns.records) or columns.hidden
        names = (f"{column}.name", f"{column}.element", f"{class_}.name")
        found = await read(LINKS, _text(Compare(names[0], Operator.IN, tuple(chain))), ("sys_id", *names), MOST_ROWS)
    except (UpstreamRejected, NotFound, InvalidArguments) as error:
        _check_forbidden(error)
        return {}, True
    classes: dict[tuple[str, str], list[str]] = {}
    for one in found.records:
        table, element, told = (text_at(one, name) for name in names)
        classes.setdefault((table, element), []).append(told)
    blank = any(not (table and element and all(some)) for (table, element), some in classes.items())
    return classes, found.hidden or blank


async def _needed(read: Read, table: str, where: Condition, fields: Sequence[str], name: str) -> Found:
    try:
        found = await read(table, _text(where), fields, MOST_ROWS)
    except (UpstreamRejected, NotFound) as error:
        _check_forbidden(error)
        raise _hidden(table, name) from error
    if found.hidden and not found.records:
        raise _hidden(table, name)
    return found


async def _optional(
    read: Read, table: str, where: Condition, fields: Sequence[str], sort: str = ""
) -> Sequence[Mapping[str, JSON]]:
    try:
        return (await read(table, _text(where, sort), fields, MOST_ROWS)).records
    except (UpstreamRejected, NotFound) as error:
        _check_forbidden(error)
        return ()


def _check_forbidden(error: IsthmusError) -> None:
    """Pass on what is no matter of rights: the same question may be answered next time."""
    if error.vendor_code == CANCELLED:
        raise error


def _hidden(table: str, name: str) -> UpstreamRejected:
    return UpstreamRejected(
        f"what the fields of {name!r} hold cannot be told, since this identity may not read {table}; have the "
        f"instance's administrator grant it read on {', '.join(sorted(METADATA))}",
        code="metadata_hidden",
        object=name,
    )


def _text(where: Condition, sort: str = "") -> str:
    order = (*([Order(sort)] if sort else []), Order("sys_id"))
    return text_of(groups_of(where), order)


def _entry(raw: Mapping[str, JSON], labels: Mapping[tuple[str, str], str]) -> Entry:
    table, name, length = text_at(raw, "name"), text_at(raw, "element"), text_at(raw, "max_length")
    return Entry(
        table=table,
        name=name,
        type=text_at(raw, "internal_type") or "string",
        label=labels.get((table, name)) or text_at(raw, "column_label"),
        reference=text_at(raw, "reference"),
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 10 else 0,
        choice=text_at(raw, "choice"),
        required=text_at(raw, "mandatory") == "true",
        read_only=text_at(raw, "read_only") == "true",
        display=text_at(raw, "display") == "true",
        unique=text_at(raw, "unique") == "true",
    )


def _grouped(choices: Sequence[Mapping[str, JSON]]) -> Mapping[tuple[str, str], Mapping[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one in choices:
        value, kept = text_at(one, "value"), found.setdefault((text_at(one, "name"), text_at(one, "element")), {})
        if value:
            kept.setdefault(value, text_at(one, "label") or value)
    return found
