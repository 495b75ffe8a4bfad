"""How does one ask for time off, and look at what is left, over REST?"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .absence_rules import (
    APPROVED,
    PENDING,
    AbsenceType,
    TimeOff,
    Wish,
    absence_types,
    balance,
    is_valid,
    plans,
    problems,
    read_wish,
    warnings,
)
from .call import inner, inner_id, told
from .errors import Problem, rejected
from .processes import Event
from .refs import WORKER, Thing
from .routes import Route, route
from .workers import linked, worker_in

if TYPE_CHECKING:
    from .call import Call

ABSENCE: Final = "absenceManagement/v1"
_SUBMIT: Final = ("Action", "Submit")


def type_thing(call: "Call", kind: AbsenceType) -> Thing:
    """Return a kind of time off as an instance."""
    return call.tenant.things.of("Time_Off_Type_ID", kind.key, kind.name)


def _unit(call: "Call") -> dict[str, Json]:
    return call.tenant.things.of("Unit_of_Time_ID", "Days").ref


def _number(value: Decimal) -> Json:
    return int(value) if value == value.to_integral_value() else float(value)


def enter(call: "Call", process: str, worker: str, wishes: Sequence[Wish], comment: str, *, automatic: bool) -> Event:
    """Note the days and start the event that they wait for."""
    tenant, rows = call.tenant, list[TimeOff]()

    def decide(status: str) -> None:
        for row in rows:
            row.status = status

    with tenant.completing(call):
        event = tenant.desk.start(
            process,
            worker,
            call.user.login,
            min(each.day for each in wishes),
            apply=lambda: decide(APPROVED),
            drop=lambda: decide("Denied"),
            comment=comment,
            automatic=automatic,
        )
    done = event.completed is not None
    for each in wishes:
        key = f"TIME_OFF_ENTRY-{len(tenant.time_off) + 1}"
        thing = tenant.things.of("Time_Off_Entry_ID", key, f"{each.type.name} {each.day}")
        status = APPROVED if done else PENDING
        row = TimeOff(
            thing, worker, each.day, each.type.key, each.quantity, status, event.thing.wid, each.reason, each.comment
        )
        rows.append(row)
        tenant.time_off.append(row)
    call.did("created", "Event", event.thing.wid)
    return event


def _request(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    call.starts("request_time_off", number)
    parameters = inner(call.json, "businessProcessParameters")
    submit = call.tenant.things.of(*_SUBMIT)
    action = call.tenant.things.find(inner_id(parameters, "action"), "Action")
    if action is None or action.wid != submit.wid:
        path = "businessProcessParameters"
        raise rejected(Problem("The business process action isn't valid.", "A219", "action", path))
    wishes = _wishes(call)
    found = list(problems(call.tenant, number, wishes))
    if found:
        raise rejected(*found)
    comment = str(parameters.get("comment") or "")
    event = enter(call, "request_time_off", number, wishes, comment, automatic=False)
    shown = told(
        action=submit.ref,
        comment=comment or None,
        overallStatus=event.status,
        overallBusinessProcess=event.outer.thing.ref,
        warningValidations=warnings(wishes) or None,
        **{"for": call.view.thing(number).ref},
    )
    days: list[Json] = [_day(call, each) for each in call.tenant.time_off if each.event == event.thing.wid]
    return Reply(201, {"businessProcessParameters": shown, "days": days})


def _wishes(call: "Call") -> list[Wish]:
    """Read the days of a request; raises Refused."""
    days = call.json.get("days")
    rows = days if isinstance(days, list) else []
    if not rows:
        raise rejected(Problem("The request can't have a Total Hourly or Daily Quantity of 0.", "A1020", "days"))
    read = [
        read_wish(call.tenant, cast("Mapping[str, Json]", each) if isinstance(each, dict) else {}, f"days[{place}]")
        for place, each in enumerate(rows)
    ]
    wrong = [each for each in read if isinstance(each, Problem)]
    if wrong:
        raise rejected(*wrong)
    return [each for each in read if isinstance(each, Wish)]


def _day(call: "Call", row: TimeOff) -> dict[str, Json]:
    kind = absence_types()[row.type]
    return told(
        **row.thing.ref,
        date=row.day.isoformat(),
        dailyQuantity=_number(row.quantity),
        timeOffType=type_thing(call, kind).ref,
        reason=_reason(call, row.reason) if row.reason else None,
        comment=row.comment or None,
    )


def _reason(call: "Call", key: str) -> dict[str, Json]:
    return call.tenant.things.of("Time_Off_Reason_ID", key).ref


def _visible(call: "Call", mark: str) -> str:
    """Return the worker's number; empty where the user may not see time off."""
    number = worker_in(call, mark)
    return number if call.view.may("time_off", number) else ""


