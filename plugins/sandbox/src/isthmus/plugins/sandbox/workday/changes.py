"""How are a worker's title and job changed? Each change is an event that others must approve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .bp import find_event, person
from .call import as_day, inner_id, told
from .dated import Value
from .errors import Problem, Refused, not_found, rejected
from .processes import DUE, Event
from .refs import ORGANIZATION, Thing
from .routes import Route, route
from .users import data_file
from .workers import linked, worker_in

if TYPE_CHECKING:
    from .call import Call

STAFFING: Final = "staffing/v6"
_LATER: Final = (
    "There are other staffing or business title business processes that affect this business title "
    "that are effective after this date."
)


@dataclass(slots=True)
class Draft:
    """A job change that was created and not yet submitted."""

    thing: Thing
    worker: str
    login: str
    effective: date
    values: dict[str, Value] = field(default_factory=dict)
    submitted: bool = False


def begin(call: "Call", process: str, number: str, effective: date, values: Mapping[str, Value], **more: str) -> Event:
    """Start an event that writes these values down when it ends; the entry moment is that end."""
    lost = call.takes("drop_field")
    kept = {name: value for name, value in values.items() if lost is None or name != lost.text("field", "")}
    tenant = call.tenant

    def apply() -> None:
        if kept:
            tenant.world.history.add(number, effective, tenant.clock.now(), kept)

    with tenant.completing(call):
        event = tenant.desk.start(process, number, call.user.login, effective, apply=apply, **more)  # type: ignore[arg-type]
    call.did("created", "Event", event.thing.wid)
    tenant.changes[event.thing.wid] = dict(values)
    return event


def _changeable(call: "Call", number: str, process: str, names: Sequence[str], effective: date) -> None:
    """Raise Refused where the worker's job cannot be changed now, or not by this user."""
    call.starts(process, number)
    if number == call.view.own:
        raise rejected(Problem("Worker submitted is the processing user."))
    if not call.view.facts(number, effective).get("active"):
        raise rejected(Problem("Worker is terminated and does not have a future hire."))
    if any(call.tenant.world.history.later(number, each, effective) for each in names):
        raise rejected(Problem(_LATER))
    if call.tenant.desk.pending(process, number):
        raise rejected(Problem("The business process has already been initiated.", "A178"))


def _change_title(call: "Call", given: tuple[str, ...]) -> Reply:
    number, title = worker_in(call, given[0]), str(call.json.get("proposedBusinessTitle") or "").strip()
    _changeable(call, number, "title_change", ["title"], call.view.today)
    if not title:
        raise rejected(Problem("Proposed Business Title is required.", field="proposedBusinessTitle"))
    event = begin(call, "title_change", number, call.view.today, {"title": title})
    return Reply(201, {**linked(call, event.thing, "businessTitleChanges"), "proposedBusinessTitle": title})


def _title_row(call: "Call", event: Event) -> dict[str, Json]:
    proposed = call.tenant.changes.get(event.thing.wid, {}).get("title")
    current = call.view.facts(event.worker, None, event.created).get("title")
    return told(
        **linked(call, event.thing, "businessTitleChanges"),
        currentBusinessTitle=str(current),
        proposedBusinessTitle=str(proposed),
        effective=event.effective.isoformat(),
        due=(event.created + DUE).date().isoformat(),
        initiated=event.created.date().isoformat(),
        initiator=person(call, event.initiator),
        subject=call.view.thing(event.worker).ref,
    )


