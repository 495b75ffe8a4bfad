"""Which operations of web services write, what does each take, and how is it written?

Each begins a business process. Element names of Hire_Employee: Workday Web Services, Staffing v40.0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.workday.ids import is_wid
from isthmus.connectors.workday.soap.envelope import envelope, leaf, reference_id, request, wrapped
from isthmus.core.connector import Action
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["WHOLE", "WRITES", "Write", "writes_of"]

WHOLE = "soap"
"""The object whose actions are the operations that write and act on no record."""

_DAY: Mapping[str, JSON] = {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_TEXT: Mapping[str, JSON] = {"type": "string", "minLength": 1, "maxLength": 2000}
_ID: Mapping[str, JSON] = {
    "type": "string",
    "description": "a WID, or a reference id; one without its type is taken to have the usual one",
    "minLength": 1,
    "maxLength": 200,
}
_TIME_OFF_DAY: Mapping[str, JSON] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["date", "requested", "timeOffType"],
    "properties": {"date": _DAY, "requested": {"type": "string", "pattern": r"^-?[0-9]{1,4}(\.[0-9]{1,3})?$"},
                   "timeOffType": _TEXT, "comment": _TEXT},
}  # fmt: skip
_SKIPS: Mapping[str, JSON] = {"type": "boolean", "description": "skip the approvals of the process"}


@dataclass(frozen=True, slots=True)
class Write:
    """One operation that writes.

    `item` is the kind of record that it acts on, empty where it acts on none. `data` writes what stands beside the
    parameters of its process, from that record's id and the arguments.
    """

    name: str
    description: str
    item: str
    parameters: Mapping[str, Mapping[str, JSON]]
    required: tuple[str, ...]
    data: Callable[[str, Mapping[str, JSON]], str]

    @property
    def object(self) -> str:
        """Return the object that it is an action of."""
        return f"{WHOLE}.{self.item}s" if self.item else WHOLE

    def action(self, *, auto_complete: bool) -> Action:
        """Describe it in the words of core; skipping approvals is offered only where settings allow it."""
        return Action(
            self.name,
            f"{self.description}; answers with its event, which may wait for approval.",
            frozenset({Effect.EXECUTE}),
            {**self.parameters, "comment": _TEXT, **({"autoComplete": _SKIPS} if auto_complete else {})},
            self.required,
            on_record=bool(self.item),
            classes=frozenset({"internal"}),
        )

    def content(self, id: str, arguments: Mapping[str, JSON], version: str, *, auto_complete: bool) -> bytes:
        """Write the request; it is left to the process unless its approvals are to be skipped.

        Raises InvalidArguments.
        """
        comment = arguments.get("comment")
        parameters = (
            leaf("Auto_Complete", "true" if auto_complete else "false")
            + leaf("Run_Now", "true")
            + leaf("Discard_On_Exit_Validation_Error", "true")
            + (wrapped("Comment_Data", leaf("Comment", str(comment))) if comment else "")
        )
        data = wrapped(f"{self.name}_Data", self.data(id, arguments))
        return envelope(request(self.name, version, wrapped("Business_Process_Parameters", parameters) + data))


def _time_off(_: str, told: Mapping[str, JSON]) -> str:
    days = told.get("days")
    entries = [one for one in (days if isinstance(days, Sequence) else ()) if isinstance(one, Mapping)]
    if not entries:
        raise InvalidArguments("time off needs days", field="days")
    worker = wrapped("Worker_Reference", reference_id(str(told.get("worker", ""))))
    return worker + "".join(_entry(one) for one in entries)


def _entry(told: Mapping[str, JSON]) -> str:
    inner = leaf("Date", str(told.get("date", ""))) + leaf("Requested", str(told.get("requested", "")))
    inner += _reference("Time_Off_Type_Reference", "Time_Off_Type_ID", told.get("timeOffType", ""))
    inner += leaf("Comment", str(told["comment"])) if told.get("comment") else ""
    return wrapped("Enter_Time_Off_Entry_Data", inner)


def _hire(applicant: str, told: Mapping[str, JSON]) -> str:
    day = told.get("hireDate")
    if not day:
        raise InvalidArguments("a hire needs the day from which on it is effective", field="hireDate")
    title = leaf("Business_Title", str(told["businessTitle"])) if "businessTitle" in told else ""
    # The schema is a sequence: the order counts.
    position = (
        _optional("Job_Profile_Reference", "Job_Profile_ID", told.get("jobProfile"))
        + title
        + _optional("Location_Reference", "Location_ID", told.get("location"))
        + _optional("Position_Time_Type_Reference", "Position_Time_Type_ID", told.get("timeType"))
    )
    event = _optional("Hire_Reason_Reference", "General_Event_Subcategory_ID", told.get("reason"))
    event += _optional("Employee_Type_Reference", "Employee_Type_ID", told.get("employeeType"))
    return (
        wrapped("Applicant_Reference", reference_id(applicant))
        + _reference("Organization_Reference", "Organization_Reference_ID", told.get("organization", ""))
        + leaf("Hire_Date", str(day))
        + wrapped("Hire_Employee_Event_Data", event + wrapped("Position_Details", position))
    )


def _optional(name: str, kind: str, value: JSON) -> str:
    return "" if value is None else _reference(name, kind, value)


def _reference(name: str, kind: str, value: JSON) -> str:
    """Write a reference by an id; one that is no WID and tells no type has the usual one."""
    id = str(value)
    return wrapped(name, reference_id(id if "=" in id or is_wid(id) else f"{kind}={id}"))


WRITES: Mapping[str, Write] = {
    one.name: one
    for one in (
        Write(
            "Enter_Time_Off",
            "Enter time off for a worker on given days",
            "",
            {"worker": _TEXT, "days": {"type": "array", "minItems": 1, "maxItems": 366, "items": _TIME_OFF_DAY}},
            ("worker", "days"),
            _time_off,
        ),
        Write(
            "Hire_Employee",
            "Hire a pre-hire into a supervisory organization as of a day",
            "Applicant",
            {"organization": _ID, "hireDate": _DAY, "employeeType": _ID, "jobProfile": _ID,
             "businessTitle": _TEXT, "location": _ID, "timeType": _ID, "reason": _ID},
            ("organization", "hireDate", "employeeType", "jobProfile"),
            _hire,
        ),
    )
}  # fmt: skip
"""The operations that write and of which a template is known."""


def writes_of(object: str, allowed: Iterable[str]) -> list[Write]:
    """Return the actions of an object among the operations that are allowed."""
    return [WRITES[one] for one in allowed if one in WRITES and WRITES[one].object == object]
