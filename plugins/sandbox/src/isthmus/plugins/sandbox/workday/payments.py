"""How is a worker paid something once, and what was paid?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .call import as_day, inner, inner_id
from .changes import begin
from .errors import Problem, rejected
from .refs import Thing
from .routes import Route, route
from .users import data_file
from .workers import linked, worker_in

if TYPE_CHECKING:
    from .call import Call

PAY: Final = "compensation/v2"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment that was asked for; `event` is the WID of the request."""

    worker: str
    plan: str
    amount: Decimal
    currency: str
    effective: date
    event: str


def _listed(call: "Call", name: str, kind: str) -> list[Thing]:
    rows = cast("Sequence[tuple[str, str]]", data_file("pay.toml")[name])
    return [call.tenant.things.of(kind, key, text) for key, text in rows]


def _named(call: "Call", body: Mapping[str, Json], name: str, kind: str) -> Thing:
    thing = call.tenant.things.find(inner_id(body, name), kind)
    if thing is None:
        raise rejected(Problem(f"{name} is required.", field=name))
    return thing


def _pay(call: "Call", given: tuple[str, ...]) -> Reply:
    number, body = worker_in(call, given[0]), call.json
    call.starts("one_time_payment", number)
    effective = as_day(str(body["effectiveDate"]), "effectiveDate") if body.get("effectiveDate") else call.view.today
    reason = _named(call, body, "reason", "One_Time_Payment_Reason_ID")
    position = _named(call, body, "position", "Position_ID")
    facts = call.view.facts(number, effective)
    if not facts.get("active"):
        raise rejected(Problem("Compensation Change cannot take place before Employee Hire Date."))
    if position.key != facts["position"]:
        raise rejected(Problem("The job is not valid for the employee.", field="position"))
    asked = [_one(call, each, number, effective) for each in _rows(body)]
    if call.tenant.desk.pending("one_time_payment", number):
        raise rejected(Problem("The business process has already been initiated.", "A178"))
    event = begin(call, "one_time_payment", number, effective, {})
    for each in asked:
        call.tenant.payments.append(
            Payment(each.worker, each.plan, each.amount, each.currency, effective, event.thing.wid)
        )
    sent: dict[str, Json] = {name: body[name] for name in ("employeeVisibilityDate", "oneTimePayments") if name in body}
    shown: dict[str, Json] = {"reason": reason.ref, "position": position.ref, "effectiveDate": effective.isoformat()}
    return Reply(201, {**event.thing.ref, **shown, **sent})


def _rows(body: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    rows = body.get("oneTimePayments")
    found = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    if not found:
        raise rejected(Problem("At least 1 One-Time Payment is required.", field="oneTimePayments"))
    return found


def _one(call: "Call", told: Mapping[str, Json], number: str, effective: date) -> Payment:
    plan = _named(call, told, "oneTimePaymentPlan", "One_Time_Payment_Plan_ID")
    currency = _named(call, told, "paymentCurrency", "Currency_ID")
    value = inner(told, "paymentAmount").get("value")
    if value is None:
        text = "Either an amount or a percent for the One-Time Payment is required."
        raise rejected(Problem(text, field="paymentAmount"))
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise rejected(Problem("Enter a valid amount.", field="paymentAmount")) from None
    if not amount.is_finite() or amount <= 0:
        raise rejected(Problem("Enter a valid amount.", field="paymentAmount"))
    return Payment(number, plan.key, amount, currency.key, effective, "")


def _plans(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([each.ref for each in _listed(call, "plans", "One_Time_Payment_Plan_ID")])


def _reasons(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([each.ref for each in _listed(call, "reasons", "One_Time_Payment_Reason_ID")])


def _slips(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    if not call.view.may("compensation", number):
        return call.page([])
    rows: list[Json] = []
    for month in range(1, 4):
        year, index = divmod(call.view.today.year * 12 + call.view.today.month - 1 - month, 12)
        day = date(year, index + 1, 28)
        pay = call.view.facts(number, day).get("pay")
        if isinstance(pay, Decimal):
            thing = call.tenant.things.of("Pay_Slip_ID", f"{number}/{day:%Y-%m}", f"Payslip {day:%Y-%m}")
            gross = float(round(pay / 12, 2))
            shown: dict[str, Json] = {"date": day.isoformat(), "gross": gross, "net": round(gross * 0.65, 2)}
            status = call.tenant.things.of("Pay_Slip_Status_ID", "Complete").ref
            rows.append({**linked(call, thing, "paySlips"), **shown, "status": status})
    return call.page(rows)


ROUTES: Final[tuple[Route, ...]] = (
    route("POST", PAY, "workers/{}/requestOneTimePayment", _pay),
    route("GET", PAY, "values/oneTimePayment/plan", _plans),
    route("GET", PAY, "values/oneTimePayment/reason", _reasons),
    route("GET", "v1", "workers/{}/paySlips", _slips),
)
