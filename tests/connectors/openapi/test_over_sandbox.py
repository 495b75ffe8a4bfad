"""Does a whole gateway carry calls to the sandbox's internal service?"""

import pytest

from isthmus.core.errors import (
    ConfigurationError,
    CredentialError,
    Denied,
    InvalidArguments,
    OutcomeUnknown,
    QuotaExhausted,
    RetryLater,
    VersionConflict,
)
from isthmus.core.records import Compare, Operator, Order, Query
from isthmus.core.session import Session

from .conftest import KEY, House


@pytest.mark.parametrize("object", ["sites", "people", "doors", "badges"])
async def test_reads_every_row_whatever_the_style_of_its_pages(home: Session, house: House, object: str) -> None:
    known = {row["id"] for row in house.service.rows(object)}
    page = await home.query("access", Query(object, ("id",), limit=200))
    assert {one.id for one in page.records} == known
    exported = [one.id async for part in home.export("access", object, select=("id",), limit=2) for one in part.records]
    assert sorted(exported) == sorted(known)


async def test_narrows_where_the_service_can_and_judges_the_rest_itself(home: Session, house: House) -> None:
    where = Compare("holder", Operator.EQ, "alice")
    page = await home.query("access", Query("badges", ("holder", "site"), where))
    assert [one.fields["site"] for one in page.records] == ["HAM"]
    assert "holder=alice" in house.service.journal.entries[-1].query
    page = await home.query("access", Query("sites", ("name",), order_by=(Order("name", descending=True),), limit=2))
    assert [one.fields["name"] for one in page.records] == ["München", "Lyon"]


async def test_a_new_hire_gets_a_badge_once(home: Session, house: House) -> None:
    values = {"holder": "21999", "holderName": "Nina Neu", "country": "DE", "site": "HAM"}
    made = await home.create("access", "badges", values, key="hire-21999")
    again = await home.create("access", "badges", values, key="hire-21999")
    assert made.id == again.id
    kept = [row for row in house.service.rows("badges") if row["holder"] == "21999"]
    assert [(row["id"], row["status"], bool(row["reference"])) for row in kept] == [(made.id, "active", True)]


async def test_a_badge_that_changed_meanwhile_is_not_changed(home: Session, house: House) -> None:
    before = await home.get("access", "badges", "B-1001", ["site"])
    changed = await home.update("access", "badges", "B-1001", {"site": "MUC"}, version=before.version or "")
    assert changed.guard == "server"
    with pytest.raises(VersionConflict):
        await home.update("access", "badges", "B-1001", {"site": "LEJ"}, version=before.version or "")


async def test_fields_of_a_class_that_the_model_may_not_see_are_withheld(home: Session) -> None:
    record = await home.get("access", "badges", "B-1001", ["pin", "site"])
    assert "pin" not in record.fields
    assert record.fields["site"] == "HAM"


async def test_an_action_is_a_tool_of_its_own_where_the_operator_promotes_it(home: Session, house: House) -> None:
    tools = {one.name: one for one in home.tools()}
    tool = tools["access_openDoor"]
    assert set(tool.input_schema["properties"]) == {"doorId", "until", "id", "key", "approval", "task"}
    assert (tool.input_schema["required"], tool.effects) == (["id", "doorId"], {"update"})
    answer = await home.call("access_openDoor", id="B-1001", doorId="HAM-lab", until="2027-01-31")
    assert answer.values == {"badge": "B-1001", "doors": ["HAM-lab"]}
    with pytest.raises(InvalidArguments, match="doorId"):
        await home.call("access_openDoor", id="B-1001", door="HAM-lab")


async def test_a_form_is_sent_as_one(home: Session, house: House) -> None:
    told = {"reason": "lost", "note": "train & bus = lost?"}
    await home.invoke("access", "badges", "revokeBadge", told, id="B-1002")
    assert house.service.journal.entries[-1].body == "reason=lost&note=train%20%26%20bus%20%3D%20lost%3F"
    assert [row["status"] for row in house.service.rows("badges") if row["id"] == "B-1002"] == ["revoked"]


