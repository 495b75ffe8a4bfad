"""Which tables, services and operations does a landscape have, as its data files say?"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from .values import Value

_TYPE: Final = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?")
_FILES: Final = ("partner", "sales", "logistics")


@cache
def data_file(name: str) -> Mapping[str, object]:
    """Read one of the package's data files."""
    return tomllib.loads(files(__package__).joinpath("data", name).read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `kind` as the data files name it, `size` its length or precision."""

    name: str
    kind: str
    size: int
    scale: int
    label: str
    marks: frozenset[str] = frozenset()

    @property
    def writable(self) -> bool:
        """Say whether an update may set it."""
        return not self.marks & {"ro", "once"}

    @property
    def computed(self) -> bool:
        """Say whether the system alone sets it."""
        return "ro" in self.marks

    def mark(self, name: str) -> str:
        """Return what stands behind `name=` among the marks; nothing where it is not there."""
        return next((each.partition("=")[2] for each in self.marks if each.startswith(f"{name}=")), "")


@dataclass(frozen=True, slots=True)
class Link:
    """A way from a row to others: `on` pairs fields of the other table with our own."""

    name: str
    table: str
    kind: str
    on: tuple[tuple[str, str], ...]

    @property
    def many(self) -> bool:
        """Say whether it leads to any number of rows."""
        return self.kind in ("parts", "many")

    @property
    def owns(self) -> bool:
        """Say whether the rows are parts, made and deleted with their whole."""
        return self.kind in ("parts", "part")


@dataclass(frozen=True)
class Table:
    """One table: `number` is where the last key field is counted from, `etag` whose change counts: self or root."""

    name: str
    label: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    links: Mapping[str, Link]
    number: int | None
    etag: str
    denied: frozenset[str]
    searchable: bool

    @cached_property
    def blank(self) -> "Mapping[str, Value]":
        """Return a row in which nothing is filled in."""
        return {field.name: initial(field) for field in self.fields.values()}


def initial(field: Field) -> "Value":
    """Return ABAP's initial value, as far as it shows: dates, times and numbers without a unit are null."""
    match field.kind:
        case "char" | "alpha" | "numc":
            return ""
        case "bool":
            return False
        case "dec":
            return Decimal(0).scaleb(-field.scale)
        case "int" | "int16" | "byte" | "long":
            return 0
        case _:
            return None


def make_field(name: str, kind: str, label: str = "", marks: str = "") -> Field:
    """Return a field; `kind` is written like `dec(16,3)`."""
    match = _TYPE.fullmatch(kind)
    if match is None:
        raise ValueError(f"{kind!r} of the field {name} is no type")
    return Field(name, match[1], int(match[2] or 0), int(match[3] or 0), label or name, frozenset(marks.split()))


def _link(name: str, table: str, kind: str, on: str) -> Link:
    pairs = (each.partition("=") for each in on.split())
    return Link(name, table, kind, tuple((theirs, ours or theirs) for theirs, _, ours in pairs))


def _table(name: str, data: Mapping[str, object]) -> Table:
    fields = (make_field(*each) for each in cast("Sequence[Sequence[str]]", data["fields"]))
    links = (_link(*each) for each in cast("Sequence[tuple[str, str, str, str]]", data.get("links", ())))
    return Table(
        name=name,
        label=str(data["label"]),
        key=tuple(cast("Sequence[str]", data["key"])),
        fields={each.name: each for each in fields},
        links={each.name: each for each in links},
        number=cast("int | None", data.get("number")),
        etag=str(data.get("etag", "")),
        denied=frozenset(cast("Sequence[str]", data.get("deny", ()))),
        searchable=bool(data.get("search", False)),
    )


@cache
def load_tables() -> Mapping[str, Table]:
    """Read all tables by name."""
    found = {}
    for file in _FILES:
        for name, data in data_file(f"tables/{file}.toml").items():
            found[name] = _table(name, cast("Mapping[str, object]", data))
    return found


@cache
def owner_of(name: str) -> tuple[Table, Link] | None:
    """Return the table whose rows own those of the table with this name, and the link that says so."""
    for table in load_tables().values():
        for link in table.links.values():
            if link.owns and link.table == name:
                return table, link
    return None


@dataclass(frozen=True, slots=True)
class Operation:
    """A function import, a bound action or function; `returns` names a table or a complex type, or "" for a value."""

    name: str
    does: str
    on: str
    reads: bool
    parameters: tuple[Field, ...]
    returns: str
    result: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Service:
    """One activated service of OData version 2 or 4."""

    name: str
    version: int
    path: str
    namespace: str
    area: str
    page: int
    tables: Mapping[str, Table]
    operations: Mapping[str, Operation]
    json_batches: bool = False

    @property
    def id(self) -> str:
        """Return the name that logs and error bodies use."""
        return self.name.upper()

    def set_of(self, table: Table | str) -> str:
        """Return what the entity set of a table is called here."""
        name = table if isinstance(table, str) else table.name
        return f"A_{name}" if self.version == 2 else name

    def type_of(self, table: Table | str) -> str:
        """Return the full name of a table's entity type."""
        return f"{self.namespace}.{self.set_of(table)}Type"

    def find(self, entity_set: str) -> Table | None:
        """Return the table behind an entity set."""
        name = entity_set.removeprefix("A_") if self.version == 2 else entity_set
        table = self.tables.get(name)
        return table if table is not None and self.set_of(table) == entity_set else None

    def nav_of(self, link: Link) -> str:
        """Return what the navigation property of a link is called here."""
        return f"to_{link.name}" if self.version == 2 else f"_{link.name}"

    def links(self, table: Table) -> Iterator[tuple[str, Link]]:
        """Return the links that lead somewhere within the service, by the names they have here."""
        for link in table.links.values():
            if link.table in self.tables:
                yield self.nav_of(link), link

    def link(self, table: Table, nav: str) -> Link | None:
        """Return the link behind a navigation property."""
        return next((link for name, link in self.links(table) if name == nav), None)


def _operation(data: Mapping[str, object]) -> Operation:
    parameters = cast("Sequence[Sequence[str]]", data.get("parameters", ()))
    returns = data["returns"]
    name, result = "", tuple[Field, ...]()
    if isinstance(returns, str):
        name = returns
    elif isinstance(returns, Mapping):
        name, listed = next(iter(cast("Mapping[str, Sequence[Sequence[str]]]", returns).items()))
        result = tuple(make_field(*each) for each in listed)
    else:
        kind, label = cast("Sequence[str]", returns)
        result = (make_field(label, kind),)
    return Operation(
        name=str(data["name"]),
        does=str(data["does"]),
        on=str(data["on"]),
        reads=data.get("effect") == "read",
        parameters=tuple(make_field(*each) for each in parameters),
        returns=name,
        result=result,
    )


@cache
def load_services() -> tuple[Service, ...]:
    """Read all services, those of longer paths first."""
    tables, found = load_tables(), []
    for data in cast("Sequence[Mapping[str, object]]", data_file("services.toml")["service"]):
        operations = [_operation(each) for each in cast("Sequence[Mapping[str, object]]", data.get("operation", ()))]
        service = Service(
            name=str(data["name"]),
            version=cast("int", data["version"]),
            path=str(data["path"]),
            namespace=str(data.get("namespace", data["name"])),
            area=str(data["area"]),
            page=cast("int", data["page"]),
            tables={name: tables[name] for name in cast("Sequence[str]", data["tables"])},
            operations={each.name: each for each in operations},
            json_batches=bool(data.get("json_batches", False)),
        )
        found.append(service)
    return tuple(sorted(found, key=lambda each: -len(each.path)))
