"""Do `tools`, `call` and `task` pass through the gateway, and read well?"""

import io

import pytest
from rich.console import Console

from isthmus.core.cli.rendering import render
from isthmus.core.facts import Action, ObjectFacts
from isthmus.core.operation import Effect
from isthmus.core.records import JSON, Note, Record
from isthmus.core.results import Answer, Description, as_json

from .conftest import Shell

READ_ONLY = """
@id("read") permit (principal, action in Isthmus::Action::"read", resource in Isthmus::System::"crm");
"""
QUERY = ("call", "query", "object=Account", "select=Name,Industry", "limit=2", "--client", "desktop-us")


def test_tools_are_listed_with_effects_and_systems(shell: Shell) -> None:
    assert "Read one record by its id." in shell.ok("tools")
    get = next(one for one in shell.ok_json("tools")["tools"] if one["name"] == "get")
    assert (get["effects"], get["systems"]) == (["read"], ["crm"])
    assert get["input_schema"]["type"] == "object"


def test_a_client_is_shown_only_what_it_may_call(shell: Shell) -> None:
    shell.config.with_name("policy.cedar").write_text(READ_ONLY)
    listed = {one["name"] for one in shell.ok_json("tools", "--client", "desktop-us", "--system", "crm")["tools"]}
    assert "query" in listed
    assert "delete" not in listed
    assert "delete" in {one["name"] for one in shell.ok_json("tools")["tools"]}


def test_narrow_records_come_as_a_table(shell: Shell) -> None:
    head, one, two, ending = shell.ok(*QUERY).splitlines()
    assert head.split() == ["id", "Name", "Industry"]
    assert one.startswith("crm-")
    assert two.startswith("crm-")
    assert ending.startswith("2 records; there are more")


def test_the_same_records_come_as_json(shell: Shell) -> None:
    page = shell.ok_json(*QUERY)
    assert [set(one["fields"]) for one in page["records"]] == [{"Name", "Industry"}] * 2
    assert page["after"]


def test_wide_records_come_as_blocks(shell: Shell) -> None:
    text = shell.ok("call", "query", "object=Case", "limit=1", "--client", "desktop-us")
    assert text.startswith("Case crm-")
    assert "\n  CaseNumber" in text


def test_withheld_values_show_as_refs(shell: Shell) -> None:
    where = '{"field": "MailingCountryCode", "op": "eq", "value": "DE"}'
    words = ("call", "query", "object=Contact", "select=Name,Email", "limit=1")
    assert "ref_" in shell.ok(*words, "--client", "desktop-us")
    assert "@" in shell.ok(*words, f"where={where}", "--client", "desktop-eu")


def test_arguments_may_be_one_json_object(shell: Shell) -> None:
    document = '{"object": "Account", "limit": 1}'
    assert len(shell.ok_json("call", "query", "--arguments", document, "--client", "desktop-us")["records"]) == 1


def test_arguments_may_come_from_stdin(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"object": "Account", "limit": 1}'))
    assert len(shell.ok_json("call", "query", "--arguments", "-", "--client", "desktop-us")["records"]) == 1


def test_one_value_is_set_with_a_dot(shell: Shell) -> None:
    words = ("call", "create", "object=Case", "values.Subject=Printer 3 hums", "values.Priority=Low", "key=k-1")
    made = shell.ok_json(*words, "--client", "desktop-eu")
    assert made["created"] is True
    found = shell.ok_json("call", "get", "object=Case", f"id={made['id']}", "--client", "desktop-eu")["fields"]
    assert (found["Subject"], found["Priority"]) == ("Printer 3 hums", "Low")


def test_what_was_made_below_is_listed_and_describe_says_what_can_be(shell: Shell) -> None:
    values = '{"Name": "Neu AG", "BillingCountry": "Germany", "Contacts": [{"LastName": "Alt"}]}'
    told = shell.ok("call", "create", "object=Account", f"values={values}", "--client", "desktop-eu")
    assert "  with Contact crm-eu~003" in told
    described = shell.ok("call", "describe", "object=Account", "--client", "desktop-eu")
    assert "children" in described
    assert "Contacts" in described


def test_what_the_system_says_beside_a_success_is_shown_as_its_own() -> None:
    made = Record(
        "Order", "7", {}, created=True, notes=(Note("warning", "V1/555", "Limit", "over\x1b[2J it"), Note("info"))
    )
    told = [str(one) for one in render(as_json(made))]
    assert told[-2:] == ["  the system says (warning V1/555 Limit): over\\u001b[2J it", "  the system says (info)"]


def printed(found: dict[str, JSON]) -> str:
    console = Console(file=io.StringIO(), width=120)
    for one in render(found):
        console.print(one)
    return console.file.getvalue()


def test_what_an_action_gave_back_is_shown() -> None:
    shown = printed(as_json(Answer("so.SalesOrder", {"result": 782.4}, ("1", "2"))))
    assert shown.split() == ["so.SalesOrder", "result", "782.4", "records", "1,", "2"]


def test_actions_are_described_with_their_arguments() -> None:
    release = Action("Release", "Release (action, POST)", frozenset({Effect.EXECUTE}), {"Note": {"type": "string"}}, ())
    facts = ObjectFacts("so.SalesOrder", {}, createable=False, updateable=False, deletable=False, actions=(release,))
    shown = printed(as_json(Description(facts=facts)))
    assert all(word in shown for word in ("Release", "Note", "(action, POST)"))


def test_figures_come_as_a_table(shell: Shell) -> None:
    words = ("call", "aggregate", "object=Case", 'measures=[{"function": "count", "name": "cases"}]', "group_by=Status")
    assert shell.ok(*words, "--client", "desktop-eu").splitlines()[0].split() == ["Status", "cases"]
    assert shell.ok_json(*words, "--client", "desktop-eu")["groups"]


def test_objects_and_fields_are_described(shell: Shell) -> None:
    assert "Contact" in shell.ok("call", "describe", "--client", "desktop-us")
    assert "state_field" in shell.ok("call", "describe", "object=Case", "--client", "desktop-us")


def test_a_task_handle_is_minted_for_its_client_alone(shell: Shell) -> None:
    handle = shell.ok("task", "new", "--client", "desktop-us").strip()
    assert handle.startswith("task_")
    shell.ok(*QUERY, f"task={handle}")
    foreign = [*QUERY[:-1], "desktop-eu", f"task={handle}"]
    assert "task handle is unknown" in shell.fails(*foreign, code=2)
    assert shell.ok_json("task", "new", "--client", "desktop-us")["client"] == "desktop-us"
