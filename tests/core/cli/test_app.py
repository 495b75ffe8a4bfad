"""Does the command line behave as one: quick help, exit codes, colour only where it is seen, plugins, its page?"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.core.cli import main
from isthmus.core.plugins import load_plugins

from .conftest import Shell

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
GROUPS = {
    "policy": ("explain", "matrix", "check"),
    "approvals": ("list", "show", "approve", "reject"),
    "intents": ("list", "settle"),
    "audit": ("verify", "show", "checkpoint", "about", "erase"),
    "pause": ("agent", "connection", "writes", "list"),
    "resume": ("agent", "connection", "writes"),
    "task": ("new",),
    "secret": ("set", "list"),
    "new": ("connector",),
}
SINGLE = ("init", "doctor", "tools", "call", "models")
ALL = [*SINGLE, *(f"{group} {name}" for group, names in GROUPS.items() for name in names)]


def test_help_lists_every_command_and_those_of_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    for name in (*SINGLE, *GROUPS, *load_plugins().commands):
        assert re.search(rf"^│ {name} ", text, re.MULTILINE), name


@pytest.mark.parametrize("command", ALL)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "--config" in text
    assert "--json" in text


def test_plugins_that_are_not_allowed_bring_no_command(shell: Shell) -> None:
    shell.rewrite("version = 1\nname", 'version = 1\nplugins = ["salesforce"]\nname')
    assert "Unknown command" in shell.fails("sandbox", code=2)


def test_a_plugin_that_is_not_installed_does_not_hide_the_help(shell: Shell) -> None:
    shell.rewrite("version = 1\nname", 'version = 1\nplugins = ["salesfroce"]\nname')
    done = shell("--help")
    assert done.code == 0
    assert "did you mean 'salesforce'?" in done.err
    assert "approvals" in done.out


def test_help_of_a_command_loads_no_plugin_and_none_of_the_call_path() -> None:
    probe = (
        "import sys; from isthmus.core.cli import main; main(['approvals', '--help']);"
        "print([name for name in sys.modules if name.split('.')[0] in {'pydantic', 'aiohttp', 'cedarpy', 'pluggy'}])"
    )
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)


def on_a_terminal(words: list[str], **environ: str) -> bytes:
    """Run a command with a terminal as its output."""
    ours, theirs = pty.openpty()
    environment = (
        {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | environ
    )
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; from isthmus.core.cli import main; sys.exit(main())", *words],
        stdout=theirs,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        told = b""
        while True:
            try:
                told += (part := os.read(ours, 4096))
            except OSError:
                break
            if not part:
                break
        process.wait()
    os.close(ours)
    return told


def test_colour_is_for_terminals_that_want_it(shell: Shell) -> None:
    words = ["policy", "check", "--config", str(shell.config)]
    assert b"\x1b[32m" in on_a_terminal(words)
    assert b"\x1b[3" not in on_a_terminal(words, NO_COLOR="1")
    assert "\x1b" not in shell.ok("policy", "check")


def test_lines_in_a_pipe_are_whole_and_end_where_the_text_ends(shell: Shell) -> None:
    lines = shell.ok("tools").splitlines()
    assert max(map(len, lines)) > 80
    assert not [line for line in lines if line != line.rstrip()]


def test_hostile_values_cannot_steer_the_terminal(shell: Shell) -> None:
    made = shell.ok_json(
        "call", "create", "object=Case", 'values={"Subject": "a\\u001b[2Jb\\u202ec"}', "--client", "desktop-eu"
    )
    text = shell.ok("call", "get", "object=Case", f"id={made['id']}", "fields=Subject", "--client", "desktop-eu")
    assert "a\\u001b[2Jb\\u202ec" in text
    assert "\x1b" not in text


def test_the_page_names_every_command() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for command in (*ALL, *load_plugins().commands):
        assert f"`isthmus {command}" in page, command
