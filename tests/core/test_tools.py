"""The tools' schemas say what a call may hold, and everything else is refused by name."""

import json
import math
import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Verb
from isthmus.core.tools import surface

VERBS = ("query", "get", "search", "aggregate", "create", "update", "upsert", "delete")
TOOLS = {one.name: one for one in surface({"crm": VERBS, "itsm": ("get", "query")})}


def test_one_tool_a_verb_for_any_number_of_systems():
    many = surface({f"s{number}": VERBS for number in range(50)})
    assert [one.name for one in many] == [one.name for one in TOOLS.values()]
    assert TOOLS["get"].systems == ("crm", "itsm")
    assert TOOLS["create"].systems == ("crm",)
    assert TOOLS["describe"].systems == ("crm", "itsm")
    assert surface({}) == ()


def test_names_and_schemas_are_those_that_hosts_take():
    for tool in TOOLS.values():
        assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", tool.name)
        jsonschema_rs.meta.validate(dict(tool.input_schema))
        jsonschema_rs.meta.validate(dict(tool.output_schema))
        assert tool.input_schema["additionalProperties"] is False
    assert len(json.dumps([one.input_schema for one in TOOLS.values()])) < 16_000


def test_only_writing_verbs_have_writing_effects():
    for tool in TOOLS.values():
        writes = any(effect.writes for effect in tool.effects)
        assert writes is (tool.verb in (Verb.CREATE, Verb.UPDATE, Verb.UPSERT, Verb.DELETE))


@pytest.mark.parametrize(
    ("tool", "arguments", "said", "field"),
    [
        (
            "get",
            {"system": "crm", "object": "Case", "idd": "1", "id": "1"},
            "unknown argument 'idd'; did you mean 'id'?",
            "",
        ),
        ("get", {"system": "crm", "object": "Case"}, "argument 'id' is missing", ""),
        ("get", {"object": "Case", "id": "1"}, "argument 'system' is missing", ""),
        ("get", {"system": "hr", "object": "Case", "id": "1"}, "'system' does not fit its schema", "system"),
        ("get", {"system": "crm", "object": "", "id": "1"}, "'object' does not fit", "object"),
        ("get", {"system": "crm", "object": "Case", "id": "x" * 256}, "'id' does not fit", "id"),
        ("query", {"system": "crm"}, "do not fit together", ""),
        ("query", {"system": "crm", "object": "Case", "text": "x"}, "do not fit together", ""),
        (
            "query",
            {"system": "crm", "object": "Case", "limit": 2001},
            "'limit' does not fit its schema (maximum)",
            "limit",
        ),
        ("query", {"system": "crm", "object": "Case", "where": {"field": "A"}}, "'where' does not fit", "where"),
        ("create", {"system": "crm", "object": "Case", "values": {}}, "'values' does not fit", "values"),
        ("create", {"system": "crm", "object": "Case", "values": {"A": math.nan}}, "what JSON cannot carry", ""),
        ("create", {"system": "crm", "object": "Case", "values": {"A": "\ud800"}}, "what JSON cannot carry", ""),
        ("create", {"system": "crm", "object": "Case", "values": {"A": b"x"}}, "what JSON cannot carry", ""),
    ],
)
def test_what_does_not_fit_is_named(tool, arguments, said, field):
    with pytest.raises(InvalidArguments) as caught:
        TOOLS[tool].check(arguments)
    assert said in caught.value.sentence
    assert caught.value.field == field


@given(secret=st.text(min_size=12).filter(lambda text: text.isprintable()))
def test_a_refusal_never_repeats_a_value(secret):
    for arguments in (
        {"id": [secret]},
        {"id": {"a": secret}},
        {"id": "1", "fields": secret},
        {"id": "1", "fields": [{"x": secret}]},
    ):
        with pytest.raises(InvalidArguments) as caught:
            TOOLS["get"].check({"system": "crm", "object": "Case", **arguments})
        assert secret not in str(caught.value)


def test_a_tool_that_changes_is_noticed():
    wider = {one.name: one for one in surface({"crm": VERBS, "itsm": VERBS})}
    assert wider["create"].schema_hash != TOOLS["create"].schema_hash
    assert wider["get"].schema_hash == TOOLS["get"].schema_hash
