"""What is told of a REST collection in the words of core?"""

from collections.abc import Iterator, Mapping

from isthmus.connectors.workday.rest.processes import PROCESSES, TRANSITIONS
from isthmus.connectors.workday.shapes import ID, PARENT, Collection, Field, Kind
from isthmus.core.connector import Action, FieldFacts, FieldType, ObjectFacts, ObjectSummary

__all__ = ["COMMENT", "STATE", "collection_facts", "is_steps", "summary"]

SHIPPED = "shipped table"
STATE = "state"
COMMENT = "comment"
_COMPARED = frozenset(
    {
        Kind.ID,
        Kind.TEXT,
        Kind.NUMERIC,
        Kind.BOOLEAN,
        Kind.DATE,
        Kind.MOMENT,
        Kind.INSTANCE,
        Kind.STATE,
        Kind.LAST_COMMENT,
    }
)


def is_steps(collection: Collection) -> bool:
    """Tell whether a collection is that of the steps that can be answered."""
    return collection.service.startswith("businessProcess/") and collection.path == ("eventSteps",)


def summary(collection: Collection) -> ObjectSummary:
    """Tell of a collection in one line."""
    return ObjectSummary(collection.object, collection.label, updateable=is_steps(collection))


def collection_facts(collection: Collection) -> ObjectFacts:
    """Describe a collection."""
    fields = {one.name: one for one in _fields(collection)}
    default = [name for name in collection.default or tuple(collection.fields) if name not in collection.only_single]
    return ObjectFacts(
        name=collection.object,
        fields=fields,
        label=collection.label,
        person=collection.person,
        country=collection.country,
        default_fields=tuple(default[:12]),
        searched=("descriptor",) if collection.search else (),
        id_field=ID,
        state_field=STATE if is_steps(collection) else None,
        createable=False,
        updateable=is_steps(collection),
        deletable=False,
        actions=tuple(_actions(collection)),
        dated=bool(collection.as_of),
    )


def _actions(collection: Collection) -> Iterator[Action]:
    if collection.path == ("workers",):
        yield from (one.action() for one in PROCESSES.values() if collection.service in one.services)


def _fields(collection: Collection) -> Iterator[FieldFacts]:
    for one in collection.fields.values():
        yield _described(one, collection)
    for name in sorted(collection.sent - collection.fields.keys()):
        needed = "; every query needs it" if name in collection.required else ""
        yield FieldFacts(
            name, FieldType.STRING, name, collection.classes, SHIPPED, createable=False, updateable=False,
            sortable=False, groupable=False, note=f"a condition by `eq` only{needed}",
        )  # fmt: skip
    if is_steps(collection):
        yield from _of_steps(collection)


def _described(one: Field, collection: Collection) -> FieldFacts:
    required = one.name == PARENT or one.name in collection.required
    compared = one.kind in _COMPARED and one.name not in collection.only_single
    notes = [
        "told by `get` alone" if one.name in collection.only_single else "",
        "the record below which it lies; every query needs it, by `eq`" if one.name == PARENT else "",
        "every query needs it, by `eq`" if required and one.name != PARENT else "",
        "an amount as text, and its currency" if one.kind is Kind.CURRENCY else "",
    ]
    alias = collection.object.partition(".")[0]
    return FieldFacts(
        name=one.name,
        type=one.kind.type,
        label=one.name,
        classes=collection.classes,
        source=SHIPPED,
        references=(f"{alias}.{collection.path[0]}",) if one.name == PARENT else (),
        createable=False,
        updateable=False,
        filterable=compared,
        sortable=compared and not required,
        groupable=False,
        unique=one.name == ID,
        note="; ".join(part for part in notes if part),
        carried_in=one.path[:1] if one.path[:1] != (one.name,) else (),
    )


def _of_steps(collection: Collection) -> Iterator[FieldFacts]:
    """Describe what answers a step; it is written together with the state that it leads to."""
    kept: Mapping[str, str] = {
        COMMENT: "the last comment; what is written goes into the answer, which must say why where it is no approval",
        "stepAction": "the action of a denial, where its process asks for one",
        "to": "the step to which it is sent back",
    }
    states = tuple(TRANSITIONS.values())
    yield FieldFacts(
        STATE, FieldType.CHOICE, "State", frozenset({"internal"}), SHIPPED, choices=("awaiting", *states),
        createable=False, groupable=False,
        note="an answer counts for its step; the process around it may go on, see bp events",
    )  # fmt: skip
    for name, note in kept.items():
        yield FieldFacts(
            name, FieldType.TEXT if name == COMMENT else FieldType.STRING, name, collection.classes, SHIPPED,
            createable=False, filterable=name == COMMENT, sortable=name == COMMENT, groupable=False, note=note,
        )  # fmt: skip
