"""Rows that are read all at once are what a careful reader finds, and they leave as single rows would."""

import json
from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import FLOWS

from isthmus.core.caller import Caller
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.reach import Reach
from isthmus.core.records import Ref
from isthmus.core.refs import RefVaults
from isthmus.core.release import Releaser, Source
from isthmus.core.shapes import ENOUGH
from isthmus.core.table import Layout, Table, fields_type
from isthmus.residency import FlowPolicy

from .schema import Time, metadata

LAYOUT = Layout("records", "Id", "Stamp", (("done", bool), ("next", str)), ("about", ("type", "url")))
PATHS = ("Id", "Name", "Country", "Stamp")
ROW = {"about": {"type": "Person", "url": "/1"}, "Id": "1", "Name": "Falk", "Country": "DE", "Stamp": "v1"}
KINDS = {"content-type": "application/json"}


def read(text, paths=PATHS, kind=KINDS):
    return LAYOUT.read(Response(200, kind, text.encode()), "Person", paths)


def written(*rows, **said):
    return json.dumps({"done": True, **said, "records": list(rows)}, ensure_ascii=False)


def carefully(text):
    """Return rows and what stands beside them, or None for what is refused or looks another way."""
    try:
        whole = Response(200, KINDS, text.encode()).json()
    except UpstreamError:
        return None
    rows = [{name: row[name] for name in PATHS} for row in whole["records"]]
    return rows, {name: value for name, value in whole.items() if name != "records"}


def test_a_page_is_a_sequence_of_rows():
    found = read(written(ROW, ROW | {"Id": "2", "Name": None, "Stamp": None}, next="/2"))
    assert found is not None
    assert found.said == {"done": True, "next": "/2"}
    assert [(row.object, row.id, row.version) for row in found.rows] == [("Person", "1", "v1"), ("Person", "2", None)]
    assert found.rows[1].fields == {"Id": "2", "Name": None, "Country": "DE", "Stamp": None}
    assert found.rows[0].fields == {"Id": "1", "Name": "Falk", "Country": "DE", "Stamp": "v1"}
    assert list(found.rows[:1].ids) == ["1"]
    assert (found.rows.filled, found.rows[:1].empty()) == (False, frozenset())


def test_fields_are_a_mapping():
    fields = fields_type(("a", "keys"))(1, None)
    assert isinstance(fields, Mapping)
    assert (dict(fields), list(fields), len(fields), fields.get("b", 2)) == (
        {"a": 1, "keys": None},
        ["a", "keys"],
        2,
        2,
    )
    assert "a" in fields
    assert "f0" not in fields
    assert (list(fields.items()), list(fields.values())) == ([("a", 1), ("keys", None)], [1, None])
    assert repr(fields) == "{'a': 1, 'keys': None}"
    with pytest.raises(KeyError):
        fields["f0"]


NAMED = '"about":{"type":"P","url":"/1"},"Id":"1","Name":"Falk","Country":"DE","Stamp":"v1"'
LIES = {
    "a name twice": f'{{"done":true,"records":[{{{NAMED},"Name":"Joe"}}]}}',
    "a name twice, with a space": f'{{"done":true,"records":[{{{NAMED},"Country" :"US"}}]}}',
    "a name twice, spelled otherwise": f'{{"done":true,"records":[{{{NAMED},"\\u0043ountry":"US"}}]}}',
    "a name twice, first one null": f'{{"done":true,"records":[{{"Name":null,{NAMED}}}]}}',
    "the records twice": f'{{"done":true,"records":[],"records":[{{{NAMED}}}]}}',
    "done twice": f'{{"done":false,"done":true,"records":[{{{NAMED}}}]}}',
    "twice inside": f'{{"done":true,"records":[{{{NAMED.replace("url", "type", 1)}}}]}}',
    "a name twice instead of one": f'{{"done":true,"records":[{{{NAMED.replace("Country", "Name")}}}]}}',
    "a number too large": f'{{"done":true,"records":[{{{NAMED.replace(chr(34) + "Falk" + chr(34), "1e400")}}}]}}',
    "no number": f'{{"done":true,"records":[{{{NAMED.replace(chr(34) + "Falk" + chr(34), "NaN")}}}]}}',
    "half a character": f'{{"done":true,"records":[{{{NAMED.replace("Falk", chr(92) + "ud800")}}}]}}',
    "too deep": f'{{"done":true,"x":{"[" * 101}{"]" * 101},"records":[{{{NAMED}}}]}}',
    "too deep a name": f'{{"done":true,"records":[{{{NAMED},"x":{"[" * 101}{"]" * 101}}}]}}',
    "no object": "[]",
    "no JSON": f'{{"done":true,"records":[{{{NAMED}}}]',
    "no text as id": f'{{"done":true,"records":[{{{NAMED.replace(chr(34) + "1" + chr(34), "1")}}}]}}',
    "a related record in place of a value": written(ROW | {"Name": [{"about": {"type": "P", "url": "/1"}}]}),
    "names nobody asked for": f'{{"done":true,"records":[{{{NAMED},"x":null}}]}}',
    "a name less": f'{{"done":true,"records":[{{{NAMED.replace(",%sName%s:%sFalk%s" % ((chr(34),) * 4), "")}}}]}}',
}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("lie", LIES)
def test_what_two_readers_could_read_differently_is_left_to_the_careful_one(lie, warm):
    if warm:
        assert read(written(*[ROW] * ENOUGH)) is not None
    assert read(LIES[lie]) is None


