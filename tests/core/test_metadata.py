"""Names are checked and spelled canonically against what the identity may see, and read once."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.metadata import Overlay
from isthmus.core.records import (
    Aggregate,
    AllOf,
    Compare,
    InQuery,
    Measure,
    Operator,
    Order,
    Query,
    Ref,
    Relative,
    Untyped,
)

from .schema import Reader, Time, metadata, objects

PERSON = objects()["Person"]


@pytest.mark.parametrize(
    ("path", "canonical", "object"),
    [
        ("name", "Name", "Person"),
        ("COMPANY.NAME", "Company.Name", "Company"),
        ("boss.Boss.company.size", "Boss.Boss.Company.Size", "Company"),
    ],
)
async def test_paths_are_followed_in_any_spelling(path, canonical, object):
    found = await metadata().path(PERSON, path)
    assert (found.path, found.object.name, found.root) == (canonical, object, "Person")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Nmae", "did you mean 'Name'?"),
        ("Compny.Name", "did you mean 'Company'?"),
        ("Company.Nam", "Company has no field 'Nam'"),
        ("Name.Name", "no relationship 'Name'"),
        ("Boss." * 6 + "Name", "more than 5 relationships"),
        ("", "no field ''"),
        (".", "no relationship ''"),
    ],
)
async def test_the_part_that_does_not_exist_is_named(path, said):
    with pytest.raises(InvalidArguments, match=said.replace("?", r"\?")) as caught:
        await metadata().path(PERSON, path)
    assert caught.value.object == "Person" or "Company" in caught.value.object


async def test_the_country_of_a_path_is_that_of_its_own_object():
    assert (await metadata().path(PERSON, "Boss.Name")).country_paths == ("Boss.Country",)
    assert (await metadata().path(PERSON, "Name")).country_paths == ("Country",)
    assert (await metadata().path(PERSON, "Company.Name")).country_paths == ()


async def test_a_sub_query_is_spelled_by_its_own_object():
    inner = Query("person", ("companyid",), Compare("name", Operator.EQ, "x"))
    query = await metadata().query(Query("COMPANY", ("name",), InQuery("id", inner), (Order("SIZE"),)))
    assert query == Query(
        "Company",
        ("Name",),
        InQuery("Id", Query("Person", ("CompanyId",), Compare("Name", Operator.EQ, "x"))),
        (Order("Size"),),
    )


@pytest.mark.parametrize(
    "query",
    [
        Query("Person", where=Compare("Notes", Operator.EQ, "x")),
        Query("Person", order_by=(Order("Notes"),)),
        Aggregate("Person", (Measure("count"),), ("Notes",)),
    ],
)
async def test_what_the_system_cannot_do_is_refused(query):
    with pytest.raises(InvalidArguments, match="cannot be"):
        await (metadata().query(query) if isinstance(query, Query) else metadata().aggregate(query))


@pytest.mark.parametrize(
    ("field", "value", "typed"),
    [
        ("Name", "x", "x"), ("Size", 3, 3), ("Size", 3.5, 3.5), ("Listed", True, True), ("Name", None, None), ("Name", Ref("r"), Ref("r")),
        ("Founded", "2026-01-01T10:00:00+02:00", datetime.fromisoformat("2026-01-01T10:00:00+02:00")),
        ("Founded", "2026-01-01T10:00:00.000+0000", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("Founded", Relative("TODAY"), Relative("TODAY")), ("Size", (1, 2), (1, 2)),
    ],
)  # fmt: skip
async def test_a_literal_gets_the_type_of_its_field(field, value, typed):
    found = await metadata().query(Query("Company", where=Compare(field, Operator.EQ, value)))
    assert found.where == Compare(field, Operator.EQ, typed)


@pytest.mark.parametrize(
    ("field", "text", "typed"),
    [
        ("Name", "3", "3"), ("Size", "3", 3), ("Size", "-12", -12), ("Listed", "true", True), ("Listed", "false", False),
        ("Founded", "2026-01-01 10:00:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
    ],
)  # fmt: skip
async def test_a_literal_of_a_language_without_types_gets_that_of_its_field(field, text, typed):
    found = await metadata().query(Query("Company", where=Compare(field, Operator.EQ, Untyped(text))))
    assert found.where == Compare(field, Operator.EQ, typed)
    assert type(found.where.value) in (type(typed), Untyped)


@pytest.mark.parametrize(
    ("field", "text"),
    [("Size", "3.5"), ("Size", "x"), ("Size", "1e9"), ("Size", "٣"), ("Listed", "1"), ("Founded", "now")],
)
async def test_a_literal_without_type_that_does_not_fit_is_refused(field, text):
    with pytest.raises(InvalidArguments, match=f"Company.{field} is compared with"):
        await metadata().query(Query("Company", where=Compare(field, Operator.EQ, Untyped(text))))


@pytest.mark.parametrize(
    ("field", "text", "typed"),
    [
        ("Size", "9007199254740993", 9007199254740993),
        ("Size", "-9223372036854775808", -(2**63)),
        ("Worth", "9007199254740993", 9007199254740993),
        ("Worth", "12345678901234567.89", Decimal("12345678901234567.89")),
        ("Worth", "-1.2345678901234567891E+30", Decimal(-1234567890123456789100000000000)),
    ],
)
async def test_the_text_of_a_number_that_a_read_gave_is_compared_exactly(field, text, typed):
    found = await metadata().query(Query("Company", where=Compare(field, Operator.IN, (text,))))
    assert found.where.value == (typed,)
    assert type(found.where.value[0]) is type(typed)


async def test_a_moment_is_never_cut():
    for told in ("2026-01-01T10:00:00.1234567Z", "2026-01-01T10:00:00.1234560Z"):
        found = await metadata().query(Query("Company", where=Compare("Founded", Operator.EQ, told)))
        cut = datetime(2026, 1, 1, 10, microsecond=123456, tzinfo=UTC)
        assert found.where.value == (told if told.endswith("7Z") else cut)


async def test_a_date_is_a_day():
    found = await metadata().query(Query("Person", where=Compare("Born", Operator.EQ, "2000-02-29")))
    assert found.where == Compare("Born", Operator.EQ, date(2000, 2, 29))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Name", 3), ("Name", True), ("Name", Relative("TODAY")), ("Size", "3"), ("Size", True), ("Listed", "true"), ("Listed", 1),
        ("Founded", "2026-01-01"), ("Founded", "2026-01-01T10:00:00"), ("Founded", "now"), ("Name", {"a": 1}), ("Size", (1, "2")),
        ("Size", "9007199254740992.5"), ("Size", "9007199254740991"), ("Worth", "12.5"), ("Worth", "x"), ("Worth", "nan"),
    ],
)  # fmt: skip
async def test_a_literal_of_another_type_is_refused_without_repeating_it(field, value):
    with pytest.raises(InvalidArguments, match=f"Company.{field} is compared with") as caught:
        await metadata().query(Query("Company", where=AllOf((Compare(field, Operator.EQ, value),))))
    assert caught.value.field == field


async def test_an_object_is_read_once_whoever_asks_and_again_when_it_is_old():
    reader, clock = Reader(), Time()
    known = metadata(read=reader, clock=clock)
    await asyncio.gather(*(known.object(name) for name in ("Person", "person", "PERSON")))
    assert len(reader.asked) == 1
    clock.now = 301
    await known.object("Person")
    assert len(reader.asked) == 2


async def test_an_object_that_is_not_there_is_asked_for_again():
    reader = Reader()
    known = metadata(read=reader)
    for _ in range(2):
        with pytest.raises(NotFound):
            await known.object("Persn")
    assert len(reader.asked) == 2


async def test_the_operator_has_the_last_word_on_classes_and_countries():
    overlay = Overlay({"person.name": frozenset({"public"})}, {"person": ("Boss.Country",)})
    facts = await metadata(overlay).object("Person")
    assert facts.field("NAME").classes == {"public"}
    assert facts.field("Name").source == "operator"
    assert facts.field("Email").classes == {"pii"}
    assert facts.country == ("Boss.Country",)


async def test_what_the_operator_says_of_a_kind_holds_for_all():
    async def read(name):
        return replace(PERSON, kind_field="Kind", kinds=("Employee",))

    overlay = Overlay({"person.name": frozenset({"public"}), "employee.name": frozenset({"phi"}),
                       "employee.email": frozenset({"secret"}), "other.name": frozenset({"pii"})}, {})  # fmt: skip
    facts = await metadata(overlay, read=read).object("Person")
    assert facts.field("Name").classes == {"public", "phi"}
    assert facts.field("Email").classes == {"pii", "secret"}
