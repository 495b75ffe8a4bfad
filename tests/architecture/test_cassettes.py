"""Does every cassette belong to a test, say what it was recorded from, and hold nothing that it may not?"""

import ast
import re
from pathlib import Path

import pytest
from tests.replaying import FOLDER, SOURCE

from isthmus.core.cassettes import check_cassette
from isthmus.core.cli import main

TESTS = Path(__file__).parents[1] / "connectors"
FILES = sorted(FOLDER.rglob("*.yaml"))


def names_in(module: Path) -> set[str]:
    tree = ast.parse(module.read_text())
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_it_belongs_to_a_test_and_says_what_it_was_recorded_from(path: Path) -> None:
    connector, module, name = path.relative_to(FOLDER).parts
    assert name.removesuffix(".yaml") in names_in(TESTS / connector / f"{module}.py")
    assert re.search(rf"^\W*recorded_from\W+{SOURCE}", path.read_text(), re.MULTILINE)


def test_every_test_that_is_replayed_has_one() -> None:
    wanted = {
        f"{module.parent.name}/{module.stem}/{name}.yaml"
        for module in TESTS.glob("*/test_replayed.py")
        for name in names_in(module)
        if name.startswith("test_")
    }
    assert wanted == {str(path.relative_to(FOLDER)) for path in FILES}
    assert {one.partition("/")[0] for one in wanted} == {"salesforce", "servicenow", "sap", "workday", "openapi"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_it_holds_no_secret_and_no_value_that_nothing_allows(path: Path) -> None:
    assert check_cassette(path) == ()
    assert not re.search(r"127\.0\.0\.1|localhost|kessmar(?!_eu)", path.read_text())


def test_the_command_finds_nothing_in_the_whole_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cassettes", "check", str(FOLDER)]) == 0
    assert capsys.readouterr().out.strip() == "nothing found"
