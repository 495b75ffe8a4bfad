"""A field that a consumer may not see in clear is not to be probed either."""

import pytest

from isthmus.core.errors import InvalidArguments, ResidencyError
from isthmus.core.records import Page, Record, Ref
from isthmus.core.results import Groups

from .conftest import DE, US, Desk, TwoOrgs, ref

NOT_ALLOWED = [
    {"where": {"field": "LastName", "op": "eq", "value": "Doe"}},
    {"where": {"field": "lastname", "op": "contains", "value": "o"}},
    {"where": {"field": "Email", "op": "starts_with", "value": "a"}},
    {"where": {"field": "LastName", "op": "ge", "value": "M"}},
    {"where": {"field": "Birthdate", "op": "lt", "value": "1980-01-01"}},
    {"where": {"field": "Phone", "op": "eq", "value": None}},
    {"where": {"field": "LastName", "op": "in", "value": ["Doe", "Roe"]}},
    {"where": {"field": "LastName", "op": "not_in", "value": ["Doe"]}},
    {"where": {"not": {"field": "LastName", "op": "eq", "value": "Doe"}}},
    {"where": {"any": [US, {"field": "LastName", "op": "starts_with", "value": "A"}]}},
    {"where": {"all": [DE, {"field": "LastName", "op": "starts_with", "value": "A"}]}},
    {"where": {"field": "ReportsTo.LastName", "op": "eq", "value": "Doe"}},
    {"where": {"field": "Hobby__c", "op": "eq", "value": "Chess"}},
    {"order_by": [{"field": "LastName"}]},
    {"order_by": [{"field": "Title"}, {"field": "ReportsTo.Email"}]},
]


async def test_filters_and_sorts_are_refused_before_sending(us: Desk, house: TwoOrgs):
    start = house.mark()
    for question in NOT_ALLOWED:
        with pytest.raises(ResidencyError) as caught:
            await us.query("Contact", ["Title"], **question)
        assert house.sent(start) == []
        assert "eea-pii-at-home" in caught.value.rules or "secrets-never" in caught.value.rules
        assert caught.value.field


async def test_raw_text_probes_no_more_than_a_structured_query(us: Desk, house: TwoOrgs):
    start = house.mark()
    for text in (
        "SELECT Id FROM Contact WHERE LastName LIKE 'A%'",
        "SELECT Id FROM Contact ORDER BY LastName",
        "SELECT COUNT(Id) FROM Contact GROUP BY LastName",
        "SELECT MIN(LastName) FROM Contact",
        "SELECT MAX(Email) FROM Contact",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName = 'Doe')",
        "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact WHERE Email != null)",
        # One word, two fields: the account's name may be seen, the person's may not.
        "SELECT Id FROM Account WHERE Name LIKE 'K%' AND Id IN (SELECT AccountId FROM Contact WHERE Name LIKE 'A%')",
        "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Name LIKE 'K%') ORDER BY Name",
        "SELECT Id FROM Account WHERE Name IN (SELECT LastName FROM Contact)",
    ):
        with pytest.raises(ResidencyError):
            await us.call("query", text=text)
        assert house.sent(start) == []


async def test_groupings_and_extremes_are_refused_before_sending(us: Desk, house: TwoOrgs):
    start = house.mark()
    for question in (
        {"measures": [{"function": "count"}], "group_by": ["LastName"]},
        {"measures": [{"function": "min", "field": "LastName"}]},
        {"measures": [{"function": "max", "field": "Birthdate"}]},
        {"measures": [{"function": "count"}], "where": {"field": "LastName", "op": "starts_with", "value": "A"}},
    ):
        with pytest.raises(ResidencyError):
            await us.call("aggregate", object="Contact", **question)
        assert house.sent(start) == []


