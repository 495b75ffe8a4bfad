"""How may a connector make records below another one wrongly?"""

from collections.abc import Mapping
from typing import Any

from tests.core.testing.desk import Desk

from isthmus.core.connector import Key, Written
from isthmus.core.errors import UpstreamError
from isthmus.core.http import path
from isthmus.core.records import JSON

from .seed import Seed, sown_in

SEEDS: list[Seed] = []
breaks = sown_in(SEEDS)
ORDERED = "records below a new one are told in the order they were given"
WHOLE = "a new record and those below it are made as a whole or not at all"


@breaks(ORDERED, "holds .*, not")
class AsTheyCome(Desk):
    def below(self, made: JSON) -> Any:
        return super().below(made)[::-1]


@breaks(ORDERED, "the outcome names")
class Mute(Desk):
    def below(self, made: JSON) -> Any:
        return ()


@breaks(ORDERED, "nothing in .* lies below", below={"nots": [{"text": "x"}]})
class Misnamed(Desk):
    pass


@breaks(WHOLE, "the one above it was made")
class OneByOne(Desk):
    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        await super().create(object, {name: value for name, value in values.items() if name != "notes"}, key)
        return await super().create(object, values, key)


@breaks(WHOLE, "the create did not fail")
class Glossing(Desk):
    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        try:
            return await super().create(object, values, key)
        except UpstreamError:
            first = {name: value for name, value in values.items() if name != "notes"}
            await self.http.get(path("/me"))
            return await super().create(object, first, key)
