"""Can a write that was left open be found and settled, by reading back or on a person's word?"""

from datetime import UTC, datetime, timedelta

import pytest

from .conftest import Shell

ID = "0123456789ab00000000000000000000feed"
PAYLOAD = {"verb": "create", "key": {"field": "Isthmus_Key__c", "value": "k-9"}, "values": {}}


def test_nothing_is_open_at_first(shell: Shell) -> None:
    assert shell.ok("intents", "list") == "nothing is open\n"


def test_open_writes_are_listed(shell: Shell) -> None:
    shell.leave_open(ID)
    assert "crm-eu/Case" in shell.ok("intents", "list")
    assert shell.ok_json("intents", "list")["intents"][0]["id"] == ID


def test_a_write_that_did_not_happen_is_settled_by_reading_back(shell: Shell) -> None:
    shell.leave_open(ID, payload=PAYLOAD)
    assert shell.ok("intents", "settle", ID[-8:]) == "create on crm-eu/Case: not happened\n"
    assert shell.ok("intents", "list") == "nothing is open\n"


def test_a_write_that_happened_is_settled_by_reading_back(shell: Shell) -> None:
    shell.ok("call", "create", "object=Case", "values.Subject=lost", "key=k-9", "--client", "desktop-eu")
    shell.leave_open(ID, payload=PAYLOAD, connection="crm-us")
    assert shell.ok_json("intents", "settle", ID)["state"] == "happened"


def test_what_reading_back_cannot_tell_is_settled_on_the_word_of_who_is_answerable(shell: Shell) -> None:
    shell.leave_open(ID, payload={"verb": "create", "values": {}})
    done = shell("intents", "settle", ID)
    assert done.code == 1
    assert "--outcome happened|not_happened --as USER" in done.out
    settle = ("intents", "settle", ID[-8:], "--outcome", "happened")
    assert "say whose with --as USER" in shell.fails(*settle, code=2)
    assert "'bob' may not say what became of it" in shell.fails(*settle, "--as", "bob")
    assert "happened" in shell.ok(*settle, "--as", "alice")
    entry = shell.ok_json("audit", "show", "--last", "1")["entries"][0]
    assert (entry["decision"], entry["state"]) == ("declared", "happened")
    assert "alice" not in str(entry)


def test_a_write_under_way_elsewhere_is_left_alone(shell: Shell) -> None:
    shell.leave_open(ID, lease_owner="another", lease_until=datetime.now(UTC) + timedelta(minutes=5))
    assert "in the hands of process another" in shell.fails("intents", "settle", ID)


@pytest.mark.parametrize("outcome", ["maybe"])
def test_an_unknown_outcome_is_refused(shell: Shell, outcome: str) -> None:
    assert "not_happened" in shell.fails("intents", "settle", ID, "--outcome", outcome, code=2)