async def test_operations_are_found_by_words_and_those_that_may_not_run_are_named(home: Session) -> None:
    listed = (await home.describe("access")).objects
    assert all(not one.actions and not one.others for one in listed)
    found = (await home.describe("access", words="revoke")).objects
    assert [(one.name, one.actions) for one in found] == [
        ("badges", ("revokeBadge: Revoke a badge; its doors stay closed from now on",))
    ]
    assert [(one.name, one.others) for one in (await home.describe("access", words="headcount")).objects] == [
        ("sites", ("headcount",))
    ]
    facts = (await home.describe("access", "badges", words="door")).facts
    assert facts is not None
    assert [one.name for one in facts.actions] == ["revokeBadge", "openDoor"]


async def test_an_operation_that_is_not_listed_does_not_run(home: Session, house: House) -> None:
    asked = len(house.service.journal.entries)
    with pytest.raises(InvalidArguments):
        await home.invoke("access", "sites", "headcount")
    assert len(house.service.journal.entries) == asked


async def test_a_write_whose_answer_was_lost_is_found_again(home: Session, house: House) -> None:
    house.service.faults.arm("drop_after", times=1, method="POST")
    values = {"holder": "22000", "country": "DE", "site": "LEJ"}
    try:
        made = await home.create("access", "badges", values, key="hire-22000")
    except OutcomeUnknown:
        pytest.fail("it is found by its key")
    assert [row["holder"] for row in house.service.rows("badges") if row["id"] == made.id] == ["22000"]


async def test_the_service_s_limit_is_kept_before_it_says_no(home: Session, house: House) -> None:
    house.service.limit = 12

    async def read_on() -> None:
        for _ in range(10):
            await home.query("access", Query("sites", ("id",)))

    with pytest.raises((QuotaExhausted, RetryLater)):
        await read_on()
    assert 429 not in {one.status for one in house.service.journal.entries}


async def test_client_credentials_are_another_way_in(house: House) -> None:
    service = house.service
    house.auth = (
        f'kind = "client_credentials"\ntoken_endpoint = "{service.url}/oauth/token"\nscope = "access"\n'
        f'client_id = "{service.client_id}"\nclient_secret = "env:ACCESS_SECRET"'
    )
    async with house.open() as gateway:
        page = await gateway.session(house.caller()).query("access", Query("sites", ("id",)))
    assert len(page.records) == 5


async def test_a_document_that_asks_for_an_authorization_code_asks_for_a_sign_in(house: House) -> None:
    house.flow = "authorizationCode"
    house.auth = (
        f'kind = "authorization_code"\ntoken_endpoint = "{house.service.url}/oauth/token"\n'
        f'authorization_endpoint = "{house.service.url}/oauth/authorize"\nclient_id = "badges"'
    )
    async with house.open() as gateway:
        with pytest.raises(CredentialError, match="isthmus login access-eu"):
            await gateway.session(house.caller()).query("access", Query("sites", ("id",)))
    house.flow = "implicit"
    with pytest.raises(ConfigurationError, match="kind = bearer"):
        async with house.open():
            pass


@pytest.mark.parametrize(
    ("auth", "more", "says"),
    [
        ('kind = "basic"\nusername = "a"\npassword = "env:ACCESS_KEY"', "", 'kind = "api_key", header = "X-Access-Key"'),
        (KEY.replace("X-Access-Key", "X-Other"), "", "access-eu.auth: operation"),
        (KEY, 'listSite = { effect = "read" }', "did you mean 'listSites'"),
        (KEY, 'headcount = { promote = true }', "say what it does"),
        (KEY, 'headcount = { effect = "read", record = "nothing" }', "operations.headcount.record"),
    ],
)  # fmt: skip
async def test_settings_that_do_not_fit_the_document_are_refused(house: House, auth: str, more: str, says: str) -> None:
    house.auth, house.more = auth, more
    with pytest.raises(ConfigurationError, match=says):
        async with house.open():
            pass


async def test_policy_goes_by_the_declared_effect(house: House) -> None:
    house.cedar = house.cedar.replace('Isthmus::Action::"update", ', "")
    async with house.open() as gateway:
        session = gateway.session(house.caller())
        assert "access_openDoor" not in {one.name for one in session.tools()}
        with pytest.raises(Denied):
            await session.invoke("access", "badges", "revokeBadge", {"reason": "lost"}, id="B-1001")
