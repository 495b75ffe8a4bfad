"""Whatever refuses a call, no byte of the call itself has left."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from isthmus.core.errors import (
    ApprovalRequired,
    Conflict,
    CredentialError,
    Denied,
    InvalidArguments,
    QuotaExhausted,
    Refused,
    ResidencyError,
)

from .conftest import DE, US, Desk, TwoOrgs, ref

SEQUENCES = """
[[sequence]]
id = "two-cases-an-hour"
deny = "crm.Case.create"
at_most = { n = 2, per = "1h" }
why = "more point to a loop"
"""


JWT = """
[connections.crm-{name}.auth]
kind = "jwt_bearer"
token_endpoint = "{url}/services/oauth2/token"
issuer = "{client_id}"
subject = "{{user}}@{name}.kessmar.example"
audience = "{url}"
private_key = "env:{upper}_KEY"
"""


async def refused(house: TwoOrgs, kind: type[Refused], call: Callable[[], Awaitable[object]]) -> Refused:
    """Make a call that is refused, and see that only look-ups reached an org and nothing changed there."""
    start = house.mark()
    with pytest.raises(kind) as caught:
        await call()
    for _, one in house.sent(start):
        assert one.method == "GET"
        assert "/sobjects/" in one.path
        assert not one.effects
    assert type(caught.value) is kind
    assert caught.value.sentence[-1] not in " :"
    return caught.value


async def test_arguments_that_do_not_fit(us: Desk, house: TwoOrgs):
    start = house.mark()
    for tool, arguments in (
        ("query", {"object": "Contact", "selct": ["Name"]}),
        ("query", {"object": "Contact", "limit": 0}),
        ("query", {"object": "Contact", "limit": 10_000}),
        ("query", {"object": "Contact", "text": "SELECT Id FROM Contact"}),
        ("query", {"text": "SELECT Id FROM Contact", "where": DE}),
        ("query", {"text": "DELETE FROM Contact"}),
        ("query", {}),
        ("query", {"object": "Contact", "where": {"field": "Title", "op": "like", "value": "%"}}),
        ("query", {"object": "Contact", "where": {"all": []}}),
        ("get", {"object": "Contact"}),
        ("get", {"object": "Contact", "id": "0038d0000000001AAA"}),
        ("get", {"object": "Contact", "id": "crm-fr~0038d0000000001AAA"}),
        ("create", {"object": "Case", "values": {}}),
        ("aggregate", {"object": "Case", "measures": [{"function": "sum"}]}),
        ("aggregate", {"object": "Case", "measures": [{"function": "count", "name": "n"}] * 2}),
        ("search", {"object": "Account", "text": "x"}),
        ("transition", {"object": "Case", "id": "crm-eu~5008d0000000001AAA"}),
        ("export", {"object": "Case", "order_by": [{"field": "Subject"}]}),
    ):
        error = await refused(house, InvalidArguments, lambda: us.call(tool, **arguments))  # noqa: B023
        assert house.sent(start, lookups=True) == [], (tool, arguments)
        assert error.reason in ("invalid_arguments", "unknown_tool")


async def test_an_unknown_name_is_refused_with_the_nearest(us: Desk, house: TwoOrgs):
    error = await refused(house, InvalidArguments, lambda: us.query("Contact", ["Titel"]))
    assert "did you mean 'Title'?" in error.sentence
    assert (error.object, error.field) == ("Contact", "Titel")
    error = await refused(house, InvalidArguments, lambda: us.query("Contact", ["Acount.Name"]))
    assert "did you mean 'Account'?" in error.sentence
    error = await refused(house, InvalidArguments, lambda: us.call("query", object="Contact", selct=["Title"]))
    assert "did you mean 'select'?" in error.sentence


async def test_a_field_that_nobody_may_write(us: Desk, house: TwoOrgs):
    values = {"Subject": "x", "CaseNumber": "1"}
    error = await refused(house, InvalidArguments, lambda: us.call("create", object="Case", values=values))
    assert error.field == "CaseNumber"


async def test_a_denied_call(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Title")
    error = await refused(house, Denied, lambda: us.call("delete", object="Contact", id=person.id))
    assert error.rules == ("agents-never-delete",)
    assert "a deleted record cannot be read back" in error.sentence


async def test_a_denied_call_tells_nobody_whether_the_record_exists(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Title")
    there = await refused(house, Denied, lambda: us.call("delete", object="Contact", id=person.id))
    missing = await refused(house, Denied, lambda: us.call("delete", object="Contact", id="crm-eu~0038d00000zzzzzAAA"))
    assert there.sentence == missing.sentence


async def test_a_caller_that_nobody_knows(gateway, house: TwoOrgs):
    stranger = Desk(gateway, house.caller("us", user="eve"))
    start = house.mark()
    with pytest.raises((Denied, InvalidArguments)):
        await stranger.query("Contact", ["Title"])
    assert house.sent(start) == []


async def test_words_that_may_not_go_there(eu: Desk, house: TwoOrgs):
    await eu.query("Contact", ["Name"], where=DE)
    values = {"LastName": "Doe", "MailingCountryCode": "US"}
    error = await refused(house, ResidencyError, lambda: eu.call("create", object="Contact", values=values))
    assert error.field == "LastName"
    assert "eea-pii-at-home" in error.rules


async def test_a_call_that_waits_for_approval(us: Desk, house: TwoOrgs):
    page = await us.query("Account", ["Name"], limit=1)
    update = {"object": "Account", "id": page.records[0].id, "values": {"Description": "x"}}
    error = await refused(house, ApprovalRequired, lambda: us.call("update", **update))
    assert isinstance(error, ApprovalRequired)
    assert error.approval in error.sentence
    again = await refused(house, ApprovalRequired, lambda: us.call("update", **update))
    assert isinstance(again, ApprovalRequired)
    assert again.approval == error.approval


async def test_an_approval_of_another_call(us: Desk, house: TwoOrgs):
    page = await us.query("Account", ["Name"], limit=2)
    update = {"object": "Account", "id": page.records[0].id, "values": {"Description": "x"}}
    asked = await refused(house, ApprovalRequired, lambda: us.call("update", **update))
    assert isinstance(asked, ApprovalRequired)
    journal, now = us.gateway.parts.journal, us.gateway.parts.now()
    await journal.transact(lambda tx: tx.decide(asked.approval, approved=True, approver="maria", at=now))
    for other in ({"values": {"Description": "y"}}, {"id": page.records[1].id}):
        changed = {**update, **other, "approval": asked.approval}
        error = await refused(house, ApprovalRequired, lambda: us.call("update", **changed))  # noqa: B023
        assert isinstance(error, ApprovalRequired)
        assert error.approval != asked.approval
    await us.call("update", **update, approval=asked.approval)
    await refused(house, ApprovalRequired, lambda: us.call("update", **update, approval=asked.approval))


async def test_an_approver_who_was_not_asked(us: Desk, house: TwoOrgs):
    page = await us.query("Account", ["Name"], limit=1)
    update = {"object": "Account", "id": page.records[0].id, "values": {"Description": "x"}}
    asked = await refused(house, ApprovalRequired, lambda: us.call("update", **update))
    assert isinstance(asked, ApprovalRequired)
    journal, now = us.gateway.parts.journal, us.gateway.parts.now()
    await journal.transact(lambda tx: tx.decide(asked.approval, approved=True, approver="bob", at=now))
    error = await refused(house, Denied, lambda: us.call("update", **update))
    assert "'bob' may not approve" in error.sentence


async def test_a_spent_quota(us: Desk, house: TwoOrgs):
    page = await us.query("Account", ["Name"], limit=1)
    for org in house.sandbox.salesforce.values():
        org.quota.set(used=org.quota.maximum - 5)
    start = house.mark()
    for _ in range(20):
        with suppress(QuotaExhausted):
            await us.query("Account", ["Name"], limit=1)
    assert all(one.status == 200 for _, one in house.sent(start))
    error = await refused(house, QuotaExhausted, lambda: us.query("Account", ["Name"], limit=1))
    assert "crm" in error.object or "127.0.0.1" in error.object
    await refused(house, QuotaExhausted, lambda: us.call("get", object="Account", id=page.records[0].id))
    await refused(house, QuotaExhausted, lambda: us.call("create", object="Account", values={"Name": "x"}))


async def test_more_calls_of_a_kind_than_a_sequence_rule_allows(house: TwoOrgs):
    house.sequences = SEQUENCES
    async with house.open() as gateway:
        desk = Desk(gateway, house.caller("us"))
        person = await desk.person("us", US, "Title")
        create = {"object": "Case", "values": {"ContactId": person.id, "Priority": "Low"}}
        for _ in range(2):
            await desk.call("create", **create)
        error = await refused(house, Denied, lambda: desk.call("create", **create))
        assert error.rules == ("two-cases-an-hour",)
        assert "'two-cases-an-hour'" in error.sentence
        assert "more point to a loop" in error.sentence


async def test_a_key_that_was_used_for_other_arguments(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    create = {"object": "Case", "key": "k-1", "values": {"ContactId": person.id, "SuppliedEmail": ref(person, "Email")}}
    first = await us.call("create", **create)
    assert (await us.call("create", **create)) == first
    changed = {**create, "values": {**create["values"], "Priority": "High"}}  # type: ignore[dict-item]
    error = await refused(house, Conflict, lambda: us.call("create", **changed))
    assert "use another key" in error.sentence


async def test_a_connection_that_acts_for_people_and_a_call_for_nobody(house: TwoOrgs):
    house.extra = 'identity = "user"'

    def as_people(text: str) -> str:
        for name in house.orgs:
            org = house.sandbox.salesforce[name]
            start = text.index(f"[connections.crm-{name}.auth]")
            end = text.index(f"[connections.crm-{name}.key_fields]")
            auth = JWT.format(name=name, url=org.url, upper=name.upper(), client_id=org.client_id)
            text = text[:start] + auth + text[end:]
            house.environ[f"{name.upper()}_KEY"] = org.private_key_pem
        return text

    house.edit = as_people
    async with house.open() as gateway:
        start = house.mark()
        with pytest.raises(CredentialError, match="call on behalf of a user"):
            await Desk(gateway, house.caller("us", user=None)).query("Account", ["Name"])
        assert house.sent(start, lookups=True) == []
        assert (await Desk(gateway, house.caller("us")).query("Account", ["Name"])).records
