"""May these days be taken off, and what is said about them?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, cast

from isthmus.plugins.sandbox.message import Json

from .call import inner_id
from .errors import Problem
from .refs import Thing
from .users import data_file

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

PENDING, APPROVED = "Submitted", "Approved"
COUNTS = frozenset({PENDING, APPROVED})
"""Of which status days count against the balance."""


@dataclass(frozen=True, slots=True)
class AbsenceType:
    """One kind of time off; `plan` is empty where nothing is counted."""

    key: str
    name: str
    plan: str
    reasons: tuple[str, ...]
    reason_required: bool


@dataclass(slots=True)
class TimeOff:
    """One day off, asked for or approved; `event` is the WID of the request."""

    thing: Thing
    worker: str
    day: date
    type: str
    quantity: Decimal
    status: str
    event: str
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """One day as a request asks for it."""

    day: date
    type: AbsenceType
    quantity: Decimal
    reason: str
    comment: str


@cache
def absence_types() -> Mapping[str, AbsenceType]:
    """Return the kinds of time off by key."""
    rows = cast("Sequence[tuple[str, str, str, list[str], bool]]", data_file("absence.toml")["types"])
    return {key: AbsenceType(key, name, plan, tuple(why), must) for key, name, plan, why, must in rows}


@cache
def plans() -> Mapping[str, tuple[str, int]]:
    """Return name and days a year of the plans by key."""
    rows = cast("Sequence[tuple[str, str, int]]", data_file("absence.toml")["plans"])
    return {key: (name, days) for key, name, days in rows}


def balance(tenant: "WorkdayTenant", worker: str, plan: str, year: int) -> Decimal:
    """Return how many days of a plan a worker has left in a year."""
    used = (
        each.quantity
        for each in tenant.time_off
        if each.worker == worker
        and each.status in COUNTS
        and each.day.year == year
        and absence_types()[each.type].plan == plan
    )
    return Decimal(plans()[plan][1]) - sum(used, Decimal())


def read_wish(tenant: "WorkdayTenant", told: Mapping[str, Json], path: str) -> Wish | Problem:
    """Read one day of a request, or say what is wrong with it."""
    try:
        day = date.fromisoformat(str(told.get("date") or "")[:10])
    except ValueError:
        return Problem("Date is required and must have a value.", "A1038", "date", path)
    thing = tenant.things.find(inner_id(told, "timeOffType"), "Time_Off_Type_ID")
    if thing is None:
        return Problem("Type is required and must have a value.", "A1009", "timeOffType", path)
    if told.get("dailyQuantity") is None:
        return Problem("Daily Quantity is required and must have a value.", "A1017", "dailyQuantity", path)
    try:
        quantity = Decimal(str(told["dailyQuantity"]))
    except InvalidOperation:
        quantity = Decimal()
    if not quantity.is_finite() or quantity <= 0:
        text = "Enter an hourly or daily quantity that is greater than zero."
        return Problem(text, "A1016", "dailyQuantity", path)
    start, end = str(told.get("start") or ""), str(told.get("end") or "")
    if start and end and start >= end:
        return Problem("Enter an End Time that is after the Start Time.", "A1029", "end", path)
    reason = tenant.things.find(inner_id(told, "reason"), "Time_Off_Reason_ID")
    kind = absence_types()[thing.key]
    if inner_id(told, "reason") and (reason is None or reason.key not in kind.reasons):
        return Problem(f"The reason isn't valid for {kind.name}.", "A1021", "reason", path)
    if kind.reason_required and reason is None:
        return Problem(f"A reason is required for {kind.name}.", "A1036", "reason", path)
    return Wish(day, kind, quantity, reason.key if reason else "", str(told.get("comment") or ""))


def problems(tenant: "WorkdayTenant", worker: str, wishes: Sequence[Wish]) -> Iterator[Problem]:
    """Yield what stands against days that were read well."""
    seen: set[tuple[date, str]] = set()
    taken = {each.day: each for each in tenant.time_off if each.worker == worker and each.status in COUNTS}
    if wishes and all(each.day in taken and taken[each.day].status == PENDING for each in wishes):
        yield Problem("The business process has already been initiated.", "A178")
        return
    for place, each in enumerate(wishes):
        path = f"days[{place}]"
        if (each.day, each.type.key) in seen:
            text = "You can't have multiple entries for the same Time Off Type on the same date."
            yield Problem(text, "A1032", "date", path)
        elif each.day in taken:
            text = "Some of the start and end times you're trying to submit overlap with existing time off."
            yield Problem(text, "A1008", "date", path)
        elif not is_valid(tenant, worker, each.day):
            text = f"Your request includes days that aren't allowed for {each.type.name}."
            yield Problem(text, "A1048", "date", path)
        elif (closed := _blackout().get(f"{each.day:%m-%d}")) is not None:
            yield Problem(closed, "A228", "date", path)
        seen.add((each.day, each.type.key))
    yield from _lengths(wishes)
    yield from _overdrawn(tenant, worker, wishes)


def warnings(wishes: Sequence[Wish]) -> str:
    """Return what a request is warned about; empty where nothing is unusual."""
    if _longest(wishes) > int(str(data_file("absence.toml")["warn_above"])):
        return "A1039 The request has more days in a row than usual."
    return ""


def is_valid(tenant: "WorkdayTenant", worker: str, day: date) -> bool:
    """Say whether a worker has to work on that day, so that it can be taken off."""
    now = tenant.clock.now()
    return day.weekday() < 5 and bool(tenant.world.history.as_of(worker, day, now).get("active"))


def _blackout() -> Mapping[str, str]:
    return cast("Mapping[str, str]", data_file("absence.toml")["blackout"])


def _lengths(wishes: Sequence[Wish]) -> Iterator[Problem]:
    if _longest(wishes) > int(str(data_file("absence.toml")["refuse_above"])):
        yield Problem("The request has more days in a row than allowed.", "A1027")


def _longest(wishes: Sequence[Wish]) -> int:
    """Return how many working days follow each other in a request."""
    days = {each.day for each in wishes}
    longest = run = 0
    day, last = min(days, default=date.min), max(days, default=date.min)
    while day <= last and days:
        if day.weekday() < 5:
            run = run + 1 if day in days else 0
            longest = max(longest, run)
        if day - min(days) > timedelta(days=400):
            break
        day += timedelta(days=1)
    return longest


def _overdrawn(tenant: "WorkdayTenant", worker: str, wishes: Sequence[Wish]) -> Iterator[Problem]:
    asked: dict[tuple[str, int], Decimal] = {}
    for each in wishes:
        if each.type.plan:
            key = (each.type.plan, each.day.year)
            asked[key] = asked.get(key, Decimal()) + each.quantity
    for (plan, year), quantity in asked.items():
        if quantity > balance(tenant, worker, plan, year):
            yield Problem(
                f"You don't have a sufficient balance or aren't eligible to request {plans()[plan][0]}.", "A1011"
            )
