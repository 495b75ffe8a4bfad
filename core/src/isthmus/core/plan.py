"""What will one request read, probe and write on one connection? Names are checked and spelled canonically here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from msgspec import Struct, field

from isthmus.core.actions import check_action, move_of
from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.metadata import FieldPath, Metadata
from isthmus.core.nesting import check_below, parted, related_to
from isthmus.core.operation import Effect, Operation, Transition, Verb
from isthmus.core.policy import Related
from isthmus.core.reach import Reach, readable
from isthmus.core.records import JSON, Aggregate, InQuery, Query, Row, Value, comparisons
from isthmus.core.request import (
    Attach,
    Create,
    Delete,
    Describe,
    Download,
    Get,
    Invoke,
    Line,
    Loading,
    Move,
    RawQuery,
    Relay,
    Request,
    Search,
    Update,
    Upsert,
)

__all__ = ["Plan", "make_plan"]

EVERY = ("*",)
"""As the only field: all that the caller may see, not only those that are shown by default."""
_READS = frozenset({Effect.READ})
_ON_A_RECORD = (Get, Update, Delete, Attach, Download, Invoke)


class Plan(Struct, frozen=True, gc=False):
    """One request, ready to be judged, and what it touches.

    `state` is the record that the request names, as it was just before; `linked` the countries of the records that
    the values link to, by country path; `below` the plan of each record that is made below a new one, as the request
    yields them.
    """

    verb: Verb
    request: Request
    reach: Reach = field(default_factory=Reach)
    state: Row | None = None
    linked: Mapping[str, JSON] = field(default_factory=dict)
    below: "tuple[Plan, ...]" = ()

    @property
    def facts(self) -> ObjectFacts | None:
        """Return what is known of the object."""
        return self.reach.facts

    @property
    def paths(self) -> tuple[FieldPath, ...]:
        """Return what the caller asked to see, or what it writes."""
        return self.reach.paths

    @property
    def probed(self) -> tuple[FieldPath, ...]:
        """Return what the call filters or searches by."""
        return self.reach.probed

    @property
    def sorted_by(self) -> tuple[FieldPath, ...]:
        """Return what the call sorts or groups by."""
        return self.reach.sorted_by

    @property
    def record(self) -> str:
        """Return the id of the record that the request names, or an empty string."""
        return self.request.id if isinstance(self.request, _ON_A_RECORD) else ""

    @property
    def related(self) -> tuple[Related, ...]:
        """Return what is read, and what is made, of other objects."""
        return related_to(self)

    @property
    def classes(self) -> frozenset[str]:
        """Join the classes of every field that the request touches."""
        return self.reach.classes.union(*(one.reach.classes for one in self.below))

    def operation(self, connection: str, system: str, tool: str) -> Operation:
        """Return what policy sees."""
        transition, request = self.transition(), self.request
        named = [request] if not isinstance(request, Loading) else request.lines
        records = tuple(one.id for one in named if isinstance(one, _ON_A_RECORD) and one.id)
        reach, name = self.reach, self.facts.name if self.facts else getattr(self.request, "object", "")
        return Operation(
            connection=connection,
            system=system,
            tool=tool,
            verb=self.verb,
            effects=self._effects(transition),
            object=name,
            objects=reach.objects | {name},
            fields=reach.own_fields,
            probed=reach.own_probed,
            transition=transition,
            records=records,
            rows=len(request.lines) if isinstance(request, Loading) else getattr(request, "limit", 1) + len(self.below),
        )

    def look_up_fields(self) -> tuple[str, ...]:
        """Name the fields of the named record that deciding needs: version, owner, state, country."""
        if self.facts is None:
            return ()
        named = (self.facts.version_field, self.facts.owner_field, self.facts.state_field)
        return tuple(dict.fromkeys([*(one for one in named if one), *self.facts.country]))

    def links(self) -> Mapping[str, tuple[str, str | None, tuple[str, ...]]]:
        """Map each link of the values that tells a country to its object, its id (None: cut) and the country paths."""
        found: dict[str, tuple[str, str | None, tuple[str, ...]]] = {}
        values = self.request.values if isinstance(self.request, Create | Update | Upsert) else {}
        for path in self.facts.country if self.facts else ():
            hop, dot, _ = path.partition(".")
            relation = self.facts.relation(hop) if dot and self.facts else None
            told = values.get(relation.name, "") if relation else ""
            if relation and relation.references and (told is None or (isinstance(told, str) and told)):
                known = found.get(hop, ("", None, ()))[2]
                found[hop] = (relation.references[0], told, (*known, path))
        return found

    @property
    def tells_country(self) -> bool:
        """Tell whether the values or their links say whose country the record is labelled with."""
        values = self.request.values if isinstance(self.request, Create | Update | Upsert) else {}
        return bool(self.links()) or any(path in values for path in (self.facts.country if self.facts else ()))

    def _effects(self, transition: Transition | None) -> frozenset[Effect]:
        match self.request:
            case Create():
                return frozenset({Effect.CREATE})
            case Update(values=values):
                moved = frozenset({Effect.TRANSITION}) if transition else frozenset()
                return moved if transition and len(values) == 1 else moved | {Effect.UPDATE}
            case Upsert():
                both = frozenset({Effect.CREATE, Effect.UPDATE})
                return both | {Effect.TRANSITION} if transition else both
            case Delete():
                return frozenset({Effect.DELETE})
            case Loading(action=action):
                return _LOADS[action]
            case Attach():
                return frozenset({Effect.CREATE})
            case Invoke(action=action) if self.facts is not None:
                return self.facts.action(action).effects
            case _:
                return _READS

    def transition(self) -> Transition | None:
        """Find the state change in the values; a state field is never just another field."""
        if self.facts is None or not (self.facts.state_field or isinstance(self.request, Invoke)):
            return None
        name = self.facts.state_field or ""
        if isinstance(self.request, Loading):
            return _one_state(self.request, name)
        if isinstance(self.request, Invoke):
            return move_of(self.request, self.facts.action(self.request.action), self.facts, self.state)
        if not isinstance(self.request, Create | Update | Upsert):
            return None
        wanted = self.request.values.get(name)
        if not isinstance(wanted, str):
            if name in self.request.values:
                raise InvalidArguments(f"{name} is a state and takes a plain text", object=self.facts.name, field=name)
            return None
        before = self.state.fields.get(name) if self.state else None
        return Transition(name, before if isinstance(before, str) else "", wanted)


async def make_plan(verb: Verb, request: Request, metadata: Metadata) -> Plan:
    """Check every name of a request against the metadata; raises InvalidArguments or NotFound."""
    match request:
        case Describe(object=object) | Relay(object=object):
            facts = await metadata.object(object) if object else None
            return Plan(verb, request, Reach(facts, objects=frozenset({facts.name}) if facts else frozenset()))
        case Query():
            return await _plan_query(verb, request, metadata)
        case Aggregate():
            return await _plan_aggregate(request, metadata)
        case Get() | Search():
            return await _plan_read(verb, request, metadata)
        case Create() | Update() | Upsert():
            return await _plan_write(verb, request, metadata)
        case Loading():
            return await _plan_load(request, metadata)
        case Delete() | Attach() | Download():
            facts = await metadata.object(request.object)
            return Plan(verb, replace(request, object=facts.name), Reach(facts, objects=frozenset({facts.name})))
        case Invoke():
            facts = await metadata.object(request.object)
            check_action(request, facts)
            return Plan(verb, replace(request, object=facts.name), Reach(facts, objects=frozenset({facts.name})))
        case RawQuery() | Move():
            raise InvalidArguments("a text is parsed, and a state is given its field, before a call is planned")


async def _plan_query(verb: Verb, request: Query, metadata: Metadata) -> Plan:
    """Plan a query. What it touches does not depend on the values that it compares with, so it is remembered."""
    every = request.select == EVERY
    query = await metadata.query(replace(request, select=()) if every else request)
    leaves, select = tuple(comparisons(query.where)), EVERY if every else query.select
    if any(isinstance(one, InQuery) for one in leaves):
        return Plan(verb, query, await _reach_of_query(query, select, metadata))
    sorts, probes = (tuple(one.field for one in some) for some in (query.order_by, leaves))
    key = (verb, query.object, select, sorts, probes)
    return Plan(verb, query, await metadata.derive(key, lambda known: _reach_of_query(query, select, known)))


async def _reach_of_query(query: Query, select: Sequence[str], metadata: Metadata) -> Reach:
    facts = await metadata.object(query.object)
    paths, trim = await _asked(facts, select, metadata)
    probed, objects = await _probed(facts, query, metadata)
    sorts = await metadata.paths(facts, (order.field for order in query.order_by))
    mine = tuple(one for one in probed if one.root == facts.name)
    control = await _control(facts, (*paths, *sorts, *mine), metadata)
    objects |= {one.object.name for one in (*paths, *sorts)}
    return Reach(facts, paths, probed, sorts, control, objects, trim)


async def _plan_aggregate(request: Aggregate, metadata: Metadata) -> Plan:
    aggregate = await metadata.aggregate(request)
    facts = await metadata.object(aggregate.object)
    measured = await metadata.paths(facts, (one.field for one in aggregate.measures if one.field))
    groups = await metadata.paths(facts, aggregate.group_by)
    probed, objects = await _probed(facts, aggregate, metadata)
    objects |= {one.object.name for one in groups}
    # Whichever tool it came by: a query text may ask for figures too.
    return Plan(Verb.AGGREGATE, aggregate, Reach(facts, measured, probed, groups, objects=objects))


async def _plan_read(verb: Verb, request: Get | Search, metadata: Metadata) -> Plan:
    """Plan a read of named fields. What it touches does not depend on the id or the words, so it is remembered."""
    searches = isinstance(request, Search)
    reach = await metadata.derive(
        (verb, request.object, request.fields),
        lambda known: _reach_of_read(request.object, request.fields, known, searches=searches),
    )
    # Names are spelled as the object's metadata spells them; those that nobody gave stay left out.
    object = reach.facts.name if reach.facts else request.object
    if request.object != object or request.fields != reach.names:
        request = replace(request, object=object, fields=reach.names)
    return Plan(verb, request, reach)


async def _reach_of_read(object: str, fields: Sequence[str], metadata: Metadata, *, searches: bool) -> Reach:
    facts = await metadata.object(object)
    paths, trim = await _asked(facts, fields, metadata)
    searched = facts.searched if searches else ()
    probed = await metadata.paths(facts, (name for name in searched if name in facts.fields))
    objects = frozenset(one.object.name for one in paths)
    control = await _control(facts, paths, metadata)
    return Reach(facts, paths, probed, control=control, objects=objects, trim=trim)


async def _plan_load(request: Loading, metadata: Metadata) -> Plan:
    """Plan every line as the write that it is; the load touches what any of them touches."""
    plans = [await make_plan(Verb(request.action), line, metadata) for line in request.lines]
    for plan in plans:
        if plan.below:
            raise InvalidArguments("a load takes records without others below them; create these one by one")
    paths = {path.path: path for plan in plans for path in plan.paths}
    facts, spelled = plans[0].facts, tuple(cast("Line", plan.request) for plan in plans)
    name = facts.name if facts else request.object
    # Old records are not read, so nothing is known of them, and unknown narrows.
    state = Row(name, "", {}) if request.action in ("update", "upsert") else None
    reach = Reach(facts, tuple(paths.values()), objects=frozenset({name}))
    return Plan(Verb.LOAD, replace(request, object=name, lines=spelled), reach, state)


def _one_state(request: Loading, name: str) -> Transition | None:
    """Find the state that new records begin in; to move old ones takes their states before, which nobody reads here."""
    wanted = [one.values[name] for one in request.lines if not isinstance(one, Delete) and name in one.values]
    if not wanted:
        return None
    state = wanted[0]
    if request.action != "create" or not isinstance(state, str) or any(one != state for one in wanted):
        raise InvalidArguments(
            f"{name} is the state of {request.object}: a load may only begin new records, all in the same state; "
            "change the state of others one by one, with transition",
            object=request.object,
            field=name,
        )
    return Transition(name, "", state)


_LOADS: Mapping[str, frozenset[Effect]] = {
    "create": frozenset({Effect.CREATE}),
    "update": frozenset({Effect.UPDATE}),
    "upsert": frozenset({Effect.CREATE, Effect.UPDATE}),
    "delete": frozenset({Effect.DELETE}),
}


async def _plan_write(verb: Verb, request: Create | Update | Upsert, metadata: Metadata, level: int = 1) -> Plan:
    """Plan a write, and what the values of a new record put below it."""
    facts = await metadata.object(request.object)
    own, below = parted(request, facts, level) if isinstance(request, Create) else (request, ())
    plan = await _plan_values(verb, own, metadata)
    inner = [(name, await _plan_write(verb, one, metadata, level + 1)) for name, one in below]
    if not inner:
        return plan
    plans = tuple(each for _, one in inner for each in (one, *one.below))
    check_below(facts, plans)
    by_name: dict[str, tuple[Create, ...]] = {}
    for name, one in inner:
        by_name[name] = (*by_name.get(name, ()), cast("Create", one.request))
    objects = plan.reach.objects.union(*(one.reach.objects for one in plans))
    whole = replace(cast("Create", plan.request), below=by_name)
    return Plan(verb, whole, replace(plan.reach, objects=objects), below=plans)


async def _plan_values(verb: Verb, request: Create | Update | Upsert, metadata: Metadata) -> Plan:
    facts = await metadata.object(request.object)
    for name in request.values:
        if "." in name:
            raise InvalidArguments(f"{name!r} belongs to another record; write to that record", field=name)
    values = {facts.field(name).name: value for name, value in request.values.items()}
    if len(values) < len(request.values):
        raise InvalidArguments(f"the values name one field of {facts.name} twice, in two spellings", object=facts.name)
    paths = list(await metadata.paths(facts, values))
    if isinstance(request, Upsert):
        key = facts.field(request.key_field)
        if not (key.external_id or key.unique):
            raise InvalidArguments(f"{facts.name}.{key.name} is not unique, so it cannot be a key", field=key.name)
        spelled: Request = replace(request, object=facts.name, key_field=key.name, values=values)
        paths.append(await metadata.path(facts, key.name))
    else:
        spelled = replace(request, object=facts.name, values=values)
    _writable(request, facts, values)
    return Plan(verb, spelled, Reach(facts, tuple(paths), objects=frozenset({facts.name})))


def _writable(request: Request, facts: ObjectFacts, values: Mapping[str, Value]) -> None:
    for name in values:
        field = facts.field(name)
        allowed = {
            Create: field.createable,
            Update: field.updateable,
            Upsert: field.createable or field.updateable,
        }[type(request)]
        if not allowed:
            raise InvalidArguments(
                f"{facts.name}.{name} cannot be written by this identity", object=facts.name, field=name
            )


async def _asked(facts: ObjectFacts, names: Sequence[str], metadata: Metadata) -> tuple[tuple[FieldPath, ...], bool]:
    if names and tuple(names) != EVERY:
        return readable(await metadata.paths(facts, names)), False
    some = () if names else facts.default_fields
    return await metadata.paths(facts, some or facts.readable), True


async def _probed(
    facts: ObjectFacts, request: Query | Aggregate, metadata: Metadata
) -> tuple[tuple[FieldPath, ...], frozenset[str]]:
    """Follow every path of the conditions; those inside a sub-query count for its own object."""
    found: list[FieldPath] = []
    objects = frozenset({facts.name})
    for leaf in comparisons(request.where):
        found.append(await metadata.path(facts, leaf.field))
        if isinstance(leaf, InQuery):
            inner = await metadata.object(leaf.query.object)
            objects |= {inner.name}
            found.extend(await metadata.paths(inner, leaf.query.select))
            more, touched = await _probed(inner, leaf.query, metadata)
            found.extend(more)
            objects |= touched
    return tuple(found), objects | {one.object.name for one in found}


async def _control(facts: ObjectFacts, paths: Iterable[FieldPath], metadata: Metadata) -> tuple[str, ...]:
    """Name what labels a row and tells where it lies; what this identity may not see is left out: unknown narrows."""
    named = [facts.id_field, *((facts.version_field,) if facts.version_field else ())]
    kinds = [facts.kind_field, *(one.kind_path for one in paths if one.prefix)]
    countries = dict.fromkeys([*facts.country, *(country for one in paths for country in one.country_paths)])
    for told in (*filter(None, kinds), *countries):
        try:
            named.append((await metadata.path(facts, told)).path)
        except (InvalidArguments, NotFound):
            continue
    return tuple(dict.fromkeys(named))
