"""What does a function module that reads say of a call whose answer was lost?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.sap.rfc.settings import ReadBack, SapRfcSettings
from isthmus.core.connector import Invoked, Pending, Settlement
from isthmus.core.records import JSON

__all__ = ["Question", "questions", "settle"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what a row must have to be the one that the lost call made."""

    function: str
    arguments: Mapping[str, JSON]
    wanted: Mapping[str, JSON]
    rule: ReadBack


def questions(settings: SapRfcSettings, pending: Pending) -> Question | None:
    """Return what to ask about a lost call; None where the settings name no way, or its arguments do not lead there."""
    functions = settings.units.get(pending.object, [pending.object])
    for name in functions:
        known = settings.functions.get(name)
        if known is None or known.read_back is None or known.read_back.function not in settings.functions:
            continue
        values = pending.values if name == pending.object else pending.values.get(name)
        rule = known.read_back
        arguments = {one: _at(values, where) for one, where in rule.arguments.items()}
        wanted = {one: _at(values, where) for one, where in rule.match.items()}
        if all(one not in (None, "") for one in wanted.values()):
            return Question(
                rule.function, {one: told for one, told in arguments.items() if told is not None}, wanted, rule
            )
    return None


def settle(asked: Question, told: Mapping[str, JSON], age: float) -> tuple[Settlement, Invoked | None]:
    """Judge by the rows: one that matches means that it happened; several, or an answer without the table, nothing."""
    table = told.get(asked.rule.table)
    if not isinstance(table, list):
        return Settlement.CANNOT_TELL, None
    rows = [one for one in table if isinstance(one, Mapping) and _matches(one, asked.wanted)]
    ids = {str(one.get(asked.rule.id) or "") for one in rows}
    if len(ids) > 1 or (len(rows) > 1 and not asked.rule.id):
        return Settlement.CANNOT_TELL, None
    if rows:
        return Settlement.HAPPENED, Invoked(records=tuple(one for one in ids if one))
    after = asked.rule.conclusive_after
    gone = after is not None and age >= after
    return (Settlement.NOT_HAPPENED if gone else Settlement.CANNOT_TELL), None


def _matches(row: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> bool:
    return all(row.get(name) == value for name, value in wanted.items())


def _at(values: JSON, where: str) -> JSON:
    """Follow a path of names and places, separated by dots; a text behind `=` stands for itself."""
    if where.startswith("="):
        return where[1:]
    found = values
    for step in where.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, Sequence) and not isinstance(found, str) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found
