"""Does the connector, in a whole gateway, work against SAP CAP and its adapter for OData V2, as they are?

They are fetched from their registry, so this runs on request only: `ISTHMUS_INTEROP=1 uv run pytest tests/interop`.
The model, the operations and the guard (a port of loopback, CSRF tokens) are our own: `elsewhere/cap`.
"""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.connectors.sap.conftest import gateway, home
from tests.interop.node_servers import Elsewhere, served
from tests.interop.test_elsewhere import pytestmark

from isthmus.core.errors import NotFound, OutcomeUnknown, UpstreamRejected, VersionConflict
from isthmus.core.records import AllOf, AnyOf, Compare, Condition, Operator, Order, Query
from isthmus.core.session import Session

__all__ = ["gateway", "home", "pytestmark"]

BOTH = pytest.mark.parametrize("version", ["v2", "v4"])
LOT = {
    "label": "it's 100% / [ä]",
    "price": 1234567.0625,
    "weight": -1.5e-300,
    "units": "9007199254740993",
    "made": "1969-12-31",
    "opens": "23:59:58",
    "seen": "2026-11-22T10:27:32Z",
    "open": True,
    "print": "AQL//w==",
}
EXACT = (
    ("price", 12.5),
    ("price", -0.0000000001),
    ("price", 99999999999.9375),
    ("units", -1),
    ("units", "9223372036854775807"),
    ("units", "-9223372036854775808"),
    ("made", "0001-01-01"),
    ("made", "9999-12-31"),
    ("opens", "00:00:00"),
    ("seen", "1969-07-20T20:17:40Z"),
    ("weight", -0.1),
    ("label", None),
    ("open", False),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cds = ("node_modules/@sap/cds/bin/serve.js", "all", "--in-memory")
    with served("cap", tmp_path_factory.mktemp("cap"), cds) as address:
        yield address


@pytest.fixture
def house(url: str, tmp_path: Path) -> Elsewhere:
    found = Elsewhere(tmp_path / "house", url=url, keys={"v2.Lots": "mark", "v4.Lots": "mark"})
    found.serve({"v2": "/odata/v2/trial", "v4": "/odata/v4/trial"})
    return found


async def lot(home: Session, version: str, **values: object) -> str:
    made = await home.create("erp", f"{version}.Lots", {"mark": uuid.uuid4().hex, **values}, key="")
    assert made.created
    return made.id


async def found(
    home: Session, object: str, field: str, where: Condition, order: tuple[Order, ...] = ()
) -> list[object]:
    page = await home.query("erp", Query(object, (field,), where, order, 100))
    return [one.fields[field] for one in page.records]


@BOTH
async def test_describe(home: Session, version: str):
    listed = {one.name for one in (await home.describe("erp")).objects}
    assert {f"{version}.{name}" for name in ("Depots", "Stock", "Lots")} <= listed
    lots = (await home.describe("erp", f"{version}.Lots")).facts
    assert {name: str(lots.fields[name].type) for name in LOT} == {
        "label": "string",
        "price": "number",
        "weight": "number",
        "units": "integer",
        "made": "date",
        "opens": "time",
        "seen": "datetime",
        "open": "boolean",
        "print": "binary",
    }
    stock = (await home.describe("erp", f"{version}.Stock")).facts
    assert stock.id_field == "_id"
    depots = (await home.describe("erp", f"{version}.Depots")).facts
    assert depots.children == {"stock": f"{version}.Stock"}


@BOTH
async def test_values_survive(home: Session, version: str):
    mark = uuid.uuid4().hex
    id = await lot(home, version, mark=mark, **LOT)
    assert dict((await home.get("erp", f"{version}.Lots", id, tuple(LOT))).fields) == LOT
    other = Query("v4.Lots" if version == "v2" else "v2.Lots", tuple(LOT), Compare("mark", Operator.EQ, mark))
    assert [dict(one.fields) for one in (await home.query("erp", other)).records] == [LOT]


@BOTH
@pytest.mark.parametrize(("field", "value"), EXACT)
async def test_a_value_at_its_edge(home: Session, version: str, field: str, value: object):
    object = f"{version}.Lots"
    mark = uuid.uuid4().hex
    id = await lot(home, version, mark=mark, **{field: value})
    assert (await home.get("erp", object, id, (field,))).fields[field] == value
    mine = AllOf((Compare("mark", Operator.EQ, mark), Compare(field, Operator.EQ, value)))
    assert await found(home, object, field, mine) == [value]
    await home.delete("erp", object, id)


@BOTH
async def test_conditions(home: Session, version: str):
    tag = uuid.uuid4().hex[:8]
    for number in range(1, 6):
        about = {"label": f"{tag} lot {number}", "price": number * 1.5, "made": f"2026-01-0{number}"}
        await lot(home, version, **about, units=number, open=number % 2 == 0)
    object, mine = f"{version}.Lots", Compare("label", Operator.STARTS_WITH, tag)

    async def units(*more: Condition) -> list[object]:
        return await found(home, object, "units", AllOf((mine, *more)), (Order("units", True),))

    assert await units() == [5, 4, 3, 2, 1]
    assert await units(Compare("price", Operator.GE, 4.5)) == [5, 4, 3]
    assert await units(Compare("made", Operator.LT, "2026-01-03")) == [2, 1]
    assert await units(Compare("open", Operator.EQ, True)) == [4, 2]
    assert await units(Compare("units", Operator.IN, [1, 3, 9])) == [3, 1]
    assert await units(Compare("label", Operator.CONTAINS, "lot 2")) == [2]
    assert await units(Compare("units", Operator.NE, 5)) == [4, 3, 2, 1]
    either = AnyOf((Compare("units", Operator.GT, 4), Compare("price", Operator.LT, 2)))
    assert await units(either) == [5, 1]
    assert await units(Compare("weight", Operator.EQ, None)) == [5, 4, 3, 2, 1]


@BOTH
async def test_a_field_of_another_record(home: Session, version: str):
    code = uuid.uuid4().hex[:6]
    await home.create("erp", f"{version}.Depots", {"code": code, "name": code, "country": "CH"}, key="")
    id = await lot(home, version, depot_code=code)
    there = (await home.get("erp", f"{version}.Lots", id, ("depot_code", "depot.name"))).fields
    assert dict(there) == {"depot_code": code, "depot.name": code}
    assert await found(home, f"{version}.Lots", "depot_code", Compare("depot.name", Operator.EQ, code)) == [code]


@BOTH
async def test_pages_are_followed(home: Session, version: str):
    """The service gives no more than 7 depots at once."""
    tag = uuid.uuid4().hex[:4]
    codes = [f"{tag}{number:02}" for number in range(17)]
    for code in codes:
        await home.create("erp", f"{version}.Depots", {"code": code, "country": "DE"}, key="")
    mine = Compare("code", Operator.STARTS_WITH, tag)
    page = await home.query("erp", Query(f"{version}.Depots", ("code",), mine, (Order("code"),), 15))
    assert [one.id for one in page.records] == codes[:15]
    every = [
        row.id async for page in home.export("erp", f"{version}.Depots", select=("code",), where=mine)
        for row in page.records
    ]  # fmt: skip
    assert every == codes


@BOTH
async def test_composite_keys(home: Session, version: str):
    code, object = f"a/'{uuid.uuid4().hex[:4]}", f"{version}.Stock"
    await home.create("erp", f"{version}.Depots", {"code": code}, key="")
    values = {"depot_code": code, "item": "9007199254740993", "since": "2026-02-28"}
    made = await home.create("erp", object, {**values, "text": "bolts", "count": 3}, key="")
    read = await home.get("erp", object, made.id, (*values, "text", "count"))
    assert dict(read.fields) == {**values, "text": "bolts", "count": 3}
    (again,) = (await home.query("erp", Query(object, ("text",), Compare("depot_code", Operator.EQ, code)))).records
    assert again.id == made.id
    await home.update("erp", object, made.id, {"count": 4})
    assert (await home.get("erp", object, made.id, ("count",))).fields["count"] == 4
    await home.delete("erp", object, made.id)
    with pytest.raises(NotFound):
        await home.get("erp", object, made.id, ("count",))


@BOTH
async def test_a_record_is_made_with_those_below(home: Session, version: str):
    code = uuid.uuid4().hex[:6]
    below = [{"item": number, "since": "2026-01-01", "count": number} for number in (1, 2)]
    made = await home.create("erp", f"{version}.Depots", {"code": code, "stock": below}, key="")
    assert [object for object, _ in made.below] == [f"{version}.Stock"] * 2
    read = [(await home.get("erp", object, id, ("count",))).fields["count"] for object, id in made.below]
    assert read == [1, 2]


@BOTH
async def test_versions(home: Session, version: str):
    object = f"{version}.Lots"
    id = await lot(home, version)
    read = await home.get("erp", object, id, ("label",))
    assert read.version
    changed = await home.update("erp", object, id, {"label": "two"}, version=read.version)
    assert changed.guard == "server"
    for late in (
        home.update("erp", object, id, {"label": "three"}, version=read.version),
        home.delete("erp", object, id, version=read.version),
    ):
        with pytest.raises(VersionConflict):
            await late
    assert (await home.get("erp", object, id, ("label",))).fields["label"] == "two"
    await home.delete("erp", object, id)
    with pytest.raises(NotFound):
        await home.get("erp", object, id, ("label",))


async def test_operations_of_v4(home: Session):
    id = await lot(home, "v4", price=1.5)
    answer = await home.invoke("erp", "v4.Lots", "reprice", {"price": "12345678.0625", "note": "it's"}, id=id)
    assert answer.values["result"]["label"] == "it's"
    assert (await home.invoke("erp", "v4.Lots", "worth", id=id)).values == {"result": 12345678.0625}


async def test_operations_of_v2(home: Session):
    id = await lot(home, "v2", price=1.5)
    answer = await home.invoke("erp", "v2.Lots", "Lots_reprice", {"price": "12345678.0625", "note": "it's"}, id=id)
    assert answer.values["result"]["label"] == "it's"
    assert (await home.invoke("erp", "v2.Lots", "Lots_worth", id=id)).values == {"result": 12345678.0625}


@BOTH
async def test_operations_of_a_service(home: Session, version: str):
    code = uuid.uuid4().hex[:6]
    await home.create("erp", f"{version}.Depots", {"code": code, "name": "old", "country": code[:2]}, key="")
    for item, since in ((1, "2026-01-01"), (2, "2026-02-01"), (3, "2026-03-01")):
        row = {"depot_code": code, "item": item, "since": since, "count": 10 * item}
        await home.create("erp", f"{version}.Stock", row, key="")
    told = await home.invoke("erp", version, "stocked", {"depot": code, "since": "2026-02-01"})
    assert told.values["result"] == 50
    await home.invoke("erp", version, "relabel", {"country": code[:2], "name": "O'Hara & Söhne"})
    assert (await home.get("erp", f"{version}.Depots", code, ("name",))).fields["name"] == "O'Hara & Söhne"


@BOTH
async def test_lines_of_a_load_are_told_one_by_one(home: Session, version: str):
    code = uuid.uuid4().hex[:6]
    await home.create("erp", f"{version}.Depots", {"code": code}, key="")
    lines = [{"depot_code": code, "item": item, "since": "2026-01-01", "count": item} for item in (1, 2_000, 3)]
    (told,) = [one async for one in home.load("erp", f"{version}.Stock", lines, key=code)]
    assert [bool(one.id) for one in told.outcomes] == [True, False, True]
    assert told.outcomes[1].code
    changed = [(one.id, {"text": "new"}) for one in told.outcomes if one.id]
    (again,) = [one async for one in home.load("erp", f"{version}.Stock", changed, action="update", key=f"{code}2")]
    assert again.failed == ()


@BOTH
async def test_one_token_serves_many_writers_and_a_spent_one_is_nobodys_concern(home: Session, url: str, version: str):
    async with httpx2.AsyncClient(base_url=url, auth=("isthmus", "s3cret")) as control:
        before = (await control.get("/trial/fetched")).json()
        await asyncio.gather(*(lot(home, version, units=number) for number in range(32)))
        assert (await control.get("/trial/fetched")).json() == before + 1
        assert (await control.post("/trial/forget")).status_code == 200
    await asyncio.gather(*(lot(home, version, units=number) for number in range(8)))


@BOTH
async def test_a_refusal_says_why(home: Session, version: str):
    code = uuid.uuid4().hex[:6]
    await home.create("erp", f"{version}.Depots", {"code": code}, key="")
    row = {"depot_code": code, "item": 1, "since": "2026-01-01", "count": 1_001}
    with pytest.raises(UpstreamRejected) as refused:
        await home.create("erp", f"{version}.Stock", row, key="")
    assert "1000" in refused.value.vendor_text
    assert refused.value.field == "count"


@BOTH
async def test_a_word_is_searched_for(home: Session, version: str):
    """One word: of several, CAP finds any, and its adapter searches for all as they stand."""
    tag = uuid.uuid4().hex[:6]
    for number, text in enumerate((f"a red{tag} lamp", "a lamp")):
        await home.create("erp", f"{version}.Notes", {"ID": f"{tag}{number}", "text": text}, key="")
    page = await home.search("erp", f"{version}.Notes", f"red{tag}", fields=("text",))
    assert [one.id for one in page.records] == [f"{tag}0"]


@BOTH
async def test_a_server_error_is_no_refusal(home: Session, version: str):
    """CAP answers 500 where SQLite finds a key taken, and a 500 does not say that nothing was written."""
    code = uuid.uuid4().hex[:6]
    await home.create("erp", f"{version}.Depots", {"code": code}, key="")
    with pytest.raises(OutcomeUnknown):
        await home.create("erp", f"{version}.Depots", {"code": code}, key="")


@BOTH
async def test_two_people_share_neither_session_nor_token_nor_rows(house: Elsewhere, url: str, version: str):
    house.as_users({"alice": "a-secret", "bob": "b-secret"})
    object, tag = f"{version}.Notes", uuid.uuid4().hex[:6]
    async with house.open() as gateway, httpx2.AsyncClient(base_url=url, auth=("isthmus", "s3cret")) as control:
        people = {name: gateway.session(house.caller(name)) for name in ("alice", "bob")}
        mine = [(one, {"ID": f"{tag}{name[0]}{n}", "text": tag}) for name, one in people.items() for n in range(6)]
        await asyncio.gather(*(one.create("erp", object, values, key="") for one, values in mine))
        asked = Query(object, ("owner",), Compare("text", Operator.EQ, tag))
        pages = await asyncio.gather(*(one.query("erp", asked) for one in people.values()))
        assert [[row.fields["owner"] for row in page.records] for page in pages] == [["alice"] * 6, ["bob"] * 6]
        with pytest.raises(NotFound):
            await people["bob"].get("erp", object, f"{tag}a0", ("text",))
        assert (await control.get("/trial/strangers")).json() == 0
