"""Do reads say what was asked, whatever the instance hides, ignores or sorts otherwise?"""

import pytest

from isthmus.core.errors import InvalidArguments, NotFound, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.records import Aggregate, Compare, Measure, Negated, Operator, Order, Query, Ref
from isthmus.core.session import Session

from .conftest import House
from .instance import ANNA, HEADERS, Instance, id_at


async def all_pages(session: Session, query: Query) -> list[str]:
    page = await session.query("itsm", query)
    found = [one.id for one in page.records]
    while page.after:
        page = await session.query("itsm", query, after=page.after)
        found += [one.id for one in page.records]
    return found


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_pages_continue_over_missing_values_in_both_directions(home: Session, descending: bool, limit: int):
    order = (Order("reassignment_count", descending),)
    found = await all_pages(home, Query("incident", ("number",), order_by=order, limit=limit))
    rest = [1, 2, 4, 5, 6]
    assert found == [id_at(one) for one in (3, *(reversed(rest) if descending else rest))]


async def test_values_have_the_types_that_describe_tells(home: Session):
    record = await home.get(
        "itsm", "incident", id_at(1), ["active", "reassignment_count", "sys_created_on", "state", "category"]
    )
    assert record.fields == {
        "active": True, "reassignment_count": 3, "sys_created_on": "2026-01-01T10:00:00Z", "state": "1", "category": None
    }  # fmt: skip
    assert record.version == "0"


async def test_an_unknown_field_is_refused_before_an_instance_could_ignore_it(home: Session, instance: Instance):
    with pytest.raises(InvalidArguments, match="did you mean 'short_description'"):
        await home.query("itsm", Query("incident", ("number",), Compare("short_descripton", Operator.EQ, "x")))
    assert instance.sent() == []


async def test_a_negation_finds_what_has_no_value(home: Session):
    where = Negated(Compare("reassignment_count", Operator.GT, 9))
    assert await all_pages(home, Query("incident", ("number",), where, (Order("sys_created_on"),))) == [
        id_at(one) for one in (1, 2, 3)
    ]


async def test_hidden_rows_end_no_page_and_make_the_answer_incomplete(home: Session, instance: Instance):
    assert (await home.query("itsm", Query("incident", ("number",)))).complete
    instance.hidden = {id_at(1), id_at(2), id_at(3), id_at(4)}
    page = await home.query("itsm", Query("incident", ("number",), limit=1))
    assert [one.id for one in page.records] == [id_at(5)]
    assert not page.complete
    assert await all_pages(home, Query("incident", ("number",), limit=1)) == [id_at(5), id_at(6)]


async def test_an_answer_that_never_ends_is_given_up(home: Session, instance: Instance):
    await home.describe("itsm", "incident")
    instance.scripted = [lambda _: instance.say(200, {"result": []}, x_total_count="999999999")] * 60
    with pytest.raises(UpstreamError, match="hides so many records"):
        await home.query("itsm", Query("incident", ("number",)))
    assert len(instance.scripted) == 10


async def test_a_query_text_becomes_the_same_query(home: Session, instance: Instance):
    text = "incident?sysparm_query=active=true^priorityIN1,2^ORDERBYsys_created_on&sysparm_fields=number,priority&sysparm_limit=3"
    page = await home.query("itsm", text)
    assert [one.fields["priority"] for one in page.records] == ["2", "1"]
    assert "sysparm_query=active=true^priorityIN1,2^ORDERBYsys_created_on^ORDERBYsys_id&" in instance.sent()[-1]


@pytest.mark.parametrize(
    "text",
    [
        "incident?sysparm_query=caller_id=javascript:gs.getUserID()",
        "incident?sysparm_query=active=true^ORshort_descriptionLIKEx^JOINa.b=c.d!x=1",
        "incident?sysparm_query=active=maybe",
        "incident?sysparm_query=nosuch=1",
        "incident?sysparm_fields=nosuch",
        "incident?sysparm_query=a=1&sysparm_query=b=2",
        "incident?sysparm_view=ess",
        "incident",
        "sys_user_list?sysparm_query=",
    ],
)
async def test_a_query_text_with_anything_else_is_refused_unsent(home: Session, instance: Instance, text: str):
    if text == "incident":
        assert len((await home.query("itsm", text)).records) == 6
        return
    with pytest.raises((InvalidArguments, NotFound)):
        await home.query("itsm", text)
    assert instance.sent() == []


async def test_figures_are_typed_and_missing_groups_are_none(home: Session):
    asked = Aggregate(
        "incident", (Measure("count", "", "n"), Measure("sum", "reassignment_count", "moves")), ("priority",)
    )
    groups = {row["priority"]: (row["n"], row["moves"]) for row in (await home.aggregate("itsm", asked)).rows}
    assert groups == {None: (2, 21.0), "2": (1, 3.0), "4": (1, None), "1": (1, 12.0), "3": (1, 18.0)}
    with pytest.raises(InvalidArguments, match="not computed"):
        await home.aggregate("itsm", Aggregate("incident", (Measure("count_distinct", "state", "n"),)))


async def test_figures_over_a_hidden_record_are_refused_by_the_instance(home: Session, instance: Instance):
    instance.hidden = {id_at(2)}
    with pytest.raises(UpstreamRejected, match="grant the role"):
        await home.aggregate("itsm", Aggregate("incident", (Measure("count", "", "n"),)))


async def test_a_search_looks_for_every_word_in_names(home: Session, instance: Instance):
    page = await home.search("itsm", "incident", "printer F")
    assert [one.id for one in page.records] == [id_at(6)]
    assert "TEXTQUERY" not in instance.sent()[-1]
    with pytest.raises(InvalidArguments):
        await home.search("itsm", "incident", "a^ORactive=true")


async def test_a_german_name_is_a_ref_abroad_and_finds_its_record(abroad: Session, home: Session, instance: Instance):
    record = await abroad.get("itsm", "sys_user", ANNA, ["name", "country"])
    assert isinstance(record.fields["name"], Ref)
    assert record.fields["country"] == "DEU"
    where = Compare("name", Operator.EQ, record.fields["name"])
    assert [one.id for one in (await abroad.query("itsm", Query("sys_user", ("country",), where))).records] == [ANNA]
    assert (await home.get("itsm", "sys_user", ANNA, ["name"])).fields == {"name": "Anna Weber"}


async def test_a_ticket_is_about_whoever_reported_it(abroad: Session):
    german, american = [
        (await abroad.get("itsm", "incident", id_at(one), ["description", "caller_id.name"])) for one in (1, 2)
    ]
    assert isinstance(german.fields["caller_id.name"], Ref)
    assert american.fields["caller_id.name"] == "John Hill"


async def test_a_sleeping_instance_is_not_an_empty_one(home: Session, instance: Instance, house: House):
    await home.describe("itsm", "incident")
    page = b"<html>Instance Hibernating page</html>"
    instance.scripted = [lambda _: instance_page(page)] * 9
    with pytest.raises(RetryLater, match="hibernates"):
        await home.query("itsm", Query("incident", ("number",)))


def instance_page(content: bytes):
    import httpx2

    return httpx2.Response(200, headers={**HEADERS, "content-type": "text/html"}, content=content)


async def test_a_dropped_request_is_asked_again(home: Session, instance: Instance):
    import httpx2

    await home.describe("itsm", "incident")
    instance.scripted = [httpx2.Response(202)]
    assert len((await home.query("itsm", Query("incident", ("number",)))).records) == 6
