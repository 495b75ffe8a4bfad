"""How are records of a table found: by query, by id, by key, and among those that are gone?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.servicenow.answers import CLASS, ID, VERSION, record_of, strange, text_at
from isthmus.connectors.servicenow.ids import checked_id, id_of_key, is_id
from isthmus.connectors.servicenow.pages import PLAIN, Found, read_list
from isthmus.connectors.servicenow.queries import groups_of, text_of
from isthmus.connectors.servicenow.readback import absent
from isthmus.connectors.servicenow.writing import key_value
from isthmus.core.connector import FactsOf, FieldType, Key, Pending, Settlement
from isthmus.core.errors import InvalidArguments, UpstreamRejected
from isthmus.core.http import Http, Path, path
from isthmus.core.records import JSON, AnyOf, Compare, Condition, Operator, Order

__all__ = ["BY_ID", "DELETED", "Tables", "by", "check_class"]

DELETED = "sys_audit_delete"
BY_ID = Order(ID)


@dataclass(frozen=True, slots=True)
class Tables:
    """One call's way to the records of one instance; `base` and `problems` are where its services lie."""

    http: Http
    facts_of: FactsOf
    base: str
    problems: str = ""

    def path(self, template: str, *parts: str) -> Path:
        """Return an address below the API's own path."""
        return path(self.base + template, *parts)

    async def list(self, table: str, text: str, fields: Sequence[str], limit: int) -> Found:
        """Read up to `limit` records of an encoded query."""
        return await read_list(self.http, self.path("/table/{}", table), text, fields, limit)

    async def record(self, object: str, id: str, fields: Sequence[str]) -> Mapping[str, JSON]:
        """Read one record; raises NotFound."""
        params = {"sysparm_fields": ",".join(fields), **PLAIN}
        found = record_of(await self.http.get(self.path("/table/{}/{}", object, checked_id(id)), params=params))
        if text_at(found, ID).lower() != id.lower():
            raise strange()
        return found

    async def classed(self, object: str) -> Sequence[str]:
        """Name the field that tells in which table a record lies, where there may be several."""
        return (CLASS,) if CLASS in (await self.facts_of(object)).fields else ()

    async def kinds(self, object: str, paths: Iterable[str], *, control: bool = False) -> dict[str, FieldType]:
        """Look every path up, and id and version where they are read along; raises InvalidArguments for no field."""
        root, found = await self.facts_of(object), dict[str, FieldType]()
        own = (ID, *([VERSION] if root.version_field else [])) if control else ()
        for name in dict.fromkeys((*own, *paths)):
            facts = root
            *hops, last = name.split(".")
            for hop in hops:
                relation = facts.relation(hop)
                if relation is None or not relation.references:
                    raise InvalidArguments(f"{facts.name} has no reference {hop[:80]!a}", object=object, field=name)
                facts = await self.facts_of(relation.references[0])
            found[name] = facts.field(last).type
        return found

    async def by_key(self, object: str, key: Key, fields: Sequence[str], *, either: bool = False) -> Found:
        """Look for the key in its field; with `either` for the record whose id follows from it as well."""
        facts = (await self.facts_of(object)).field(key.field)
        value, derived = key_value(key, facts), id_of_key(object, facts.name, key.value)
        if facts.name == ID:
            value = value if is_id(value) else derived
        where: Condition = Compare(facts.name, Operator.EQ, value)
        if either and facts.name != ID:
            where = AnyOf((where, Compare(ID, Operator.EQ, derived)))
        return await self.list(object, text_of(groups_of(where), (BY_ID,)), fields, 2)

    async def by_id(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Found:
        """Read the records with these ids that are there."""
        where = Compare(ID, Operator.IN, tuple(checked_id(one) for one in ids))
        return await self.list(object, text_of(groups_of(where), (BY_ID,)), fields, len(ids))

    async def deleted(self, pending: Pending) -> Settlement:
        """Judge a delete: a live record rules it out, and of a missing one only the record of deletions tells."""
        live = await self.list(pending.object, by(ID, checked_id(pending.id)), (ID,), 1)
        if live.records:
            return absent(pending)
        try:
            told = await self.list(DELETED, by("documentkey", pending.id), (ID, "documentkey", "tablename"), 1)
        except UpstreamRejected:
            return Settlement.CANNOT_TELL
        return Settlement.HAPPENED if told.records else Settlement.CANNOT_TELL


def check_class(object: str, found: Mapping[str, JSON]) -> None:
    """Refuse to write a record through a table above its own: it was judged under another name."""
    if CLASS in found and text_at(found, CLASS) != object:
        told = text_at(found, CLASS)[:80] or "another table"
        raise InvalidArguments(f"this record of {object} lies in {told!a}; write it by that name", object=object)


def by(field: str, value: str) -> str:
    """Write the query for records that have this value."""
    return text_of(groups_of(Compare(field, Operator.EQ, value)), (BY_ID,))
