"""A call reaches the org where its data lives, and no other."""

import asyncio
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from isthmus.core.errors import InvalidArguments, NotFound, Refused, ResidencyError
from isthmus.core.records import Record, Ref

from .conftest import DE, US, Desk, TwoOrgs, metadata, ref


async def created(desk: Desk, object: str, **values: object) -> str:
    made = await desk.call("create", object=object, values=values)
    assert isinstance(made, Record)
    assert made.created
    return made.id


async def sends_to(house: TwoOrgs, org: str, desk: Desk, object: str, **values: object) -> None:
    start = house.mark()
    made = await created(desk, object, **values)
    assert made.startswith(f"crm-{org}~")
    writes = [name for name, one in house.sent(start) if one.method != "GET"]
    assert writes == [org]
    assert any(str(row["Id"]) == made.partition("~")[2] for row in house.sandbox.salesforce[org].rows(object))


@pytest.mark.parametrize(
    ("country", "org"),
    [("DE", "eu"), ("de", "eu"), ("Germany", "eu"), ("FRA", "eu"), ("US", "us"), ("GB", "us"), ("JP", "us")],
)
async def test_a_new_person_goes_to_the_org_of_their_country(us: Desk, eu: Desk, house: TwoOrgs, country, org):
    desk = eu if org == "eu" else us
    await sends_to(house, org, desk, "Contact", LastName="Doe", MailingCountry=country)


async def test_a_new_record_goes_where_its_parent_is(us: Desk, house: TwoOrgs):
    for org in ("eu", "us"):
        person = await us.person(org, US, "Title")
        await sends_to(house, org, us, "Case", ContactId=person.id, Priority="Low")
    stored = house.sandbox.salesforce["us"].rows("Case")[-1]
    assert person.id.endswith(str(stored["ContactId"]))


