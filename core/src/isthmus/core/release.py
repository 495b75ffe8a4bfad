"""In which form does each value leave, and what does the consumer know afterwards?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import chain, repeat
from operator import setitem
from typing import TypeAlias, cast

from msgspec import Struct

from isthmus.core.caller import Caller
from isthmus.core.connector import FieldType
from isthmus.core.forms import fitting
from isthmus.core.labelling import label_of
from isthmus.core.metadata import FieldPath
from isthmus.core.reach import Reach
from isthmus.core.records import JSON, QUALIFIER, Masked, Record, Ref, Row, Value, Withheld
from isthmus.core.refs import RefVaults
from isthmus.core.table import Table, fields_type, put_back
from isthmus.residency import Decision, FlowPolicy, Form, Label

__all__ = ["Forms", "Released", "Releaser", "Source"]

MOST_COLUMNS = 4_096
MOST_SUMMED = 64


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: the connection, its zone, and whether ids must name it."""

    connection: str
    zone: str
    qualified: bool = False

    def id(self, native: str) -> str:
        """Return an id that leads back to this connection."""
        return f"{self.connection}{QUALIFIER}{native}" if self.qualified and native else native


Told: TypeAlias = tuple[str, tuple[str, ...], str]
"""Form, rules and basis of a decision, as the audit tells it."""


@dataclass(slots=True)
class Forms:
    """What a release did, for the audit entry: fields by form, rules and basis; no values."""

    fields: dict[Told, frozenset[str]] = field(default_factory=dict)

    def add(self, told: Told, paths: frozenset[str]) -> None:
        """Note that fields left by a decision."""
        self.fields[told] = self.fields[told] | paths if told in self.fields else paths


class Released(Struct, frozen=True, gc=False):
    """Records in their forms, the label of all that went out (None: nothing did), and the forms used."""

    records: tuple[Record, ...]
    label: Label | None
    forms: Forms


class Releaser:
    """Apply the flow rules to what a connection returned."""

    def __init__(self, flows: FlowPolicy, vaults: RefVaults, today: Callable[[], date]) -> None:
        self._flows = flows
        self._vaults = vaults
        self._today = today
        self._columns: dict[tuple[object, ...], _Columns] = {}

    def decide(self, label: Label, source: Source, caller: Caller) -> Decision:
        """Judge one flow from a connection to the caller's consumer."""
        return self._flows.decide(
            label,
            origin_zone=source.zone,
            consumer=caller.consumer,
            zone=None,
            purpose=caller.purpose,
            on=self._today(),
        )

    def into(self, label: Label, origin: str, zone: str, purpose: str) -> Decision:
        """Judge a flow into a system of a zone: a write, or a literal of a filter."""
        return self._flows.decide(
            label, origin_zone=origin, consumer=None, zone=zone, purpose=purpose, on=self._today()
        )

    def rows(
        self,
        rows: Sequence[Row],
        reach: Reach,
        source: Source,
        caller: Caller,
        owner: str,
        *,
        masked: frozenset[str] = frozenset(),
    ) -> Released:
        """Release the paths of `reach`; control fields that were not asked for must not be among them.

        Rows about subjects of the same countries are judged together, a column at a time. `masked` are fields that
        policy wants masked whatever the flow rules say; `owner` is whose the refs are.
        """
        if isinstance(rows, Table) and rows:
            found = self._table(rows, reach, source, caller, owner, masked)
            if found is not None:
                return found
        alike: dict[tuple[str, ...], list[int]] = {}
        for at, row in enumerate(rows):
            alike.setdefault(tuple([_told(row, paths) for paths in reach.subjects]), []).append(at)
        names = reach.names
        page = _Release([_picked(row.fields, names) for row in rows])
        for countries, places in alike.items():
            page.release(self._judged(reach, countries, source, caller, masked), places, source)
        page.settle(self._refs(source, owner, page))
        withheld = page.withheld
        records = [
            Record(row.object, source.id(row.id), draft, row.version, tuple(withheld.get(at, ())))
            for at, (row, draft) in enumerate(zip(rows, page.drafts, strict=True))
        ]
        return Released(tuple(records), page.label, page.forms)

    def _table(
        self, rows: Table, reach: Reach, source: Source, caller: Caller, owner: str, masked: frozenset[str]
    ) -> Released | None:
        """Release whole columns and touch no row that leaves as it is; None where rows may lose a field."""
        alike = _alike(rows, reach)
        judged = [(self._judged(reach, one, source, caller, masked), at) for one, at in alike.items()]
        if not rows.at.keys() >= set(reach.names) or any(columns.drops for columns, _ in judged):
            return None
        page = _Release([])
        parts = [page.columns(columns, rows.at_places(places), reach.names, source) for columns, places in judged]
        page.settle(self._refs(source, owner, page))
        out = put_back([one.fields() for one in parts], list(alike.values()))
        ids = map(source.id, rows.ids) if source.qualified else rows.ids
        records = tuple(map(Record, repeat(rows.object), ids, out, rows.versions))
        return Released(records, page.label, page.forms)

    def _refs(self, source: Source, owner: str, page: "_Release") -> Sequence[Ref]:
        return self._vaults.mint(source.zone, owner, page.wanted) if page.wanted else ()

    def _judged(
        self, reach: Reach, countries: tuple[str, ...], source: Source, caller: Caller, masked: frozenset[str]
    ) -> "_Columns":
        """Decide how every column leaves in rows of these countries; that depends on the key here and nothing else."""
        key = (reach, countries, source, caller.consumer, caller.purpose, masked, self._today())
        found = self._columns.get(key)
        if found is None:
            told = dict(zip(reach.prefixes, countries, strict=True))
            labels = [label_of(path, told[path.prefix], source.connection) for path in reach.paths]
            found = _Columns(
                tuple(
                    _column(path, label, self.decide(label, source, caller), source, masked)
                    for path, label in zip(reach.paths, labels, strict=True)
                )
            )
            if len(self._columns) >= MOST_COLUMNS:
                self._columns.clear()
            self._columns[key] = found
        return found


