"""What do all rules together say about one flow?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from .classes import KNOWN_CLASSES
from .countries import UNKNOWN_COUNTRY, normalise_country
from .forms import Form
from .labels import Label
from .places import Places
from .reading import FlowPolicyError
from .rules import Flow, Rule
from .transfers import transfer_basis
from .zones import ANYONE, NOWHERE_KNOWN, Consumer, Zone


@dataclass(frozen=True, slots=True)
class Decision:
    """The most revealing form left, the ids of the rules that took the others away, and the transfer basis."""

    form: Form
    rules: tuple[str, ...]
    basis: str


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """A policy's parts, checked against each other on creation; the order of rules means nothing.

    Raises:
        FlowPolicyError: a part names a zone, consumer, jurisdiction or class that does not exist, or a name twice.
    """

    controller: str
    jurisdictions: Mapping[str, frozenset[str]]
    zones: Mapping[str, Zone]
    consumers: Mapping[str, Consumer]
    rules: tuple[Rule, ...]
    places: Places
    _resolved: dict[tuple[frozenset[str], date], frozenset[str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        self._check_jurisdictions()
        self._check_consumers()
        seen: set[str] = set()
        for rule in self.rules:
            where = f"rule {rule.id!r}"
            if rule.id in seen:
                raise FlowPolicyError(f"a second rule has the id {rule.id!r}; ids are unique", key=rule.id, where=where)
            seen.add(rule.id)
            _known(rule.data, KNOWN_CLASSES, "class", where)
            _known(rule.consumer, self.consumers, "consumer", where)
            self.require_places(rule.subjects | rule.outside | rule.inside, where)

    def flow(
        self, label: Label, *, origin_zone: str, consumer: str | None, zone: str | None, purpose: str, on: date
    ) -> Flow:
        """Resolve names; what this policy does not know is anywhere and anyone."""
        if isinstance(on, datetime):
            raise TypeError(f"on is the point in time {on}; pass a date")
        if consumer is not None and zone is not None:
            raise ValueError(f"flow goes to consumer {consumer!r} and to zone {zone!r}; name one of them")
        receiver = None if consumer is None and zone is not None else self.consumers.get(consumer or "", ANYONE)
        target = zone if receiver is None else receiver.zone
        return Flow(
            label=label,
            origin=self.zones.get(origin_zone),
            consumer=receiver,
            zone=self.zones.get(target or "", NOWHERE_KNOWN),
            purpose=purpose,
            on=on,
        )

    def judge(self, flow: Flow) -> Decision:
        """Intersect what the rules leave; without a basis `clear` goes, without a known home `ref` goes."""
        concerned = self.concerned(flow)
        basis = transfer_basis(flow, self.places)
        allowed = set(Form).intersection(*(rule.allow for rule in concerned))
        if not basis.permits_clear:
            allowed.discard(Form.CLEAR)
        if flow.origin is None:
            allowed.discard(Form.REF)
        form = max(allowed, default=Form.DROP)
        taken = {above for above in Form if above > form}
        return Decision(form, tuple(sorted(rule.id for rule in concerned if taken - rule.allow)), basis.name)

    def concerned(self, flow: Flow) -> list[Rule]:
        """List the rules that narrow this flow."""
        return [rule for rule in self.rules if rule.concerns(flow, lambda names: self.members(names, flow.on))]

    def members(self, names: frozenset[str], on: date) -> frozenset[str]:
        """Resolve jurisdictions and countries to the countries they mean on a day."""
        found = self._resolved.get((names, on))
        if found is None:
            parts = (self._members_of(name, on) for name in names)
            found = self._resolved[names, on] = frozenset[str]().union(*parts)
        return found

    def _members_of(self, name: str, on: date) -> frozenset[str]:
        if name in self.jurisdictions:
            return self.members(self.jurisdictions[name], on)
        if name in self.places.jurisdictions:
            return self.places.members(name, on)
        return frozenset({normalise_country(name)}) - {UNKNOWN_COUNTRY}

    def _check_jurisdictions(self) -> None:
        for name, parts in self.jurisdictions.items():
            where = f"jurisdictions.{name}"
            if name in self.places.jurisdictions or normalise_country(name) != UNKNOWN_COUNTRY:
                problem = f"{name!r} already names a place; choose another name"
                raise FlowPolicyError(problem, key=name, where=where)
            self.require_places(parts, where)
            if name in self._reach(name):
                raise FlowPolicyError(f"{name!r} contains itself", key=name, where=where)

    def _reach(self, name: str) -> set[str]:
        reached: set[str] = set()
        ahead = list(self.jurisdictions[name])
        while ahead:
            part = ahead.pop()
            if part not in reached:
                reached.add(part)
                ahead.extend(self.jurisdictions.get(part, ()))
        return reached

    def _check_consumers(self) -> None:
        owner: dict[str, str] = {}
        for consumer in self.consumers.values():
            where = f"consumers.{consumer.name}"
            _known([consumer.zone] if consumer.zone is not None else [], self.zones, "zone", where)
            for client_id in consumer.client_ids:
                if owner.setdefault(client_id, consumer.name) != consumer.name:
                    problem = (
                        f"client id {client_id!r} already belongs to {owner[client_id]!r}; one client, one consumer"
                    )
                    raise FlowPolicyError(problem, key=client_id, where=where)

    def require_places(self, names: Iterable[str], where: str) -> None:
        """Refuse names that are neither a jurisdiction nor a country."""
        strangers = {name for name in names if normalise_country(name) == UNKNOWN_COUNTRY}
        _known(strangers, {*self.jurisdictions, *self.places.jurisdictions}, "jurisdiction", where)


def _known(names: Iterable[str], known: Iterable[str], kind: str, where: str) -> None:
    admitted = set(known)
    for name in sorted(names):
        if name not in admitted:
            raise FlowPolicyError(f"unknown {kind} {name!r}", key=name, where=where, known=admitted)
