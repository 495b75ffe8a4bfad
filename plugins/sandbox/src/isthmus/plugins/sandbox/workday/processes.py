"""How does a business process go its way, from whoever starts it to the last approval?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from .errors import Problem, rejected
from .refs import Thing
from .users import data_file

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

IN_PROGRESS: Final = "In Progress"
COMPLETED: Final = "Successfully Completed"
DENIED: Final = "Denied"
CANCELED: Final = "Canceled"
AWAITING: Final = "Awaiting Action"
DUE: Final = timedelta(days=7)
HR_PARTNER: Final = "alice"


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step as the process defines it; `sub` names a process that is started instead."""

    name: str
    kind: str
    who: str
    denies: tuple[str, ...]
    returns: bool
    deniers: frozenset[str]
    sub: str


@dataclass(frozen=True, slots=True)
class Process:
    """One kind of business process."""

    key: str
    name: str
    steps: tuple[StepPlan, ...]


@cache
def processes() -> Mapping[str, Process]:
    """Read the processes by key."""
    return {
        key: Process(key, str(data["name"]), tuple(_plan(each) for each in cast("Sequence[_Told]", data["steps"])))
        for key, data in cast("Mapping[str, Mapping[str, object]]", data_file("processes.toml")).items()
    }


_Told = Mapping[str, object]


def _plan(told: _Told) -> StepPlan:
    return StepPlan(
        name=str(told.get("name", "")),
        kind=str(told.get("kind", "")),
        who=str(told.get("who", "")),
        denies=tuple(cast("Sequence[str]", told.get("denies", ["Deny"]))),
        returns=bool(told.get("returns", True)),
        deniers=frozenset(cast("Sequence[str]", told.get("deniers", []))),
        sub=str(told.get("sub", "")),
    )


@dataclass(slots=True)
class Comment:
    """What somebody said on the way."""

    login: str
    text: str
    at: datetime


@dataclass(slots=True)
class Step:
    """One step of one event; `awaiting` is a login."""

    thing: Thing
    plan: StepPlan
    event: "Event"
    awaiting: str
    created: datetime
    status: str = AWAITING
    completed: datetime | None = None
    by: str = ""
    comments: list[Comment] = field(default_factory=list)


@dataclass(slots=True)
class Event:
    """One business process under way, or done; `worker` is a worker's number, `ends` when it completes by itself."""

    thing: Thing
    process: Process
    worker: str
    initiator: str
    effective: date
    created: datetime
    apply: Callable[[], None]
    drop: Callable[[], None]
    parent: "Event | None" = None
    status: str = IN_PROGRESS
    completed: datetime | None = None
    ends: datetime | None = None
    steps: list[Step] = field(default_factory=list)
    plans: list[StepPlan] = field(default_factory=list)
    delay: timedelta = timedelta()
    subs: list["Event"] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)

    @property
    def outer(self) -> "Event":
        """Return the event that everything here is a part of."""
        return self if self.parent is None else self.parent.outer


def nothing() -> None:
    """Change nothing."""


