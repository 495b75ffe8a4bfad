"""Hostile words are values or they are refused; they never become part of a request's meaning."""

import asyncio
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.core.errors import InvalidArguments, NotFound, UpstreamRejected
from isthmus.core.records import Page, Record

from .conftest import US, Desk, TwoOrgs

HOSTILE = [
    "Contact; DELETE", "Contact WHERE Id != null", "Contact'", 'Contact"', "Contact--", "Contact/describe", "../Contact",
    "..%2fContact", "Contact/../User", "%2e%2e", "Contact?x=1", "Contact#x", "Contact\x00", "Contact\r\nX: y", "Con\ttact",
    "Ｃｏｎｔａｃｔ", "Cоntact", "Contact\u202e", "Contact\u200b", "💣", ".", "..", "/", "\\", "Contact\\..\\User", "a" * 128,
    "SELECT", "(SELECT Id FROM User)", "COUNT(Id)", "FIELDS(ALL)", "Contact,User", "Contact.Name", "%00", "*", "{}", "{0}",
]  # fmt: skip
FIELDS = [
    # A star alone has a meaning: every field that the caller may see.
    *(name for name in HOSTILE if name != "*"), "**", "*,*", "Name FROM User--", "Name, SSN__c", "(SELECT Name FROM Contacts)", "toLabel(Title)", "Account..Name", ".Name",
    "Name.", "Account.Name.x", "Owner.Profile.Name", "x." * 6 + "y", "Account.Owner.Account.Owner.Account.Owner.Name",
    "Title FOR UPDATE", "Title\nFROM User", "a" * 512,
]  # fmt: skip
IDS = [
    *(f"crm-eu~{name}" for name in HOSTILE), "crm-eu~", ":", "crm-eu", "crm-eu~crm-us~0035e0000000001AAA", "crm-xx:0035e0000000001AAA",
    "crm-eu~0038d0000000001AA'", "crm-eu~0038d0000000001AAA/../0038d0000000002AAA", "crm-eu~0038d0000000001%41AA",
    "crm-eu~0038d0000000001AAA?fields=SSN__c", "crm-eu~ 0038d0000000001AAA", "crm-eu~" + "0" * 200, "crm-eu~٠038d0000000001AAA",
]  # fmt: skip
VALID = "crm-eu~0038d0000000001AAA"


async def refused(desk: Desk, house: TwoOrgs, tool: str, **arguments: object) -> None:
    """See one clear refusal, and that no org saw more than a look at its metadata."""
    start = house.mark()
    with pytest.raises((InvalidArguments, NotFound)) as caught:
        await desk.call(tool, **arguments)
    assert house.sent(start) == [], (tool, arguments)
    sentence = caught.value.sentence
    assert len(sentence) < 700, (tool, arguments)
    assert sentence.isprintable(), (tool, arguments)


async def test_hostile_object_names(us: Desk, house: TwoOrgs):
    for name in HOSTILE:
        await refused(us, house, "describe", object=name)
        await refused(us, house, "query", object=name, select=["Id"])
        await refused(us, house, "get", object=name, id=VALID)
        await refused(us, house, "search", object=name, text="anna")
        await refused(us, house, "aggregate", object=name, measures=[{"function": "count"}])
        await refused(us, house, "create", object=name, values={"Name": "x"})
        await refused(us, house, "update", object=name, id=VALID, values={"Name": "x"})
        await refused(us, house, "upsert", object=name, key_field="Id", key="x", values={"Name": "x"})
        await refused(us, house, "delete", object=name, id=VALID)


async def test_hostile_field_names(us: Desk, house: TwoOrgs):
    for name in FIELDS:
        await refused(us, house, "query", object="Contact", select=[name])
        await refused(us, house, "get", object="Contact", id=VALID, fields=[name])
        await refused(us, house, "search", object="Contact", text="anna", fields=[name])
        await refused(us, house, "aggregate", object="Contact", measures=[{"function": "count"}], group_by=[name])
        await refused(us, house, "create", object="Contact", values={name: "x", "MailingCountryCode": "US"})
        await refused(us, house, "update", object="Contact", id=VALID, values={name: "x"})
        if len(name) > 128:
            continue
        await refused(us, house, "query", object="Contact", where={"field": name, "op": "eq", "value": "x"})
        await refused(us, house, "query", object="Contact", order_by=[{"field": name}])
        await refused(us, house, "aggregate", object="Contact", measures=[{"function": "max", "field": name}])
        await refused(
            us, house, "upsert", object="Contact", key_field=name, key="x", values={"MailingCountryCode": "US"}
        )


async def test_hostile_ids(us: Desk, house: TwoOrgs):
    for id in IDS:
        await refused(us, house, "get", object="Contact", id=id)
        await refused(us, house, "get", object="Contact", id=id, fields=["Account.Name"])
        await refused(us, house, "update", object="Contact", id=id, values={"Title": "x"})
        await refused(us, house, "delete", object="Contact", id=id)


async def test_hostile_names_of_figures_and_relative_dates(us: Desk, house: TwoOrgs):
    for name in ("n FROM User", "n'", "1n", "", "n" * 41, "n, SSN__c"):
        await refused(us, house, "aggregate", object="Account", measures=[{"function": "count", "name": name}])
    for name in ("TODAY OR Name != ''", "LAST_N_DAYS:3", "today)", "", "LAST_N_DAYS"):
        where = {"field": "CreatedDate", "op": "ge", "value": {"relative": name}}
        await refused(us, house, "query", object="Account", select=["Name"], where=where)
    for count in (-1, 10**9):
        where = {"field": "CreatedDate", "op": "ge", "value": {"relative": "LAST_N_DAYS", "count": count}}
        await refused(us, house, "query", object="Account", select=["Name"], where=where)


