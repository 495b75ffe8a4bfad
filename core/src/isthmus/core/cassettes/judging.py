"""What are the values of one exchange, as the labels of its call say?"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal

from isthmus.core.calls import Judged
from isthmus.core.facts import FieldFacts, FieldType, ObjectFacts
from isthmus.core.labelling import label_of
from isthmus.core.metadata import FieldPath
from isthmus.core.plan import Plan
from isthmus.core.records import Aggregate, Compare, Condition, Query, Ref, Value, comparisons
from isthmus.core.refs import Resolved
from isthmus.core.request import Attach, Create, Delete, Get, Invoke, Loading, Relay, Request, Search, Update, Upsert
from isthmus.core.resolving import resolved

__all__ = ["Judgement", "Known", "Said", "judge", "known_of", "may_stay"]

_STAYING = frozenset({"public", "internal", "financial"})
"""The classes that speak about nobody and open nothing; what nobody has classified is not among them."""
_ID = re.compile(r"[A-Za-z0-9_.:~-]{1,128}", re.ASCII)


def may_stay(classes: Iterable[str]) -> bool:
    """Tell whether values of these classes may stand in a cassette; a class that nobody knows may not."""
    found = frozenset(classes)
    return bool(found) and found <= _STAYING


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the values under one name: the field, and all classes that they are labelled with."""

    facts: FieldFacts
    classes: frozenset[str]

    @property
    def stays(self) -> bool:
        """Tell whether such values may be written as they are."""
        return may_stay(self.classes)

    def joined(self, other: "Known") -> "Known":
        """Return what holds where it may be either; the stricter one says what it looks like."""
        first, second = (other, self) if self.stays else (self, other)
        return replace(first, classes=first.classes | second.classes)


