"""A request goes to the connections that can answer it, with ids as each of them knows them."""

import pytest

from isthmus.core.errors import InvalidArguments, ResidencyError
from isthmus.core.records import Aggregate, AllOf, AnyOf, Compare, InQuery, Measure, Negated, Operator, Query, Ref
from isthmus.core.refs import Resolved
from isthmus.core.request import Create, Delete, Get, Search, Update, Upsert
from isthmus.core.routing import Place, Router
from isthmus.residency import Label

from .schema import metadata, objects

ROUTES = {"EEA": "crm-eu", "GB": "crm-eu", "*": "crm-us"}
PLACES = (Place("crm-eu", "eu"), Place("crm-us", "us"))
REFS = {"ref_eu": "eu", "ref_us": "us", "ref_mars": "mars"}


def router(places=PLACES, routes=None):
    members = {"EEA": frozenset({"DE", "FR"})}
    return Router("crm", places, ROUTES if routes is None else routes, lambda name: members.get(name, frozenset()))


def resolve(ref):
    return Resolved("value", Label.of({"pii"}, ("DE",), person=True), REFS[ref.token])


async def chosen(request, to=None):
    known = metadata()
    return await (to or router()).choose(request, resolve, known.object)


def eq(field, value):
    return Compare(field, Operator.EQ, value)


async def test_one_connection_takes_everything_as_it_is():
    alone = router(PLACES[:1])
    assert not alone.qualified
    for request in (Get("Person", "1"), Query("Person"), Create("Person", {"Name": "x"})):
        assert await chosen(request, alone) == ("crm-eu",)
        assert alone.localise(request, "crm-eu", objects()["Person"]) == request


@pytest.mark.parametrize(
    "request_", [Query("Person"), Search("Person", "ab"), Aggregate("Person", (Measure("count"),))]
)
async def test_a_read_goes_to_all(request_):
    assert await chosen(request_) == ("crm-eu", "crm-us")


async def test_a_read_with_a_ref_goes_to_its_home():
    assert await chosen(Query("Person", where=Negated(eq("Email", Ref("ref_eu"))))) == ("crm-eu",)
    inner = Query("Person", ("Id",), eq("Email", Ref("ref_us")))
    assert await chosen(Query("Case", where=InQuery("PersonId", inner))) == ("crm-us",)
    with pytest.raises(ResidencyError):
        await chosen(Query("Person", where=eq("Email", Ref("ref_mars"))))


@pytest.mark.parametrize("build", [Get, Delete, lambda kind, key: Update(kind, key, {"Title": "x"})])
async def test_an_id_names_its_connection(build):
    assert await chosen(build("Person", "crm-us~1")) == ("crm-us",)
    for wrong in ("1", "crm-fr~1", ":1", "crm-us", "crm-us~", ""):
        with pytest.raises(InvalidArguments, match="use an id as an answer gave it"):
            await chosen(build("Person", wrong))


@pytest.mark.parametrize(
    ("country", "connection"),
    [("DE", "crm-eu"), ("Deutschland", "crm-eu"), ("GBR", "crm-eu"), ("us", "crm-us"), ("JP", "crm-us")],
)
async def test_a_new_record_goes_by_country(country, connection):
    assert await chosen(Create("Person", {"country": country})) == (connection,)
    assert await chosen(Upsert("Person", "Email", "x", {"Country": country})) == (connection,)


async def test_a_thing_without_country_goes_where_the_rest_goes_and_a_person_nowhere():
    assert await chosen(Create("Company", {"Name": "x"})) == ("crm-us",)
    for values in ({"Name": "x"}, {"Country": "??"}, {"Country": "Nowhere"}, {"Country": ""}, {"Country": None}):
        with pytest.raises(InvalidArguments, match="give Country"):
            await chosen(Create("Person", values))
    with pytest.raises(InvalidArguments, match="cannot tell which connection"):
        await chosen(Create("Company", {"Name": "x"}), router(routes={"EEA": "crm-eu"}))


async def test_a_new_record_goes_with_its_parent_and_its_refs():
    assert await chosen(Create("Case", {"PersonId": "crm-eu~1"})) == ("crm-eu",)
    assert await chosen(Create("Person", {"CompanyId": "crm-eu~1", "Country": "US"})) == ("crm-eu",)
    assert await chosen(Create("Case", {"Mail": Ref("ref_eu")})) == ("crm-eu",)
    with pytest.raises(InvalidArguments, match="a record has one home"):
        await chosen(Create("Person", {"CompanyId": "crm-eu~1", "BossId": "crm-us~1"}))
    with pytest.raises(ResidencyError, match="one home only"):
        await chosen(Create("Case", {"Mail": Ref("ref_eu"), "Subject": Ref("ref_us")}))


def local(condition, connection="crm-eu"):
    return router().localise(Query("Person", where=condition), connection, objects()["Person"]).where


NOTHING = AllOf((Compare("Id", Operator.EQ, None), Compare("Id", Operator.NE, None)))
ANYTHING = AnyOf((Compare("Id", Operator.EQ, None), Compare("Id", Operator.NE, None)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (eq("Id", "crm-eu~1"), eq("Id", "1")),
        (eq("Company.Id", "crm-eu~1"), eq("Company.Id", "1")),
        (eq("Id", "crm-us~1"), NOTHING),
        (Compare("Id", Operator.NE, "crm-us~1"), ANYTHING),
        (Compare("Id", Operator.IN, ("crm-eu~1", "crm-us~2")), Compare("Id", Operator.IN, ("1",))),
        (Compare("Id", Operator.IN, ("crm-us~1", "crm-us~2")), NOTHING),
        (Compare("Id", Operator.NOT_IN, ("crm-us~1", "crm-eu~2")), Compare("Id", Operator.NOT_IN, ("2",))),
        (Compare("Id", Operator.NOT_IN, ("crm-us~1",)), ANYTHING),
        (eq("Id", "1"), eq("Id", "1")),
        (eq("Id", None), eq("Id", None)),
        (eq("Name", "crm-eu~1"), eq("Name", "crm-eu~1")),
        (eq("name", "crm-us~1"), eq("name", "crm-us~1")),
        (
            Negated(AnyOf((eq("Id", "crm-eu~1"), eq("Title", "crm-eu~x")))),
            Negated(AnyOf((eq("Id", "1"), eq("Title", "crm-eu~x")))),
        ),
        (
            InQuery("Id", Query("Case", ("PersonId",), eq("Id", "crm-eu~7"))),
            InQuery("Id", Query("Case", ("PersonId",), eq("Id", "7"))),
        ),
    ],
)
def test_a_condition_is_told_in_the_ids_of_its_connection(condition, expected):
    assert local(condition) == expected


def test_values_that_link_are_told_in_the_ids_of_their_connection():
    facts = objects()["Person"]
    update = Update("Person", "crm-eu~1", {"CompanyId": "crm-eu~2", "Name": "crm-us~x"})
    assert router().localise(update, "crm-eu", facts) == Update("Person", "1", {"CompanyId": "2", "Name": "crm-us~x"})
    with pytest.raises(InvalidArguments, match="belongs to another connection"):
        router().localise(Update("Person", "crm-eu~1", {"CompanyId": "crm-us~2"}), "crm-eu", facts)
    with pytest.raises(InvalidArguments, match="belongs to another connection"):
        router().localise(Get("Person", "crm-us~1"), "crm-eu", facts)
