"""How do events and their steps look in the business process service, and in inboxes?"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import inner_id, told
from .errors import not_found
from .processes import AWAITING, DUE, IN_PROGRESS, Comment, Event, Step, processes
from .refs import WORKER, Thing
from .routes import Route, route
from .workers import linked, worker_in

if TYPE_CHECKING:
    from .call import Call

BP: Final = "businessProcess/v1"


def person(call: "Call", login: str) -> dict[str, Json]:
    """Return whoever has this login: a worker, or an account without one."""
    number = call.tenant.world.number_of(login)
    thing = call.view.thing(number) if number else call.tenant.things.of("System_User_ID", f"ISU_{login}")
    return thing.ref


def status(call: "Call", text: str) -> dict[str, Json]:
    """Return a status as an instance."""
    return call.tenant.things.of("Status_ID", text.replace(" ", "_"), text).ref


def kind(call: "Call", key: str) -> Thing:
    """Return a kind of business process as an instance."""
    return call.tenant.things.of("Business_Process_Type_ID", key, processes()[key].name)


def event_row(call: "Call", event: Event) -> dict[str, Json]:
    """Return an event."""
    return told(
        **event.thing.ref,
        status=status(call, event.status),
        effectiveDate=event.effective.isoformat(),
        creationDate=_stamp(event.created),
        completedDate=None if event.completed is None else _stamp(event.completed),
        dueDate=(event.created + DUE).date().isoformat(),
        **{"for": call.view.thing(event.worker).ref},
        initiator=person(call, event.initiator),
        overallBusinessProcess=event.outer.thing.ref,
        subBusinessProcesses=[each.thing.ref for each in event.subs],
    )


def _stamp(moment: date) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _said(call: "Call", comments: Sequence[Comment]) -> list[Json]:
    return [
        {"person": person(call, each.login), "comment": each.text, "commentDate": _stamp(each.at)} for each in comments
    ]


def _step(call: "Call", step: Step) -> dict[str, Json]:
    waits = step.status == AWAITING
    return told(
        **step.thing.ref,
        status=status(call, step.status),
        creationDate=_stamp(step.created),
        dueDate=(step.created + DUE).date().isoformat(),
        completedDate=None if step.completed is None else _stamp(step.completed),
        completedByPerson=person(call, step.by) if step.by else None,
        awaitingPersons=[person(call, step.awaiting)] if waits else None,
        comments=_said(call, step.comments),
    )


def _full(call: "Call", step: Step) -> dict[str, Json]:
    kinds = call.tenant.things.of("Step_Type_ID", step.plan.kind.replace(" ", "_"), step.plan.kind)
    name = call.tenant.things.of(
        "Business_Process_Step_ID", f"{step.event.process.key}/{step.plan.name}", step.plan.name
    )
    return {
        **_step(call, step),
        "event": step.event.thing.ref,
        "overallProcess": step.event.outer.thing.ref,
        "businessProcess": kind(call, step.event.process.key).ref,
        "businessProcessStep": name.ref,
        "stepType": kinds.ref,
    }


def _sees(call: "Call", event: Event) -> bool:
    mine = {call.user.login}
    part = mine & {event.outer.initiator, *(each.awaiting for each in event.steps), *(each.by for each in event.steps)}
    return bool(part) or (call.view.sees(event.worker) and call.view.may("history", event.worker))


def find_event(call: "Call", mark: str) -> Event:
    """Return the event that an id names; raises Refused."""
    thing = call.tenant.things.find(mark, "Event_ID")
    found = next((each for each in call.tenant.desk.events if each.thing is thing and _sees(call, each)), None)
    if found is None:
        raise not_found()
    return found


def _find_step(call: "Call", mark: str) -> Step:
    thing = call.tenant.things.find(mark, "Event_Step_ID")
    found = next((each for each in call.tenant.desk.steps() if each.thing is thing and _sees(call, each.event)), None)
    if found is None:
        raise not_found()
    return found


def _within(call: "Call", name: str, moment: date | None) -> bool:
    """Say whether a moment lies within `<name>OnOrAfter` and `<name>OnOrBefore`."""
    after, before = call.day(f"{name}OnOrAfter"), call.day(f"{name}OnOrBefore")
    if moment is None:
        return after is None and before is None
    day = date(moment.year, moment.month, moment.day)
    return (after is None or after <= day) and (before is None or day <= before)


def _is(call: "Call", name: str, kind: str, thing: str) -> bool:
    """Say whether a filter, where it is set, names the instance with this WID."""
    mark = call.query.get(name)
    found = call.tenant.things.find(mark, kind) if mark else None
    return not mark or (found is not None and found.wid == thing)


def _events(call: "Call", _: tuple[str, ...]) -> Reply:
    """List the events of one worker; without a worker, or with several, the vendor lists none and says nothing."""
    if call.request.query_string.count("worker=") != 1:
        return call.page([])
    rows = [
        event_row(call, each)
        for each in reversed(call.tenant.desk.events)
        if _sees(call, each)
        and _is(call, "worker", WORKER, call.view.thing(each.worker).wid)
        and _is(call, "businessProcess", "Business_Process_Type_ID", kind(call, each.process.key).wid)
        and _is(call, "status", "Status_ID", str(status(call, each.status)["id"]))
        and _is(call, "initiator", WORKER, str(person(call, each.initiator)["id"]))
        and _within(call, "initiated", each.created)
        and _within(call, "completed", each.completed)
    ]
    return call.page(rows)


def _event(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, event_row(call, find_event(call, given[0])))


def _event_steps_of(call: "Call", given: tuple[str, ...]) -> Reply:
    event, wanted = find_event(call, given[0]), given[1]
    if wanted == "comments":
        return call.page(_said(call, event.comments))
    if wanted == "attachments":
        return call.page([])
    if wanted == "remainingSteps":
        plans = event.plans if event.status == IN_PROGRESS else []
        last = len(plans) - 1
        rows: list[Json] = [
            {"step": each.name or processes()[each.sub].name, "completionStep": place == last}
            for place, each in enumerate(plans)
        ]
        return call.page(rows)
    if wanted not in ("completedSteps", "inProgressSteps"):
        raise not_found()
    open_ = wanted == "inProgressSteps"
    return call.page([_step(call, each) for each in event.steps if (each.status == AWAITING) is open_])


def _steps(call: "Call", _: tuple[str, ...]) -> Reply:
    rows = [
        _full(call, each)
        for each in call.tenant.desk.steps()
        if _sees(call, each.event)
        and _within(call, "created", each.created)
        and _within(call, "dueDate", each.created + DUE)
        and _is(call, "businessProcess", "Business_Process_Type_ID", kind(call, each.event.process.key).wid)
    ]
    return call.page(rows)


def _one_step(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, _full(call, _find_step(call, given[0])))


def _acted(call: "Call", step: Step, **more: Json) -> Reply:
    call.did("updated", "EventStep", step.thing.wid)
    return Reply(201, told(**step.thing.ref, **more))


def _approve(call: "Call", given: tuple[str, ...]) -> Reply:
    step, comment = _find_step(call, given[0]), str(call.json.get("comment") or "")
    with call.tenant.completing(call):
        call.tenant.desk.approve(step, call.user.login, comment)
    return _acted(call, step, comment=comment, eventStatus=status(call, step.event.outer.status))


def _deny(call: "Call", given: tuple[str, ...]) -> Reply:
    step, comment = _find_step(call, given[0]), str(call.json.get("comment") or "")
    action = call.tenant.things.find(inner_id(call.json, "stepAction"), "Step_Action_ID")
    call.tenant.desk.deny(step, call.user.login, comment, action.key.replace("_", " ") if action else "")
    return _acted(call, step, comment=comment, eventStatus=status(call, step.event.outer.status))


def _send_back(call: "Call", given: tuple[str, ...]) -> Reply:
    step, reason = _find_step(call, given[0]), str(call.json.get("reason") or "")
    target = call.tenant.things.find(inner_id(call.json, "to"), "Event_Step_ID")
    call.tenant.desk.send_back(step, call.user.login, reason, target)
    return _acted(call, step, reason=reason, to=target.ref if target else None, status=status(call, step.status))


def _targets(call: "Call", _: tuple[str, ...]) -> Reply:
    targets = call.tenant.desk.targets(_find_step(call, call.query.get("eventStep", "")))
    return call.page([each.ref for each in targets])


def _actions(call: "Call", _: tuple[str, ...]) -> Reply:
    """List the ways to deny a step, which a denial must name where there are several."""
    plans = _find_step(call, call.query.get("eventStep", "")).plan.denies
    return call.page([call.tenant.things.of("Step_Action_ID", each.replace(" ", "_"), each).ref for each in plans])


def _types(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([kind(call, each).ref for each in processes()])


def _type(call: "Call", given: tuple[str, ...]) -> Reply:
    thing = call.tenant.things.find(given[0], "Business_Process_Type_ID")
    if thing is None:
        raise not_found()
    return Reply(200, thing.ref)


def _inbox(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    login = call.tenant.world.people[number].login
    if number != call.view.own and "*" not in call.user.domains:
        return call.page([])
    waiting = (
        each for each in call.tenant.desk.steps() if each.status == AWAITING and login and each.awaiting == login
    )
    return call.page([_task(call, each, number) for each in waiting])


def _task(call: "Call", step: Step, number: str) -> dict[str, Json]:
    base, event = f"workers/{call.view.thing(number).wid}/inboxTasks", step.event
    kinds = call.tenant.things.of("Step_Type_ID", step.plan.kind.replace(" ", "_"), step.plan.kind)
    return {
        **linked(call, step.thing, base),
        "assigned": step.created.date().isoformat(),
        "due": (step.created + DUE).date().isoformat(),
        "status": status(call, step.status),
        "stepType": kinds.ref,
        "initiator": person(call, event.initiator),
        "overallProcess": event.outer.thing.ref,
        "subject": call.view.thing(event.worker).ref,
    }


def _history(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    events = [each for each in call.tenant.desk.events if each.worker == number and _sees(call, each)]
    rows: list[Json] = [
        {
            **linked(call, each.thing, f"workers/{call.view.thing(number).wid}/history"),
            "subject": call.view.thing(number).ref,
            "initiator": person(call, each.initiator),
            "effective": each.effective.isoformat(),
            "due": (each.created + DUE).date().isoformat(),
            "initiated": each.created.date().isoformat(),
        }
        for each in events
    ]
    return call.page(rows)


ROUTES: Final[tuple[Route, ...]] = (
    route("GET", BP, "events", _events),
    route("GET", BP, "events/{}", _event),
    route("GET", BP, "events/{}/{}", _event_steps_of),
    route("GET", BP, "eventSteps", _steps),
    route("GET", BP, "eventSteps/{}", _one_step),
    route("POST", BP, "eventSteps/{}/approve", _approve),
    route("POST", BP, "eventSteps/{}/deny", _deny),
    route("POST", BP, "eventSteps/{}/sendBack", _send_back),
    route("GET", BP, "values/sendBack/to", _targets),
    route("GET", BP, "values/deny/stepAction", _actions),
    route("GET", BP, "types", _types),
    route("GET", BP, "types/{}", _type),
    route("GET", "v1", "workers/{}/inboxTasks", _inbox),
    route("GET", "v1", "workers/{}/history", _history),
)