@dataclass(frozen=True, slots=True)
class _Column:
    """How one field leaves in rows about subjects of the same countries; without `changes` it leaves as it is."""

    path: FieldPath
    form: Form
    decision: Decision
    label: Label
    left: Label | None
    changes: bool

    @property
    def links(self) -> bool:
        """Tell whether it holds ids, which must lead back to their connection."""
        return _links(self.path)

    @property
    def mask(self) -> str:
        """Return what stands for a masked value."""
        return Masked(f"[{self.path.facts.label or self.path.facts.name}]")

    @property
    def drops(self) -> bool:
        """Tell whether a record may lose the field altogether."""
        return self.form not in (Form.CLEAR, Form.REF, Form.MASK)


def _links(path: FieldPath) -> bool:
    return path.facts.type in (FieldType.ID, FieldType.REFERENCE)


def _column(path: FieldPath, label: Label, decision: Decision, source: Source, masked: frozenset[str]) -> _Column:
    form = fitting(decision.form, path.facts, masked)
    changes = form is not Form.CLEAR or (source.qualified and _links(path))
    return _Column(path, form, decision, label, label.released(form), changes)


@dataclass(frozen=True, slots=True)
class _Columns:
    """How all fields leave in rows about subjects of the same countries."""

    columns: tuple[_Column, ...]
    _summed: dict[frozenset[str], tuple[tuple[tuple[Told, frozenset[str]], ...], Label | None]] = field(
        default_factory=dict
    )

    @property
    def drops(self) -> bool:
        """Tell whether a record may lose a field."""
        return any(one.drops for one in self.columns)

    def summed(self, empty: frozenset[str]) -> tuple[tuple[tuple[Told, frozenset[str]], ...], Label | None]:
        """Sum up the forms and the label of what leaves, but for the fields that hold nothing."""
        found = self._summed.get(empty)
        if found is None:
            if len(self._summed) >= MOST_SUMMED:
                self._summed.clear()
            found = self._summed[empty] = self._sum(empty)
        return found

    def _sum(self, empty: frozenset[str]) -> tuple[tuple[tuple[Told, frozenset[str]], ...], Label | None]:
        forms: dict[Told, set[str]] = {}
        label: Label | None = None
        for one in self.columns:
            if one.path.path in empty:
                continue
            told = (one.decision.form.value, one.decision.rules, one.decision.basis)
            forms.setdefault(told, set()).add(one.path.path)
            if one.left is not None:
                label = one.left if label is None else label | one.left
        return tuple((told, frozenset(paths)) for told, paths in forms.items()), label


