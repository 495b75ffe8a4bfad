"""Does the page on settings name every key with its default, and is its file one that can be used?"""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from isthmus.core import config
from isthmus.core.config import load_config
from isthmus.core.plugins import load_plugins

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "settings.md").read_text(encoding="utf-8")
CONNECTORS = load_plugins(None).connectors
SECTIONS = {
    "The whole file": config.ConfigFile,
    "`[policy]`": config.PolicyFiles,
    "`[agents.NAME]`": config.AgentConfig,
    "`[users.NAME]`": config.UserConfig,
    "`[clients.NAME]`": config.ClientConfig,
    "`[systems.NAME]`": config.SystemConfig,
    "`[connections.NAME]`": config.ConnectionConfig,
    "`[connections.NAME.budget]`": config.BudgetConfig,
}
WORDS = {"none", "nobody", "unknown", "the system's", "isthmus's own", "the connector's", "the origin", ""}
"""What stands for a default that is nothing, or is made of something else."""


def rows(heading: str) -> dict[str, str]:
    """Return the default of each key in the table under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (`[^|]*) \|([^|]*)\|", section, re.MULTILINE)
    return {key: default.strip() for keys, default in found for key in re.findall("`([a-z_]+)`", keys)}


def told(default: object) -> str:
    """Write a default as the page does."""
    if isinstance(default, list):
        return ", ".join(f"`{one}`" for one in default)
    return (
        f"`{default}`" if isinstance(default, str) else f"{default:g}" if isinstance(default, float) else str(default)
    )


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_has_a_row_with_its_default(heading: str) -> None:
    model, found = SECTIONS[heading], rows(heading)
    assert set(found) == set(model.model_fields)
    for key, field in model.model_fields.items():
        if field.default is PydanticUndefined:
            assert found[key] == "needed", key
        elif found[key] in WORDS:
            assert not field.default or isinstance(field.default, BaseModel), key
        else:
            assert found[key] == told(field.default).replace("False", "false"), key


def test_every_connector_is_named() -> None:
    (row,) = re.findall(r"^\| `connector` .*$", PAGE, re.MULTILINE)
    assert set(CONNECTORS) <= set(re.findall("`([a-z_]+)`", row))


def keys(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    """Return every key that settings may have, at any depth."""
    seen.add(model)
    found, waiting = set(model.model_fields), [field.annotation for field in model.model_fields.values()]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in seen:
            found |= keys(one, seen)
        waiting += get_args(one)
    return found


@pytest.mark.parametrize("kind", CONNECTORS)
def test_every_setting_of_a_connector_is_on_its_page(kind: str) -> None:
    page = (DOCS / "connectors" / f"{kind.replace('_', '-')}.md").read_text(encoding="utf-8")
    assert keys(CONNECTORS[kind].settings, set()) <= set(re.findall(r"\w+", page))


def test_every_section_has_its_own_table() -> None:
    assert set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)) == {*SECTIONS, "A file with everything"}


def test_the_file_with_everything_has_everything_and_can_be_used(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "isthmus.toml").write_text(block)
    file = load_config(tmp_path / "isthmus.toml").file
    richest = [
        file, file.policy, file.agents["support"], file.users["alice"], file.clients["desktop"], file.systems["crm"],
        file.connections["crm-eu"], file.connections["crm-eu"].budget,
    ]  # fmt: skip
    for part in richest:
        assert part.model_fields_set == set(type(part).model_fields), type(part).__name__
