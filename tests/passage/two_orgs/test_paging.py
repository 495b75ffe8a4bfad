"""Walking `after` over two orgs gives every row once, in order."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import Record
from isthmus.plugins.sandbox.salesforce import queries

from .conftest import DE, US, Desk, TwoOrgs

Order = Sequence[tuple[str, bool]]


def keys(orders: Order) -> list[dict[str, object]]:
    return [{"field": field, "descending": descending} for field, descending in orders]


async def walked(desk: Desk, object: str, orders: Order, size: int, **more: object) -> list[Record]:
    """Read all pages; the walk ends by itself or not at all."""
    select, found, after = [field for field, _ in orders] or ["Id"], [], None
    while True:
        page = await desk.query(
            object, select, order_by=keys(orders), limit=size, **more, **({"after": after} if after else {})
        )
        found += page.records
        assert len(page.records) == size or page.after is None
        after = page.after
        if after is None:
            return found
        assert len(found) < 1000


def stored(house: TwoOrgs, object: str) -> dict[str, Mapping[str, object]]:
    return {
        f"crm-{name}~{row['Id']}": row for name, org in house.sandbox.salesforce.items() for row in org.rows(object)
    }


def rank(value: object) -> tuple[int, object]:
    """Put missing values first and compare text without case."""
    return (0, "") if value is None else (1, value.casefold() if isinstance(value, str) else value)


def in_order(records: Sequence[Record], orders: Order) -> bool:
    for one, two in pairwise(records):
        for field, descending in orders:
            left, right = rank(one.fields[field]), rank(two.fields[field])
            if left == right:
                continue
            missing = 0 in (left[0], right[0])
            if (left > right) if missing or not descending else (left < right):
                return False
            break
    return True


@pytest.mark.parametrize(
    ("object", "orders"),
    [
        ("Account", ()),
        ("Account", [("Name", False)]),
        ("Account", [("BillingCity", False), ("NumberOfEmployees", True)]),
        ("Account", [("BillingCity", True), ("CreatedDate", False)]),
        ("Account", [("AnnualRevenue", True)]),
        ("Contact", [("Title", False), ("Department", True)]),
        ("Contact", [("Department", True)]),
        ("Contact", [("HasOptedOutOfEmail", True), ("CreatedDate", False)]),
        ("Contact", [("HasOptedOutOfEmail", False)]),
        ("Contact", [("Account.BillingCity", True), ("Account.Name", False)]),
        ("Opportunity", [("CloseDate", True), ("Account.BillingCity", False)]),
        ("Case", [("Contact.CreatedDate", True), ("Contact.Title", False), ("ClosedDate", False)]),
    ],
)
async def test_every_row_once_and_in_order(us: Desk, house: TwoOrgs, object, orders):
    for size in (17, 200):
        records = await walked(us, object, orders, size)
        assert sorted(one.id for one in records) == sorted(stored(house, object))
        assert in_order(records, orders)
    for one in records:
        row = stored(house, object)[one.id]
        for field, _ in orders:
            if "." not in field and one.fields[field] is not None:
                assert one.fields[field] == row[field]


async def test_choices_do_not_sort_as_they_compare_so_they_are_refused(us: Desk):
    with pytest.raises(InvalidArguments, match="cannot be sorted by LeadSource"):
        await us.query("Contact", ["LastName"], order_by=[{"field": "LeadSource"}])


async def test_pages_of_one_and_the_edge_of_a_page(us: Desk, house: TwoOrgs):
    expected = sorted(stored(house, "Lead"))
    for size in (1, len(expected), len(expected) - 1, len(expected) + 1):
        assert sorted(one.id for one in await walked(us, "Lead", [("Company", False)], size)) == expected


async def test_small_pages_of_the_org_make_no_difference(us: Desk, house: TwoOrgs, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 3)
    records = await walked(us, "Account", [("BillingCity", True)], 8)
    assert sorted(one.id for one in records) == sorted(stored(house, "Account"))


async def test_a_walk_with_a_condition(us: Desk, house: TwoOrgs):
    where = {
        "all": [
            US,
            {
                "any": [
                    {"field": "Title", "op": "contains", "value": "e"},
                    {"field": "Title", "op": "eq", "value": None},
                ]
            },
        ]
    }
    records = await walked(us, "Contact", [("LastName", True), ("FirstName", False)], 5, where=where)
    rows = stored(house, "Contact").items()
    assert sorted(one.id for one in records) == sorted(
        id for id, row in rows if row["MailingCountryCode"] == "US" and "e" in str(row["Title"] or "e").lower()
    )
    assert in_order(records, [("LastName", True), ("FirstName", False)])


async def test_raw_text_is_walked_too(us: Desk, house: TwoOrgs):
    text, found, after = "SELECT Id, Name FROM Account ORDER BY BillingCity DESC LIMIT 9", [], None
    while True:
        page = await us.call("query", text=text, **({"after": after} if after else {}))
        found += [one.id for one in page.records]  # type: ignore[union-attr]
        after = page.after  # type: ignore[union-attr]
        if after is None:
            break
    assert sorted(found) == sorted(stored(house, "Account"))


async def test_rows_that_come_meanwhile_repeat_none(us: Desk, house: TwoOrgs):
    before, seen, after = set(stored(house, "Account")), [], None
    for _ in range(100):
        arguments = {"after": after} if after else {}
        page = await us.query("Account", ["Name"], order_by=keys([("Name", False)]), limit=4, **arguments)
        seen += [one.id for one in page.records]
        for name in ("AAA first", "ZZZ last"):
            await us.call("create", object="Account", values={"Name": name, "BillingCountryCode": "US"})
        after = page.after
        if after is None or len(seen) > len(before) + 8:
            break
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


async def refused(desk: Desk, house: TwoOrgs, after: str, **changed: object) -> None:
    question = {"object": "Account", "select": ["Name"], "order_by": keys([("Name", False)]), "limit": 3, **changed}
    start = house.mark()
    with pytest.raises(InvalidArguments, match="does not continue this query") as caught:
        await desk.call("query", **question, after=after)
    assert caught.value.field == "after"
    assert house.sent(start, lookups=True) == []


async def test_a_page_continues_for_its_caller_and_its_query_only(us: Desk, eu: Desk, house: TwoOrgs):
    after = (await us.query("Account", ["Name"], order_by=keys([("Name", False)]), limit=3)).after
    assert after is not None
    await refused(eu, house, after)
    await refused(Desk(us.gateway, house.caller("us", user="bob")), house, after)
    await refused(Desk(us.gateway, house.caller("us", task="t")), house, after)
    await refused(us, house, after, object="Contact")
    await refused(us, house, after, select=["Name", "Phone"])
    await refused(us, house, after, order_by=keys([("Name", True)]))
    await refused(us, house, after, where={"field": "Industry", "op": "eq", "value": "Banking"})
    for forged in (after[:-8] + "AAAAAAA=", after[4:], "AAAA", "%", "", "ä" * 40, after + after)[:4]:
        await refused(us, house, forged)
    page = await us.query("Account", ["Name"], order_by=keys([("Name", False)]), limit=3, after=after)
    assert len(page.records) == 3


async def test_a_page_ends_where_the_policy_changes(house: TwoOrgs):
    question = {"object": "Account", "select": ["Name"], "order_by": keys([("Name", False)]), "limit": 3}
    async with house.open() as gateway:
        first = Desk(gateway, house.caller("us"))
        after = (await first.query(**question)).after  # type: ignore[arg-type]
    assert after is not None
    async with house.open() as gateway:
        again = Desk(gateway, house.caller("us"))
        assert len((await again.query(**question, after=after)).records) == 3  # type: ignore[arg-type]
    house.flows = house.flows.replace('id = "phi-never"', 'id = "phi-not-ever"')
    async with house.open() as gateway:
        await refused(Desk(gateway, house.caller("us")), house, after)


async def test_a_cursor_holds_nothing_readable(eu: Desk, house: TwoOrgs):
    page = await eu.query("Contact", ["LastName"], order_by=keys([("LastName", False)]), where=DE, limit=3)
    assert page.after is not None
    again = await eu.query("Contact", ["LastName"], order_by=keys([("LastName", False)]), where=DE, limit=3)
    assert again.after != page.after
    assert str(page.records[-1].fields["LastName"]) not in page.after
