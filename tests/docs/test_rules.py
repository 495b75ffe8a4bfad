"""Does the page on rules have every word that rules may use, and can its examples be used together?"""

import re
from pathlib import Path

import pytest

from isthmus.core.assembly import load_rulings
from isthmus.core.config import load_config
from isthmus.core.operation import Effect
from isthmus.core.plugins import load_plugins
from isthmus.core.policy import cedar, obligations, patterns, risk, sequences
from isthmus.residency import KNOWN_CLASSES, FlowPolicy, FlowPolicyError, Form

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "rules.md").read_text(encoding="utf-8")
SCHEMA = re.sub(r"//.*", "", cedar.SCHEMA_TEXT)


def section(heading: str) -> str:
    """Return what stands under a heading, up to the next one of any level."""
    return PAGE.partition(f"# {heading}\n")[2].partition("\n#")[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z0-9_.-]+)", text))


def first_column(text: str) -> set[str]:
    return set(re.findall(r"^\| `([a-zA-Z_-]+)", text, re.MULTILINE))


def test_every_kind_of_entity_has_a_row_with_its_attributes() -> None:
    kinds = dict(re.findall(r"entity (\w+)(?: in \[[^\]]*\])?(?: = \{([^}]*)\})?;", SCHEMA))
    page = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section("Who and what"), re.MULTILINE))
    assert page.keys() == kinds.keys()
    for kind, attributes in kinds.items():
        assert set(re.findall(r"(\w+)\??:", attributes)) <= words(page[kind]), kind


def test_every_action_and_group_is_there() -> None:
    actions = {name for line in re.findall(r"action ([^;]*)", SCHEMA) for name in re.findall(r'"(\w+)"', line)}
    assert actions <= words(section("Actions"))


def test_every_fact_of_a_call_has_a_row() -> None:
    (facts,) = re.findall(r"type Facts = \{([^}]*)\}", SCHEMA)
    assert first_column(section("What a call says of itself")) - {"context"} == set(re.findall(r"(\w+)\??:", facts))


def test_every_obligation_has_a_row_that_says_where_it_may_stand() -> None:
    found = dict(re.findall(r"^\| `([a-z_-]+)[^|]*\| (\w+) \|", section("Obligations"), re.MULTILINE))
    sides = {"permit": obligations.ON_PERMIT, "forbid": obligations.ON_FORBID}
    told = {(duty, side) for duty, where in found.items() for side in sides if where in (side, "both")}
    assert told == {(duty.value, side) for side, duties in sides.items() for duty in duties}


def test_the_points_are_those_that_are_counted() -> None:
    lines = re.findall(r"^\| (\d) \| (.*) \|$", section("Risk"), re.MULTILINE)
    points = {int(number): text for number, text in lines}
    for effect in (Effect.CREATE, Effect.UPDATE, Effect.TRANSITION, Effect.DELETE):
        assert f"`{effect.value}`" in points[risk.EFFECT_POINTS[effect]]
    assert f"more than {risk.MANY_ROWS} rows" in section("Risk")
    assert set(risk.SENSITIVE) <= words(section("Risk"))


def test_every_key_of_a_sequence_rule_has_a_row() -> None:
    page = PAGE.partition("# Chains of calls\n")[2].partition("\n## ")[0]
    assert first_column(page) == set(sequences.KEYS)
    assert set(patterns.KEYS) <= words(page)


def known_at(place: dict[str, object]) -> set[str]:
    """Ask the reader of flow rules which words it knows, by giving it one that it does not."""
    with pytest.raises(FlowPolicyError, match="known here") as caught:
        FlowPolicy.load({"version": 1, "controller": {"name": "Kessmar"}} | place)
    return set(str(caught.value).rpartition("known here: ")[2].split(", "))


def test_every_word_of_the_flow_rules_is_there() -> None:
    page = PAGE.partition("# Flow rules\n")[2].partition("\n## ")[0]
    tables, conditions = page.split("| condition |")
    other = {"xyzzy": 1}
    zone = {"countries": ["DE"]}
    assert known_at(other) <= words(tables)
    assert known_at({"zones": {"eu": other}}) <= words(tables)
    assert known_at({"zones": {"eu": zone | {"attests": [other]}}}) <= words(tables)
    assert known_at({"zones": {"eu": zone | {"transfer": other}}}) <= words(tables)
    assert known_at({"zones": {"eu": zone | {"transfer": {"EEA": "xyzzy"}}}}) <= words(tables)
    assert known_at({"consumers": {"model": other}}) <= words(tables)
    assert known_at({"rule": [{"id": "one"} | other]}) == first_column(conditions) | {"id", "allow", "why"}
    assert words(conditions) >= KNOWN_CLASSES
    assert {form.value for form in Form} <= words(tables)


def test_the_examples_can_be_used_together_with_the_file_of_the_settings_page(tmp_path: Path) -> None:
    (settings,) = re.findall(r"^```toml\n(.*?)^```", (DOCS / "settings.md").read_text(), re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    policies = "".join(re.findall(r"^```cedar\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    (tmp_path / "policies").mkdir()
    for name, text in zip(
        ("isthmus.toml", "policies/own.cedar", "sequences.toml", "flows.toml"),
        (settings, policies, *blocks),
        strict=True,
    ):
        (tmp_path / name).write_text(text)
    config = load_config(tmp_path / "isthmus.toml")
    rulings = load_rulings(config, load_plugins(config.file.plugins))
    named = {"agents-read-contacts", "people-read-contacts", "abroad-needs-a-manager", "large-deals"}
    assert named <= rulings.policy.rules.keys()
    assert len(rulings.sequences.rules) == len(rulings.flows.rulebook.rules) + 1
