"""A plan names everything that a request reads, probes and writes."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.operation import Effect, Transition, Verb
from isthmus.core.plan import make_plan
from isthmus.core.records import Aggregate, AllOf, Compare, InQuery, Measure, Operator, Order, Query, Row
from isthmus.core.request import Create, Delete, Describe, Get, RawQuery, Search, Update, Upsert

from .schema import Reader, Time, metadata


def eq(field, value="x"):
    return Compare(field, Operator.EQ, value)


async def operation(verb, request):
    plan = await make_plan(verb, request, metadata())
    return plan.operation("crm-eu", "crm", "tool"), plan


async def test_filters_and_sorts_count_as_fields():
    query = Query("person", ("title",), eq("name"), (Order("EMAIL"),))
    found, plan = await operation(Verb.QUERY, query)
    assert (found.object, found.fields, found.probed) == ("Person", {"Title", "Name", "Email"}, {"Name", "Email"})
    assert found.effects == {Effect.READ}
    assert set(plan.reach.reads) == {"Title", "Email", "Id", "Country"}


async def test_related_fields_count_for_their_own_object():
    found, plan = await operation(Verb.QUERY, Query("Case", ("Person.Email", "Person.Company.Name"), eq("Person.Name")))
    assert found.objects == {"Case", "Person", "Company"}
    assert {one.object: one.fields for one in plan.reach.related} == {"Person": {"Email", "Name"}, "Company": {"Name"}}
    assert found.fields == {"Id"}


async def test_a_sub_query_counts_for_its_own_object():
    inner = Query("Person", ("CompanyId",), AllOf((eq("Name"), eq("Boss.Email"))))
    found, plan = await operation(Verb.QUERY, Query("Company", ("Name",), InQuery("Id", inner)))
    assert found.objects == {"Company", "Person"}
    assert plan.reach.related[0].fields == {"CompanyId", "Name", "Email"}
    assert {one.root for one in plan.probed} == {"Company", "Person"}


async def test_what_labels_a_row_is_read_along():
    _, plan = await operation(Verb.GET, Get("Case", "1", ("Mail",)))
    assert plan.reach.reads == ("Mail", "Id", "Stamp", "Person.Country")
    assert [one.path for one in plan.paths] == ["Mail"]
    assert plan.record == "1"


async def test_fields_that_nobody_named_may_be_trimmed():
    for request, trim in (
        (Get("Person", "1"), True),
        (Get("Person", "1", ("Name",)), False),
        (Search("Person", "ab"), True),
    ):
        _, plan = await operation(Verb.GET, request)
        assert plan.reach.trim is trim


async def test_figures_and_groups():
    aggregate = Aggregate("Person", (Measure("max", "Born"), Measure("count")), ("Title",), eq("Company.Name"))
    found, plan = await operation(Verb.AGGREGATE, aggregate)
    assert found.fields == {"Born", "Title"}
    assert found.objects == {"Person", "Company"}
    assert "pii" in plan.reach.classes


@pytest.mark.parametrize(
    ("request_", "effects", "transition"),
    [
        (Create("Case", {"Subject": "x"}), {Effect.CREATE}, None),
        (Create("Case", {"Status": "Closed"}), {Effect.CREATE}, Transition("Status", "", "Closed")),
        (Update("Case", "1", {"Subject": "x"}), {Effect.UPDATE}, None),
        (Update("Case", "1", {"status": "Closed"}), {Effect.TRANSITION}, Transition("Status", "", "Closed")),
        (
            Update("Case", "1", {"Status": "Closed", "Subject": "x"}),
            {Effect.TRANSITION, Effect.UPDATE},
            Transition("Status", "", "Closed"),
        ),
        (Upsert("Company", "Number", "1", {"Size": 3}), {Effect.CREATE, Effect.UPDATE}, None),
        (Delete("Case", "1"), {Effect.DELETE}, None),
    ],
)
async def test_effects_follow_from_the_values(request_, effects, transition):
    found, _ = await operation(Verb.UPDATE, request_)
    assert (found.effects, found.transition) == (effects, transition)


async def test_a_state_change_says_where_it_comes_from():
    plan = await make_plan(Verb.UPDATE, Update("Case", "1", {"Status": "Closed"}), metadata())
    moved = changed(plan, state=Row("Case", "1", {"Status": "New"}))
    assert moved.operation("c", "s", "t").transition == Transition("Status", "New", "Closed")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Create("Case", {"Person.Name": "x"}), "belongs to another record"),
        (Create("Case", {"Number": "x"}), "cannot be written"),
        (Update("Case", "1", {"Id": "x"}), "cannot be written"),
        (Create("Case", {"Sbject": "x"}), "did you mean 'Subject'"),
        (Update("Case", "1", {"Status": ("Closed",)}), "takes a plain text"),
        (Upsert("Company", "Name", "1", {"Size": 3}), "is not unique"),
        (RawQuery("SELECT"), "a text is parsed"),
    ],
)
async def test_what_cannot_be_written_is_refused(request_, said):
    with pytest.raises(InvalidArguments, match=said):
        (await make_plan(Verb.CREATE, request_, metadata())).operation("c", "s", "t")


async def test_an_unknown_object_is_not_found():
    for request in (Describe("X"), Query("X"), Get("X", "1"), Create("X", {"A": 1}), Delete("X", "1")):
        with pytest.raises(NotFound):
            await make_plan(Verb.GET, request, metadata())


async def test_links_that_tell_a_country():
    plan = await make_plan(Verb.CREATE, Create("Case", {"PersonId": "p1", "Subject": "x"}), metadata())
    assert plan.links() == {"Person": ("Person", "p1", ("Person.Country",))}
    cut = await make_plan(Verb.UPDATE, Update("Case", "1", {"PersonId": None}), metadata())
    assert cut.links() == {"Person": ("Person", None, ("Person.Country",))}
    for values, tells in (({"Country": "US"}, True), ({"Title": "x"}, False), ({"CompanyId": "c1"}, False)):
        plan = await make_plan(Verb.UPDATE, Update("Person", "1", values), metadata())
        assert plan.tells_country is tells


async def reach(known, request, verb=Verb.QUERY):
    return (await make_plan(verb, request, known)).reach


async def test_what_a_read_touches_is_worked_out_once_whatever_its_values():
    known = metadata()
    one = await reach(known, Get("Person", "1", ("Name",)), Verb.GET)
    assert await reach(known, Get("Person", "2", ("Name",)), Verb.GET) is one
    query = Query("Person", ("Name",), eq("Title", "x"), (Order("Name"),))
    first = await reach(known, query)
    assert await reach(known, replace(query, where=eq("Title", "y"), limit=9, after="z")) is first


@pytest.mark.parametrize(
    "other",
    [
        Query("Company", ("Name",), eq("Name"), (Order("Name"),)),
        Query("Person", ("Title",), eq("Title"), (Order("Name"),)),
        Query("Person", (), eq("Title"), (Order("Name"),)),
        Query("Person", ("*",), eq("Title"), (Order("Name"),)),
        Query("Person", ("Name",), eq("Email"), (Order("Name"),)),
        Query("Person", ("Name",), None, (Order("Name"),)),
        Query("Person", ("Name",), eq("Title"), (Order("Email"),)),
        Query("Person", ("Name",), eq("Title"), ()),
        Query(
            "Person", ("Name",), AllOf((eq("Title"), InQuery("CompanyId", Query("Company", ("Id",))))), (Order("Name"),)
        ),
    ],
    ids=str,
)
async def test_what_another_query_touches_is_its_own(other):
    known = metadata()
    before = await reach(known, Query("Person", ("Name",), eq("Title"), (Order("Name"),)))
    after, fresh = await reach(known, other), await reach(metadata(), other)
    assert after is not before
    names = ("paths", "probed", "sorted_by", "control", "objects", "trim")
    assert [getattr(after, name) for name in names] == [getattr(fresh, name) for name in names]


async def test_a_query_of_another_object_touches_that_one():
    known = metadata()
    for name in ("Person", "Company"):
        assert (await reach(known, Query(name, ("Name",), eq("Name")))).facts.name == name


async def test_reads_of_other_fields_or_by_words_touch_something_else():
    known = metadata()
    reads = [
        (Verb.GET, Get("Person", "1", ("Name",))),
        (Verb.GET, Get("Person", "1", ("Title",))),
        (Verb.GET, Get("Person", "1")),
        (Verb.GET, Get("Company", "1", ("Name",))),
        (Verb.SEARCH, Search("Person", "x", ("Name",))),
    ]
    found = [await reach(known, request, verb) for verb, request in reads]
    assert len({id(one) for one in found}) == len(found)


async def test_what_was_worked_out_ends_with_the_first_of_its_objects():
    clock, read = Time(), Reader()
    known = metadata(read=read, clock=clock)
    await known.object("Company")
    clock.now = 200
    request = Get("Person", "1", ("Name", "Company.Name"))
    before = await reach(known, request, Verb.GET)
    clock.now = 299
    assert await reach(known, request, Verb.GET) is before
    clock.now = 301
    assert await reach(known, request, Verb.GET) is not before
    assert read.asked == ["Company", "Person", "Company"]


async def test_what_could_not_be_worked_out_is_tried_again():
    known, read = metadata(), Reader()
    for _ in range(2):
        with pytest.raises(InvalidArguments):
            await reach(known, Get("Person", "1", ("Nobody",)), Verb.GET)
    assert len((await reach(metadata(read=read), Get("Person", "1", ("Name",)), Verb.GET)).paths) == 1