@pytest.mark.parametrize("kind", ["text/html", "application/json; charset=utf-16", ""])
def test_only_declared_json_is_read(kind):
    assert read(written(ROW)) is not None
    assert read(written(ROW), kind={"content-type": kind}) is None


def test_an_answer_that_takes_too_much_memory_is_not_read():
    assert read(written(*[ROW | {"Name": "x" * 1_000}] * 3_000)) is not None
    assert read(written(ROW | {"Name": "😀" * 4_000_000})) is None


def test_what_a_column_usually_holds_may_change():
    paths = (*PATHS, "More")
    full, gaps = ROW | {"More": "x"}, ROW | {"More": None, "Name": 7}
    for rows in ([full] * ENOUGH, [full], [gaps, full], [full, gaps], [full] * ENOUGH, [full | {"Country": True}]):
        found = read(written(*rows), paths)
        assert found is not None
        assert [dict(row.fields) for row in found.rows] == [{path: row[path] for path in paths} for row in rows]
        assert found.rows.filled is all(type(row[path]) is str for row in rows for path in paths)


def about(kind):
    return {"about": {"type": kind, "url": f"/{kind}"}}


DEEP = ("Id", "Name", "Firm.Name", "Firm.Head.Name", "Address")
HEAD = about("Head") | {"Name": "Ada"}
DEEP_ROW = about("Person") | {
    "Id": "1",
    "Name": "Falk",
    "Firm": about("Firm") | {"Name": "Kessmar", "Head": HEAD},
    "Address": {"city": "Berlin", "lines": ["a", {"b": None}], "n": 1.5},
}
DEEP_VALUES = {
    "Id": "1",
    "Name": "Falk",
    "Firm.Name": "Kessmar",
    "Firm.Head.Name": "Ada",
    "Address": DEEP_ROW["Address"],
}


def test_related_fields_and_values_of_several_parts_are_read_quickly():
    headless = DEEP_ROW | {"Firm": about("Firm") | {"Name": None, "Head": None}}
    rows = [DEEP_ROW] * ENOUGH, [DEEP_ROW | {"Firm": None}], [headless, DEEP_ROW], [DEEP_ROW | {"Address": None}]
    values = (
        [DEEP_VALUES] * ENOUGH,
        [DEEP_VALUES | {"Firm.Name": None, "Firm.Head.Name": None}],
        [DEEP_VALUES | {"Firm.Name": None, "Firm.Head.Name": None}, DEEP_VALUES],
        [DEEP_VALUES | {"Address": None}],
    )
    for some, due in zip(rows, values, strict=True):
        found = read(written(*some), DEEP)
        assert found is not None
        assert [dict(row.fields) for row in found.rows] == due
        assert found.rows.wide == {path for path in DEEP if isinstance(due[0][path], dict)}


