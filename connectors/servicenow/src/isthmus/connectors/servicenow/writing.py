"""What is sent to write a record, and what does the answer say was written?"""

from collections.abc import Mapping

from isthmus.connectors.servicenow.answers import ID, VERSION, record_of, text_at
from isthmus.connectors.servicenow.ids import id_of_key, is_id
from isthmus.connectors.servicenow.pages import PLAIN
from isthmus.connectors.servicenow.readback import altered
from isthmus.connectors.servicenow.values import wire
from isthmus.core.connector import FieldFacts, Key, ObjectFacts, Written
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["key_value", "keyed", "sent_of", "shown", "written"]


def sent_of(facts: ObjectFacts, values: Mapping[str, JSON]) -> dict[str, str]:
    """Write values as they are stored; a field that the dictionary lacks would be dropped without a word."""
    return {facts.field(name).name: wire(value, facts.field(name)) for name, value in values.items()}


def keyed(object: str, sent: Mapping[str, str], key: Key, facts: ObjectFacts) -> dict[str, str]:
    """Put the key into its field, and choose the record's id by it."""
    field = facts.field(key.field)
    value = key_value(key, field)
    if field.name == ID and is_id(value):
        return {**sent, ID: value}
    own = {} if field.name == ID else {field.name: value}
    return {**sent, **own, ID: id_of_key(object, field.name, key.value)}


def key_value(key: Key, field: FieldFacts) -> str:
    """Write a key as its field stores it; raises InvalidArguments."""
    if not key.value.strip():
        raise InvalidArguments(f"the key in {field.name} is empty; use another key", field=field.name)
    return wire(key.value, field)


def shown(sent: Mapping[str, str]) -> Mapping[str, str]:
    """Ask for the record as it is after the write: what was written, and its version."""
    names = dict.fromkeys((ID, VERSION, *sent))
    return {"sysparm_fields": ",".join(names), **PLAIN, "sysparm_input_display_value": "false"}


def written(
    facts: ObjectFacts, sent: Mapping[str, str], answer: Response, *, created: bool = False,
    guard: str | None = None, id: str = "",
) -> Written:  # fmt: skip
    """Read the record that a write answers with, and tell in what it differs from what was sent."""
    stored = record_of(answer)
    told = text_at(stored, ID)
    if not is_id(told) or (id and told.lower() != id.lower()) or (answer.status == 201) is not created:
        raise UpstreamError("the instance did not say what it wrote", code="unreadable_answer")
    changed = altered(facts, sent, stored)
    return Written(told, created, text_at(stored, VERSION) or None, guard, changed)