class Desk:
    """All events of one tenant."""

    def __init__(self, tenant: "WorkdayTenant") -> None:
        self._tenant = tenant
        self.events: list[Event] = []
        self.delay = timedelta()
        """How long an event stays in progress after its last step."""

    def start(
        self,
        process: str,
        worker: str,
        initiator: str,
        effective: date,
        *,
        apply: Callable[[], None] = nothing,
        drop: Callable[[], None] = nothing,
        parent: Event | None = None,
        comment: str = "",
        automatic: bool = False,
    ) -> Event:
        """Start an event and lead it to its first step; `automatic` skips all steps. Only its end applies anything."""
        kind, now = processes()[process], self._tenant.clock.now()
        name = self._tenant.world.people[worker].name
        number = len(self.events) + 1
        thing = self._tenant.things.of("Event_ID", f"EVENT-3-{number}", f"{kind.name}: {name}")
        event = Event(thing, kind, worker, initiator, effective, now, apply, drop, parent)
        event.delay = self.delay
        event.plans = [] if automatic else list(kind.steps)
        if comment:
            event.comments.append(Comment(initiator, comment, now))
        self.events.append(event)
        if parent is not None:
            parent.subs.append(event)
        self._advance(event)
        return event

    def steps(self) -> Iterator[Step]:
        """Return every step of every event."""
        return (step for event in self.events for step in event.steps)

    def pending(self, process: str, worker: str) -> Event | None:
        """Return the event of this kind that is under way for a worker."""
        fits = (each for each in self.events if each.process.key == process and each.worker == worker)
        return next((each for each in fits if each.status == IN_PROGRESS), None)

    def tick(self) -> None:
        """Complete what was only waiting for its time."""
        now = self._tenant.clock.now()
        for event in self.events:
            if event.ends is not None and event.ends <= now:
                event.ends = None
                self._complete(event)

    def approve(self, step: Step, login: str, comment: str) -> None:
        """Approve a step; raises Refused."""
        self._awaits(step, login)
        if step.plan.kind == "To Do":
            raise rejected(Problem("This event step type cannot be approved", "A190", "id"))
        step.event.outer.delay = max(step.event.outer.delay, self.delay)
        self._done(step, login, "Approved", comment)
        self._advance(step.event)

    def finish(self, step: Step, login: str) -> None:
        """Do what a step asks for, as a person does on the screen."""
        self._done(step, login, "Completed", "")
        self._advance(step.event)

    def deny(self, step: Step, login: str, comment: str, action: str) -> None:
        """Deny a step, which ends the whole event; raises Refused."""
        if not step.plan.denies:
            raise rejected(Problem("This event step cannot be denied", "A183", "id"))
        if step.status == AWAITING and login != step.awaiting:
            raise rejected(Problem("You are not authorized to deny this event step", "A225", "id"))
        self._awaits(step, login)
        if step.plan.deniers and login not in step.plan.deniers:
            raise rejected(Problem("You are not authorized to deny this event step", "A225", "id"))
        if len(step.plan.denies) > 1 and action not in step.plan.denies:
            text = "A step action is required when multiple values are available"
            raise rejected(Problem(text, "A234", "stepAction"))
        if not comment:
            raise rejected(Problem("A comment is required", "A181", "comment"))
        self._done(step, login, "Denied", comment)
        self._end(step.event.outer, DENIED)

    def targets(self, step: Step) -> list[Thing]:
        """Return where a step can be sent back to."""
        if not step.plan.returns or step.status != AWAITING:
            return []
        things, event = self._tenant.things, step.event
        first = things.of("Event_Step_ID", f"{event.thing.key}-0", f"{event.process.name}: Initiation")
        return [first, *(each.thing for each in event.steps if each.status == "Approved")]

    def send_back(self, step: Step, login: str, reason: str, target: Thing | None) -> None:
        """Send a step back; raises Refused. It comes again once whoever got it has submitted."""
        self._awaits(step, login)
        if not step.plan.returns:
            text = "The step you are sending back from isn't supported for this business process."
            raise rejected(Problem(text, "A227", "id"))
        found = next((each for each in self.targets(step) if target is not None and each.wid == target.wid), None)
        if found is None:
            text = "The step you are sending back to isn't supported for this business process."
            raise rejected(Problem(text, "A202", "to"))
        if not reason:
            raise rejected(Problem("Reason is required", "", "reason"))
        event = step.event
        before = next((each for each in event.steps if each.thing.wid == found.wid), None)
        self._done(step, login, "Sent Back", reason)
        event.plans.insert(0, step.plan)
        if before is not None:
            self._await(event, before.plan, before.awaiting)
        else:
            revise = StepPlan("Revise", "Revise", "initiator", (), returns=False, deniers=frozenset(), sub="")
            self._await(event, revise, event.initiator)

    def _awaits(self, step: Step, login: str) -> None:
        if step.status != AWAITING or step.awaiting != login:
            raise rejected(Problem("This event step is not awaiting your action.", "A212", "id"))

    def _done(self, step: Step, login: str, status: str, comment: str) -> None:
        step.status, step.by, step.completed = status, login, self._tenant.clock.now()
        if comment:
            step.comments.append(Comment(login, comment, step.completed))
            step.event.comments.append(step.comments[-1])

    def _advance(self, event: Event) -> None:
        """Lead an event to its next step, or to its end."""
        if event.plans:
            plan = event.plans.pop(0)
            if plan.sub:
                self.start(plan.sub, event.worker, event.initiator, event.effective, parent=event)
            else:
                self._await(event, plan, self._person(event, plan.who))
        elif event.delay and event.parent is None:
            event.ends = self._tenant.clock.now() + event.delay
        else:
            self._complete(event)

    def _await(self, event: Event, plan: StepPlan, login: str) -> None:
        key = f"{event.thing.key}-{len(event.steps) + 1}"
        thing = self._tenant.things.of("Event_Step_ID", key, f"{event.process.name}: {plan.name}")
        event.steps.append(Step(thing, plan, event, login, self._tenant.clock.now()))

    def _person(self, event: Event, who: str) -> str:
        """Return who must act: the first above the worker who has an account and did not start the event."""
        if who == "hr":
            return HR_PARTNER
        people, view = self._tenant.world.people, self._tenant.view(self._tenant.users["integration"])
        number = view.manager_of(event.worker)
        while number:
            login = people[number].login
            if login and login != event.initiator:
                return login
            number = view.manager_of(number)
        return HR_PARTNER

    def _complete(self, event: Event) -> None:
        event.status, event.completed = COMPLETED, self._tenant.clock.now()
        event.apply()
        if event.parent is not None:
            self._advance(event.parent)

    def _end(self, event: Event, status: str) -> None:
        for each in event.subs:
            self._end(each, status)
        if event.status == IN_PROGRESS:
            event.status, event.completed = status, self._tenant.clock.now()
            event.drop()
        for step in event.steps:
            if step.status == AWAITING:
                step.status = "Not Required"