async def test_a_new_record_goes_to_the_home_of_its_ref(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    await sends_to(house, "eu", us, "Task", Description=ref(person, "Email"))


@pytest.mark.parametrize("country", ["Atlantis", "ZZ", "", " ", "D", "EU", None])
async def test_a_person_of_no_known_country_is_refused_with_what_to_do(us: Desk, house: TwoOrgs, country):
    start = house.mark()
    with pytest.raises(InvalidArguments) as caught:
        await us.call("create", object="Contact", values={"LastName": "Doe", "MailingCountryCode": country})
    assert "give MailingCountryCode or MailingCountry" in caught.value.sentence
    assert "link it to a record" in caught.value.sentence
    assert house.sent(start) == []


async def test_parents_of_two_homes_are_refused(us: Desk, house: TwoOrgs):
    here, there = await us.person("eu", US, "Title"), await us.person("us", US, "AccountId")
    start = house.mark()
    values = {"ContactId": here.id, "AccountId": there.fields["AccountId"]}
    with pytest.raises(InvalidArguments, match="a record has one home"):
        await us.call("create", object="Case", values=values)
    assert house.sent(start) == []


async def test_refs_of_two_homes_are_refused(us: Desk, house: TwoOrgs):
    here, there = await us.person("eu", DE, "Email"), await us.person("us", DE, "Email", "Phone")
    start = house.mark()
    two = {"SuppliedEmail": ref(here, "Email"), "SuppliedPhone": ref(there, "Phone")}
    with pytest.raises(ResidencyError, match="refs of one home only"):
        await us.call("create", object="Case", values=two)
    where = {"all": [{"field": "Email", "op": "eq", "value": ref(here, "Email")}, DE]}
    both = {"field": "Email", "op": "in", "value": [ref(here, "Email"), ref(there, "Email")]}
    with pytest.raises(ResidencyError):
        await us.query("Contact", ["Title"], where=both)
    assert house.sent(start) == []
    assert len((await us.query("Contact", ["Title"], where=where)).records) == 1


async def test_a_ref_beside_a_parent_of_another_home_is_refused(us: Desk, house: TwoOrgs):
    here, there = await us.person("eu", DE, "Email"), await us.person("us", US, "Title")
    start = house.mark()
    with pytest.raises(Refused):
        await us.call("create", object="Case", values={"SuppliedEmail": ref(here, "Email"), "ContactId": there.id})
    with pytest.raises(Refused):
        await us.call("update", object="Contact", id=there.id, values={"Description": ref(here, "Email")})
    assert [one for _, one in house.sent(start) if one.method != "GET"] == []


async def test_ids_of_another_connection_are_refused(us: Desk, house: TwoOrgs):
    person, other = await us.person("eu", US, "Title"), await us.person("us", US, "Title", "AccountId")
    start = house.mark()
    for values in (
        {"AccountId": other.fields["AccountId"]},
        {"ReportsToId": other.id},
        {"AccountId": "0018d0000000001AAA"},
    ):
        with pytest.raises(InvalidArguments):
            await us.call("update", object="Contact", id=person.id, values=values)
    assert house.sent(start) == []
    swapped = other.id.replace("crm-us", "crm-eu")
    with pytest.raises(NotFound):
        await us.call("get", object="Contact", id=swapped)
    with pytest.raises(NotFound):
        await us.call("update", object="Contact", id=swapped, values={"Title": "x"})
    assert [one for _, one in house.sent(start) if one.method != "GET"] == []


async def test_a_condition_on_an_id_finds_the_record_where_it_is(us: Desk, house: TwoOrgs):
    person, other = await us.person("eu", US, "AccountId"), await us.person("us", US, "Title")

    async def found(op: str, value: object, field: str = "Id") -> set[str]:
        page = await us.query(
            "Contact", ["Title"], where={"all": [US, {"field": field, "op": op, "value": value}]}, limit=200
        )
        assert page.after is None
        return {one.id for one in page.records}

    everyone = await found("ne", None)
    assert await found("eq", person.id) == {person.id}
    assert await found("in", [person.id, other.id]) == {person.id, other.id}
    assert await found("ne", person.id) == everyone - {person.id}
    assert await found("not_in", [person.id, other.id]) == everyone - {person.id, other.id}
    assert person.id in await found("eq", person.fields["AccountId"], "AccountId")
    assert await found("eq", person.fields["AccountId"], "Account.Id") == await found(
        "eq", person.fields["AccountId"], "AccountId"
    )
    assert await found("eq", "crm-us~" + person.id.partition("~")[2]) == set()
    counted = await us.call(
        "aggregate",
        object="Contact",
        measures=[{"function": "count"}],
        where={"field": "Id", "op": "eq", "value": person.id},
    )
    assert sum(row["count_0"] for row in counted.rows) == 1  # type: ignore[union-attr]


async def test_text_that_looks_like_an_id_stays_text(us: Desk, house: TwoOrgs):
    words = "crm-us~hello"
    for connection in ("crm-eu", "crm-us"):
        person = await us.person(connection.removeprefix("crm-"), US, "Title")
        await us.call("update", object="Contact", id=person.id, values={"Title": words})
    page = await us.query("Contact", ["Title"], where={"field": "Title", "op": "eq", "value": words})
    assert [one.fields["Title"] for one in page.records] == [words, words]


# What a task knows decides what its words may carry.


async def test_a_task_that_saw_only_refs_may_write_at_home(us: Desk, house: TwoOrgs):
    page = await us.query("Contact", ["Name", "Email"], where=DE, limit=100)
    assert all(isinstance(one.fields["Name"], Ref) for one in page.records)
    await sends_to(house, "us", us, "Contact", LastName="Doe", MailingCountryCode="US", Description="met at the fair")


async def test_a_task_that_saw_names_may_not_write_words_abroad(eu: Desk, house: TwoOrgs):
    await sends_to(house, "us", eu, "Account", Name="before", BillingCountryCode="US")
    await eu.query("Contact", ["Name"], where=DE)
    start = house.mark()
    person = await eu.person("us", US, "Title")
    for tool, arguments in (
        ("create", {"object": "Account", "values": {"Name": "after", "BillingCountryCode": "US"}}),
        ("create", {"object": "Opportunity", "values": {"Name": "x", "AccountId": "crm-us~0015e0000000001AAA"}}),
        (
            "create",
            {"object": "Opportunity", "values": {"CloseDate": "Jane Doe", "AccountId": "crm-us~0015e0000000001AAA"}},
        ),
        ("update", {"object": "Contact", "id": person.id, "values": {"Description": "Jane Doe"}}),
        (
            "upsert",
            {
                "object": "Contact",
                "key_field": "Isthmus_Key__c",
                "key": "Jane Doe",
                "values": {"MailingCountryCode": "US"},
            },
        ),
    ):
        with pytest.raises(ResidencyError) as caught:
            await eu.call(tool, **arguments)
        assert "eea-pii-at-home" in caught.value.rules
        assert "open a new task" in caught.value.sentence
    assert [one for name, one in house.sent(start) if name == "us" and one.method != "GET"] == []
    await eu.call("update", object="Contact", id=person.id, values={"LeadSource": "Web"})
    await sends_to(house, "eu", eu, "Account", Name="at home", BillingCountryCode="DE")


async def test_words_of_a_filter_do_not_go_abroad_either(eu: Desk, house: TwoOrgs):
    await eu.query("Contact", ["Name"], where=DE)
    start = house.mark()
    where = {"field": "Description", "op": "eq", "value": "Jane"}
    page = await eu.query("Account", ["Name"], where={"field": "Name", "op": "eq", "value": "Jane Doe"})
    assert [one.what for one in page.withheld] == ["crm-us"]
    assert not page.complete
    found = await eu.call("search", object="Account", text="Jane Doe")
    assert [one.what for one in found.withheld] == ["crm-us"]  # type: ignore[union-attr]
    with pytest.raises(Refused):
        await eu.query("Contact", ["Title"], where=where)
    assert {name for name, _ in house.sent(start)} == {"eu"}


async def elsewhere(house: TwoOrgs, desk: Desk, *calls: tuple[str, dict[str, object]]) -> list[dict[str, object]]:
    """Make calls in a process of their own."""
    question = {
        "config": str(house.folder / "isthmus.toml"),
        "caller": asdict(desk.caller),
        "environ": house.environ,
        "calls": [(tool, {"system": "crm", **arguments}) for tool, arguments in calls],
    }
    script = Path(__file__).with_name("second_process.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(json.dumps(question).encode()), 60)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


async def test_what_a_task_knows_is_known_in_another_process_too(eu: Desk, house: TwoOrgs):
    words = {"object": "Account", "values": {"Name": "after", "BillingCountryCode": "US"}}
    await eu.query("Contact", ["Name"], where=DE)
    clean = eu.gateway.parts.tasks.mint(eu.caller)
    refused, made = await elsewhere(house, eu, ("create", words), ("create", {**words, "task": clean}))
    assert refused["code"] == "residency"
    assert str(made["id"]).startswith("crm-us~")
    assert [row["Name"] for row in house.sandbox.salesforce["us"].rows("Account")].count("after") == 1


async def test_a_new_task_is_clean_until_it_has_seen(eu: Desk, house: TwoOrgs):
    tasks, words = eu.gateway.parts.tasks, {"object": "Account", "values": {"Name": "x", "BillingCountryCode": "US"}}
    one, two = tasks.mint(eu.caller), tasks.mint(eu.caller)
    await eu.query("Contact", ["Name"], where=DE, task=one)
    for dirty in ({"task": one}, {}):
        with pytest.raises(ResidencyError):
            await eu.call("create", **words, **dirty)
    await eu.call("create", **words, task=two)


async def test_a_task_handle_of_another_client_is_refused(us: Desk, eu: Desk, house: TwoOrgs):
    handle, tasks = eu.gateway.parts.tasks.mint(eu.caller), eu.gateway.parts.tasks
    bob = replace(eu.caller, user="bob")
    start = house.mark()
    wrong = [
        (us, handle),
        (Desk(eu.gateway, bob), handle),
        (eu, tasks.mint(bob)),
        (eu, handle[:-1]),
        (eu, handle[:-1] + "z"),
    ]
    for desk, told in [*wrong, (eu, "task_"), (eu, "task__"), (eu, "x"), (eu, "task_ä_ö"), (eu, handle.upper())]:
        with pytest.raises(InvalidArguments, match="task handle is unknown") as caught:
            await desk.query("Contact", ["Name"], where=DE, task=told)
        assert caught.value.field == "task"
    assert house.sent(start, lookups=True) == []


async def test_refs_belong_to_the_task_that_got_them(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    task = us.gateway.parts.tasks.mint(us.caller)
    with pytest.raises(InvalidArguments, match="unknown here"):
        await us.query(
            "Contact", ["Title"], where={"field": "Email", "op": "eq", "value": ref(person, "Email")}, task=task
        )


async def test_a_read_asks_both_orgs_and_says_where_each_record_is(us: Desk, house: TwoOrgs):
    start = house.mark()
    page = await us.query("Account", ["Name"], limit=200)
    assert {one.id.partition("~")[0] for one in page.records} == {"crm-eu", "crm-us"}
    assert sorted(name for name, one in house.sent(start) if not metadata(one)) == ["eu", "us"]
    assert page.complete
