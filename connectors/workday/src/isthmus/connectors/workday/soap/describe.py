"""What is told of a web service's records, and of its operations that write?"""

from isthmus.connectors.workday.settings import OperationSettings, WorkdaySettings
from isthmus.connectors.workday.soap.calling import FIELDS, item_of
from isthmus.connectors.workday.soap.writes import WHOLE, writes_of
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts, ObjectSummary

__all__ = ["WHOLE", "operation_for", "service_facts", "service_summaries"]

_NOTES = {
    "id": (FieldType.ID, "the WID"),
    "descriptor": (FieldType.STRING, "the name"),
    "references": (FieldType.OTHER, "the ids by their types"),
    "data": (FieldType.OTHER, "what the response groups of settings.operations bring, as nested values"),
}


def service_summaries(settings: WorkdaySettings) -> list[ObjectSummary]:
    """List the records of the operations that are allowed."""
    reads = [ObjectSummary(f"soap.{one.removeprefix('Get_')}", one) for one in settings.operations if _reads(one)]
    whole = [ObjectSummary(WHOLE, "web services that write")] if writes_of(WHOLE, settings.operations) else []
    return [*reads, *whole]


def operation_for(object: str, settings: WorkdaySettings) -> str:
    """Return the operation that reads an object; empty where there is none."""
    head, _, name = object.partition(".")
    wanted = f"get_{name}".casefold()
    return next((one for one in settings.operations if one.casefold() == wanted), "") if head == WHOLE else ""


def service_facts(object: str, operation: str, settings: WorkdaySettings) -> ObjectFacts:
    """Describe the records of an operation, or all operations that write where none is given."""
    actions = tuple(one.action(auto_complete=settings.auto_complete) for one in writes_of(object, settings.operations))
    if not operation:
        return ObjectFacts(
            WHOLE, {}, "web services that write", createable=False, updateable=False, deletable=False, actions=actions
        )
    own = settings.operations[operation]
    item = item_of(operation, own)
    return ObjectFacts(
        name=object,
        fields={name: _field(name, own, item) for name in FIELDS},
        label=operation,
        person=own.person,
        default_fields=("id", "descriptor"),
        dated=True,
        id_field="id",
        createable=False,
        updateable=False,
        deletable=False,
        actions=actions,
    )


def _reads(operation: str) -> bool:
    return operation.startswith("Get_")


def _field(name: str, own: OperationSettings, item: str) -> FieldFacts:
    kind, note = _NOTES[name]
    flat = kind is not FieldType.OTHER
    return FieldFacts(
        name, kind, name, frozenset(own.classes), "settings.operations", createable=False, updateable=False,
        filterable=flat, sortable=flat, groupable=False, unique=name == "id", note=note,
        carried_in=() if name == "id" else (f"{item}_{name.removesuffix('s').capitalize()}",),
    )  # fmt: skip
