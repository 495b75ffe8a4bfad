"""Do the commands of the page on stopping and erasing say what the page shows?"""

import re
import shlex
from pathlib import Path

import pytest
from tests.conftest import House

from isthmus.core.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
QUERY = "call query object=Case select=Subject limit=1 --client desktop-eu"


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    config = house.write()
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ISTHMUS_CONFIG", str(config))

    def run(line: str) -> str:
        capsys.readouterr()
        assert main(shlex.split(line)) == 0
        return capsys.readouterr().out

    return run


def steps(block: str) -> list[tuple[str, str]]:
    """Take a block apart into commands and what each prints."""
    found = re.split(r"^\$ isthmus ", block, flags=re.MULTILINE)[1:]
    return [(command, printed) for command, _, printed in (one.partition("\n") for one in found)]


def test_the_page_shows_what_the_commands_print(shell) -> None:
    stopping, erasing = BLOCKS
    for command, printed in steps(stopping):
        assert shell(command) == printed
    shell(QUERY)
    for command, printed in steps(erasing):
        assert re.sub(r"\d+ entries", "N entries", shell(command)) == re.sub(r"\d+ entries", "N entries", printed)
    assert shell("audit about alice") == "no entry names it\n"
    assert "The log is whole" in shell("audit verify")
