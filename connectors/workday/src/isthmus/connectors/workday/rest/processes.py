"""Which business processes can be begun and answered, and what goes into each request?

A write begins an event, which may wait for people: what comes back is the event and its state, never that it is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.workday.answers import Entity, text_at
from isthmus.core.connector import Action, Invoked
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["PROCESSES", "STATES", "TRANSITIONS", "Process", "begun", "step_body"]

SUBMIT = "d9e4223e446c11de98360015c5e6daf6"
"""The WID of the action by which a request for time off is submitted; it is the same in every tenant."""
IN_PROGRESS = "In Progress"
ANSWERED = frozenset({"internal"})
"""The classes of an event's id and state."""

Body = dict[str, JSON]
_DAY: Mapping[str, JSON] = {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_ID: Mapping[str, JSON] = {
    "type": "string",
    "description": "a WID, or a reference id such as Time_Off_Type_ID=VACATION",
    "maxLength": 200,
}
_COMMENT: Mapping[str, JSON] = {"type": "string", "maxLength": 2000}
_AMOUNT: Mapping[str, JSON] = {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"}


@dataclass(frozen=True, slots=True)
class Process:
    """One process that a POST below a worker begins."""

    name: str
    services: frozenset[str]
    description: str
    parameters: Mapping[str, Mapping[str, JSON]]
    required: tuple[str, ...]
    body: Callable[[Mapping[str, JSON]], Body]

    def action(self) -> Action:
        """Describe it in the words of core."""
        return Action(
            self.name,
            self.description,
            frozenset({Effect.EXECUTE}),
            self.parameters,
            self.required,
            on_record=True,
            classes=ANSWERED,
        )


def _ref(value: JSON) -> JSON:
    return {"id": value}


def _title(told: Mapping[str, JSON]) -> Body:
    return {"proposedBusinessTitle": told["proposedBusinessTitle"]}


def _job(told: Mapping[str, JSON]) -> Body:
    body: Body = {"effective": told["effective"]}
    for name in ("jobChangeReason", "supervisoryOrganization"):
        if name in told:
            body[name] = _ref(told[name])
    return body | {name: told[name] for name in ("moveManagersTeam",) if name in told}


def _time_off(told: Mapping[str, JSON]) -> Body:
    process: Body = {"action": _ref(SUBMIT)}
    if "comment" in told:
        process["comment"] = told["comment"]
    days = told["days"]
    return {
        "businessProcessParameters": process,
        "days": [_day(one) for one in (days if isinstance(days, Sequence) else ()) if isinstance(one, Mapping)],
    }


def _day(told: Mapping[str, JSON]) -> Body:
    plain: Body = {name: told[name] for name in ("date", "start", "end", "dailyQuantity", "comment") if name in told}
    return plain | {name: _ref(told[name]) for name in ("timeOffType", "position", "reason") if name in told}


def _payment(told: Mapping[str, JSON]) -> Body:
    body: Body = {name: told[name] for name in ("effectiveDate", "employeeVisibilityDate") if name in told}
    body |= {name: _ref(told[name]) for name in ("reason", "position")}
    paid: Body = {
        "oneTimePaymentPlan": _ref(told["plan"]),
        # An amount is a text: what is a float by then has lost its cents.
        "paymentAmount": {"value": told["amount"], "currency": told["currency"]},
        "paymentCurrency": _ref(told.get("paymentCurrency", f"Currency_ID={told['currency']}")),
    }
    if "comment" in told:
        paid["comment"] = told["comment"]
    return body | {"oneTimePayments": [paid]}


PROCESSES: Mapping[str, Process] = {
    one.name: one
    for one in (
        Process(
            "businessTitleChanges",
            frozenset({"v1"}),
            "Begin a change of the worker's business title; it takes effect once the process completes.",
            {"proposedBusinessTitle": {"type": "string", "minLength": 1, "maxLength": 500}},
            ("proposedBusinessTitle",),
            _title,
        ),
        Process(
            "jobChanges",
            frozenset({"v1"}),
            "Begin a change of the worker's job as of a day; further parts and the submission are made in Workday.",
            {"effective": _DAY, "jobChangeReason": _ID, "supervisoryOrganization": _ID,
             "moveManagersTeam": {"type": "boolean"}},
            ("effective", "jobChangeReason"),
            _job,
        ),
        Process(
            "requestTimeOff",
            frozenset({"absenceManagement/v1"}),
            "Ask for time off on given days; read eligibleAbsenceTypes, validTimeOffDates and balances before.",
            {
                "days": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 366,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["date", "timeOffType"],
                        "properties": {
                            "date": _DAY,
                            "timeOffType": _ID,
                            "dailyQuantity": {"type": ["string", "number"]},
                            "start": {"type": "string", "maxLength": 40},
                            "end": {"type": "string", "maxLength": 40},
                            "position": _ID,
                            "reason": _ID,
                            "comment": _COMMENT,
                        },
                    },
                },
                "comment": _COMMENT,
            },
            ("days",),
            _time_off,
        ),
        Process(
            "requestOneTimePayment",
            frozenset({"compensation/v2"}),
            "Ask for a one-time payment to the worker as of a day.",
            {"effectiveDate": _DAY, "employeeVisibilityDate": _DAY, "reason": _ID, "position": _ID, "plan": _ID,
             "amount": _AMOUNT, "currency": {"type": "string", "pattern": "^[A-Z]{3}$"}, "paymentCurrency": _ID,
             "comment": _COMMENT},
            ("effectiveDate", "reason", "position", "plan", "amount", "currency"),
            _payment,
        ),
    )
}  # fmt: skip

