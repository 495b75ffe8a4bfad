"""Which tables and columns does an instance have, and which stand on which?"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Final, TypeAlias, cast

JOURNALS: Final = frozenset({"journal", "journal_input", "journal_list"})
REFERENCES: Final = frozenset({"reference", "domain_id"})
MOMENTS: Final = frozenset({"glide_date_time", "due_date"})
DURATIONS: Final = frozenset({"glide_duration", "timer"})
NUMBERS: Final = frozenset({"integer", "decimal", "float", "currency", "percent_complete"})
PASSWORDS: Final = frozenset({"password", "password2"})

_SYSTEM: Final = """
sys_id = "Sys ID: GUID 32 ro"
sys_created_on = "Created: glide_date_time ro"
sys_created_by = "Created by: string 40 ro"
sys_updated_on = "Updated: glide_date_time ro"
sys_updated_by = "Updated by: string 40 ro"
sys_mod_count = "Updates: integer ro"
sys_tags = "Tags: related_tags"
"""
_COLUMN: Final = re.compile(
    r"(?P<label>[^:]+): (?P<type>\w+)(?: (?P<size>\d+))?(?: (?P<to>(?!ro\b|choice\b|virtual\b|named\b)[a-z_]+)(?= |$))?"
    r"(?P<flags>(?: (?:ro|choice|virtual|named))*)(?: default=(?P<default>.*))?"
)
_SIZES: Final = {"string": 40, "GUID": 32, "reference": 32, "boolean": 40, "integer": 40, "table_name": 80}


@dataclass(frozen=True, slots=True)
class Column:
    """One column as its dictionary entry describes it; `to` is the table that a reference leads to.

    In the data files: `ro` is read only, `choice` offers choices, `virtual` is computed, `named` refers by name.
    """

    table: str
    name: str
    label: str
    type: str
    size: int
    to: str = ""
    read_only: bool = False
    choice: bool = False
    virtual: bool = False
    named: bool = False
    default: str = ""

    @property
    def is_reference(self) -> bool:
        """Say whether the value is a sys_id."""
        return self.type in REFERENCES

    @property
    def is_journal(self) -> bool:
        """Say whether what is written goes to sys_journal_field."""
        return self.type in JOURNALS


@dataclass(frozen=True)
class TableDefinition:
    """One table; `columns` are its own and those of the tables it extends, its own winning."""

    name: str
    label: str
    parent: "TableDefinition | None"
    display: str
    prefix: str
    columns: Mapping[str, Column]
    own: Mapping[str, Column]
    closed: bool = False
    children: "list[TableDefinition]" = field(default_factory=list, compare=False, hash=False)

    @cached_property
    def line(self) -> "tuple[TableDefinition, ...]":
        """Return this table and those above it, nearest first."""
        return (self, *(self.parent.line if self.parent else ()))

    @cached_property
    def family(self) -> "tuple[TableDefinition, ...]":
        """Return this table and those below it."""
        return (self, *(below for child in self.children for below in child.family))

    @cached_property
    def blank(self) -> Mapping[str, str]:
        """Return the values of a new row."""
        return {name: column.default for name, column in self.columns.items()}

    def extends(self, name: str) -> bool:
        """Say whether the table is the named one or stands on it."""
        return any(each.name == name for each in self.line)


Choices: TypeAlias = Mapping[str, Mapping[str, str]]


class Schema:
    """All tables of an instance by name, and what their choice columns offer."""

    def __init__(self, tables: Mapping[str, TableDefinition], choices: Choices) -> None:
        self.tables = tables
        self.choices = choices

    def __iter__(self) -> Iterator[TableDefinition]:
        return iter(self.tables.values())

    def __getitem__(self, name: str) -> TableDefinition:
        return self.tables[name]

    def find(self, name: str) -> TableDefinition | None:
        """Return the table of this name."""
        return self.tables.get(name)

    def offered(self, table: TableDefinition, column: Column) -> Mapping[str, str]:
        """Return values and labels that the column offers in this table; the nearest list up the line holds."""
        if not column.choice:
            return {}
        for each in table.line:
            found = self.choices.get(f"{each.name}.{column.name}")
            if found is not None:
                return found
        return {}


@cache
def load_schema() -> Schema:
    """Read the tables and choices from the package's data files."""
    raw: dict[str, Mapping[str, object]] = {}
    for file in sorted((files(__package__) / "data" / "tables").iterdir(), key=lambda each: each.name):
        raw.update(tomllib.loads(file.read_text("utf-8")))
    tables: dict[str, TableDefinition] = {}
    for name in raw:
        _define(name, raw, tables)
    data = cast("Mapping[str, Mapping[str, Mapping[str, str]]]", _toml("choices.toml"))
    choices = {f"{table}.{name}": offered for table, lists in data.items() for name, offered in lists.items()}
    return Schema(tables, choices)


def _define(name: str, raw: Mapping[str, Mapping[str, object]], tables: dict[str, TableDefinition]) -> TableDefinition:
    if name in tables:
        return tables[name]
    data = raw[name]
    above = str(data.get("extends", ""))
    parent = _define(above, raw, tables) if above else None
    listed = {} if parent else tomllib.loads(_SYSTEM)
    listed.update(cast("Mapping[str, str]", data.get("columns", {})))
    own = {each: _column(name, each, text) for each, text in listed.items()}
    inherited = parent.columns if parent else {}
    table = TableDefinition(
        name=name,
        label=str(data["label"]),
        parent=parent,
        display=str(data.get("display", parent.display if parent else "sys_id")),
        prefix=str(data.get("number", "")),
        columns={**inherited, **own},
        own=own,
        closed=bool(data.get("closed", False)),
    )
    tables[name] = table
    if parent:
        parent.children.append(table)
    return table


def _column(table: str, name: str, text: str) -> Column:
    match = _COLUMN.fullmatch(text)
    if match is None:
        raise ValueError(f"{table}.{name}: no column reads {text!r}")
    flags = match["flags"].split()
    kind = match["type"]
    to = match["to"] or ("sys_user_group" if kind == "domain_id" else "")
    return Column(
        table=table,
        name=name,
        label=match["label"],
        type=kind,
        size=int(match["size"] or _SIZES.get(kind, 40)),
        to=to,
        read_only="ro" in flags or "virtual" in flags,
        choice="choice" in flags,
        virtual="virtual" in flags,
        named="named" in flags,
        default=match["default"] or "",
    )


def _toml(name: str) -> dict[str, object]:
    return tomllib.loads((files(__package__) / "data" / name).read_text("utf-8"))


@cache
def data_file(name: str) -> Mapping[str, object]:
    """Return one of the package's data files as plain values."""
    return _toml(name)
