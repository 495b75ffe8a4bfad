"""Does a whole gateway carry calls to a tenant, by each of its doors and logins?"""

import time
from datetime import date

import pytest

from isthmus.core.errors import (
    Denied,
    InvalidArguments,
    IsthmusError,
    OutcomeUnknown,
    QuotaExhausted,
    RetryLater,
    UpstreamRejected,
)
from isthmus.core.records import Compare, Operator, Query

from .conftest import SERVICES, House

JWT = """
kind = "jwt_bearer"
token_endpoint = "{token_endpoint}"
issuer = "{client_id}"
subject = "{{user}}"
audience = "wd"
private_key = "env:HR_KEY"
"""
DOORS = """
rest = "/api"
soap = "/service"
"""
SOURCES = """
[connections.hr-eu.settings.sources.workers]
source = "allWorkers"
classes = ["internal"]
[connections.hr-eu.settings.operations.Get_Workers]
service = "Human_Resources"
classes = ["internal"]
[connections.hr-eu.settings.reports.headcount]
owner = "integration"
report = "Headcount"
classes = ["internal"]
id = "Employee_ID"
"""
BOUND = """
@id("large") forbid (principal is Isthmus::Agent, action, resource)
  when { context has amount && context.amount.greaterThan(decimal("2000.00")) };
"""
WORKERS = Query("common.workers", ("descriptor",), limit=3)


@pytest.fixture
def at_the_gateway(house: House) -> House:
    """The tenant as the Agent Gateway has it: other prefixes, its alias, tokens elsewhere."""
    house.settings = DOORS + SERVICES + SOURCES
    house.tenant_name = house.tenant.alias
    house.token_endpoint = f"{house.tenant.url}/auth/oauth2/{house.tenant.alias}/token"
    return house


async def test_every_surface_is_reached_below_the_prefixes_of_the_agent_gateway(at_the_gateway: House) -> None:
    house = at_the_gateway
    async with house.open() as gateway:
        session = house.session(gateway)
        for object, field in (("common.workers", "descriptor"), ("staffing.workers", "descriptor"),
                              ("wql.workers", "fullName"), ("soap.Workers", "descriptor"),
                              ("report.headcount", "Employee_ID")):  # fmt: skip
            page = await session.query("hr", Query(object, (field,), limit=2))
            assert len(page.records) == 2, object
    entries = house.tenant.journal.entries
    assert {one.status for one in entries} == {200}
    assert not [one.path for one in entries if "/ccx" in one.path or house.tenant.tenant in one.path]


async def test_an_assertion_acts_as_the_person_who_asks(house: House) -> None:
    house.auth, house.identity = JWT, "user"
    house.environ["HR_KEY"] = house.tenant.private_key_pem
    async with house.open() as gateway:
        for login in ("alice", "bob"):
            me = await house.session(gateway, login).get("hr", "common.workers", "me", ("descriptor",))
            assert me.id == house.tenant.wid(login)
        house.tenant.logins.end_all()
        await house.session(gateway).get("hr", "common.workers", "me", ("descriptor",))
        # A refused person gets nothing, and nobody else's rows.
        house.tenant.logins.lockout.locked.add("bob")
        house.tenant.logins.end_all()
        with pytest.raises(IsthmusError, match="invalid_grant"):
            await house.session(gateway, "bob").get("hr", "common.workers", "me", ("descriptor",))
    assert {one.user for one in house.tenant.journal.entries} >= {"alice", "bob"}


async def test_a_throttle_is_waited_out_and_one_that_lasts_is_told(house: House) -> None:
    async with house.open() as gateway:
        session = house.session(gateway)
        await session.query("hr", WORKERS)
        house.tenant.faults.arm("rate_limit", times=1, seconds=1)
        begun = time.monotonic()
        assert len((await session.query("hr", WORKERS)).records) == 3
        assert time.monotonic() - begun >= 1
        house.tenant.faults.arm("rate_limit", times=9, seconds=40)
        with pytest.raises(RetryLater) as caught:
            await session.query("hr", WORKERS)
        assert caught.value.after is not None
        assert 30 < caught.value.after <= 40
        assert [one.status for one in house.tenant.journal.entries].count(429) == 2


def paying(house: House, login: str) -> dict[str, object]:
    tenant = house.tenant
    facts = tenant.world.history.as_of(tenant.world.number_of(login), tenant.clock.now().date(), tenant.clock.now())
    return {"effectiveDate": "2026-12-01", "reason": "One_Time_Payment_Reason_ID=Recognition", "amount": "2500.50",
            "plan": "One_Time_Payment_Plan_ID=Spot_Bonus", "position": f"Position_ID={facts['position']}",
            "currency": "EUR"}  # fmt: skip