DEEP_LIES = {
    "twice in a related record": written(DEEP_ROW).replace('"Name": "Ada"', '"Name": "Ada", "Name": "Joe"'),
    "unasked in a related record": written(DEEP_ROW).replace('"Name": "Ada"', '"Name": "Ada", "x": 1'),
    "twice in a value": written(DEEP_ROW).replace('"city": "Berlin"', '"city": "Berlin", "city": "Bonn"'),
    "related record twice": written(DEEP_ROW | {"Firm": None}).replace('"Firm": null', '"Firm": null, "Firm": null'),
    "a related record that says nothing of itself": written(DEEP_ROW | {"Firm": {"Name": "Kessmar", "Head": HEAD}}),
    "no related record": written(DEEP_ROW | {"Firm": "Kessmar"}),
    "a value too deep": written(DEEP_ROW | {"Address": json.loads("[" * 101 + "]" * 101)}),
}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("lie", DEEP_LIES)
def test_related_fields_are_proved_as_well(lie, warm):
    if warm:
        assert read(written(*[DEEP_ROW] * ENOUGH), DEEP) is not None
    assert read(DEEP_LIES[lie], DEEP) is None


@pytest.mark.parametrize("paths", [("Id", "Firm", "Firm.Name"), ("Id", "about.url"), ("Id", "Firm.about"), ("Name",)])
def test_paths_that_no_structure_can_have_are_left_to_the_careful_reader(paths):
    assert read(written(DEEP_ROW), paths) is None


def test_a_text_of_few_is_made_once():
    paths = ("Id", "Name", "Mood")
    rows = [about("P") | {"Id": str(at), "Name": f"{at}", "Mood": "good" if at % 2 else "bad"} for at in range(ENOUGH)]
    assert read(written(*rows), paths) is not None
    found = read(written(*rows), paths)
    assert found is not None
    assert len({id(mood) for mood in found.rows.column("Mood")}) == 2
    assert len({id(name) for name in found.rows.column("Name")}) == ENOUGH


def test_a_text_that_was_not_among_the_few_is_read_as_well():
    paths = ("Id", "Colour")
    for colours in (["red"], ["red", "blue"], ["green"], ["grey"], [None], ["white", "x" * 100], [{"r": 1}]):
        rows = [about("P") | {"Id": "1", "Colour": colour} for colour in colours] * ENOUGH
        found = read(written(*rows), paths)
        assert found is not None
        assert list(found.rows.column("Colour")) == [row["Colour"] for row in rows]
        always = {"Colour": colours[0]} if len(colours) == 1 else {}
        assert {path: text for path, text in found.rows.always.items() if path != "Id"} in ({}, always)


@pytest.mark.parametrize("stamps", [["v1"], ["v1", "v2"], ["v3"], [None]])
def test_every_row_has_its_version_whether_or_not_it_is_the_same_in_all(stamps):
    rows = [about("P") | {"Id": "1", "Stamp": stamp} for stamp in stamps] * ENOUGH
    found = read(written(*rows), ("Id", "Stamp"))
    assert found is not None
    assert [version for _, version in zip(found.rows, found.rows.versions, strict=False)] == [r["Stamp"] for r in rows]
    assert [row.version for row in found.rows] == [row["Stamp"] for row in rows]


def test_a_column_that_keeps_bringing_other_texts_is_not_looked_up_any_more():
    paths = ("Id", "Sort")
    for sort in ("a", "a", "b", "c", "d", "d"):
        found = read(written(*[about("P") | {"Id": str(at), "Sort": sort} for at in range(ENOUGH)]), paths)
    assert found is not None
    assert found.rows.always == {}
    assert len({id(text) for text in found.rows.column("Sort")}) > 1


SPACE = st.sampled_from(["", "", " ", "\n"])
SCALAR = st.sampled_from(
    [
        '"x"',
        '":"',
        '"\\""',
        '"\\\\"',
        '"ü"',
        "null",
        "true",
        "1",
        "1.5",
        "-0.0",
        '""',
        '"\\",\\"Id\\":"',
        '{"x":"y"}',
        '["x"]',
    ]
)
NAMES = st.sampled_from(['"Id"', '"Name"', '"Country"', '"Stamp"', '"\\u0049d"', '"about"', '"Name\\""', '"x"'])


@st.composite
def answers(draw):
    """Write an answer as it should be, with any spelling, and now and then something more or twice."""
    rows = []
    for _ in range(draw(st.integers(0, 3))):
        pairs = [
            ("about", '{{"type":"P","url":{}}}'.format(draw(st.sampled_from(['"/1"', '"\\""', '"1","url":"2"'])))),
            ("Id", '"1"'),
        ]
        pairs += [(name, draw(SCALAR)) for name in ("Name", "Country")] + [
            ("Stamp", draw(st.sampled_from(['"v"', "null"])))
        ]
        pairs = [(f'"{name}"', value) for name, value in pairs]
        if draw(st.integers(0, 3)) == 0:
            pairs.insert(draw(st.integers(0, 5)), (draw(NAMES), draw(SCALAR)))
        if draw(st.integers(0, 5)) == 0:
            del pairs[draw(st.integers(0, len(pairs) - 1))]
        rows.append("{" + ",".join(f"{draw(SPACE)}{name}{draw(SPACE)}:{value}" for name, value in pairs) + "}")
    more = draw(st.sampled_from(["", "", ',"next":"/2"', ',"done":false', ',"x":1']))
    return f'{{"done":true,"records":[{",".join(rows)}]{more}}}'