@dataclass(frozen=True, slots=True)
class Said:
    """A value that the call itself named, and what is known of it."""

    value: str
    known: Known


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the labels of a call say of the exchanges that it caused.

    `fields` maps names that may stand in a body to what is known of their values; `names` are words of the system's
    metadata; `said` is what the call's own arguments hold. A call that `makes` records may have given them their ids.
    Nothing is known of what is `opaque`.
    """

    call: str
    fields: Mapping[str, Known] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    said: tuple[Said, ...] = ()
    makes: bool = False
    opaque: bool = False


def judge(judged: Judged, resolve: Callable[[Ref], Resolved]) -> Judgement:
    """Say what a labelled call knows of its values."""
    leg, plan = judged.leg, judged.plan
    if isinstance(plan.request, Relay):
        return Judgement(leg.id, opaque=True)
    known = leg.connection.remembered(leg.principal)
    touched = _objects(judged, known)
    fields = _fields(touched, leg.connection.name)
    for path in _paths(plan):
        fields[path.path] = known_of(path, leg.connection.name)
    for control in plan.reach.control:
        last = control.rpartition(".")[2]
        if control not in fields and last in fields:
            fields[control] = fields[last]
    fields |= _measured(plan.request, fields)
    names = frozenset(known) | frozenset(name for one in touched for name in one.fields)
    relations = frozenset(field.relationship for one in touched for field in one.fields.values())
    said = (*_said(resolved(plan.request, resolve), fields), *_continued(judged, fields))
    makes = isinstance(plan.request, Create | Upsert | Loading)
    return Judgement(leg.id, fields, names | relations, said, makes)


def _paths(plan: Plan) -> Iterator[FieldPath]:
    yield from (*plan.paths, *plan.probed, *plan.sorted_by)
    for one in plan.below:
        yield from _paths(one)


def _objects(judged: Judged, known: Mapping[str, ObjectFacts]) -> tuple[ObjectFacts, ...]:
    """Return every object that the call touched, as far as it was read."""
    plan = judged.plan
    found = {path.object.name: path.object for path in _paths(plan)}
    for one in (plan, *plan.below):
        if one.facts is not None:
            found[one.facts.name] = one.facts
    reached = [name for path in plan.reach.control for name in _on_the_way(path, plan.facts, known)]
    for name in (*judged.declared.objects, *reached):
        if name in known:
            found.setdefault(name, known[name])
    return tuple(found.values())


def _on_the_way(path: str, facts: ObjectFacts | None, known: Mapping[str, ObjectFacts]) -> Iterator[str]:
    """Yield the objects behind each relationship of a path."""
    for hop in path.split(".")[:-1]:
        relation = facts.relation(hop) if facts else None
        targets = relation.references if relation else ()
        yield from targets
        facts = next((known[name] for name in targets if name in known), None)


def _fields(touched: Sequence[ObjectFacts], connection: str) -> dict[str, Known]:
    """Join what is known of every name over the objects: in an answer they stand beside each other."""
    found: dict[str, Known] = {}
    for facts in touched:
        for field_name, one in facts.fields.items():
            known = known_of(FieldPath(field_name, one, facts), connection)
            for name in (field_name, *one.carried_in):
                found[name] = found[name].joined(known) if name in found else known
    return found


def known_of(path: FieldPath, connection: str) -> Known:
    """Say what is known of the values of a field."""
    classes = label_of(path, "", connection).classes
    # What a person earns, owes or banks with is personal; what a company sells is not.
    return Known(path.facts, classes | {"pii"} if path.object.person and "financial" in classes else classes)


def _measured(request: Request, fields: Mapping[str, Known]) -> dict[str, Known]:
    """Return by its name what each figure is made of; a count is of nobody."""
    if not isinstance(request, Aggregate):
        return {}
    found = {}
    for one in request.measures:
        known = fields.get(one.field)
        counts = one.function.startswith("count")
        found[one.name] = COUNT if counts or known is None else known
    return found


COUNT = Known(FieldFacts("count", FieldType.INTEGER), frozenset({"internal"}))
FREE = Known(FieldFacts("text", FieldType.STRING), frozenset({"free_text"}))
"""What is known of a value of which nothing is known."""


def _said(request: Request, fields: Mapping[str, Known]) -> Iterator[Said]:
    """Yield what the arguments of a call hold."""
    if isinstance(request, Get | Update | Delete) and not _ID.fullmatch(request.id):
        yield Said(request.id, FREE)
    match request:
        case Query(where=where) | Aggregate(where=where):
            yield from _compared(where, fields)
        case Search(text=text):
            yield from (Said(one, FREE) for one in (text, *text.split()))
        case Invoke(arguments=arguments):
            yield from _each(arguments, {})
        case Attach(name=name):
            yield Said(name, FREE)
        case Loading(lines=lines):
            for line in lines:
                yield from _written(line, fields)
        case _:
            yield from _written(request, fields)


def _written(request: Request, fields: Mapping[str, Known]) -> Iterator[Said]:
    if isinstance(request, Upsert):
        yield from _each({request.key_field: request.key}, fields)
    if isinstance(request, Create | Update | Upsert):
        yield from _each(request.values, fields)
    if isinstance(request, Create):
        for one in request.each_below():
            yield from _each(one.values, fields)


def _continued(judged: Judged, fields: Mapping[str, Known]) -> Iterator[Said]:
    """Yield the values that the page before ended with."""
    request = judged.plan.request
    if isinstance(request, Query) and judged.leg.last:
        yield from _each({one.field: key for one, key in zip(request.order_by, judged.leg.last, strict=False)}, fields)


def _compared(where: Condition | None, fields: Mapping[str, Known]) -> Iterator[Said]:
    for leaf in comparisons(where):
        if isinstance(leaf, Compare):
            yield from _each({leaf.field: leaf.value}, fields)
        else:
            yield from _compared(leaf.query.where, fields)


def _each(values: Mapping[str, Value], fields: Mapping[str, Known]) -> Iterator[Said]:
    for name, value in values.items():
        known = fields.get(name) or fields.get(name.rpartition(".")[2], FREE)
        for text in _texts(value):
            yield Said(text, known)


def _texts(value: Value) -> Iterator[str]:
    """Yield the texts and numbers of a value."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float | Decimal):
        yield str(value)
    elif isinstance(value, date | time):
        yield value.isoformat()
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)
