"""Does every cassette belong to a test, say what it was recorded from, and hold nothing that it may not?"""

import ast
import re
from pathlib import Path

import pytest
from tests.replaying import FOLDER, SOURCE

from isthmus.core.cassettes import check_cassette

TESTS = Path(__file__).parents[1] / "connectors"
FILES = sorted(FOLDER.rglob("*.yaml"))
OURS = [path for path in FILES if path.parent.name == "test_replayed"]


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
    assert wanted == {str(path.relative_to(FOLDER)) for path in OURS}
    assert len(wanted) > 2


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_it_holds_no_secret_and_no_value_that_nothing_allows(path: Path) -> None:
    assert check_cassette(path) == ()
    assert not re.search(r"127\.0\.0\.1|localhost|kessmar", path.read_text())
