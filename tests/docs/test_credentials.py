"""Is every kind of credential on its page, and may the settings shown there be written?"""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from isthmus.core.config import ConnectionConfig
from isthmus.core.credentials.identity import PERSONAL
from isthmus.core.credentials.settings import KINDS, AuthSettings

PAGE = (Path(__file__).parents[2] / "docs" / "credentials.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PROOFS, _, KEYS = PAGE.partition("## What each kind takes\n")
ROWS = dict(re.findall(r"^\| (`[^|]*?) \|[^|]*\| (.*?) \|$", PROOFS, re.MULTILINE))
TAKES = re.findall(r"^\| (`[^|]*?) \| (.*?) \|(.*?)\|$", KEYS.partition("\n## ")[0], re.MULTILINE)
BESIDE = KEYS.partition("\n## ")[0].rpartition("|\n\n")[2]
MODELS = {get_args(one)[1].tag: get_args(one)[0] for one in get_args(get_args(AuthSettings)[0])}


def test_every_kind_has_a_row_that_names_what_is_a_persons_own() -> None:
    kinds = {kind: row for names, row in ROWS.items() for kind in re.findall("`([a-z0-9_]+)`", names)}
    kinds.pop("kind", None)
    assert set(kinds) == set(KINDS)
    for kind, fields in PERSONAL.items():
        assert all(f"`{field}`" in kinds[kind] for field in fields)


def test_every_key_of_a_kind_is_in_its_row_or_among_those_of_all_tokens() -> None:
    names = re.compile("`([a-z0-9_]+)`")
    rows = {kind: (needs, may) for kinds, needs, may in TAKES for kind in names.findall(kinds)}
    rows.pop("kind")
    assert rows.keys() == set(KINDS)
    for kind, (needs, may) in rows.items():
        fields = MODELS[kind].model_fields
        own = {*names.findall(needs), *names.findall(may)}
        needed = {name for name, one in fields.items() if one.is_required()} - {"kind", "token_endpoint"}
        assert needed <= set(names.findall(needs)) <= own <= fields.keys(), kind
        shared = set(names.findall(BESIDE)) if "token_endpoint" in fields else set()
        assert fields.keys() <= own | shared | {"kind"}, kind


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