TRANSITIONS: Mapping[str, str] = {"approve": "approved", "deny": "denied", "sendBack": "sentBack"}
"""What can be done with a step that waits, and the state that it leads to."""
STATES: Mapping[str, str] = {state: action for action, state in TRANSITIONS.items()}


def step_body(id: str, state: str, values: Mapping[str, JSON]) -> Body:
    """Write the answer to a step; raises InvalidArguments where something that it needs is missing."""
    takes = {"approved": ("comment",), "denied": ("comment", "stepAction"), "sentBack": ("comment", "to")}
    if state not in takes:
        raise InvalidArguments(f"a step becomes {', '.join(takes)} and nothing else", field="state")
    unknown = sorted(values.keys() - set(takes[state]))
    if unknown:
        raise InvalidArguments(f"a step that becomes {state} takes no {unknown[0][:80]!a}", field=unknown[0][:80])
    comment = values.get("comment") or ""
    if not isinstance(comment, str) or (not comment and state != "approved"):
        raise InvalidArguments(f"a step that becomes {state} needs a comment that says why", field="comment")
    if state == "approved":
        return {"id": id, "comment": comment}
    if state == "denied":
        given = values.get("stepAction")
        return {"id": id, "comment": comment, **({"stepAction": _ref(given)} if given else {})}
    if not values.get("to"):
        raise InvalidArguments("a step is sent back to a step of its process; name it in `to`", field="to")
    return {"id": id, "reason": comment, "to": _ref(values["to"])}


def begun(entity: Entity) -> Invoked:
    """Read which event a write began and how it stands; an answer that tells no state means that it is under way."""
    process = entity.get("businessProcessParameters")
    event = text_at(entity, "id") or text_at(process, "overallBusinessProcess", "id") or text_at(process, "for", "id")
    status = text_at(process, "overallStatus", "descriptor") or text_at(process, "overallStatus")
    status = status or text_at(entity, "status", "descriptor") or text_at(entity, "overallStatus", "descriptor")
    # Event and state are nobody's data; descriptor and warnings would name people, and are read with the event.
    values: Body = {"event": event, "status": status or IN_PROGRESS}
    return Invoked({name: value for name, value in values.items() if value}, (event,) if event else ())
