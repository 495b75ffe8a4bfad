"""Is every kind of credential on its page, and may the settings shown there be written?"""

import re
import tomllib
from pathlib import Path

import pytest

from isthmus.core.config import ConnectionConfig
from isthmus.core.credentials.identity import PERSONAL
from isthmus.core.credentials.settings import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "credentials.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ROWS = dict(re.findall(r"^\| (`[^|]*?) \|[^|]*\| (.*?) \|$", PAGE, re.MULTILINE))


def test_every_kind_has_a_row_that_names_what_is_a_persons_own() -> None:
    kinds = {kind: row for names, row in ROWS.items() for kind in re.findall("`([a-z0-9_]+)`", names)}
    kinds.pop("kind", None)
    assert set(kinds) == set(KINDS)
    for kind, fields in PERSONAL.items():
        assert all(f"`{field}`" in kinds[kind] for field in fields)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_settings_shown_may_be_written(block: str) -> None:
    base = {
        "connector": "sap",
        "url": "https://erp.example",
        "zone": "eu",
        "auth": {"kind": "bearer", "token": "env:T"},
    }
    for one in tomllib.loads(block)["connections"].values():
        ConnectionConfig.model_validate(base | one)
