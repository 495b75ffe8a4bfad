"""Are the figures of docs/hostile-upstreams.md those of the code?"""

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/hostile-upstreams.md"
ROWS = re.findall(r"^\| [^|]+ \| ([\d,]+) \| `([\w.]+)\.(\w+)` \|$", PAGE.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize(("figure", "module", "constant"), ROWS, ids=lambda one: one)
def test_a_figure_is_the_codes(figure: str, module: str, constant: str) -> None:
    assert int(figure.replace(",", "")) == getattr(import_module(module), constant)


def test_every_row_of_the_table_is_compared() -> None:
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert len(ROWS) == len(table) - 2 > 10
