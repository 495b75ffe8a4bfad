"""What is known of an object and of a field path, as one identity sees them, cached."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeVar, cast

from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.nearest import nearest
from isthmus.core.records import (
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Negated,
    Query,
    Ref,
    Relative,
    Untyped,
    Value,
)

__all__ = ["FieldPath", "Metadata", "Overlay"]

MAX_HOPS = 5
MOST_DERIVED = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A field reached from an object, in canonical spelling; `prefix` is the relationship path with its final dot.

    `object` holds the field, `root` names the object that the path starts from: a sub-query has a root of its own.
    """

    path: str
    facts: FieldFacts
    object: ObjectFacts
    prefix: str = ""
    root: str = ""

    @property
    def country_paths(self) -> tuple[str, ...]:
        """Name the paths that tell whose data this is."""
        return tuple(self.prefix + path for path in self.object.country)

    @property
    def kind_path(self) -> str | None:
        """Name the path that tells in which object the record lies, where there are several."""
        return self.prefix + self.object.kind_field if self.object.kind_field else None


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the operator says of fields and countries; it alone may remove a class.

    `classes` maps `Object.Field` to classes, `country` maps an object to paths.
    """

    classes: dict[str, frozenset[str]]
    country: dict[str, tuple[str, ...]]

    def apply(self, facts: ObjectFacts) -> ObjectFacts:
        """Return the facts with the operator's word on top."""
        fields, kinds = dict(facts.fields), self._of_kinds(facts)
        for name, field in fields.items():
            told, more = self.classes.get(f"{facts.name}.{name}".casefold()), kinds.get(name.casefold())
            if told is not None or more:
                own = told if told is not None else field.classes
                fields[name] = replace(field, classes=own | (more or frozenset()), source="operator")
        country = self.country.get(facts.name.casefold(), facts.country)
        return replace(facts, fields=fields, country=country, _spelling={})

    def _of_kinds(self, facts: ObjectFacts) -> dict[str, frozenset[str]]:
        """Return by field what is said of other kinds: it holds for their records when they are read here, too."""
        names, found = {one.casefold() for one in facts.kinds}, dict[str, frozenset[str]]()
        for path, classes in self.classes.items() if names else ():
            object, _, name = path.partition(".")
            if object in names:
                found[name] = found.get(name, frozenset()) | classes
        return found