async def test_equality_with_a_ref_finds_the_person(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    found = await us.query("Contact", ["Email"], where={"field": "Email", "op": "eq", "value": ref(person, "Email")})
    assert [one.id for one in found.records] == [person.id]
    several = await us.query(
        "Contact", ["Email"], where={"field": "Email", "op": "in", "value": [ref(person, "Email")]}
    )
    assert several.records == found.records


async def test_a_ref_goes_to_its_home_only(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    start = house.mark()
    await us.query("Contact", ["Title"], where={"field": "Email", "op": "eq", "value": ref(person, "Email")})
    assert {org for org, _ in house.sent(start)} == {"eu"}


async def test_a_ref_is_compared_for_equality_only(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "LastName")
    start = house.mark()
    for op in ("ne", "lt", "ge", "contains"):
        with pytest.raises(ResidencyError):
            await us.query(
                "Contact", ["Title"], where={"field": "LastName", "op": op, "value": ref(person, "LastName")}
            )
        assert house.sent(start) == []


async def test_a_ref_is_not_compared_with_what_is_seen_in_clear(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "LastName")
    start = house.mark()
    for op in ("eq", "ge", "contains"):
        with pytest.raises(ResidencyError):
            await us.query("Account", ["Name"], where={"field": "Name", "op": op, "value": ref(person, "LastName")})
        pinned = {"all": [US, {"field": "LastName", "op": op, "value": ref(person, "LastName")}]}
        with pytest.raises(ResidencyError):
            await us.query("Contact", ["LastName"], where=pinned)
        assert house.sent(start) == []


async def test_us_people_may_be_filtered_and_sorted_by_name_where_the_country_is_pinned(us: Desk, house: TwoOrgs):
    where = {"all": [US, {"field": "LastName", "op": "starts_with", "value": "B"}]}
    found = await us.query("Contact", ["LastName"], where=where, order_by=[{"field": "LastName"}])
    rows = [row for org in house.sandbox.salesforce.values() for row in org.rows("Contact")]
    names = sorted(
        str(row["LastName"]) for row in rows if row["MailingCountryCode"] == "US" and str(row["LastName"])[0] == "B"
    )
    assert [one.fields["LastName"] for one in found.records] == names[:50]
    assert names


async def test_pinning_another_field_pins_nothing(us: Desk, house: TwoOrgs):
    company = {"field": "Account.BillingCountryCode", "op": "eq", "value": "US"}
    for where in (company, {"any": [US, company]}, {"field": "MailingCountryCode", "op": "ne", "value": "DE"}):
        start = house.mark()
        with pytest.raises(ResidencyError):
            await us.query("Contact", ["Title"], where=where, order_by=[{"field": "LastName"}])
        assert house.sent(start) == []


async def count(desk: Desk, where: dict[str, object]) -> Groups:
    found = await desk.call("aggregate", object="Contact", measures=[{"function": "count", "name": "n"}], where=where)
    assert isinstance(found, Groups)
    return found


async def test_counts_over_a_withheld_filter_need_five(us: Desk, house: TwoOrgs):
    org = house.sandbox.salesforce["eu"]
    people = [row for row in org.rows("Contact") if row["MailingCountryCode"] == "DE"]
    held = {
        str(row["LastName"]): [one for one in org.rows("Contact") if one["LastName"] == row["LastName"]]
        for row in people
    }
    few, many = min(held, key=lambda name: len(held[name])), max(held, key=lambda name: len(held[name]))
    assert len(held[few]) < 5
    for row, enough in ((held[few][0], False), (held[many][0], len(held[many]) >= 5)):
        page = await us.call("get", object="Contact", id=f"crm-eu~{row['Id']}", fields=["LastName"])
        groups = await count(us, {"field": "LastName", "op": "eq", "value": ref(page, "LastName")})  # type: ignore[arg-type]
        assert [one["n"] for one in groups.rows] == ([len(held[str(row["LastName"])])] if enough else [])
        assert [one.rules for one in groups.withheld] == ([] if enough else [("k-anonymity",)])


@pytest.mark.parametrize("people", [0, 4, 5])
async def test_five_is_enough_and_four_is_not(us: Desk, house: TwoOrgs, eu: Desk, people: int):
    person = await us.person("eu", DE, "Email")
    key = house.sandbox.salesforce["eu"]
    mail = next(row["Email"] for row in key.rows("Contact") if person.id.endswith(str(row["Id"])))
    for _ in range(people):
        await eu.call("create", object="Case", values={"SuppliedEmail": mail, "Origin": "Web", "ContactId": person.id})
    where = {"field": "SuppliedEmail", "op": "eq", "value": ref(person, "Email")}
    found = await us.call("aggregate", object="Case", measures=[{"function": "count", "name": "n"}], where=where)
    assert isinstance(found, Groups)
    assert [one["n"] for one in found.rows] == ([5] if people == 5 else [])
    assert bool(found.withheld) is (people != 5)
    assert found.complete is (people == 5)


# What a ref stands for must not come back in clear, by whatever field it was written to.


async def write_refused(desk: Desk, house: TwoOrgs, tool: str, **arguments: object) -> ResidencyError:
    before = {
        name: [org.rows(one) for one in ("Case", "Account", "Contact")]
        for name, org in house.sandbox.salesforce.items()
    }
    with pytest.raises(ResidencyError) as caught:
        await desk.call(tool, **arguments)
    for name, org in house.sandbox.salesforce.items():
        assert [org.rows(one) for one in ("Case", "Account", "Contact")] == before[name]
    return caught.value


@pytest.mark.parametrize(("object", "field"), [("Account", "Name"), ("Case", "Subject"), ("Contact", "Title")])
async def test_a_ref_is_not_written_where_its_value_would_be_read_in_clear(us: Desk, house: TwoOrgs, object, field):
    person = await us.person("eu", DE, "LastName")
    values = {field: ref(person, "LastName")} | ({"MailingCountryCode": "US"} if object == "Contact" else {})
    await write_refused(us, house, "create", object=object, values=values)


async def company(desk: Desk, org: str, country: str) -> str:
    where = {"field": "BillingCountryCode", "op": "eq", "value": country}
    page = await desk.query("Account", ["Name"], where=where, limit=200)
    return next(one.id for one in page.records if one.id.startswith(f"crm-{org}~"))


async def test_a_ref_is_not_written_beside_a_link_that_would_show_it(us: Desk, house: TwoOrgs):
    person, other = await us.person("eu", DE, "Email"), await us.person("eu", US, "Email")
    values = {"SuppliedEmail": ref(person, "Email"), "ContactId": other.id}
    await write_refused(us, house, "create", object="Case", values=values)


async def test_a_ref_reaches_the_record_it_may_be_written_to_and_stays_hidden(us: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    made = await us.call(
        "create", object="Case", values={"SuppliedEmail": ref(person, "Email"), "ContactId": person.id}
    )
    stored = next(row for row in house.sandbox.salesforce["eu"].rows("Case") if made.id.endswith(str(row["Id"])))  # type: ignore[union-attr]
    contacts = house.sandbox.salesforce["eu"].rows("Contact")
    assert stored["SuppliedEmail"] == next(row["Email"] for row in contacts if person.id.endswith(str(row["Id"])))
    read = await us.call("get", object="Case", id=made.id, fields=["SuppliedEmail"])  # type: ignore[union-attr]
    assert isinstance(read.fields["SuppliedEmail"], Ref)  # type: ignore[union-attr]


async def case_of(us: Desk, person: object) -> str:
    made = await us.call(
        "create",
        object="Case",
        values={"SuppliedEmail": ref(person, "Email"), "ContactId": person.id},  # type: ignore[arg-type,attr-defined]
    )
    return made.id  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["country", "unlinked country", "upsert"])
async def test_nobody_sees_more_by_changing_whose_country_a_record_has(us: Desk, house: TwoOrgs, how):
    person, other = await us.person("eu", DE, "Email"), await us.person("eu", US, "Email")
    if how == "country":
        await write_refused(us, house, "update", object="Contact", id=person.id, values={"MailingCountryCode": "US"})
    elif how == "unlinked country":
        case = await case_of(us, person)
        await write_refused(us, house, "update", object="Case", id=case, values={"ContactId": other.id})
    else:
        await us.call("update", object="Contact", id=person.id, values={"Isthmus_Key__c": "k1"})
        values = {"MailingCountryCode": "US", "ReportsToId": other.id}
        await write_refused(us, house, "upsert", object="Contact", key_field="Isthmus_Key__c", key="k1", values=values)


async def test_a_country_may_change_where_nothing_more_is_seen(us: Desk, eu: Desk, house: TwoOrgs):
    person, other = await us.person("eu", DE, "Email"), await us.person("eu", US, "Email")
    await us.call("update", object="Contact", id=other.id, values={"MailingCountryCode": "FR"})
    await us.call("update", object="Contact", id=person.id, values={"MailingCountryCode": "FR"})
    await eu.call("update", object="Contact", id=person.id, values={"MailingCountryCode": "US"})


async def test_the_number_of_a_thing_is_not_a_persons(us: Desk):
    """The rules narrow what is personal and leave the rest alone."""
    found = await us.call("aggregate", object="Account", measures=[{"function": "max", "field": "NumberOfEmployees"}])
    assert isinstance(found, Groups)
    assert isinstance(found.rows[0]["max_0"], int | float)


@pytest.mark.parametrize("function", ["avg", "count_distinct"])
async def test_a_figure_that_does_not_add_up_over_two_orgs_is_refused_before_sending(
    us: Desk, house: TwoOrgs, function
):
    start = house.mark()
    with pytest.raises(InvalidArguments, match="several connections"):
        await us.call("aggregate", object="Account", measures=[{"function": function, "field": "NumberOfEmployees"}])
    assert house.sent(start) == []


async def test_an_unknown_ref_is_refused(us: Desk, house: TwoOrgs):
    start = house.mark()
    for token in ("ref_aaaaaaaaaaaaaaaa", "ref_", "x" * 300, "\0"):
        with pytest.raises(InvalidArguments, match="unknown here or has expired"):
            await us.query("Contact", ["Title"], where={"field": "Email", "op": "eq", "value": {"ref": token}})
    assert house.sent(start, lookups=True) == []


async def test_the_refs_of_one_consumer_mean_nothing_to_another(us: Desk, eu: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "Email")
    with pytest.raises(InvalidArguments, match="unknown here"):
        await eu.query("Contact", ["Title"], where={"field": "Email", "op": "eq", "value": ref(person, "Email")})


async def test_one_page_holds_each_person_in_their_own_form(us: Desk):
    page = await us.call(
        "query", object="Contact", select=["LastName", "MailingCountryCode", "SSN__c", "Salutation"], limit=100
    )
    assert isinstance(page, Page)
    for one in page.records:
        free = one.fields["MailingCountryCode"] in ("US", "GB")
        assert isinstance(one.fields["LastName"], str if free else Ref)
        assert {held.what for held in one.withheld} == {"SSN__c"}
        assert free or one.fields["Salutation"] in (None, "[Salutation]")


async def test_a_search_probes_no_withheld_field(us: Desk, house: TwoOrgs):
    rows = house.sandbox.salesforce["eu"].rows("Contact")
    name = next(str(row["LastName"]) for row in rows if row["MailingCountryCode"] == "DE")
    with pytest.raises(ResidencyError):
        await us.call("search", object="Contact", text=name)


async def test_figures_that_were_cut_off_say_so(eu: Desk, house: TwoOrgs):
    measures = [{"function": "count", "name": "n"}]
    found = await eu.call("aggregate", object="Contact", measures=measures, group_by=["Title"], limit=2)
    titles = {row["Title"] for org in house.sandbox.salesforce.values() for row in org.rows("Contact")}
    assert isinstance(found, Groups)
    assert len(titles) > 4
    assert not found.complete


async def test_a_namesake_who_may_be_seen_does_not_tell_what_a_ref_stands_for(us: Desk, eu: Desk, house: TwoOrgs):
    person = await us.person("eu", DE, "LastName")
    german = next(row for row in house.sandbox.salesforce["eu"].rows("Contact") if person.id.endswith(f"~{row['Id']}"))
    values = {
        "LastName": german["LastName"],
        "MailingCountryCode": "US",
        "AccountId": f"crm-eu~{german['AccountId']}",
    }
    made = await eu.call("create", object="Contact", values=values)
    assert isinstance(made, Record)
    assert made.id.startswith("crm-eu~")
    found = await us.query(
        "Contact", ["LastName"], limit=200, where={"field": "LastName", "op": "eq", "value": ref(person, "LastName")}
    )
    assert person.id in [one.id for one in found.records]
    assert made.id not in [one.id for one in found.records]
    assert all(isinstance(one.fields["LastName"], Ref) for one in found.records)
    assert "refs-stay-opaque" in [rule for one in found.withheld for rule in one.rules]
