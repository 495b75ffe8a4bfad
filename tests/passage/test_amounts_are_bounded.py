"""Can policy bound writes by the amounts that the operator named, and does nobody slip under by leaving them out?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import call

from isthmus.core.amounts import UNKNOWN, Amounts, _size
from isthmus.core.errors import ConfigurationError, Denied
from isthmus.core.facts import FieldFacts, ObjectFacts
from isthmus.core.gateway import Gateway
from isthmus.core.operation import LARGEST_AMOUNT, Verb
from isthmus.core.plan import Plan
from isthmus.core.reach import Reach
from isthmus.core.records import Ref
from isthmus.core.request import Invoke
from isthmus.plugins.sandbox import Sandbox

from .conftest import CEDAR, TOKEN_PATH, Home

BOUND = """
@id("others") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"load", Isthmus::Action::"execute", Isthmus::Action::"attach"], resource in Isthmus::System::"crm");
@id("large") forbid (principal is Isthmus::Agent, action, resource)
  when { context has amount && context.amount.greaterThan(decimal("10000.00")) };
"""
CAREFUL = """
[agents.careful]
owner = "maria"
purposes = ["support"]
max_risk = 2
"""
DEAL = {"StageName": "Prospecting", "CloseDate": "2027-01-31"}


@dataclass
class Sales(Home):
    cedar: str = CEDAR + BOUND
    amounts: str = '["invoice__c.amount__c", "Opportunity.Amount"]'

    def write(self) -> Path:
        path = super().write()
        line = f"[connections.crm-eu]\namounts = {self.amounts}\n"
        path.write_text(path.read_text().replace("[connections.crm-eu]\n", line) + CAREFUL)
        return path

    def invoice(self, amount: float | None) -> str:
        """Put an invoice into the org, past isthmus."""
        return self._insert("Invoice__c", {"Invoice_Number__c": f"X-{amount}", "Amount__c": amount})

    def deal(self, amount: float | None) -> str:
        return self._insert("Opportunity", {"Name": f"Deal {amount}", "Amount": amount, **DEAL})

    def _insert(self, object: str, values: dict[str, object]) -> str:
        about = {
            "grant_type": "client_credentials",
            "client_id": self.org.client_id,
            "client_secret": self.org.client_secret,
        }
        token = httpx2.post(self.org.url + TOKEN_PATH, data=about).json()["access_token"]
        made = httpx2.post(
            f"{self.org.url}/services/data/v62.0/sobjects/{object}",
            json=values, headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        return str(made.json()["id"])


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> Sales:
    return Sales(tmp_path / "house", sandbox)


async def do(gateway: Gateway, house: Home, tool: str, object: str, **arguments: object) -> object:
    return await call(gateway, house.caller("eu"), tool, system="crm", object=object, **arguments)


async def denied(house: Home, made: Callable[[], Awaitable[object]]) -> str:
    """See that a call is denied for its amount, and that nothing but look-ups left."""
    since = house.mark()
    with pytest.raises(Denied) as caught:
        await made()
    assert caught.value.rules == ("large",)
    assert {one.method for one in house.sent("", since)} <= {"GET"}
    return caught.value.sentence


async def test_a_new_record_is_judged_by_what_it_brings(gateway: Gateway, house: Sales) -> None:
    def create(number: str, **values: object) -> Callable[[], Awaitable[object]]:
        return lambda: do(gateway, house, "create", "Invoice__c", values={"Invoice_Number__c": number} | values)

    assert await create("A-1", Amount__c=10_000)()
    assert await create("A-2", amount__C=9_999.99)()
    for number, amount in enumerate((10_000.01, 20_000, -20_000, 1e30)):
        await denied(house, create(f"B-{number}", Amount__c=amount))


async def test_an_amount_that_is_not_told_counts_as_the_most(gateway: Gateway, house: Sales) -> None:
    told = await denied(house, lambda: do(gateway, house, "create", "Invoice__c", values={"Invoice_Number__c": "C-1"}))
    assert "The amount is not known, which counts as the most." in told
    for amount in (None, "12 EUR"):
        values = {"Invoice_Number__c": "C-2", "Amount__c": amount}
        await denied(house, lambda: do(gateway, house, "create", "Invoice__c", values=values))  # noqa: B023
    empty = house.deal(None)
    await denied(house, lambda: do(gateway, house, "transition", "Opportunity", id=empty, to="Closed Won"))


async def test_a_change_is_judged_by_the_greater_of_before_and_after(gateway: Gateway, house: Sales) -> None:
    small, large = house.deal(5_000), house.deal(50_000)
    assert await do(gateway, house, "update", "Opportunity", id=small, values={"Amount": 6_000})
    assert await do(gateway, house, "update", "Opportunity", id=small, values={"NextStep": "call"})
    for id, values in ((small, {"Amount": 20_000}), (large, {"Amount": 1}), (large, {"NextStep": "call"})):
        await denied(house, lambda: do(gateway, house, "update", "Opportunity", id=id, values=values))  # noqa: B023


async def test_what_else_is_done_to_a_record_is_judged_by_what_it_has(gateway: Gateway, house: Sales) -> None:
    small, large = house.deal(5_000), house.deal(50_000)
    assert await do(gateway, house, "transition", "Opportunity", id=small, to="Qualification")
    for tool, more in (
        ("transition", {"to": "Closed Won"}),
        ("attach", {"name": "a.txt", "type": "text/plain", "content": "aGVsbG8="}),
    ):
        await denied(house, lambda: do(gateway, house, tool, "Opportunity", id=large, **more))  # noqa: B023
    invoice = house.invoice(50_000)
    await denied(
        house,
        lambda: do(gateway, house, "invoke", "Invoice__c", id=invoice, action="submit_for_approval", arguments={}),
    )


async def test_an_upsert_is_judged_by_the_record_that_it_finds(gateway: Gateway, house: Sales) -> None:
    def upsert(number: str, **values: object) -> Callable[[], Awaitable[object]]:
        about = {"key_field": "Invoice_Number__c", "key": number, "values": values}
        return lambda: do(gateway, house, "upsert", "Invoice__c", **about)

    house.invoice(50_000)
    assert await upsert("D-1", Amount__c=5_000)()
    assert await upsert("D-1", Amount__c=6_000)()
    await denied(house, upsert("D-2", Amount__c=20_000))
    await denied(house, upsert("X-50000", Amount__c=1))


async def test_a_load_is_judged_by_its_greatest_line(gateway: Gateway, house: Sales) -> None:
    def load(action: str, *lines: dict[str, object]) -> Callable[[], Awaitable[object]]:
        return lambda: do(gateway, house, "load", "Invoice__c", action=action, key=f"k-{lines}", lines=list(lines))

    def line(number: str, amount: float) -> dict[str, object]:
        return {"values": {"Invoice_Number__c": number, "Amount__c": amount}}

    assert await load("create", line("E-1", 1), line("E-2", 2))()
    await denied(house, load("create", line("E-3", 1), line("E-4", 20_000)))
    small = house.invoice(5)
    await denied(house, load("update", {"id": small, "values": {"Amount__c": 6}}))


async def test_records_below_a_new_one_count(gateway: Gateway, house: Sales) -> None:
    def create(amount: float) -> Callable[[], Awaitable[object]]:
        below = {
            "Opportunities": [{"Name": "Neubau", "Amount": 1, **DEAL}, {"Name": "Anbau", "Amount": amount, **DEAL}]
        }
        return lambda: do(gateway, house, "create", "Account", values={"Name": "Muster", **below})

    assert await create(9_000)()
    await denied(house, create(90_000))


async def test_reads_and_other_objects_have_no_amount(gateway: Gateway, house: Sales) -> None:
    large = house.deal(50_000)
    assert await do(gateway, house, "get", "Opportunity", id=large, fields=["Amount"])
    assert await do(gateway, house, "create", "Case", values={"Subject": "x"})


async def test_a_write_of_money_carries_three_points(gateway: Gateway, house: Sales) -> None:
    small, careful = house.deal(5_000), replace(house.caller("eu"), agent="careful")
    for object, id, allowed in (("Case", house.org.rows("Case")[0]["Id"], True), ("Opportunity", small, False)):
        values = {"Description": "x"}
        made = call(gateway, careful, "update", system="crm", object=object, id=id, values=values)
        if allowed:
            assert await made
            continue
        with pytest.raises(Denied) as caught:
            await made
        assert caught.value.rules == ("isthmus:agent-risk",)


async def test_a_field_that_is_not_there_stops_writes_and_names_the_setting(sandbox: Sandbox, tmp_path: Path) -> None:
    house = Sales(tmp_path / "house", sandbox, amounts='["Opportunity.Amuont"]')
    async with house.open() as gateway:
        since = house.mark()
        with pytest.raises(
            ConfigurationError, match=r"connections\.crm-eu\.amounts names Opportunity\.Amuont.*'Amount'"
        ):
            await do(gateway, house, "create", "Opportunity", values={"Name": "x", "Amount": 1, **DEAL})
        assert [one.method for one in house.sent("POST", since)] == []


@given(st.one_of(st.integers(), st.floats(), st.decimals().map(str), st.text(), st.none(), st.booleans()))
def test_what_policy_is_told_is_never_less(value: object) -> None:
    size = _size(value)
    assert 0 <= size <= LARGEST_AMOUNT
    try:
        real = abs(float(str(value)))
    except ValueError:
        assert size == LARGEST_AMOUNT
    else:
        assert size == LARGEST_AMOUNT or size >= real * (1 - 1e-12)


def test_what_is_no_number_is_not_known() -> None:
    for value in (Ref("ref_x"), {"value": "1"}, [1], "1_000", "١٢", "1,5", "", "nan", "inf", True):
        assert _size(value) == LARGEST_AMOUNT
    assert str(_size("0.00001")) == "0.0001"
    assert str(_size(-12)) == "12.0000"


def test_an_action_without_a_record_is_judged_by_its_argument_where_one_is_named() -> None:
    facts = ObjectFacts("Deal", {"Amount": FieldFacts("Amount")})
    plan = Plan(Verb.INVOKE, Invoke("Deal", "pay", "", {"Sum": 5}), Reach(facts))
    assert Amounts("crm", ["deal.amount", "Deal.pay.sum"]).of(plan) == "5.0000"
    assert Amounts("crm", ["deal.amount"]).of(plan) == UNKNOWN
    assert Amounts("crm", ["Deal.pay.fee"]).of(plan) == UNKNOWN
    assert Amounts("crm", ["Deal.refund.sum"]).of(plan) is None
