"""How may a connector answer otherwise than the contract says?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.core.testing.desk import Desk

from isthmus.core.connector import FieldFacts, ObjectFacts
from isthmus.core.http import path
from isthmus.core.records import Negated, Query, Row

from .seed import Seed, sown_in

SEEDS: list[Seed] = []
breaks = sown_in(SEEDS)


@breaks("a connector has a kind, a purpose and settings that refuse unknown keys")
class Nameless(Desk):
    """No kind."""

    kind = "My Desk"


@breaks("every method takes the arguments of the contract and is async where the contract is")
class Forgetful(Desk):
    async def get(self, object: str, id: str) -> Row:  # type: ignore[override]
        return await super().get(object, id, ())


@breaks("every method takes the arguments of the contract and is async where the contract is", "get is not async")
class Sync(Desk):
    def get(self, object: str, id: str, fields: Sequence[str]) -> Row:  # type: ignore[override]
        return Row(object, id, {})


@breaks("there is an example of everything that is implemented", words="")
class Unshown(Desk): ...


@breaks("every method answers with the types of the contract")
class Untyped(Desk):
    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        return dict((await super().get(object, id, fields)).fields)  # type: ignore[return-value]


@breaks("a read gives the object, the id and every field asked for")
class Stingy(Desk):
    def row(self, raw: Any, fields: Sequence[str]) -> Row:
        return super().row(raw, [name for name in fields if name != "status"])


@breaks("figures are named by their groups and measures")
class Unnamed(Desk):
    async def aggregate(self, aggregate: Any) -> Any:
        return [{"n": one["n"]} for one in await super().aggregate(aggregate)]


@breaks("the catalogue describes every field that reads and writes name")
class Undescribed(Desk):
    async def catalogue(self, object: str) -> ObjectFacts:
        await super().catalogue(object)
        return ObjectFacts("Ticket", {"id": FieldFacts("id")}, id_field="id")


@breaks("a query gives as many rows as its limit allows, and no more")
class Unlimited(Desk):
    async def query(self, query: Query) -> Sequence[Row]:
        return await super().query(replace(query, limit=50))


@breaks("a query gives as many rows as its limit allows, and no more", "a search with limit 1")
class Wordy(Desk):
    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        return await super().search("o", objects, 50)


@breaks("a query sorts as it was asked to, missing values first")
class Unsorted(Desk):
    def sort(self, query: Query) -> str:
        return super().sort(query).replace("-", "")


@breaks("a query sorts as it was asked to, missing values first", "ascending")
class Descending(Desk):
    def sort(self, query: Query) -> str:
        return "-opened"


@breaks("a condition is honoured or refused, and never left out")
class Careless(Desk):
    def condition(self, condition: Any) -> str:
        return super().condition(condition.term if isinstance(condition, Negated) else condition)


@breaks("a condition is honoured or refused, and never left out", "and another eq")
class Joining(Desk):
    def condition(self, condition: Any) -> str:
        return super().condition(condition).replace(" and ", " or ")


@breaks("a condition is honoured or refused, and never left out", "after 1 requests")
class Late(Desk):
    async def query(self, query: Query) -> Sequence[Row]:
        await self.http.get(path("/me"))
        return await super().query(query)


@breaks("a write with an old version is refused, where records have versions")
class Overwriting(Desk):
    async def update(self, object: str, id: str, values: Any, version: str | None) -> Any:
        return replace(await super().update(object, id, values, None), guard="server")


@breaks("a write with an old version is refused, where records have versions", "delete with the version before last")
class Destroying(Desk):
    async def delete(self, object: str, id: str, version: str | None) -> Any:
        return await super().delete(object, id, None)
