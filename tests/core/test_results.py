"""A result is written as its tool's output schema says."""

from datetime import UTC, date, datetime

import jsonschema_rs
import pytest

from isthmus.core.connector import ObjectSummary
from isthmus.core.records import Note, Page, Record, Ref, Relative, Withheld
from isthmus.core.results import Description, Groups, as_json, value_json
from isthmus.core.streams import LineOutcome, Loaded
from isthmus.core.tools import surface

from .schema import objects

TOOLS = {one.name: one for one in surface({"crm": ("query", "get", "aggregate", "create")})}
HELD = (Withheld("SSN__c", ("secrets-never",)),)
RECORD = Record("Case", "crm-eu~1", {"A": Ref("ref_a"), "B": None, "C": (1, "x"), "D": {"e": True}}, "v1", HELD)


@pytest.mark.parametrize(
    ("tool", "result", "expected"),
    [
        ("get", RECORD, {"object": "Case", "id": "crm-eu~1", "version": "v1", "withheld": [{"what": "SSN__c", "rules": ["secrets-never"]}],
                         "fields": {"A": {"ref": "ref_a"}, "B": None, "C": [1, "x"], "D": {"e": True}}}),
        ("create", Record("Company", "1", {}, created=True, below=(("Person", "2"),)),
         {"object": "Company", "id": "1", "fields": {}, "created": True, "below": [{"object": "Person", "id": "2"}]}),
        ("create", Record("Case", "1", {}, created=True, notes=(Note("warning", "V1/555", "Limit", "over the limit"), Note("info", "X/001"))),
         {"object": "Case", "id": "1", "fields": {}, "created": True,
          "notes": [{"severity": "warning", "code": "V1/555", "field": "Limit", "vendor_text": "over the limit"}, {"severity": "info", "code": "X/001"}]}),
        ("create", Record("Case", "1", {}, guard="server", created=False), {"object": "Case", "id": "1", "fields": {}, "guard": "server", "created": False}),
        ("query", Page((), complete=True), {"records": [], "complete": True}),
        ("query", Page((Record("C", "1", {}),), "x", withheld=HELD), {"records": [{"object": "C", "id": "1", "fields": {}}], "complete": False, "after": "x",
                                                                      "withheld": [{"what": "SSN__c", "rules": ["secrets-never"]}]}),
        ("aggregate", Groups(({"n": 3, "g": None},), complete=True), {"groups": [{"n": 3, "g": None}], "complete": True}),
        ("describe", Description((ObjectSummary("Case", "Case", createable=True),)), {"objects": [{"name": "Case", "label": "Case", "may": ["create"]}]}),
    ],
)  # fmt: skip
def test_results_fit_their_schemas(tool, result, expected):
    found = as_json(result)
    assert found == expected
    jsonschema_rs.validate(dict(TOOLS[tool].output_schema), found)


def test_a_line_of_a_load_tells_what_was_stored_otherwise():
    told = as_json(
        Loaded((LineOutcome("1", created=True, altered=("priority",)), LineOutcome("2"), LineOutcome(code="X")))
    )
    assert told["lines"] == [
        {"id": "1", "created": True, "altered": ["priority"]},
        {"id": "2", "created": False},
        {"error": "X"},
    ]


def test_a_description_shows_fields_with_their_classes():
    found = as_json(Description(facts=objects()["Person"]))
    jsonschema_rs.validate(dict(TOOLS["describe"].output_schema), found)
    fields = {one["name"]: one for one in found["fields"]}  # type: ignore[index,union-attr,call-overload]
    assert fields["Email"]["classes"] == ["pii"]
    assert fields["Mood"]["choices"] == ["good", "bad"]
    assert fields["CompanyId"]["path"] == "Company."
    assert fields["Id"]["read_only"] is True


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (Ref("ref_a"), {"ref": "ref_a"}),
        (Relative("TODAY"), {"relative": "TODAY"}),
        (Relative("LAST_N_DAYS", 0), {"relative": "LAST_N_DAYS", "count": 0}),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        ((Ref("r"), {"a": (None,)}), [{"ref": "r"}, {"a": [None]}]),
    ],
)
def test_values_are_written_as_arguments_take_them(value, raw):
    assert value_json(value) == raw
