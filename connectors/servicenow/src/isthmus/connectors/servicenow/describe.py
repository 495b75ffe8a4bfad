"""What does an instance's own metadata say of a table, and which classes follow from it?"""

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from isthmus.connectors.servicenow.answers import CLASS
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts

__all__ = ["MIRRORS", "STATE", "Dictionary", "Entry", "moves_state", "object_facts"]

STATE = "state"
MIRRORS = frozenset({"incident_state", "problem_state"})
"""Fields that an instance keeps like `state`, so that writing one would be a transition by another name."""

_ADDRESSES = frozenset({"sys_user", "cmn_location", "core_company", "customer_account", "customer_contact"})
"""Tables in which `state` is a part of an address."""

_TYPES = {
    "GUID": FieldType.ID,
    "reference": FieldType.REFERENCE,
    "boolean": FieldType.BOOLEAN,
    "integer": FieldType.INTEGER,
    "longint": FieldType.INTEGER,
    "decimal": FieldType.NUMBER,
    "float": FieldType.NUMBER,
    "percent_complete": FieldType.NUMBER,
    "glide_date": FieldType.DATE,
    "glide_date_time": FieldType.DATETIME,
    "due_date": FieldType.DATETIME,
    "calendar_date_time": FieldType.DATETIME,
    "html": FieldType.TEXT,
    "translated_html": FieldType.TEXT,
    "wiki_text": FieldType.TEXT,
    "script": FieldType.TEXT,
    "journal": FieldType.TEXT,
    "journal_input": FieldType.TEXT,
    "journal_list": FieldType.TEXT,
    "glide_duration": FieldType.OTHER,
    "timer": FieldType.OTHER,
    "glide_time": FieldType.OTHER,
    "user_image": FieldType.BINARY,
    "image": FieldType.BINARY,
    "password": FieldType.OTHER,
    "password2": FieldType.OTHER,
}
_JOURNALS = frozenset({"journal", "journal_input", "journal_list"})
_BY_TYPE = {
    "email": frozenset({"pii"}),
    "ph_number": frozenset({"pii"}),
    "phone_number_e164": frozenset({"pii"}),
    "password": frozenset({"secret"}),
    "password2": frozenset({"secret"}),
}
_TEXT_FROM = 256
_IMPERSONAL = frozenset(
    {FieldType.ID, FieldType.REFERENCE, FieldType.BOOLEAN, FieldType.INTEGER, FieldType.CHOICE, FieldType.DATETIME}
)
_SEARCHED = ("number", "name", "short_description", "title")
_UNMAPPED = "secret"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the dictionary; `table` is where the column is defined, which may be a parent."""

    table: str
    name: str
    type: str = "string"
    label: str = ""
    reference: str = ""
    length: int = 0
    choice: str = ""
    required: bool = False
    read_only: bool = False
    display: bool = False
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Dictionary:
    """All that was read of a table; `chain` begins with itself and goes up to its last parent.

    `choices` (labels by value) and `classes` are by table and column. `unread` is True where this identity may not
    read how the instance classifies its fields. `below` are the tables that extend this one, `more_below` tells that
    this identity may not know of all of them.
    """

    chain: Sequence[str]
    label: str
    entries: Sequence[Entry]
    choices: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    classes: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    unread: bool = False
    below: tuple[str, ...] = ()
    more_below: bool = False


@dataclass(frozen=True, slots=True)
class _Shipped:
    """The row of the shipped table for one object."""

    person: bool = False
    country: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Table:
    objects: Mapping[str, _Shipped]
    system: frozenset[str]
    data_classes: Mapping[str, str]


def moves_state(table: str, name: str) -> bool:
    """Tell whether writing a field changes a record's state."""
    return (name == STATE and table not in _ADDRESSES) or name in MIRRORS


def object_facts(told: Dictionary, mapped: Mapping[str, Sequence[str]]) -> ObjectFacts:
    """Build the facts of a table; `mapped` is what the operator says of the instance's own data classes.

    The shipped table, the instance's data classes and the type add up; what all of them leave open is unclassified. A
    column is described once, by the table nearest to the one asked for. A free text may hold whatever the other fields
    of its record do.
    """
    name, table = told.chain[0], _table()
    shipped = [table.objects[one] for one in told.chain if one in table.objects]
    merged = _merged(shipped)
    place = {one: at for at, one in enumerate(told.chain)}
    nearest: dict[str, Entry] = {}
    for entry in sorted(told.entries, key=lambda one: -place.get(one.table, len(place))):
        nearest[entry.name] = entry
    fields = {one.name: _field(one, told, merged, table, mapped) for one in nearest.values()}
    fields = _free_texts(fields, {one.name for one in nearest.values() if one.type in _BY_TYPE}, person=merged.person)
    display = [one.name for one in nearest.values() if one.display]
    return ObjectFacts(
        name=name,
        fields=fields,
        label=told.label,
        person=merged.person,
        country=tuple(path for path in merged.country if path.partition(".")[0] in fields),
        default_fields=tuple(one for one in merged.default if one in fields) or _short(fields.values()),
        searched=tuple(dict.fromkeys(one for one in (*display, *_SEARCHED) if _sought(fields.get(one)))),
        id_field="sys_id",
        version_field="sys_mod_count" if "sys_mod_count" in fields else None,
        owner_field="assigned_to" if "assigned_to" in fields else None,
        state_field=STATE if STATE in fields and moves_state(name, STATE) else None,
        kind_field=CLASS if told.below or told.more_below else None,
        kinds=told.below,
    )


