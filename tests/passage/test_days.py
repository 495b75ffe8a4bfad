"""Does a read that names a day reach the connector with it, and only where the object keeps more than today?"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from tests.conftest import House

from isthmus.connectors.salesforce import Salesforce
from isthmus.core import Gateway
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.plugins import Plugins
from isthmus.core.records import Query, Row
from isthmus.core.results import as_json
from isthmus.core.session import Session

NAMES = ["Name"]


class Almanac(Salesforce):
    """Keeps what accounts were on other days, and tells which day it was asked for."""

    async def catalogue(self, object: str) -> ObjectFacts:
        facts = await super().catalogue(object)
        return replace(facts, dated=True) if facts.name == "Account" else facts

    async def query(self, query: Query) -> Sequence[Row]:
        assert query.as_of == self.as_of
        return [self._dated(one) for one in await super().query(query)]

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        return self._dated(await super().get(object, id, fields))

    def _dated(self, row: Row) -> Row:
        return Row(row.object, row.id, {**row.fields, "Name": self.as_of or "today"}, row.version)


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[Gateway]:
    around = Surroundings(environ=house.environ, plugins=Plugins({"salesforce": Almanac}, {}))
    async with open_gateway(load_config(house.write()), around) as gateway:
        yield gateway


@pytest.fixture
def session(house: House, gateway: Gateway) -> Session:
    return gateway.session(house.caller())


async def test_every_read_carries_its_day(session: Session):
    accounts = Query("Account", ("Name",), limit=2, as_of="2025-01-31")
    page = await session.query("crm", accounts)
    one = await session.get("crm", "Account", page.records[0].id, NAMES, as_of="2024-12-31")
    now = await session.get("crm", "Account", page.records[0].id, NAMES)
    assert [page.records[0].fields["Name"], one.fields["Name"], now.fields["Name"]] == [
        "2025-01-31", "2024-12-31", "today",
    ]  # fmt: skip
    assert page.after
    later = await session.query("crm", accounts, after=page.after)
    assert later.records[0].fields["Name"] == "2025-01-31"


async def test_a_page_goes_on_with_its_own_day_only(session: Session):
    page = await session.query("crm", Query("Account", ("Name",), limit=2, as_of="2025-01-31"))
    with pytest.raises(InvalidArguments, match="continue"):
        await session.query("crm", Query("Account", ("Name",), limit=2, as_of="2025-02-01"), after=page.after or "")


async def test_a_day_is_refused_where_only_today_is_kept(session: Session):
    with pytest.raises(InvalidArguments, match="only what is true now"):
        await session.query("crm", Query("Contact", ("Name",), as_of="2025-01-31"))


async def test_a_day_is_a_day(session: Session):
    with pytest.raises(InvalidArguments, match="takes a day"):
        await session.query("crm", Query("Account", ("Name",), as_of="last week"))


async def test_describe_says_where_days_are_kept(session: Session):
    for name, dated in (("Account", True), ("Contact", None)):
        assert as_json(await session.describe("crm", name))["object"].get("dated") is dated
