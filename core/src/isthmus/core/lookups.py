"""What does deciding need to know of a call? Metadata, and the named record as it is now; small governed reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace as changed

from isthmus.core.calls import Leg
from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.http import CallScope
from isthmus.core.metadata import Metadata
from isthmus.core.operation import Operation
from isthmus.core.parts import Parts
from isthmus.core.plan import Plan, make_plan
from isthmus.core.records import JSON, Compare, Operator, Query, Row
from isthmus.core.request import Get, Move, Update, Upsert, day_of, request_refs

__all__ = ["LookUps"]

_LINKING = (Update, Upsert)
"""Writes that may link a record to others, beside those that name a ref."""


@dataclass(frozen=True, slots=True)
class LookUps:
    """Plan legs, each read along the way governed and recorded."""

    parts: Parts

    async def plan(self, leg: Leg) -> Plan:
        """Check every name of a call and read what deciding needs; raises InvalidArguments or NotFound."""
        request, connection = leg.call.request, leg.connection
        metadata = self._metadata(leg)
        router = self.parts.systems[leg.call.system].router
        object = getattr(request, "object", "")
        if isinstance(request, Move):
            request = request.as_update(await metadata.object(object))
        if object and router.qualified:
            request = router.localise(request, connection.name, await metadata.object(object))
        plan = await make_plan(leg.call.tool.verb, request, metadata)
        if day_of(request) and plan.facts and not plan.facts.dated:
            raise InvalidArguments(
                f"{plan.facts.name} keeps only what is true now; leave out as_of", object=plan.facts.name, field="as_of"
            )
        if isinstance(request, _LINKING) or any(request_refs(request)):
            below = [changed(one, linked=await self._linked(leg, one)) for one in plan.below]
            plan = changed(plan, linked=await self._linked(leg, plan), below=tuple(below))
        if isinstance(request, Upsert) and (
            plan.tells_country or (plan.facts and leg.connection.amounts.fields(plan.facts))
        ):
            return changed(plan, state=await self._state_by_key(leg, plan))
        if not plan.record or isinstance(request, Get) or plan.facts is None:
            return plan
        return changed(plan, state=await self._state(leg, plan, plan.facts))

    async def _linked(self, leg: Leg, plan: Plan) -> dict[str, JSON]:
        """Read the countries of what a write links its record to: they will label the record."""
        found: dict[str, JSON] = {}
        for object, id, paths in plan.links().values():
            found |= dict.fromkeys(paths)
            if id is None:
                continue
            named = {path: path.partition(".")[2] for path in paths}
            row = await self._read_to_decide(leg, object, id, tuple(named.values()))
            found |= {path: row.fields.get(name) for path, name in named.items()} if row else {}
        return found

    async def _state(self, leg: Leg, plan: Plan, facts: ObjectFacts) -> Row | None:
        """Read version, owner, state and country of the record; a missing one is told only to who may act on it."""
        return await self._read_to_decide(leg, facts.name, plan.record, self._fields(leg, plan))

    async def _state_by_key(self, leg: Leg, plan: Plan) -> Row | None:
        """Read what an upsert would change. A ref is not resolved to decide: what it finds counts as unknown."""
        request = plan.request
        if not isinstance(request, Upsert) or not isinstance(request.key, str):
            return Row(leg.call.system, "", {})
        where = Compare(request.key_field, Operator.EQ, request.key)
        connector = leg.connection.bind(await self._scope(leg, leg.connection.looking_up(request.object)))
        rows = await connector.query(Query(request.object, self._fields(leg, plan), where, limit=1))
        return rows[0] if rows else None

    def _fields(self, leg: Leg, plan: Plan) -> tuple[str, ...]:
        amounts = leg.connection.amounts.to_look_up(plan.facts) if plan.facts else ()
        return tuple(dict.fromkeys([*plan.look_up_fields(), *amounts]))

    async def _read_to_decide(self, leg: Leg, object: str, id: str, fields: Sequence[str]) -> Row | None:
        connector = leg.connection.bind(await self._scope(leg, leg.connection.looking_up(object, (id,))))
        try:
            return await connector.get(object, id, fields)
        except NotFound:
            return None

    def _metadata(self, leg: Leg) -> Metadata:
        return leg.connection.known(leg.principal, lambda operation: self._scope(leg, operation))

    async def _scope(self, leg: Leg, operation: Operation) -> CallScope:
        """Record that something is about to be read in order to decide, and return the scope to read it in."""
        await self.parts.journal.transact(lambda tx: tx.append(self.parts.auditor.looked_up(leg, operation)))
        return leg.scope(operation)

    async def facts(self, leg: Leg, object: str) -> ObjectFacts:
        """Return what is known of an object on the connection of a leg."""
        return await self._metadata(leg).object(object)