def _eligible(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    day = call.day("effective") or call.view.today
    if not call.view.facts(number, day).get("active"):
        return call.page([])
    rows: list[Json] = [
        told(
            **type_thing(call, kind).ref,
            unitOfTime=_unit(call),
            category=call.tenant.things.of("Absence_Category", "Time_Off").ref,
            positionBased=False,
            dailyDefaultQuantity=1,
            reasonRequired=kind.reason_required,
            absenceReasons=[_reason(call, each) for each in kind.reasons],
            displayStartAndEndTime=False,
            startAndEndTimeRequired=False,
            calculateQuantityBasedOnStartAndEndTime=False,
        )
        for kind in absence_types().values()
    ]
    return call.page(rows)


def _valid_dates(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    asked = [date.fromisoformat(each) for each in call.every("date")]
    rows: list[Json] = [
        {"date": each.isoformat(), "unit": _unit(call), "dailyDefaultQuantity": 1}
        for each in asked
        if is_valid(call.tenant, number, each)
    ]
    return call.page(rows)


def _balances(call: "Call", _: tuple[str, ...]) -> Reply:
    thing = call.tenant.things.find(call.query.get("worker", ""), WORKER)
    numbers = [thing.key] if thing is not None and call.query.get("worker") else call.view.workers()
    day = call.day("effective") or call.view.today
    rows: list[Json] = [
        {
            **call.tenant.things.of("Balance_ID", f"{number}/{plan}", f"{name} balance").ref,
            "worker": call.view.thing(number).ref,
            "absencePlan": call.tenant.things.of("Absence_Plan_ID", plan, name).ref,
            "category": call.tenant.things.of("Absence_Category", "Time_Off").ref,
            "quantity": _number(balance(call.tenant, number, plan, day.year)),
            "unit": _unit(call),
            "effectiveDate": day.isoformat(),
        }
        for number in numbers
        if call.view.sees(number) and call.view.may("time_off", number)
        for plan, (name, _) in plans().items()
    ]
    return call.page(rows)


def _taken(call: "Call", number: str) -> list[TimeOff]:
    first, last = call.day("fromDate"), call.day("toDate")
    return [
        each
        for each in call.tenant.time_off
        if each.worker == number
        and number
        and (first is None or first <= each.day)
        and (last is None or each.day <= last)
    ]


def _details(call: "Call", given: tuple[str, ...]) -> Reply:
    number = _visible(call, given[0])
    rows = [
        told(
            date=each.day.isoformat(),
            timeOffType=type_thing(call, absence_types()[each.type]).ref,
            quantity=_number(each.quantity),
            unit=_unit(call),
            status=call.tenant.things.of("Time_Off_Status_ID", each.status).ref,
            reason=_reason(call, each.reason) if each.reason else None,
            comment=each.comment or None,
            worker=call.view.thing(number).ref,
        )
        for each in _taken(call, number)
    ]
    return call.page(rows)


def _entries(call: "Call", given: tuple[str, ...]) -> Reply:
    number = _visible(call, given[0])
    rows: list[Json] = [
        {
            **linked(call, each.thing, f"workers/{call.view.thing(number).wid}/timeOffEntries"),
            "date": each.day.isoformat(),
            "units": _number(each.quantity),
            "unitOfTime": _unit(call),
            "employee": call.view.thing(number).ref,
            "timeOff": type_thing(call, absence_types()[each.type]).ref,
            "timeOffRequest": {"id": each.event, "descriptor": "Time Off Request"},
        }
        for each in _taken(call, number)
    ]
    return call.page(rows)


def _plans(call: "Call", given: tuple[str, ...]) -> Reply:
    number = _visible(call, given[0])
    rows: list[Json] = [
        {
            **linked(call, call.tenant.things.of("Absence_Plan_ID", key, name), "timeOffPlans"),
            "timeOffBalance": _number(balance(call.tenant, number, key, call.view.today.year)),
            "unitOfTime": _unit(call),
        }
        for key, (name, _) in plans().items()
        if number
    ]
    return call.page(rows)


def _statuses(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([call.tenant.things.of("Time_Off_Status_ID", each).ref for each in (PENDING, APPROVED, "Denied")])


ROUTES: Final[tuple[Route, ...]] = (
    route("POST", ABSENCE, "workers/{}/requestTimeOff", _request),
    route("GET", ABSENCE, "workers/{}/eligibleAbsenceTypes", _eligible),
    route("GET", ABSENCE, "workers/{}/validTimeOffDates", _valid_dates),
    route("GET", ABSENCE, "workers/{}/timeOffDetails", _details),
    route("GET", ABSENCE, "balances", _balances),
    route("GET", ABSENCE, "values/timeOff/status", _statuses),
    route("GET", "v1", "workers/{}/timeOffEntries", _entries),
    route("GET", "v1", "workers/{}/timeOffPlans", _plans),
)
