"""How does Enter_Time_Off answer: days for a worker, with approvals or past them?"""

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.workday.absence import enter
from isthmus.plugins.sandbox.workday.absence_rules import Wish, problems, read_wish
from isthmus.plugins.sandbox.workday.errors import Fault, Problem
from isthmus.plugins.sandbox.workday.refs import WORKER

from .xml import SPACE, VALIDATION, child, children, is_true, ref, referred, text_of

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call


def enter_time_off(call: "Call", asked: Element, version: str) -> str:
    """Answer Enter_Time_Off; raises Fault. `Auto_Complete` skips all approvals."""
    data = child(asked, "Enter_Time_Off_Data")
    number = referred(call.tenant.things, child(data, "Worker_Reference"), WORKER).key
    if not call.view.sees(number):
        text = "Invalid ID value."
        raise Fault(VALIDATION, f"Validation error occurred. {text}", (text, ""))
    if number != call.view.own and not call.user.starts & {"*", "request_time_off"}:
        text = "The task submitted is not authorized."
        raise Fault("SOAP-ENV:Client.processingNotAuthorized", text)
    rows = children(data, "Enter_Time_Off_Entry_Data")
    read = [_wish(call, each, place) for place, each in enumerate(rows)]
    wishes = [each for each in read if isinstance(each, Wish)]
    wrong = [each for each in read if isinstance(each, Problem)] or list(problems(call.tenant, number, wishes))
    if wrong or not wishes:
        text = (
            f"{wrong[0].text} ({call.tenant.world.people[number].name})" if wrong else "At least one entry is required."
        )
        path = "/bsvc:Enter_Time_Off_Request/bsvc:Enter_Time_Off_Data/bsvc:Enter_Time_Off_Entry_Data"
        raise Fault(VALIDATION, f"Validation error occurred. {text}", (text, path))
    parameters = child(asked, "Business_Process_Parameters")
    comment = text_of(parameters, "Comment_Data", "Comment")
    automatic = is_true(parameters, "Auto_Complete")
    event = enter(call, "enter_time_off", number, wishes, comment, automatic=automatic)
    entries = "".join(
        ref("Time_Off_Entry_Reference", each.thing) for each in call.tenant.time_off if each.event == event.thing.wid
    )
    inside = ref("Time_Off_Event_Reference", event.thing) + entries
    return (
        f'<wd:Enter_Time_Off_Response xmlns:wd="{SPACE}" wd:version="{version}">{inside}</wd:Enter_Time_Off_Response>'
    )


def _wish(call: "Call", entry: Element, place: int) -> Wish | Problem:
    kind = child(entry, "Time_Off_Type_Reference")
    told: dict[str, Json] = {
        "date": text_of(entry, "Date"),
        "dailyQuantity": text_of(entry, "Requested") or None,
        "comment": text_of(entry, "Comment"),
        "timeOffType": {"id": referred(call.tenant.things, kind, "Time_Off_Type_ID").wid if kind is not None else ""},
        "reason": {"id": _reason(call, entry)},
    }
    return read_wish(call.tenant, told, f"entry {place + 1}")


def _reason(call: "Call", entry: Element) -> str:
    reason = child(entry, "Time_Off_Reason_Reference")
    return "" if reason is None else referred(call.tenant.things, reason, "Time_Off_Reason_ID").wid