async def test_a_payment_is_asked_for_once_and_waits_for_its_approval(house: House) -> None:
    tenant, bob = house.tenant, house.tenant.wid("bob")
    pay = ("hr", "compensation.workers", "requestOneTimePayment")
    async with house.open() as gateway:
        session = house.session(gateway)
        begun = await session.invoke(*pay, paying(house, "bob"), id=bob)
        assert begun.values["status"] == "In Progress"
        (payment,) = tenant.rows("Payment")
        assert (payment["amount"], payment["currency"], payment["event"]) == ("2500.50", "EUR", begun.values["event"])
        assert begun.values["event"] in {one["id"] for one in tenant.rows("Event")}
        with pytest.raises(UpstreamRejected, match="A178"):
            await session.invoke(*pay, paying(house, "bob") | {"amount": "10"}, id=bob)
        with pytest.raises(InvalidArguments):
            await session.invoke(*pay, paying(house, "bob") | {"amount": 2500.5}, id=bob)
        with pytest.raises(UpstreamRejected, match="business rule"):
            await session.invoke(*pay, paying(house, "alice"), id=tenant.wid("carol"))
    assert len(tenant.rows("Payment")) == 1


async def test_a_payment_above_what_policy_allows_is_not_asked_for(house: House) -> None:
    tenant, bob = house.tenant, house.tenant.wid("bob")
    pay = ("hr", "compensation.workers", "requestOneTimePayment")
    house.connection = f'amounts = ["{".".join(pay[1:])}.amount"]'
    house.cedar += BOUND
    async with house.open() as gateway:
        session = house.session(gateway)
        for amount in ("2000.01", "-2500", "2000000000"):
            with pytest.raises(Denied, match="large"):
                await session.invoke(*pay, paying(house, "bob") | {"amount": amount}, id=bob)
        assert ("POST", 201) not in house.asked("/ccx/api/compensation")
        assert tenant.rows("Payment") == []
        await session.invoke(*pay, paying(house, "bob") | {"amount": "2000"}, id=bob)
    assert len(tenant.rows("Payment")) == 1


async def test_a_payment_whose_answer_was_lost_is_not_asked_for_again(house: House) -> None:
    bob = house.tenant.wid("bob")
    async with house.open() as gateway:
        session = house.session(gateway)
        house.tenant.faults.arm("lost_answer", times=1, method="POST")
        for _ in range(2):
            # Its events are candidates and no proof; until somebody settles it, the same is not sent.
            with pytest.raises(OutcomeUnknown):
                await session.invoke(
                    "hr", "compensation.workers", "requestOneTimePayment", paying(house, "bob"), id=bob
                )
    assert len(house.tenant.rows("Payment")) == 1


async def test_a_job_change_takes_effect_on_its_day_once_it_is_approved(house: House) -> None:
    tenant, bob = house.tenant, house.tenant.wid("bob")
    change = {"effective": "2026-12-01", "jobChangeReason": "Change_Job_Subcategory_ID=Transfer",
              "supervisoryOrganization": "Organization_Reference_ID=SUP_PURCHASING"}  # fmt: skip
    async with house.open() as gateway:
        session = house.session(gateway)
        begun = await session.invoke("hr", "common.workers", "jobChanges", change, id=bob)
        assert begun.values["status"] == "In Progress"
        with pytest.raises(UpstreamRejected, match="A178"):
            await session.invoke("hr", "common.workers", "jobChanges", change | {"effective": "2026-12-02"}, id=bob)
        reason = change | {"jobChangeReason": "Change_Job_Subcategory_ID=Nothing", "effective": "2026-12-03"}
        with pytest.raises(UpstreamRejected):
            await session.invoke("hr", "common.workers", "jobChanges", reason, id=bob)
    (event,) = [one for one in tenant.rows("Event") if one["id"] == begun.values["event"]]
    assert event["status"] == "In Progress"
    number = tenant.world.number_of("bob")
    assert tenant.view(tenant.users["alice"]).facts(number, date(2026, 12, 2))["organization"] != "SUP_PURCHASING"


async def test_what_web_services_have_used_up_stops_no_other_surface(house: House) -> None:
    """One connection, and another of the same tenant: what is left of one surface says nothing of the others."""
    house.settings = SERVICES + SOURCES
    tenant = house.tenant
    others = [Query("common.workers", ("descriptor",), limit=1), Query("wql.workers", ("fullName",), limit=1),
              Query("report.headcount", ("Employee_ID",), limit=1)]  # fmt: skip
    web = Query("soap.Workers", ("descriptor",), Compare("id", Operator.EQ, tenant.wid("bob")))
    async with house.open() as gateway:
        session = house.session(gateway)
        for query in (web, *others):
            await session.query("hr", query)
        tenant.buckets.set("soap", 130)
        await session.query("hr", web)
        told = len(tenant.journal.entries)
        # 130 of 700 are less than what is kept for people.
        with pytest.raises(QuotaExhausted):
            await session.query("hr", web)
        assert len(tenant.journal.entries) == told
        for _ in range(3):
            for query in others[:2]:
                await session.query("hr", query)
        tenant.buckets.set("soap", 700)
        tenant.buckets.set("rest", 600)
        await session.query("hr", others[1])
        with pytest.raises(QuotaExhausted):
            await session.query("hr", others[0])
        # A report tells what is left of a bucket whose size its answer does not tell.
        assert (await session.query("hr", others[2])).records
        assert (await session.query("hr", others[2])).records