class Metadata:
    """Object facts for one identity on one connection; each is read once per `ttl` seconds, whoever asks."""

    def __init__(self, overlay: Overlay, clock: Callable[[], float], ttl: float = 300) -> None:
        self._overlay = overlay
        self._clock = clock
        self._ttl = ttl
        self._read: Callable[[str], Awaitable[ObjectFacts]] | None = None
        self._known: dict[str, tuple[float, ObjectFacts]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._derived: dict[tuple[object, ...], tuple[float, object]] = {}
        self._until = math.inf

    def read_by(self, read: Callable[[str], Awaitable[ObjectFacts]]) -> "Metadata":
        """Return a view for one call: what is known is shared, what is missing is read on that call's account."""
        view = Metadata(self._overlay, self._clock, self._ttl)
        view._known, view._locks, view._derived = self._known, self._locks, self._derived
        view._read = read
        return view

    async def derive(self, key: tuple[object, ...], work: Callable[["Metadata"], Awaitable[T]]) -> T:
        """Return what `work` makes of metadata alone; remembered by `key` until the first of the objects it read ends.

        `work` reads through the metadata that it is given; what it raises is not remembered.
        """
        kept = self._derived.get(key)
        if kept is not None and kept[0] > self._clock():
            return cast("T", kept[1])
        view = self.read_by(self._described)
        made = await work(view)
        if len(self._derived) >= MOST_DERIVED:
            self._derived.clear()
        self._derived[key] = (view._until, made)  # noqa: SLF001 one of ourselves
        return made

    def remembered(self) -> dict[str, ObjectFacts]:
        """Return by name every object that has been read, also where it would be read again by now."""
        return {facts.name: facts for _, facts in self._known.values()}

    async def object(self, name: str) -> ObjectFacts:
        """Return the facts of one object; raises NotFound or InvalidArguments."""
        wanted = name.casefold()
        found = self._fresh(wanted)
        if found is not None:
            return found
        async with self._locks.setdefault(wanted, asyncio.Lock()):
            found = self._fresh(wanted)
            if found is None:
                found = self._overlay.apply(await self._described(name))
                self._known[wanted] = (self._clock() + self._ttl, found)
                self._until = min(self._until, self._known[wanted][0])
            return found

    async def path(self, facts: ObjectFacts, path: str) -> FieldPath:
        """Follow a dotted path to its field; raises InvalidArguments naming the part that does not exist."""
        *hops, last = path.split(".")
        if len(hops) > MAX_HOPS:
            raise InvalidArguments(
                f"{path!r} follows more than {MAX_HOPS} relationships", object=facts.name, field=path
            )
        prefix, root = "", facts.name
        for hop in hops:
            relation = facts.relation(hop)
            if relation is None or not relation.references:
                known = [one.relationship for one in facts.fields.values() if one.relationship]
                raise InvalidArguments(
                    f"{facts.name} has no relationship {hop!r}{nearest(hop, known)}", object=facts.name, field=path
                )
            prefix += relation.relationship + "."
            facts = await self._target(relation)
        field = facts.field(last)
        return FieldPath(prefix + field.name, field, facts, prefix, root)

    async def paths(self, facts: ObjectFacts, paths: Iterable[str]) -> tuple[FieldPath, ...]:
        """Follow several paths, each once, in the order given."""
        found = [await self.path(facts, path) for path in paths]
        return tuple({one.path: one for one in found}.values())

    async def query(self, query: Query) -> Query:
        """Return the query with every name in canonical spelling; raises InvalidArguments."""
        facts = await self.object(query.object)
        select = tuple(one.path for one in await self.paths(facts, query.select))
        orders = []
        for order in query.order_by:
            one = await self.path(facts, order.field)
            if not one.facts.sortable:
                raise InvalidArguments(
                    f"{facts.name} cannot be sorted by {one.path}", object=facts.name, field=one.path
                )
            orders.append(replace(order, field=one.path))
        where = await self._condition(facts, query.where)
        return replace(query, object=facts.name, select=select, order_by=tuple(orders), where=where)

    async def aggregate(self, aggregate: Aggregate) -> Aggregate:
        """Return the aggregate with every name in canonical spelling; raises InvalidArguments."""
        facts = await self.object(aggregate.object)
        groups = await self.paths(facts, aggregate.group_by)
        for one in groups:
            if not one.facts.groupable:
                raise InvalidArguments(
                    f"{facts.name} cannot be grouped by {one.path}", object=facts.name, field=one.path
                )
        measures = [
            replace(measure, field=(await self.path(facts, measure.field)).path) if measure.field else measure
            for measure in aggregate.measures
        ]
        for name in {measure.name for measure in measures} & {one.path for one in groups}:
            raise InvalidArguments(f"measure {name!r} is named like a field it is grouped by; give it another name")
        where = await self._condition(facts, aggregate.where)
        return replace(
            aggregate,
            object=facts.name,
            group_by=tuple(one.path for one in groups),
            measures=tuple(measures),
            where=where,
        )

    async def _condition(self, facts: ObjectFacts, condition: Condition | None) -> Condition | None:
        match condition:
            case Compare(field, op, value):
                one = await self.path(facts, field)
                if not one.facts.filterable:
                    raise InvalidArguments(
                        f"{facts.name} cannot be filtered by {one.path}", object=facts.name, field=one.path
                    )
                return Compare(one.path, op, typed(value, one))
            case InQuery(field, query, negated):
                return InQuery((await self.path(facts, field)).path, await self.query(query), negated)
            case AllOf(terms):
                return AllOf(await self._terms(facts, terms))
            case AnyOf(terms):
                return AnyOf(await self._terms(facts, terms))
            case Negated(term):
                return Negated((await self._terms(facts, (term,)))[0])
            case _:
                return None

    async def _terms(self, facts: ObjectFacts, terms: Sequence[Condition]) -> tuple[Condition, ...]:
        found = [await self._condition(facts, term) for term in terms]
        return tuple(one for one in found if one is not None)

    async def _target(self, relation: FieldFacts) -> ObjectFacts:
        """Return the object behind a reference; of several, the one that is most about people."""
        targets = [await self.object(name) for name in relation.references[:3]]
        return next((one for one in targets if one.person), targets[0])

    async def _described(self, name: str) -> ObjectFacts:
        if self._read is None:
            raise InvalidArguments(f"{name!r} is not known here", object=name)
        try:
            return await self._read(name)
        except NotFound as error:
            hint = nearest(name, [facts.name for _, facts in self._known.values()])
            raise NotFound(
                f"there is no object {name!r} that this identity may see{hint}; describe lists those there are",
                object=name,
            ) from error

    def _fresh(self, wanted: str) -> ObjectFacts | None:
        kept = self._known.get(wanted)
        if kept is None or kept[0] <= self._clock():
            return None
        self._until = min(self._until, kept[0])
        return kept[1]


def typed(value: Value, path: FieldPath) -> Value:
    """Give a literal the type of its field; raises InvalidArguments naming the field and what it takes."""
    if isinstance(value, tuple):
        return tuple(typed(one, path) for one in value)
    if value is None or isinstance(value, Ref):
        return value
    kind = path.facts.type
    if isinstance(value, Untyped) and kind is FieldType.BOOLEAN:
        return _boolean(value, path)
    if isinstance(value, Relative):
        fits = kind in (FieldType.DATE, FieldType.DATETIME)
    elif isinstance(value, bool):
        fits = kind is FieldType.BOOLEAN
    elif isinstance(value, int | float | Decimal):
        fits = kind in (FieldType.INTEGER, FieldType.NUMBER)
    elif isinstance(value, str):
        return _typed_text(value, path)
    else:
        fits = False
    if not fits:
        raise _misfit(path)
    return value


def _typed_text(value: str, path: FieldPath) -> Value:
    kind = path.facts.type
    if kind is FieldType.BOOLEAN:
        raise _misfit(path)
    if kind in (FieldType.INTEGER, FieldType.NUMBER):
        return _number(value, path)
    try:
        if kind is FieldType.DATE:
            return date.fromisoformat(value)
        if kind is FieldType.DATETIME:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None and isinstance(value, Untyped):
                return moment.replace(tzinfo=UTC)
            if moment.tzinfo is None:
                raise _misfit(path)
            return value if _FINER.search(value) else moment
        if kind is FieldType.TIME:
            clock = time.fromisoformat(value)
            return value if _FINER.search(value) else clock
    except ValueError:
        raise _misfit(path) from None
    return value


def _boolean(text: str, path: FieldPath) -> Value:
    if text not in ("true", "false"):
        raise _misfit(path)
    return text == "true"


def _number(text: str, path: FieldPath) -> Value:
    """Read digits as a number, with nothing rounded.

    A text is one only where it has to be: reads give as text what no number of JSON holds exactly (RFC 8259 section 6).
    """
    if not (_WHOLE if path.facts.type is FieldType.INTEGER else _DECIMAL).fullmatch(text):
        raise _misfit(path)
    exact = Decimal(text)
    near = float(exact)
    fits = abs(exact) <= _SAFE if _WHOLE.fullmatch(text) else math.isfinite(near) and Decimal(repr(near)) == exact
    if fits and not isinstance(text, Untyped):
        raise _misfit(path)
    return int(text) if _WHOLE.fullmatch(text) else near if fits else exact


_FINER = re.compile(r"[.,][0-9]{6}[0-9]*[1-9]")
"""Fractions of a second that Python would cut; some systems give them, and compare with them."""
_SAFE = 2**53 - 1
_WHOLE = re.compile(r"-?[0-9]{1,40}")
_DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_TAKES = {
    FieldType.BOOLEAN: "true or false",
    FieldType.INTEGER: "a number",
    FieldType.NUMBER: "a number",
    FieldType.DATE: "a date such as 2026-01-31, or a relative one",
    FieldType.TIME: "a time of day such as 12:30:00",
    FieldType.DATETIME: "a time with its zone such as 2026-01-31T12:00:00Z, or a relative one",
}


def _misfit(path: FieldPath) -> InvalidArguments:
    takes = _TAKES.get(path.facts.type, "text")
    return InvalidArguments(
        f"{path.object.name}.{path.path} is compared with {takes}", object=path.object.name, field=path.path
    )
