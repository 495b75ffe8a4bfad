"""Are many records written in few requests, each line on its own, told line by line and none of them twice?"""

import httpx2
import pytest

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import InvalidArguments, OutcomeUnknown
from isthmus.core.session import Session
from isthmus.core.streams import LineOutcome, Loaded
from isthmus.plugins.sandbox import SapLandscape

from .landscape import BOTH, NEW, House, house, org, small, stored, texts

__all__ = ["house", "org", "small"]

CITY = {"BusinessPartnerCategory": "2", "OrganizationBPName1": "Kessmar"}


class Spoiled(httpx2.AsyncBaseTransport):
    """The way to the system, on which the answer to the second batch becomes something else."""

    def __init__(self) -> None:
        self._inner, self._batches = httpx2.AsyncHTTPTransport(), 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        plain = httpx2.Request(request.method, str(request.url), headers=request.headers, content=await request.aread())
        answer = await self._inner.handle_async_request(plain)
        self._batches += request.url.path.endswith("batch")
        if self._batches != 2 or not request.url.path.endswith("batch"):
            return answer
        await answer.aread()
        return httpx2.Response(answer.status_code, headers={"content-type": "application/json"}, content=b"{}")

    async def aclose(self) -> None:
        await self._inner.aclose()


class JsonAlone(httpx2.AsyncBaseTransport):
    """The way to a system that takes batches in JSON alone, although it does not say so; `refused` counts others."""

    def __init__(self) -> None:
        self._inner, self.refused = httpx2.AsyncHTTPTransport(), 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("batch") and not request.headers["content-type"].startswith("application/json"):
            self.refused += 1
            return httpx2.Response(415)
        plain = httpx2.Request(request.method, str(request.url), headers=request.headers, content=await request.aread())
        return await self._inner.handle_async_request(plain)

    async def aclose(self) -> None:
        await self._inner.aclose()


EVERY = pytest.mark.parametrize("object", ["so.A_SalesOrder", "so4.SalesOrder", "bp4.BusinessPartner"])


async def loaded(session: Session, object: str, lines: object, action: str = "create", key: str = "L") -> Loaded:
    told = [one async for one in session.load("erp", object, lines, action=action, key=key)]  # type: ignore[arg-type]
    assert len(told) == 1
    return told[0]


def batches(org: SapLandscape) -> list[str]:
    return [one.body for one in org.journal.entries if one.path.endswith("/$batch")]


@EVERY
async def test_a_line_that_fails_fails_alone(home: Session, org: SapLandscape, object: str):
    good = CITY if object.startswith("bp") else NEW
    bad = {**good, **({"BusinessPartnerCategory": "9"} if object.startswith("bp") else {"SoldToParty": "4711"})}
    found = await loaded(home, object, [good] * 30 + [bad] + [good] * 30)
    assert found.failed == (30,)
    failed = found.outcomes[30]
    assert (failed.code, bool(failed.text)) == ("BUSINESS_RULE", True)
    assert len({one.id for one in found.outcomes if one.created}) == 60
    assert [one.startswith("{") for one in batches(org)] == [object == "so4.SalesOrder"] * 2


@BOTH
async def test_lines_are_changed_and_deleted_with_the_versions_of_their_records(
    home: Session, org: SapLandscape, orders: str
):
    made = await loaded(home, orders, [NEW, NEW, NEW])
    ids = [one.id for one in made.outcomes]
    lines = [(id, {"DeliveryBlockReason": "01"}) for id in (*ids, "99999")]
    found = await loaded(home, orders, lines, "update", "U")
    assert [(one.id, one.code) for one in found.outcomes] == [*((id, "") for id in ids), ("", "NOT_FOUND")]
    assert {stored(org, id)["DeliveryBlockReason"] for id in ids} == {"01"}
    gone = await loaded(home, orders, ids, "delete", "D")
    assert gone.failed == ()
    assert not {row["SalesOrder"] for row in org.rows("SalesOrder")} & set(ids)


@BOTH
async def test_a_record_that_changes_meanwhile_is_left_alone(home: Session, org: SapLandscape, orders: str):
    org.locks["SalesOrder", "2"] = "BOB"
    found = await loaded(home, orders, [("1", {"DeliveryBlockReason": "01"}), ("2", {"DeliveryBlockReason": "01"})],
                         "update")  # fmt: skip
    assert [one.code for one in found.outcomes] == ["", "LOCKED"]
    assert stored(org, "2")["DeliveryBlockReason"] != "01"


@BOTH
async def test_a_key_that_is_taken_stops_its_line_unsent(home: Session, org: SapLandscape, orders: str):
    await home.create("erp", orders, NEW, key="T-1")
    before = len(org.rows("SalesOrder"))
    lines = [{**NEW, "PurchaseOrderByCustomer": text} for text in ("T-1", "T-2", "T-2")]
    found = await loaded(home, orders, lines)
    assert [one.code for one in found.outcomes] == ["key_taken", "", "key_taken"]
    assert len(org.rows("SalesOrder")) == before + 1
    assert texts(org).count("T-1") == texts(org).count("T-2") == 1


