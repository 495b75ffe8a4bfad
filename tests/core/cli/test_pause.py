"""Can an operator stop and resume from the command line, and does a misspelt name stop nothing silently?"""

import pytest

from .conftest import Shell, first

QUERY = ("call", "query", "object=Case", "select=Subject", "limit=1", "--client", "desktop-eu")
CREATE = ("call", "create", "object=Case", "values.Subject=hello", "--client", "desktop-eu")


def test_nothing_is_paused_at_first(shell: Shell) -> None:
    assert shell.ok("pause", "list") == "nothing is paused\n"
    assert shell.ok_json("pause", "list") == {"pauses": []}


@pytest.mark.parametrize(
    ("what", "stopped"),
    [(("agent", "support"), (QUERY, CREATE)), (("connection", "crm-us"), (CREATE,)), (("writes",), (CREATE,))],
)
def test_what_is_paused_is_refused_until_it_is_resumed(
    shell: Shell, what: tuple[str, ...], stopped: tuple[tuple[str, ...], ...]
) -> None:
    told = shell.ok("pause", *what, "--why", "incident 4711")
    assert "; what has left already is finished and settled\n" in told
    assert f"`isthmus resume {' '.join(what)}` ends it" in told
    us = shell.house.sandbox.salesforce["us"].journal
    sent = len(us.entries)
    for command in stopped:
        assert "(incident 4711)" in shell.fails(*command)
    assert len(us.entries) == sent
    assert " again\n" in shell.ok("resume", *what)
    for command in stopped:
        shell.ok(*command)


def test_pauses_are_listed_with_who_and_why(shell: Shell) -> None:
    shell.ok("pause", "agent", "support", "--why", "it loops", "--as", "olga")
    shell.ok("pause", "writes", "--as", "ben")
    one, other = shell.ok_json("pause", "list")["pauses"]
    assert (one["scope"], one["name"], one["by"], one["why"]) == ("agent", "support", "olga", "it loops")
    assert (other["scope"], other["name"], other["by"], other["why"]) == ("writes", None, "ben", None)
    listed = shell.ok("pause", "list")
    assert "agent 'support'" in listed
    assert "every write" in listed
    assert "still paused: every write" in shell.ok("resume", "agent", "support")


def test_without_a_name_it_is_the_user_of_this_machine(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "night-shift")
    assert shell.ok_json("pause", "writes")["by"] == "night-shift"


def test_a_second_pause_keeps_the_first(shell: Shell) -> None:
    shell.ok("pause", "writes", "--why", "first", "--as", "olga")
    told = shell.ok("pause", "writes", "--why", "second", "--as", "ben")
    assert "by olga (first); it stays so" in told
    assert shell.ok_json("pause", "writes")["already"] is True


def test_a_misspelt_name_is_refused_with_the_nearest(shell: Shell) -> None:
    assert "did you mean 'support'?; nothing was paused" in shell.fails("pause", "agent", "suport", code=2)
    assert "did you mean 'crm-eu'?" in shell.fails("pause", "connection", "crm-euu", code=2)
    assert shell.ok("pause", "list") == "nothing is paused\n"


def test_what_was_removed_from_the_configuration_can_still_be_resumed(shell: Shell) -> None:
    shell.ok("pause", "connection", "crm-us")
    text = shell.config.read_text()
    shell.config.write_text(text.replace("crm-us", "crm-north"))
    shell.ok("resume", "connection", "crm-us")
    assert shell.ok("pause", "list") == "nothing is paused\n"


def test_what_is_not_paused_cannot_be_resumed(shell: Shell) -> None:
    assert "agent 'support' is not paused" in shell.fails("resume", "agent", "support")


def test_doctor_tells_what_is_paused(shell: Shell) -> None:
    shell.ok("pause", "agent", "support", "--why", "it loops", "--as", "olga")
    found = first(shell.ok_json("doctor"), "pause")
    assert found["status"] == "warn"
    assert "agent 'support' is paused" in found["said"]
    assert "by olga (it loops); `isthmus resume agent support` ends it" in found["said"]


def test_the_audit_log_tells_of_it_and_names_nobody(shell: Shell) -> None:
    shell.ok("pause", "agent", "support", "--why", "it loops", "--as", "olga")
    shell.ok("resume", "agent", "support", "--as", "olga")
    entries = shell.ok_json("audit", "show")["entries"]
    assert [(one["kind"], one["agent"], one["state"]) for one in entries] == [
        ("policy", "support", "paused"),
        ("policy", "support", "resumed"),
    ]
    assert "olga" not in str(entries)
    assert "it loops" not in str(entries)
    assert "support" in shell.ok("audit", "show")


def test_words_that_would_steer_a_terminal_are_written_out(shell: Shell) -> None:
    shell.ok("pause", "writes", "--why", "\x1b[2Jgone")
    assert "\x1b" not in shell.ok("pause", "list")
    assert "\x1b" not in shell(*CREATE).err
