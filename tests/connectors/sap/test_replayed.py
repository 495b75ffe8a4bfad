"""Does a run against a landscape come out the same from its cassette: records, and batches of both versions?"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.replaying import RECORD, cassette_of, forbid_network, played

from isthmus.core.gateway import Gateway
from isthmus.core.records import Compare, Operator, Query
from isthmus.core.session import Session

from .conftest import House
from .landscape import NEW, SERVICES

ALIASES = ("bp", "so", "so4")


@pytest.fixture
async def desk(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    house, environ = House(tmp_path / "house", url="https://erp.example"), {}
    house.keys = {"so.A_SalesOrder": "PurchaseOrderByCustomer", "so4.SalesOrder": "PurchaseOrderByCustomer"}
    listed = ", ".join(f'{name} = "{SERVICES[name]}"' for name in ALIASES)
    house.settings = (
        f'[connections.erp-eu.settings]\nclient = "100"\nservices = {{ {listed} }}\nterms = {{ acknowledged = true }}\n'
    )
    if RECORD:
        org = request.getfixturevalue("sandbox").sap["eu"]
        house.url, house.username, environ = org.url, "INTEGRATION", {"ERP_PASSWORD": org.password("integration")}
    else:
        forbid_network(monkeypatch)
    async with played(house.write(), environ, cassette_of(request, "sap")) as gateway:
        yield session_of(gateway, house)


def session_of(gateway: Gateway, house: House) -> Session:
    return gateway.session(house.caller())


async def test_reads_people_and_writes_orders_in_batches_of_both_versions(desk: Session) -> None:
    wanted = Query("bp.A_BusinessPartner", ("BusinessPartner", "LastName", "BirthDate"),
                   Compare("BusinessPartnerCategory", Operator.EQ, "1"), limit=2)  # fmt: skip
    people = (await desk.query("erp", wanted)).records
    assert all(str(one.fields["LastName"]).isalpha() and one.id.isdigit() for one in people)
    assert (await desk.get("erp", "bp.A_BusinessPartner", people[0].id, ("LastName",))).fields["LastName"]
    for orders in ("so.A_SalesOrder", "so4.SalesOrder"):
        lines = [NEW, {**NEW, "SoldToParty": "4711"}, NEW]
        (told,) = [one async for one in desk.load("erp", orders, lines, action="create", key=f"load-{orders}")]
        assert told.failed == (1,)
        first = told.outcomes[0].id
        await desk.update("erp", orders, first, {"CustomerPaymentTerms": "0002"})
        assert (await desk.get("erp", orders, first, ("SoldToParty",))).id == first
