"""Can the person who was asked decide, and nobody else?"""

import pytest

from .conftest import Shell

CALL = ("call", "update", "object=Account", "values.Industry=Energy", "--client", "desktop-us")


@pytest.fixture
def waiting(shell: Shell) -> tuple[tuple[str, ...], str]:
    """Ask for an approval; return the call and the approval's id."""
    found = shell.ok_json("call", "query", "object=Account", "limit=1", "--client", "desktop-us")["records"][0]
    words = (*CALL, f"id={found['id']}")
    refused = shell(*words, "--json")
    assert refused.code == 1
    return words, refused.json["error"]["approval"]


def test_what_waits_is_listed_and_shown(shell: Shell, waiting: tuple[tuple[str, ...], str]) -> None:
    _, id = waiting
    listed = shell.ok("approvals", "list")
    assert id[-8:] in listed
    assert "expires in 23 h" in listed
    shown = shell.ok("approvals", "show", id[-8:])
    assert "Industry = Energy" in shown
    data = shell.ok_json("approvals", "show", id)
    assert (data["state"], data["asked_of"]) == ("pending", "manager")
    assert [one["id"] for one in shell.ok_json("approvals", "list")["approvals"]] == [id]


def test_an_approved_call_goes_through_once(shell: Shell, waiting: tuple[tuple[str, ...], str]) -> None:
    words, id = waiting
    assert f"approved {id[-8:]} as maria" in shell.ok("approvals", "approve", id[-8:], "--as", "maria")
    shell.ok(*words)
    assert shell.ok("approvals", "list") == "nothing waits for approval\n"
    assert [one["state"] for one in shell.ok_json("approvals", "list", "--all")["approvals"]] == ["used"]
    assert "used" in shell.fails("approvals", "approve", id, "--as", "maria")


def test_a_rejected_call_stays_refused(shell: Shell, waiting: tuple[tuple[str, ...], str]) -> None:
    words, id = waiting
    assert shell.ok_json("approvals", "reject", id, "--as", "maria")["state"] == "rejected"
    assert shell(*words).code == 1


def test_only_who_was_asked_may_decide(shell: Shell, waiting: tuple[tuple[str, ...], str]) -> None:
    words, id = waiting
    for user in ("alice", "bob"):
        told = shell.fails("approvals", "approve", id, "--as", user)
        assert f"{user!r} may not decide this; it was asked of the role 'manager'" in told
    assert shell(*words).code == 1