@settings(max_examples=600, deadline=None)
@given(answers())
def test_the_quick_reader_finds_what_the_careful_one_finds(text):
    found = read(text)
    if found is not None:
        assert repr(([dict(row.fields) for row in found.rows], dict(found.said))) == repr(carefully(text))


def test_any_spacing_and_escaped_marks_are_read_quickly():
    assert read(json.dumps(json.loads(written(ROW, ROW | {"Name": 'say "x"'})), indent=2)) is not None


@pytest.fixture(scope="module")
def releaser(tmp_path_factory):
    with RefVaults(tmp_path_factory.mktemp("refs"), ("eu", "us"), bytes(32), Time()) as vaults:
        yield Releaser(FlowPolicy.load(FLOWS + NO_TITLES), vaults, lambda: date(2026, 11, 22))


NO_TITLES = """
[[rule]]
id = "internal-stays"
data = "internal"
subjects = "EEA"
outside = "home"
allow = ["drop"]
"""


ASKED = st.lists(
    st.sampled_from(["Id", "Name", "Email", "Title", "Mood", "Country", "CompanyId"]), min_size=1, unique=True
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {name: st.sampled_from(["x", "y", None]) for name in ("Name", "Email", "Title", "CompanyId")}
        | {"Mood": st.sampled_from(["x", None, {"a": [1, {"b": None}]}, ["x"]])}
        | {"Country": st.sampled_from(["DE", "FR", "US", "", None, 7, ["DE"]])}
    ),
    min_size=1,
    max_size=6,
)


def same(rows, path):
    return all(row[path] == rows[0][path] for row in rows)


@settings(max_examples=150, deadline=None)
@given(
    ROWS,
    ASKED,
    st.sampled_from(["model-us", "model-eu", "model-mars"]),
    st.booleans(),
    st.sampled_from([frozenset[str](), frozenset({"Title"}), frozenset({"Country", "Id"})]),
)
async def test_columns_leave_as_single_rows_would(releaser, rows, asked, consumer, qualified, masked):
    known = metadata()
    paths = tuple(dict.fromkeys([*asked, "Id", "Country"]))
    rows = [row | {"Id": str(at)} for at, row in enumerate(rows)]
    kind = fields_type(paths)
    table = Table(
        "Person",
        [kind(*(row[path] for path in paths)) for row in rows],
        kind.at,
        "Id",
        "Stamp",
        always={
            path: rows[0][path] for path in paths if {type(row[path]) for row in rows} == {str} and same(rows, path)
        },
        wide=frozenset(path for path in paths if any(isinstance(row[path], dict | list) for row in rows)),
    )
    reach = Reach(paths=await known.paths(await known.object("Person"), asked))
    source, caller = Source("crm-eu", "eu", qualified), Caller("support", "alice", "support", consumer)
    whole = releaser.rows(table, reach, source, caller, "owner", masked=masked)
    single = releaser.rows(list(table), reach, source, caller, "owner", masked=masked)
    assert whole.records == single.records
    assert (whole.label, whole.forms) == (single.label, single.forms)
    assert all(set(one.fields) <= set(asked) for one in whole.records)


async def test_what_may_not_leave_is_in_no_record_of_a_table(releaser):
    known = metadata()
    kind = fields_type(("Name", "Id", "Country"))
    table = Table("Person", [kind("Falk", "1", "DE"), kind("Joe", "2", "US")], kind.at, "Id", "Stamp", filled=True)
    reach = Reach(paths=await known.paths(await known.object("Person"), ["Name"]))
    caller = Caller("support", "alice", "support", "model-us")
    found = releaser.rows(table, reach, Source("crm-eu", "eu"), caller, "owner")
    assert [type(one.fields["Name"]) for one in found.records] == [Ref, str]
    assert [list(one.fields) for one in found.records] == [["Name"], ["Name"]]
    assert "Falk" not in repr(found)
    assert "DE" not in repr(found.records)