def _merged(shipped: Sequence[_Shipped]) -> _Shipped:
    """Add up what is known of a table and its parents; the nearest that names countries or fields has the say."""
    classes: dict[str, frozenset[str]] = {}
    for one in shipped:
        for name, some in one.classes.items():
            classes[name] = classes.get(name, frozenset()) | some
    return _Shipped(
        any(one.person for one in shipped),
        next((one.country for one in shipped if one.country), ()),
        next((one.default for one in shipped if one.default), ()),
        classes,
    )


def _field(
    entry: Entry, told: Dictionary, shipped: _Shipped, table: _Table, mapped: Mapping[str, Sequence[str]]
) -> FieldFacts:
    choices = next((told.choices[one, entry.name] for one in told.chain if (one, entry.name) in told.choices), {})
    kind = _kind(entry, choices)
    classes, source = _classes(entry, kind, told, shipped, table, mapped)
    journal, hidden = entry.type in _JOURNALS, kind in (FieldType.OTHER, FieldType.BINARY)
    writable = not entry.read_only and entry.name not in MIRRORS and not entry.name.startswith("sys_")
    return FieldFacts(
        name=entry.name,
        type=kind,
        label=entry.label,
        classes=classes,
        source=source,
        choices=tuple(choices) if kind is FieldType.CHOICE else (),
        choice_labels=tuple(choices.values()) if kind is FieldType.CHOICE else (),
        references=(entry.reference,) if kind is FieldType.REFERENCE and entry.reference else (),
        relationship=entry.name if kind is FieldType.REFERENCE and entry.reference else "",
        createable=writable,
        updateable=writable,
        filterable=not (journal or hidden),
        # Instances sort choices by their place in a list and references by a name, and compare both as they are.
        sortable=not (journal or hidden) and kind not in (FieldType.CHOICE, FieldType.REFERENCE, FieldType.TEXT),
        groupable=not (journal or hidden) and kind is not FieldType.TEXT,
        required=entry.required and writable,
        unique=entry.unique or entry.name == "sys_id",
        # Searchable, not unique: what makes a key of it is the sys_id that is derived from it.
        external_id=entry.name == "correlation_id",
    )


def _kind(entry: Entry, choices: Collection[str]) -> FieldType:
    known = _TYPES.get(entry.type)
    if known is not None and known not in (FieldType.INTEGER, FieldType.NUMBER):
        return known
    if entry.choice in ("1", "3") and choices:
        return FieldType.CHOICE
    if known is not None:
        return known
    return FieldType.TEXT if entry.length >= _TEXT_FROM else FieldType.STRING


def _classes(
    entry: Entry, kind: FieldType, told: Dictionary, shipped: _Shipped, table: _Table,
    mapped: Mapping[str, Sequence[str]],
) -> tuple[frozenset[str], str]:  # fmt: skip
    """Add up what each source says; the name of the strongest source goes with it."""
    found = set(shipped.classes.get(entry.name, ()))
    source = "shipped table" if found else "default"
    said = told.classes.get((entry.table, entry.name), ())
    for one in said:
        own = {name.casefold(): classes for name, classes in mapped.items()}.get(one.casefold())
        found |= set(own) if own is not None else {table.data_classes.get(one.casefold(), _UNMAPPED)}
        source = "data classification"
    if not found and (entry.name in table.system or (not shipped.person and kind in _IMPERSONAL)):
        found, source = {"internal"}, "shipped table"
    found |= _BY_TYPE.get(entry.type, frozenset())
    if told.unread and entry.name not in table.system:
        # Only the instance could say what it holds, so every flow rule concerns it.
        found.add("unread")
    return frozenset(found or {"unclassified"}), source


def _free_texts(fields: Mapping[str, FieldFacts], typed: set[str], *, person: bool) -> dict[str, FieldFacts]:
    """Let free texts hold what any other field of the record may hold, passwords aside, and people's data anyway."""
    united = {"free_text", "pii"} if person else {"free_text"}
    for one in fields.values():
        if one.name not in typed or "secret" not in one.classes:
            united |= one.classes - {"unclassified", "internal", "public"}
    return {
        name: replace(one, classes=one.classes | united) if one.type is FieldType.TEXT else one
        for name, one in fields.items()
    }


def _sought(found: FieldFacts | None) -> bool:
    return found is not None and found.filterable and found.type in (FieldType.STRING, FieldType.TEXT)


def _short(fields: Iterable[FieldFacts]) -> tuple[str, ...]:
    """Choose fields for a table that the shipped one does not know: short ones, and not too many."""
    short = [one.name for one in fields if one.type not in (FieldType.TEXT, FieldType.BINARY, FieldType.OTHER)]
    return tuple(dict.fromkeys(["sys_id", *short]))[:20]


@cache
def _table() -> _Table:
    raw = tomllib.loads(files(__package__).joinpath("shipped.toml").read_text(encoding="utf-8"))
    objects = {}
    for name, row in raw["objects"].items():
        classes: dict[str, frozenset[str]] = {}
        for class_ in ("internal", "pii", "financial", "free_text", "copied"):
            for one in row.get(class_, ()):
                classes[one] = classes.get(one, frozenset()) | {class_}
        objects[name] = _Shipped(
            row.get("person", False), tuple(row.get("country", ())), tuple(row.get("default", ())), classes
        )
    return _Table(objects, frozenset(raw["system"]), raw["data_classes"])