@dataclass(slots=True)
class _Release:
    """One page on its way out; a draft holds the fields of a row, plain until they are released."""

    drafts: list[dict[str, Value]]
    withheld: dict[int, list[Withheld]] = field(default_factory=dict)
    wanted: list[tuple[JSON, Label]] = field(default_factory=list)
    forms: Forms = field(default_factory=Forms)
    label: Label | None = None
    _puts: list[Callable[[Ref], None]] = field(default_factory=list)

    def release(self, judged: _Columns, places: Sequence[int], source: Source) -> None:
        """Bring some rows into their forms; a field that holds nothing in any of them releases nothing."""
        drafts = [self.drafts[at] for at in places]
        first = drafts[0].items()
        empty = frozenset([name for name, value in first if value is None and all(one[name] is None for one in drafts)])
        self._note(judged, empty)
        plain = _PLAIN.issuperset(chain.from_iterable(map(type, one.values()) for one in drafts))
        for column in judged.columns:
            if column.changes or not plain:
                self._change(column, places, source)

    def columns(self, judged: _Columns, rows: Table, names: Sequence[str], source: Source) -> "_Part":
        """Bring some rows of a table into their forms, a column at a time; none of them may lose a field."""
        self._note(judged, rows.empty())
        changed = [one for one in judged.columns if one.changes or one.path.path in rows.wide]
        if not changed and rows.at.keys() == set(names):
            return _Part(rows)
        part = _Part(rows, {name: list(rows.column(name)) for name in names})
        for one in changed:
            self._change_column(one, part.columns[one.path.path], source)
        return part

    def _change_column(self, column: _Column, values: list[JSON], source: Source) -> None:
        for at, value in enumerate(values):
            if value is None:
                continue
            match column.form:
                case Form.CLEAR:
                    linked = column.links and isinstance(value, str)
                    values[at] = source.id(cast("str", value)) if linked else cast("JSON", as_value(value))
                case Form.REF:
                    self._want(value, column, partial(setitem, values, at))
                case Form.MASK:
                    values[at] = column.mask
                case _:
                    raise ValueError("a field that is left out of some rows leaves with the row")

    def _note(self, judged: _Columns, empty: frozenset[str]) -> None:
        forms, label = judged.summed(empty)
        for told, paths in forms:
            self.forms.add(told, paths)
        if label is not None:
            self.label = label if self.label is None else self.label | label

    def _want(self, value: JSON, column: _Column, put: Callable[[Ref], None]) -> None:
        self.wanted.append((value, column.label))
        self._puts.append(put)

    def _change(self, column: _Column, places: Sequence[int], source: Source) -> None:
        name = column.path.path
        for at in places:
            value = self.drafts[at][name]
            if value is not None and (column.changes or type(value) not in _PLAIN):
                self._change_one(column, at, source)

    def _change_one(self, column: _Column, at: int, source: Source) -> None:
        draft, name = self.drafts[at], column.path.path
        value = cast("JSON", draft[name])
        match column.form:
            case Form.CLEAR:
                draft[name] = source.id(value) if column.links and isinstance(value, str) else as_value(value)
            case Form.REF:
                draft[name] = None
                self._want(value, column, partial(setitem, draft, name))
            case Form.MASK:
                draft[name] = column.mask
            case _:
                del draft[name]
                self.withheld.setdefault(at, []).append(Withheld(name, column.decision.rules))

    def settle(self, refs: Sequence[Ref]) -> None:
        """Put the refs where their values were."""
        for ref, put in zip(refs, self._puts, strict=True):
            put(ref)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a table on their way out; without columns they leave as they came."""

    rows: Table
    columns: dict[str, list[JSON]] = field(default_factory=dict)

    def fields(self) -> Sequence[Mapping[str, Value]]:
        """Return the fields of each row in their forms."""
        if not self.columns:
            return cast("Sequence[Mapping[str, Value]]", self.rows.fields)
        made = cast("Callable[..., Mapping[str, Value]]", fields_type(tuple(self.columns)))
        return list(map(made, *self.columns.values()))


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _picked(fields: Mapping[str, JSON], names: Sequence[str]) -> dict[str, Value]:
    """Take what may be released; what the system left out is empty."""
    try:
        found = {name: fields[name] for name in names}
    except KeyError:
        found = {name: fields.get(name) for name in names}
    return cast("dict[str, Value]", found)


def _told(row: Row, paths: Sequence[str]) -> str:
    """Return the first country that a row tells under these paths; empty where it tells none."""
    for path in paths:
        found = row.fields.get(path)
        if isinstance(found, str) and found.strip():
            return found
    return ""


def _alike(rows: Table, reach: Reach) -> dict[tuple[str, ...], Sequence[int]]:
    """Group the places of rows by the countries that they tell of their subjects."""
    paths = [path for some in reach.subjects for path in some if path in rows.at]
    if all(path in rows.always or len(set(rows.scalars(path))) == 1 for path in paths):
        return {tuple([_told(rows[0], some) for some in reach.subjects]): range(len(rows))}
    found: dict[tuple[str, ...], list[int]] = {}
    for at, values in enumerate(zip(*map(rows.scalars, paths), strict=True)):
        found.setdefault(cast("tuple[str, ...]", values), []).append(at)
    alike: dict[tuple[str, ...], Sequence[int]] = {}
    for places in found.values():
        told = tuple([_told(rows[places[0]], some) for some in reach.subjects])
        alike[told] = [*alike.get(told, ()), *places]
    return alike


def country_of(row: Row, path: FieldPath) -> str:
    """Return the country of the subject that a field of the row is about, as the row tells it; empty where not."""
    return _told(row, path.country_paths)


def as_value(value: JSON) -> Value:
    """Turn JSON into a released value."""
    if isinstance(value, Mapping):
        return {key: as_value(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(as_value(inner) for inner in value)
    return value
