"""What is an action made of: its declaration, how it is run, and how it is read back?"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.servicenow.answers import ID, VERSION, record_of, strange, text_at
from isthmus.connectors.servicenow.ids import checked_id, is_id
from isthmus.connectors.servicenow.readback import settle
from isthmus.connectors.servicenow.tables import Tables, by
from isthmus.core.connector import Action, Invoked, Pending, Settlement
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = [
    "AN_ID",
    "LEAN",
    "VALUES",
    "Deed",
    "Run",
    "Settled",
    "given",
    "listed_in",
    "result_of",
    "settle_values",
    "values_in",
]

LEAN = frozenset({"internal"})
"""Of an answer that holds ids, numbers, states and names of fields only; texts are read under their own labels."""
AN_ID: Mapping[str, JSON] = {"type": "string", "pattern": "^[0-9A-Za-z]{32}$"}
VALUES: Mapping[str, JSON] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}

Settled = tuple[Settlement, Invoked | None]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an action; `id` is empty where it acts on no record, `key` tells it from every other run."""

    object: str
    id: str
    arguments: Mapping[str, JSON]
    key: str


@dataclass(frozen=True, slots=True)
class Deed:
    """An action; without `back` nothing tells whether it happened once its answer is lost."""

    action: Action
    work: Callable[[Tables, Run], Awaitable[Invoked]]
    back: Callable[[Tables, Pending], Awaitable[Settled]] | None = None


def result_of(answer: Response) -> Mapping[str, JSON]:
    """Read the one object that an answer holds."""
    return record_of(answer)


def listed_in(raw: Mapping[str, JSON], name: str) -> Sequence[Mapping[str, JSON]]:
    """Read a list of objects in an answer; raises UpstreamError where it is none."""
    found = raw.get(name)
    if not isinstance(found, list):
        raise strange()
    rows = [one for one in found if isinstance(one, Mapping)]
    if len(rows) < len(found):
        raise strange()
    return rows


def given(run: Run, name: str) -> str:
    """Return a text of the arguments, or an empty one."""
    told = run.arguments.get(name)
    return told if isinstance(told, str) else ""


def values_in(arguments: Mapping[str, JSON], name: str, refused: Mapping[str, str]) -> Mapping[str, JSON]:
    """Return values of fields in the arguments; `refused` tells what to do instead of writing a field."""
    told = arguments.get(name, {})
    values = dict(told) if isinstance(told, Mapping) else {}
    for field in values:
        if field.casefold() in refused:
            raise InvalidArguments(f"{field} is not written by this action; {refused[field.casefold()]}", field=field)
    return values


async def settle_values(tables: Tables, pending: Pending, values: Mapping[str, JSON]) -> Settled:
    """Tell by the record that an action names whether it stored these values."""
    facts = await tables.facts_of(pending.object)
    names = tuple(dict.fromkeys((ID, VERSION, *values)))
    found = await tables.list(pending.object, by(ID, checked_id(pending.id)), names, 2)
    if found.hidden:
        return Settlement.CANNOT_TELL, None
    asked = Pending("update", pending.object, pending.id, values=values, version=pending.version, age=pending.age)
    told = [one for one in found.records if is_id(text_at(one, ID))]
    return settle(asked, facts, told), Invoked({"id": pending.id}, (pending.id,))
