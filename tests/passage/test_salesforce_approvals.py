"""An approval is judged by the state it leads to, decided by who it waits for, and told by the org's own history."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from tests.passage.conftest import CEDAR, FastClock, Home

from isthmus.core.errors import Denied, InvalidArguments, NotFound, OutcomeUnknown, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.core.http import AiohttpWire, WireSettings
from isthmus.core.http.faults import Broken
from isthmus.core.results import Description

SUBMITS_ONLY = (
    CEDAR
    + """
@id("submit-only") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource)
when { context.transition.field == "approval" && context.transition.to != "Submitted" };
"""
)


class Office(Home):
    for_others = False

    def write(self) -> Path:
        path = super().write()
        told = f"[connections.crm-eu.settings]\napprove_for_others = {str(self.for_others).lower()}\n"
        path.write_text(path.read_text().replace("[connections.crm-eu.settings]\n", told))
        return path

    def login(self, name: str) -> str:
        return str(self.org.user(self.org.usernames[name])["Id"])

    def steps(self, record: str) -> list[tuple[object, object]]:
        mine = {row["Id"] for row in self.org.rows("ProcessInstance") if row["TargetObjectId"] == record}
        rows = [row for row in self.org.rows("ProcessInstanceStep") if row["ProcessInstanceId"] in mine]
        return [(row["StepStatus"], row["ActorId"]) for row in rows]

    def comments(self, record: str) -> list[str]:
        mine = {row["Id"] for row in self.org.rows("ProcessInstance") if row["TargetObjectId"] == record}
        return [
            str(row["Comments"]) for row in self.org.rows("ProcessInstanceStep") if row["ProcessInstanceId"] in mine
        ]


@pytest.fixture
def house(house: Home) -> Office:
    return Office(house.folder, house.sandbox)


async def invoice(gateway: Gateway, house: Office, amount: int = 5_000) -> str:
    number = f"A-{len(house.org.rows('Invoice__c'))}"
    values = {"Invoice_Number__c": number, "Amount__c": amount}
    return (await gateway.session(house.caller("eu")).create("crm", "Invoice__c", values)).id


async def invoke(gateway: Gateway, house: Office, action: str, id: str, **arguments: object) -> dict[str, object]:
    told = await gateway.session(house.caller("eu")).invoke("crm", "Invoice__c", action, arguments, id=id)
    assert told.records == (id,)
    return dict(told.values)


async def test_objects_with_a_process_have_the_actions(gateway: Gateway, house: Office) -> None:
    session = gateway.session(house.caller("eu"))
    for object, actions in (("Invoice__c", ["submit_for_approval", "approve", "reject"]), ("Case", [])):
        told = await session.describe("crm", object)
        assert isinstance(told, Description)
        assert told.facts is not None
        assert [one.name for one in told.facts.actions] == actions


async def test_submits_and_waits_for_the_approver(gateway: Gateway, house: Office) -> None:
    id = await invoice(gateway, house)
    told = await invoke(gateway, house, "submit_for_approval", id, comments="The customer went away.")
    assert told == {"status": "Pending", "waits_for": [house.login("greta")]}
    [comment] = house.comments(id)
    assert comment.startswith("The customer went away.\n(isthmus ")


async def test_nobody_decides_what_waits_for_somebody_else(gateway: Gateway, house: Office) -> None:
    id = await invoice(gateway, house)
    await invoke(gateway, house, "submit_for_approval", id)
    mark = house.mark()
    for action in ("approve", "reject"):
        with pytest.raises(Denied, match=f"waits for {house.login('greta')}") as refused:
            await invoke(gateway, house, action, id)
        assert refused.value.reason == "not_the_approver"
    assert house.sent("POST", mark) == []


async def test_an_administrator_decides_for_others_only_where_the_operator_says_so(
    house: Office, clock: FastClock
) -> None:
    house.for_others = True
    user = house.org.user(house.org.username)
    view = house.org.view(str(user["Id"]))
    admin = house.org.view(house.login("admin"))
    own, view.profile = view.profile, admin.profile
    try:
        async with house.open(clock) as gateway:
            id = await invoice(gateway, house)
            await invoke(gateway, house, "submit_for_approval", id)
            told = await invoke(gateway, house, "approve", id, comments="Fine.")
            assert told == {"status": "Approved", "waits_for": [], "decided_for": house.login("greta")}
    finally:
        view.profile = own
    assert [status for status, _ in house.steps(id)] == ["Started", "Approved"]


@asynccontextmanager
async def approver(house: Office, clock: FastClock, wire: object = None) -> AsyncIterator[Gateway]:
    """Open a house whose connection acts as greta, for whom invoices wait."""
    org, former = house.org, house.org.username
    org.username = org.usernames["greta"]
    try:
        async with house.open(clock, wire) as gateway:  # type: ignore[arg-type]
            yield gateway
    finally:
        org.username = former


@pytest.mark.parametrize(("action", "state"), [("approve", "Approved"), ("reject", "Rejected")])
async def test_the_approver_decides(house: Office, clock: FastClock, action: str, state: str) -> None:
    house.acts_as = "rotating"
    async with approver(house, clock) as gateway:
        id = await invoice(gateway, house)
        await invoke(gateway, house, "submit_for_approval", id)
        assert (await invoke(gateway, house, action, id, comments="Seen."))["status"] == state
        with pytest.raises(NotFound, match="nothing waits for a decision"):
            await invoke(gateway, house, action, id)
    assert house.steps(id) == [("Started", house.login("greta")), (state, house.login("greta"))]


async def test_who_may_submit_may_not_approve(house: Office, clock: FastClock) -> None:
    house.cedar, house.acts_as = SUBMITS_ONLY, "rotating"
    async with approver(house, clock) as gateway:
        id = await invoice(gateway, house)
        await invoke(gateway, house, "submit_for_approval", id)
        mark = house.mark()
        for action in ("approve", "reject"):
            with pytest.raises(Denied) as refused:
                await invoke(gateway, house, action, id)
            assert refused.value.rules == ("submit-only",)
        assert house.sent("POST", mark) == []
        assert [row for row in house.sent("GET", mark) if "ProcessInstance" in row.query] == []


async def test_a_locked_record_says_what_to_do(gateway: Gateway, house: Office) -> None:
    id = await invoice(gateway, house)
    await invoke(gateway, house, "submit_for_approval", id)
    session = gateway.session(house.caller("eu"))
    with pytest.raises(UpstreamRejected, match="locked while it waits for an approval; have its approver"):
        await session.update("crm", "Invoice__c", id, {"Amount__c": 1})
    with pytest.raises(UpstreamRejected, match="waits for an approval already"):
        await invoke(gateway, house, "submit_for_approval", id)


async def test_a_record_that_no_process_takes_says_so(gateway: Gateway, house: Office) -> None:
    with pytest.raises(UpstreamRejected, match="no approval process takes this record"):
        await invoke(gateway, house, "submit_for_approval", await invoice(gateway, house, 5))


async def test_takes_ids_of_users_and_of_its_own_processes_only(gateway: Gateway, house: Office) -> None:
    id = await invoice(gateway, house)
    for arguments in ({"process": "Deal_Review"}, {"next_approvers": ["x"]}, {"next_approvers": []}, {"as": "admin"}):
        with pytest.raises(InvalidArguments):
            await invoke(gateway, house, "submit_for_approval", id, **arguments)


class Losing(httpx2.AsyncBaseTransport):
    """Loses one answer to an approval, before or after the org has had the request."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, reaches: bool, word: bytes) -> None:
        self.inner, self.reaches, self.word, self.lost = inner, reaches, word, False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.lost or request.method != "POST" or self.word not in request.content:
            return await self.inner.handle_async_request(request)
        self.lost = True
        request.extensions["isthmus"].sent()
        if self.reaches:
            await self.inner.handle_async_request(request)
        raise Broken("lost")

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.parametrize(("action", "word"), [("submit_for_approval", b"Submit"), ("approve", b"Approve")])
@pytest.mark.parametrize("reaches", [True, False])
async def test_a_lost_answer_is_found_in_the_history(
    house: Office, clock: FastClock, action: str, word: bytes, reaches: bool
) -> None:
    def wire(url: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
        return Losing(AiohttpWire(settings), reaches, b'"actionType":"' + word)

    house.acts_as = "rotating"
    async with approver(house, clock, wire) as gateway:
        id = await invoice(gateway, house)
        if action == "approve":
            await invoke(gateway, house, "submit_for_approval", id)
        if not reaches:
            with pytest.raises(OutcomeUnknown):
                await invoke(gateway, house, action, id)
            clock.jump(700)
        await invoke(gateway, house, action, id)
    states = [status for status, _ in house.steps(id)]
    assert states == ["Started", *(["Approved"] if action == "approve" else [])]


async def test_an_earlier_submission_of_the_same_record_proves_nothing(house: Office, clock: FastClock) -> None:
    house.acts_as = "rotating"
    async with approver(house, clock) as gateway:
        id = await invoice(gateway, house)
        await invoke(gateway, house, "submit_for_approval", id)
        await invoke(gateway, house, "reject", id)

    def wire(url: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
        return Losing(AiohttpWire(settings), False, b'"actionType":"Submit')

    house.environ.pop("EU_REFRESH")
    async with approver(house, clock, wire) as gateway:
        with pytest.raises(OutcomeUnknown):
            await invoke(gateway, house, "submit_for_approval", id)
    assert [status for status, _ in house.steps(id)] == ["Started", "Rejected"]
