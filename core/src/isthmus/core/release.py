"""In which form does each value leave, and what does the consumer know afterwards?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from isthmus.core.caller import Caller
from isthmus.core.connector import FieldFacts, FieldType
from isthmus.core.metadata import FieldPath
from isthmus.core.records import JSON, QUALIFIER, Record, Ref, Row, Value, Withheld
from isthmus.core.refs import RefVaults
from isthmus.residency import Decision, FlowPolicy, Form, Integrity, Label

__all__ = ["Forms", "Released", "Releaser", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: the connection, its zone, and whether ids must name it."""

    connection: str
    zone: str
    qualified: bool = False

    def id(self, native: str) -> str:
        """Return an id that leads back to this connection."""
        return f"{self.connection}{QUALIFIER}{native}" if self.qualified and native else native


@dataclass(slots=True)
class Forms:
    """What a release did, for the audit entry: fields by form and rules, subjects by country; no values."""

    fields: dict[tuple[str, tuple[str, ...], str], set[str]] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)

    def count(self, path: str, decision: Decision) -> None:
        """Note one field's form."""
        self.fields.setdefault((decision.form.value, decision.rules, decision.basis), set()).add(path)

    def as_json(self) -> list[JSON]:
        """Give the forms as JSON data, in a fixed order."""
        return [
            {"form": form, "rules": list(rules), "basis": basis, "fields": sorted(names)}
            for (form, rules, basis), names in sorted(self.fields.items())
        ]


@dataclass(frozen=True, slots=True)
class Released:
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
        paths: Sequence[FieldPath],
        source: Source,
        caller: Caller,
        owner: str,
        *,
        masked: frozenset[str] = frozenset(),
    ) -> Released:
        """Release rows; control fields that were not asked for must not be among `paths`.

        `masked` are fields that policy wants masked whatever the flow rules say; `owner` is whose the refs are.
        """
        page = _Release(self, source, caller, masked, _Minting())
        drafts = [(row, *page.row(row, paths)) for row in rows]
        page.minting.settle(self._vaults.mint(source.zone, owner, page.minting.values))
        records = tuple(
            Record(
                row.object,
                source.id(row.id),
                draft,
                row.version,
                tuple(Withheld(name, rules) for name, rules in withheld.items()),
            )
            for row, draft, withheld in drafts
        )
        return Released(records, page.label, page.forms)


@dataclass(slots=True)
class _Release:
    """One page on its way out: what was decided so far."""

    releaser: Releaser
    source: Source
    caller: Caller
    masked: frozenset[str]
    minting: "_Minting"
    forms: Forms = field(default_factory=Forms)
    label: Label | None = None

    def row(self, row: Row, paths: Sequence[FieldPath]) -> tuple[dict[str, Value], dict[str, tuple[str, ...]]]:
        """Return the fields of a row in their forms, and those withheld with the rules that did it."""
        draft: dict[str, Value] = {}
        withheld: dict[str, tuple[str, ...]] = {}
        countries = _Countries(row)
        for path in paths:
            value = row.fields.get(path.path)
            if value is None:
                draft[path.path] = None
                continue
            label = label_of(path, countries.of(path), self.source.connection)
            decision = self.releaser.decide(label, self.source, self.caller)
            form = _fitting(decision.form, path.facts, self.masked)
            self.forms.count(path.path, decision)
            if form in (Form.AGGREGATE, Form.DROP):
                withheld[path.path] = decision.rules
                continue
            draft[path.path] = self._value(form, value, path, label, draft)
            left = label.released(form)
            if left is not None:
                self.label = left if self.label is None else self.label | left
        self.forms.subjects[countries.main] = self.forms.subjects.get(countries.main, 0) + 1
        return draft, withheld

    def _value(self, form: Form, value: JSON, path: FieldPath, label: Label, draft: dict[str, Value]) -> Value:
        if form is Form.MASK:
            return f"[{path.facts.label or path.facts.name}]"
        if form is Form.REF:
            self.minting.want(value, label, draft, path.path)
            return None
        if path.facts.type in (FieldType.ID, FieldType.REFERENCE) and isinstance(value, str):
            return self.source.id(value)
        return as_value(value)


def label_of(path: FieldPath, country: str, connection: str) -> Label:
    """Label a value by its field and its subject's country; free text is untrusted: anybody may have written it."""
    facts = path.facts
    trusted = Integrity.UNTRUSTED if "free_text" in facts.classes else Integrity.TRUSTED
    countries = (country,) if country or path.object.person else ()
    return Label.of(facts.classes, countries, (connection,), trusted, person=path.object.person)


def anything(connection: str) -> Label:
    """Label what could be anything about anybody: a class that nobody knows concerns every rule."""
    return Label.of(("anything",), (), (connection,), Integrity.UNTRUSTED, person=True)


def country_of(row: Row, path: FieldPath) -> str:
    """Return the country of the subject that a field of the row is about, as the row tells it; empty where not."""
    told = (row.fields.get(name) for name in path.country_paths)
    return next((one for one in told if isinstance(one, str) and one.strip()), "")


def as_value(value: JSON) -> Value:
    """Turn JSON into a released value."""
    if isinstance(value, Mapping):
        return {key: as_value(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(as_value(inner) for inner in value)
    return value


def _fitting(form: Form, facts: FieldFacts, masked: frozenset[str]) -> Form:
    """Narrow a form: what policy wants masked, and refs to so few values that comparing them would tell which."""
    if facts.name in masked:
        form = min(form, Form.MASK)
    return Form.MASK if form is Form.REF and facts.enumerable else form


class _Countries:
    """The subject's country per relationship prefix of one row."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._found: dict[str, str] = {}

    @property
    def main(self) -> str:
        """Return the country of the row's own subject, `??` where unknown."""
        return self._found.get("") or "??"

    def of(self, path: FieldPath) -> str:
        found = self._found.get(path.prefix)
        if found is None:
            found = self._found[path.prefix] = country_of(self._row, path)
        return found


class _Minting:
    """Values that become refs, collected so that a page is kept in one transaction."""

    def __init__(self) -> None:
        self.values: list[tuple[JSON, Label]] = []
        self._places: list[tuple[dict[str, Value], str]] = []

    def want(self, value: JSON, label: Label, draft: dict[str, Value], path: str) -> None:
        self.values.append((value, label))
        self._places.append((draft, path))

    def settle(self, refs: Sequence[Ref]) -> None:
        for ref, (draft, path) in zip(refs, self._places, strict=True):
            draft[path] = ref