def _titles(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    if not call.view.may("history", number):
        return call.page([])
    events = [each for each in call.tenant.desk.events if (each.process.key, each.worker) == ("title_change", number)]
    return call.page([_title_row(call, each) for each in events])


def _title(call: "Call", given: tuple[str, ...]) -> Reply:
    event = find_event(call, given[0])
    if event.process.key != "title_change":
        raise not_found()
    return Reply(200, _title_row(call, event))


def _reasons() -> Sequence[tuple[str, str, bool]]:
    return cast("Sequence[tuple[str, str, bool]]", data_file("pay.toml")["job_change_reasons"])


def reason_things(call: "Call") -> list[Thing]:
    """Return the reasons for which a job may change."""
    return [call.tenant.things.of("Change_Job_Subcategory_ID", key, name) for key, name, _ in _reasons()]


def _list_reasons(call: "Call", _: tuple[str, ...]) -> Reply:
    rows: list[Json] = [
        {
            **linked(call, thing, "jobChangeReasons"),
            "isForEmployee": True,
            "isForContingentWorker": False,
            "managerReason": manager,
        }
        for thing, (_, _, manager) in zip(reason_things(call), _reasons(), strict=True)
    ]
    return call.page(rows)


def _asked(call: "Call", number: str, day: str, reason: str) -> tuple[date, dict[str, Value]]:
    """Read what a job change asks for; raises Refused."""
    body = call.json
    if not body.get(day):
        raise rejected(Problem("Effective date is required.", field=day))
    effective = as_day(str(body[day]), day)
    _changeable(call, number, "change_job", ["organization", "title", "location"], effective)
    if not inner_id(body, reason):
        raise rejected(Problem("Reason is required.", field=reason))
    named = call.tenant.things.find(inner_id(body, reason), "Change_Job_Subcategory_ID")
    allowed = {key for key, _, manager in _reasons() if manager or "*" in call.user.starts}
    if named is None or named.key not in allowed:
        text = "Reason is not valid for the Job Change Event or the processing user is a Manager and the Reason is not"
        raise rejected(Problem(f"{text} valid for managers.", field=reason))
    values: dict[str, Value] = {}
    if mark := inner_id(body, "supervisoryOrganization"):
        thing = call.tenant.things.find(mark, ORGANIZATION)
        target = call.tenant.world.organizations.get(thing.key) if thing else None
        if target is None or target.kind != "Supervisory":
            raise rejected(Problem("Proposed supervisory organization is not valid.", field="supervisoryOrganization"))
        values["organization"] = target.key
    return effective, values


def _change_job(call: "Call", given: tuple[str, ...]) -> Reply:
    number = worker_in(call, given[0])
    effective, values = _asked(call, number, "effective", "jobChangeReason")
    event = begin(call, "change_job", number, effective, values)
    sent = {name: call.json[name] for name in ("supervisoryOrganization", "jobChangeReason") if name in call.json}
    day = effective.isoformat()
    return Reply(201, {**linked(call, event.thing, "jobChanges"), **sent, "effective": day})


def _create_draft(call: "Call", given: tuple[str, ...]) -> Reply:
    """Begin a job change that nothing comes of until it is submitted."""
    number = worker_in(call, given[0])
    effective, values = _asked(call, number, "date", "reason")
    drafts = call.tenant.drafts
    name = f"Change Job: {call.tenant.world.people[number].name}"
    thing = call.tenant.things.of("Job_Change_ID", f"JOB_CHANGE-{len(drafts) + 1}", name)
    drafts[thing.wid] = Draft(thing, number, call.user.login, effective, values)
    call.did("created", "JobChange", thing.wid)
    return Reply(201, _draft(call, drafts[thing.wid]))


def _draft(call: "Call", draft: Draft) -> dict[str, Json]:
    title, place = draft.values.get("title"), draft.values.get("location")
    key = draft.values.get("organization")
    organization = call.tenant.things.of(ORGANIZATION, str(key)).ref if key else None
    return told(
        **draft.thing.ref,
        date=draft.effective.isoformat(),
        supervisoryOrganization=organization,
        businessTitle=str(title) if title else None,
        location=call.tenant.things.of("Location_ID", str(place)).ref if place else None,
        worker=call.view.thing(draft.worker).ref,
    )


def _find_draft(call: "Call", mark: str) -> Draft:
    draft = call.tenant.drafts.get(mark)
    if draft is None or draft.login != call.user.login:
        raise not_found()
    return draft


def _read_draft(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, _draft(call, _find_draft(call, given[0])))


def _edit_draft(call: "Call", given: tuple[str, ...]) -> Reply:
    draft, part = _find_draft(call, given[0]), given[1]
    if draft.submitted:
        raise rejected(Problem("The business process has already been initiated.", "A178"))
    if part == "businessTitle":
        title = str(call.json.get("proposedBusinessTitle") or "").strip()
        if not title:
            raise rejected(Problem("Proposed Business Title is required.", field="proposedBusinessTitle"))
        draft.values["title"] = title
    elif part == "location":
        thing = call.tenant.things.find(inner_id(call.json, "location"), "Location_ID")
        if thing is None:
            raise rejected(Problem("Location is not valid.", field="location"))
        draft.values["location"] = thing.key
    else:
        raise not_found()
    call.did("updated", "JobChange", draft.thing.wid)
    return Reply(200, _draft(call, draft))


def _submit(call: "Call", given: tuple[str, ...]) -> Reply:
    draft = _find_draft(call, given[0])
    if draft.submitted or call.tenant.desk.pending("change_job", draft.worker):
        raise rejected(Problem("The business process has already been initiated.", "A178"))
    if not draft.values:
        raise Refused(400, "Validation error occurred", [Problem("Nothing changes.")])
    draft.submitted = True
    event = begin(call, "change_job", draft.worker, draft.effective, draft.values)
    return Reply(201, {**_draft(call, draft), "businessProcess": event.thing.ref})


ROUTES: Final[tuple[Route, ...]] = (
    route("GET", "v1", "workers/{}/businessTitleChanges", _titles),
    route("POST", "v1", "workers/{}/businessTitleChanges", _change_title),
    route("GET", "v1", "businessTitleChanges/{}", _title),
    route("GET", "v1", "jobChangeReasons", _list_reasons),
    route("POST", "v1", "workers/{}/jobChanges", _change_job),
    route("POST", STAFFING, "workers/{}/jobChanges", _create_draft),
    route("GET", STAFFING, "jobChanges/{}", _read_draft),
    route("PATCH", STAFFING, "jobChanges/{}/{}/{}", _edit_draft),
    route("POST", STAFFING, "jobChanges/{}/submit", _submit),
)
