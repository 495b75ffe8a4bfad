"""What does a call return, and how does it look as JSON?"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import TypeAlias

from isthmus.core.connector import Action, FieldFacts, ObjectFacts, ObjectSummary
from isthmus.core.files import File
from isthmus.core.http import Response
from isthmus.core.records import JSON, Note, Page, Record, Ref, Relative, Value, Withheld
from isthmus.core.streams import LineOutcome, Loaded

__all__ = ["Answer", "Description", "Groups", "Result", "as_json", "value_json"]


MOST_INLINE = 5 << 20
"""Bytes of a file that go into an answer as text."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Figures by group; a group that stands for too few records is left out and named in `withheld`."""

    rows: tuple[Mapping[str, Value], ...]
    complete: bool = False
    withheld: tuple[Withheld, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """Metadata: the objects of a system, or one object with its fields; `answer` is that of a relayed request."""

    objects: tuple[ObjectSummary, ...] = ()
    facts: ObjectFacts | None = None
    answer: Response | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an action answered, and the ids of the records that it made or changed."""

    object: str
    values: Mapping[str, JSON]
    records: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()


Result: TypeAlias = Record | Page | Groups | Description | Loaded | File | Answer


def as_json(result: Result) -> dict[str, JSON]:
    """Encode a result to fit its tool's output schema."""
    match result:
        case Record():
            return _record(result)
        case Page():
            more = {"after": result.after} if result.after else {}
            return {
                "records": [_record(one) for one in result.records],
                "complete": result.complete,
                **more,
                **({"deleted": list(result.deleted)} if result.deleted else {}),
                **_withheld(result.withheld),
            }
        case Groups():
            groups = [{name: value_json(value) for name, value in row.items()} for row in result.rows]
            return {"groups": groups, "complete": result.complete, **_withheld(result.withheld)}
        case Answer():
            answer: dict[str, JSON] = {"object": result.object, "answer": result.values}
            return {**answer, "records": list(result.records), **_withheld(result.withheld)}
        case File():
            return _file(result)
        case Loaded():
            return {
                "written": len(result.outcomes) - len(result.failed),
                "failed": len(result.failed),
                "lines": [_line(one) for one in result.outcomes],
            }
        case Description(facts=None):
            return {"objects": [_summary(one) for one in result.objects]}
        case Description(facts=facts):
            return _described(facts) if facts else {}


def value_json(value: Value) -> JSON:
    """Encode a value; a ref becomes `{"ref": token}`, as arguments take it."""
    match value:
        case Ref(token):
            return {"ref": token}
        case Relative(name, count):
            return {"relative": name} if count is None else {"relative": name, "count": count}
        case date() | time():
            return value.isoformat()
        case Mapping():
            return {key: value_json(inner) for key, inner in value.items()}
        case Decimal():
            return str(value)
        case str() | bool() | int() | float() | None:
            return value
        case _:
            return [value_json(inner) for inner in value]


def _record(record: Record) -> dict[str, JSON]:
    found: dict[str, JSON] = {
        "object": record.object,
        "id": record.id,
        "fields": {name: value_json(value) for name, value in record.fields.items()},
    }
    if record.version:
        found["version"] = record.version
    if record.guard:
        found["guard"] = record.guard
    if record.created is not None:
        found["created"] = record.created
    if record.altered:
        found["altered"] = list(record.altered)
    if record.below:
        found["below"] = [{"object": object, "id": id} for object, id in record.below]
    if record.notes:
        found |= _noted(record.notes)
    return found | _withheld(record.withheld)


def _noted(notes: Sequence[Note]) -> dict[str, JSON]:
    """Encode what a system said beside a success; its own sentence is named as such, and is data."""
    told: list[JSON] = []
    for one in notes:
        parts = (("severity", one.severity), ("code", one.code), ("field", one.field), ("vendor_text", one.text))
        told.append({name: value for name, value in parts if value})
    return {"notes": told} if told else {}


def _file(file: File) -> dict[str, JSON]:
    """Encode a file with its bytes as base64 (RFC 4648 section 4), where it is small enough for a model to read."""
    about: dict[str, JSON] = {"object": file.object, "id": file.id, "name": file.name, "type": file.type}
    about |= {"size": file.size, "sha256": file.sha256}
    if file.size <= MOST_INLINE:
        return about | {"content": base64.b64encode(file.read()).decode("ascii")}
    return about | {"withheld": [{"what": f"content of more than {MOST_INLINE} bytes", "rules": ["limit"]}]}


def _line(one: LineOutcome) -> dict[str, JSON]:
    if not one.code:
        altered: dict[str, JSON] = {"altered": list(one.altered)} if one.altered else {}
        return {"id": one.id, "created": one.created, **altered, **_noted(one.notes)}
    return {key: told for key, told in (("error", one.code), ("field", one.field), ("text", one.text)) if told}


def _withheld(withheld: Sequence[Withheld]) -> dict[str, JSON]:
    return {"withheld": [{"what": one.what, "rules": list(one.rules)} for one in withheld]} if withheld else {}


def _summary(one: ObjectSummary) -> dict[str, JSON]:
    may = [
        word for word, can in (("create", one.createable), ("update", one.updateable), ("delete", one.deletable)) if can
    ]
    found: dict[str, JSON] = {"name": one.name, "label": one.label, "may": may}
    return found | _more(actions=one.actions, not_allowed=one.others)


def _more(**told: Sequence[str]) -> dict[str, JSON]:
    return {name: list(some) for name, some in told.items() if some}


def _described(facts: ObjectFacts) -> dict[str, JSON]:
    kept: dict[str, JSON] = {"dated": True} if facts.dated else {}
    found: dict[str, JSON] = {
        "object": {"name": facts.name, "label": facts.label, "state_field": facts.state_field, **kept},
        "fields": [_field(one) for one in facts.fields.values()],
    }
    if facts.children:
        found["children"] = dict(facts.children)
    found |= _more(not_allowed=facts.others)
    return found | ({"actions": [_action(one) for one in facts.actions]} if facts.actions else {})


def _action(one: Action) -> dict[str, JSON]:
    found: dict[str, JSON] = {
        "name": one.name,
        "description": one.description,
        "effects": sorted(one.effects),
        "arguments": {name: dict(schema) for name, schema in one.parameters.items()},
        "required": list(one.required),
    }
    if one.answers:
        found["answers"] = dict(one.answers)
    return found | ({"on_record": True} if one.on_record else {})


def _field(one: FieldFacts) -> dict[str, JSON]:
    found: dict[str, JSON] = {
        "name": one.name,
        "type": one.type.value,
        "classes": sorted(one.classes),
        "classes_from": one.source,
    }
    if one.choices:
        found["choices"] = list(one.choices[:50])
    if one.choice_labels:
        found["choice_labels"] = list(one.choice_labels[:50])
    if one.references:
        found["references"] = list(one.references)
        found["path"] = f"{one.relationship}." if one.relationship else ""
    if one.required:
        found["required"] = True
    if not (one.createable or one.updateable):
        found["read_only"] = True
    if one.note:
        found["note"] = one.note
    return found