@BOTH
async def test_a_lost_answer_is_read_back_and_no_line_written_twice(home: Session, org: SapLandscape, orders: str):
    org.faults.arm("lost_answer", path="$batch")
    found = await loaded(home, orders, [NEW] * 20)
    assert found.failed == ()
    assert [stored(org, one.id)["PurchaseOrderByCustomer"] for one in found.outcomes] == [f"L/0:{n}" for n in range(20)]
    assert len(texts(org)) == len(org.rows("SalesOrder")) == 320
    assert len(batches(org)) == 1


@BOTH
async def test_lines_that_never_left_are_told_apart_after_a_lost_answer(home: Session, org: SapLandscape, orders: str):
    await home.create("erp", orders, NEW, key="T-1")
    org.faults.arm("lost_answer", path="$batch")
    lines = [{**NEW, "PurchaseOrderByCustomer": text} for text in ("T-2", "T-1", "T-2", "T-3")]
    found = await loaded(home, orders, [*lines, {**NEW, "TransactionCurrency": "much too long"}])
    assert [one.code for one in found.outcomes] == ["", "key_taken", "key_taken", "", "invalid_arguments"]
    assert [stored(org, found.outcomes[at].id)["PurchaseOrderByCustomer"] for at in (0, 3)] == ["T-2", "T-3"]
    assert [texts(org).count(text) for text in ("T-1", "T-2", "T-3")] == [1, 1, 1]
    assert len(batches(org)) == 1


@BOTH
async def test_deletes_whose_answer_is_lost_are_done_once_the_records_are_gone(
    home: Session, org: SapLandscape, orders: str
):
    ids = [one.id for one in (await loaded(home, orders, [NEW, NEW])).outcomes]
    org.faults.arm("lost_answer", path="$batch", after=1)
    found = await loaded(home, orders, [*ids, "99999"], "delete", "D")
    assert [(one.id, one.code) for one in found.outcomes] == [(ids[0], ""), (ids[1], ""), ("", "NOT_FOUND")]
    assert len(org.rows("SalesOrder")) == 300


@BOTH
async def test_a_batch_whose_answer_says_nothing_is_read_back(house: House, org: SapLandscape, orders: str):
    around = Surroundings(environ={"ERP_PASSWORD": org.password("integration")}, wire=lambda _, __: Spoiled())
    async with open_gateway(load_config(house.write()), around) as gateway:
        found = await loaded(gateway.session(house.caller()), orders, [NEW] * 60)
    assert found.failed == ()
    assert len({one.id for one in found.outcomes}) == 60
    assert len(org.rows("SalesOrder")) == 360


@pytest.mark.parametrize(("told", "refused"), [("", 1), ('batches = { bp4 = "json" }\n', 0)])
async def test_batches_are_json_where_a_service_takes_no_other(
    house: House, org: SapLandscape, told: str, refused: int
):
    way = JsonAlone()
    house.settings += told
    around = Surroundings(environ={"ERP_PASSWORD": org.password("integration")}, wire=lambda _, __: way)
    async with open_gateway(load_config(house.write()), around) as gateway:
        for key in ("A", "B"):
            found = await loaded(gateway.session(house.caller()), "bp4.BusinessPartner", [CITY] * 2, key=key)
            assert found.failed == ()
    assert way.refused == refused
    assert [one.startswith("{") for one in batches(org)] == [True, True]


@BOTH
async def test_lines_without_a_key_end_unknown_when_their_answer_is_lost(house: House, org: SapLandscape, orders: str):
    house.keys = {}
    async with house.open() as gateway:
        home = gateway.session(house.caller())
        org.faults.arm("lost_answer", path="$batch")
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await loaded(home, orders, [NEW] * 3)
    assert len(org.rows("SalesOrder")) == 303


@BOTH
async def test_what_was_not_sent_any_more_is_not_called_unknown(home: Session, org: SapLandscape, orders: str):
    org.faults.arm("not_activated", path="$batch", after=1)
    found = await loaded(home, orders, [NEW] * 60)
    assert [one.code for one in found.outcomes] == [""] * 50 + ["upstream_rejected"] * 10
    assert len(org.rows("SalesOrder")) == 350


@BOTH
async def test_the_same_load_again_writes_nothing(home: Session, org: SapLandscape, orders: str):
    first = await loaded(home, orders, [NEW] * 3)
    assert [one.id for one in (await loaded(home, orders, [NEW] * 3)).outcomes] == [one.id for one in first.outcomes]
    assert len(org.rows("SalesOrder")) == 303


@BOTH
async def test_a_remark_reaches_the_line_that_it_is_about(house: House, orders: str):
    house.keys = {}
    async with house.open() as gateway:
        found = await loaded(gateway.session(house.caller()), orders, [{**NEW, "PurchaseOrderByCustomer": "told"}, NEW])
    assert [[note.code for note in one.notes] for one in found.outcomes] == [[], ["V1/555"]]


async def test_values_that_do_not_fit_stop_their_line_alone(home: Session):
    found = await loaded(home, "so.A_SalesOrder", [{**NEW, "TransactionCurrency": "much too long"}, NEW])
    assert found.outcomes[0] == LineOutcome(code="invalid_arguments", field="TransactionCurrency")
    assert found.outcomes[1].created


async def test_upserts_are_refused_unsent(home: Session, org: SapLandscape):
    with pytest.raises(InvalidArguments):
        await anext(aiter(home.load("erp", "bp4.BusinessPartner", [CITY], action="upsert", key_field="BusinessPartner",
                                    key="U")))  # fmt: skip
    assert batches(org) == []