async def test_hostile_values_of_the_wrong_type(us: Desk, house: TwoOrgs):
    for field, value in (
        ("CreatedDate", "2026-01-01T00:00:00Z OR Id != null"), ("CreatedDate", "2026-01-01"), ("NumberOfEmployees", "1 OR 1 = 1"),
        ("NumberOfEmployees", True), ("Name", 3), ("Name", {"relative": "TODAY"}), ("NumberOfEmployees", float("nan")),
        ("NumberOfEmployees", 1e300), ("Name", "\ud800"), ("Name", ["a"]), ("CreatedDate", "9999-99-99T00:00:00Z"),
    ):  # fmt: skip
        await refused(
            us, house, "query", object="Account", select=["Name"], where={"field": field, "op": "eq", "value": value}
        )


async def test_text_that_is_no_query_or_too_deep(us: Desk, house: TwoOrgs):
    deep: dict[str, object] = {"field": "Name", "op": "eq", "value": "x"}
    for _ in range(2000):
        deep = {"not": deep}
    await refused(us, house, "query", object="Account", where=deep)
    for text in (
        "", " ", "SELECT", "SELECT Id FROM Contact; SELECT Id FROM User", "DELETE FROM Contact", "FIND {anna}", "x" * 100_000,
        "SELECT Id FROM Contact WHERE Title = 'a' OR Title = 'b", "SELECT Id FROM Contact -- x", "SELECT Id FROM Contact\x00",
        "SELECT Id FROM Contact FOR UPDATE", "SELECT Id FROM Contact ALL ROWS", "SELECT " + "(" * 5000, "SELECT Id FROM Contact WHERE "
        + "NOT " * 3000 + "Id = null", "SELECT (SELECT Id FROM Cases) FROM Contact", "SELECT TYPEOF Who WHEN Lead THEN Id END FROM Task",
        "SELECT FIELDS(ALL) FROM Contact LIMIT 1", "SELECT Id FROM Contact WITH SYSTEM_MODE", "SELECT Id FROM Contact OFFSET 3",
    ):  # fmt: skip
        await refused(us, house, "query", text=text)


@pytest.fixture
async def account(us: Desk) -> str:
    made = await us.call("create", object="Contact", values={"LastName": "x", "MailingCountryCode": "US"})
    assert isinstance(made, Record)
    return made.id


# The org drops blanks at both ends; SOQL has no escape for most control characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
NASTY = st.sampled_from(
    [
        "'",
        "\\",
        "\\'",
        "' OR Name != ''",
        "%",
        "_",
        "\\%",
        "a\\",
        "'; --",
        "\u2019",
        "＇",
        "\n",
        "\t",
        "{0}",
        "${x}",
        "\\u0027",
    ]
)


WRITTEN = {"FirstName": 40, "LastName": 80, "Title": 128, "Department": 80, "Description": 1000}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.builds("".join, st.lists(NASTY | TEXTS, min_size=1, max_size=4)).filter(lambda text: text == text.strip()),
        min_size=5,
        max_size=5,
    ),
    op=st.sampled_from(["eq", "contains", "starts_with", "ends_with"]),
)
async def test_300_values_reach_the_org_as_they_are_and_find_themselves(
    us: Desk, house: TwoOrgs, account: str, texts: list[str], op: str
):
    org, id = house.sandbox.salesforce["us"], account.partition("~")[2]
    # The org counts in UTF-16; what is cut may end in a blank, which it drops.
    values = {name: text[: most // 2].strip() or "x" for (name, most), text in zip(WRITTEN.items(), texts, strict=True)}
    await us.call("update", object="Contact", id=account, values=values)
    stored = next(row for row in org.rows("Contact") if row["Id"] == id)
    assert {name: stored[name] for name in values} == values
    where = {"all": [US, {"field": "Title", "op": op, "value": values["Title"]}]}
    page = await us.query("Contact", ["Title"], where=where, limit=200)
    assert account in {one.id for one in page.records}
    assert all(fits(op, str(one.fields["Title"]), values["Title"]) for one in page.records)


def fits(op: str, value: str, text: str) -> bool:
    value, text = value.casefold(), text.casefold()
    tests = {
        "eq": value == text,
        "contains": text in value,
        "starts_with": value.startswith(text),
        "ends_with": value.endswith(text),
    }
    return tests[op]


async def test_hostile_search_words_find_nothing_and_break_nothing(us: Desk, house: TwoOrgs):
    start = house.mark()
    for text in (
        "anna* OR *",
        "{anna}",
        "a\\",
        "'' ''",
        "NOT",
        "anna} RETURNING User",
        '"',
        "??",
        "a&sobject=User",
        "%00%00",
        "~~",
    ):
        found = (await asyncio.gather(us.call("search", object="Account", text=text), return_exceptions=True))[0]
        nothing = isinstance(found, Page) and not found.records
        assert nothing or isinstance(found, InvalidArguments | UpstreamRejected), (text, found)
    for _, one in house.sent(start):
        assert parse_qs(one.query)["sobject"] == ["Account"]
