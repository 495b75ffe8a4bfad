"""What is wanted of a verb that takes several requests, and was it got?"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from isthmus.core.files import File
from isthmus.core.records import Page
from isthmus.core.session import Session
from isthmus.core.streams import Loaded

from .outcomes import Mishap, Signal
from .verbs import Arguments, Stage, Verb

WHOLE, TOLD, SHORT = "whole", "told line by line", "said to be incomplete"
ERROR, UNKNOWN = "an error, nothing done", "`OutcomeUnknown`"
LINES = 3
PICTURE = bytes(range(256)) * 40


class Errand(Protocol):
    """Something wanted once, however often it is asked for."""

    async def go(self) -> None:
        """Ask for it, or go on with it where it broke off; raises IsthmusError."""
        ...

    def anew(self) -> None:
        """Forget what was got so far, as an error may demand."""
        ...

    def got(self) -> str:
        """Compare what was told with what the system holds; say in a word how it ended."""
        ...

    def times(self) -> Sequence[int]:
        """Count how often each thing that was to be done is done, by the system's own data."""
        ...


Begin: TypeAlias = Callable[[Stage], Awaitable[Errand]]
Make: TypeAlias = Callable[[Stage], Awaitable[str]]
"""Makes a record and returns its id."""


@dataclass(frozen=True)
class Aim:
    """One request of an errand: faults are aimed at it; `writes` where it may do, or lead to, what is wanted."""

    name: str
    method: str
    path: str
    writes: bool = False
    after: int = 0
    traits: frozenset[str] = frozenset()

    def meets(self, mishap: Mishap) -> bool:
        """Tell whether the fault can befall this request; two at once only where both can hit."""
        verb = Verb(self.name, "", self.method, _nothing, effect="stored", writes=self.writes, traits=self.traits)
        return mishap.concerns(verb) and not mishap.also and (self.writes or not mishap.blind)


async def _nothing(_stage: Stage) -> tuple[Arguments, str]:
    return {}, ""


@dataclass(frozen=True)
class Course:
    """An errand with the requests that it takes.

    `found` is False where what was done cannot be found again, `ruled_out` where nothing tells that it was not done.
    """

    name: str
    begin: Begin
    aims: Sequence[Aim]
    found: bool = True
    ruled_out: bool = True
    traits: frozenset[str] = field(default_factory=frozenset)

    @property
    def writes(self) -> bool:
        return any(aim.writes for aim in self.aims)


@dataclass
class Export:
    """All records of an object, page by page."""

    stage: Stage
    object: str
    id: str
    pages: list[Page] = field(default_factory=list)
    ended: bool = False

    async def go(self) -> None:
        while not self.ended:
            more = {"after": self.pages[-1].after} if self.pages else {}
            page = await self.stage.call("export", object=self.object, limit=15, **more)
            assert isinstance(page, Page)
            self.pages.append(page)
            self.ended = page.after is None

    def anew(self) -> None:
        self.pages, self.ended = [], False

    def got(self) -> str:
        told = [self.stage.id(one.id) for page in self.pages for one in page.records]
        due = [str(row[self.id]) for row in self.stage.house.org.rows(self.object)]
        assert len(set(told)) == len(told), "a row came twice"
        assert set(told) <= set(due)
        if not all(page.complete for page in self.pages):
            return SHORT
        assert len(told) == len(due), "rows are missing, and nothing says so"
        return WHOLE

    def times(self) -> Sequence[int]:
        return ()


@dataclass
class Changes:
    """What changed since a moment, look by look."""

    stage: Stage
    object: str
    since: str
    made: set[str]
    deleted: set[str]
    pages: list[Page] = field(default_factory=list)
    after: str = ""

    async def go(self) -> None:
        while True:
            more = {"after": self.after} if self.after else {}
            page = await self.stage.call("changes", object=self.object, limit=2, since=self.since, **more)
            assert isinstance(page, Page)
            self.pages.append(page)
            self.after = page.after or self.after
            if not (page.records or page.deleted):
                return

    def anew(self) -> None:
        """Nothing is lost by an error: the next look begins where the last one ended."""

    def got(self) -> str:
        told = [one.id for page in self.pages for one in page.records]
        gone = [one for page in self.pages for one in page.deleted]
        assert sorted({*told, *gone}) == sorted([*told, *gone]), "a change came twice"
        assert set(told) <= self.made
        if not all(page.complete for page in self.pages):
            return SHORT
        lost = (self.made - {*told}, self.deleted - {*gone})
        assert lost == (set(), set()), f"changes are lost: {lost}"
        return WHOLE

    def times(self) -> Sequence[int]:
        return ()


Given: TypeAlias = object
Count: TypeAlias = Callable[[], Sequence[int]]
"""Counts how often each line is done."""


@dataclass
class Lines:
    """A load of some lines, with a key."""

    stage: Stage
    object: str
    action: str
    lines: Sequence[Given]
    count: Count
    key: str
    key_field: str = ""
    told: list[Loaded] = field(default_factory=list)

    async def go(self) -> None:
        session = self.stage.gateway.session(self.stage.house.caller("eu"))
        self.told = [
            one
            async for one in session.load(
                self.stage.house.system,
                self.object,
                self.lines,  # type: ignore[arg-type]
                key=self.key,
                action=self.action,  # type: ignore[arg-type]
                key_field=self.key_field,
            )
        ]

    def anew(self) -> None:
        """The same load with the same key is the remedy of whatever happened."""

    def got(self) -> str:
        outcomes = [one for part in self.told for one in part.outcomes]
        assert len(outcomes) == len(self.lines), "not every line is told"
        assert [int(not one.code) for one in outcomes] == list(self.count()), "a line is told otherwise than it ended"
        return TOLD if any(one.code for one in outcomes) else WHOLE

    def times(self) -> Sequence[int]:
        return self.count()


@dataclass
class Once:
    """One call that does one thing."""

    ask: Callable[[], Awaitable[object]]
    count: Count
    right: Callable[[object], bool] = lambda _: True
    answer: object = None

    async def go(self) -> None:
        self.answer = await self.ask()

    def anew(self) -> None:
        """A call leaves nothing behind."""

    def got(self) -> str:
        assert self.right(self.answer), "the answer is not what the system holds"
        return WHOLE

    def times(self) -> Sequence[int]:
        return self.count()


def session(stage: Stage) -> Session:
    """Act for a model in the EU, where the data is."""
    return stage.gateway.session(stage.house.caller("eu"))


def export(object: str, id: str) -> Begin:
    async def begin(stage: Stage) -> Export:
        await stage.call("describe", object=object)
        return Export(stage, object, id)

    return begin


def changes(make: Make, object: str) -> Begin:
    async def begin(stage: Stage) -> Changes:
        clock = stage.house.org.clock
        clock.advance(seconds=900)
        since = clock.now().isoformat()
        clock.advance(seconds=60)
        *made, gone = [await make(stage) for _ in range(4)]
        await stage.call("delete", object=object, id=gone)
        # Long enough for whatever a look takes on a clock that runs fifty times too fast.
        clock.advance(seconds=900)
        return Changes(stage, object, since, set(made), {gone})

    return begin


def effects(stage: Stage, action: str, ids: Sequence[str]) -> Count:
    """Count by the journal how often each record was changed from now on."""
    since = stage.house.mark()

    def count() -> Sequence[int]:
        found = [one for entry in stage.house.sent(since=since) for one in entry.effects if one.action == action]
        return [sum(one.id == stage.id(id) for one in found) for id in ids]

    return count


def rows(stage: Stage, object: str, field: str, marks: Sequence[str]) -> Count:
    """Count how many rows bear each mark."""
    return lambda: [sum(row[field] == mark for row in stage.house.org.rows(object)) for mark in marks]


def load(make: Make, object: str, action: str, *, text: str, mark: str, key: str) -> Begin:
    """Load lines that hold a mark in the field `text`; new ones are found by it in `mark`, or in `key` for an upsert."""

    async def begin(stage: Stage) -> Errand:
        ids = [await make(stage) for _ in range(LINES)]
        number = stage.number
        marks = [f"{action} {number} {at}" for at in range(LINES)]
        count: Count
        lines: Sequence[Given]
        match action:
            case "create" | "upsert":
                field = key if action == "upsert" else mark
                count, lines = rows(stage, object, field, marks), [{field: mark, text: mark} for mark in marks]
            case "update":
                count = effects(stage, "updated", ids)
                lines = [(id, {text: mark}) for id, mark in zip(ids, marks, strict=True)]
            case _:
                count, lines = effects(stage, "deleted", ids), ids
        return Lines(stage, object, action, lines, count, f"load {number}", key if action == "upsert" else "")

    return begin


def attach(make: Make, object: str, kept: str, field: str) -> Begin:
    """Attach a file to a record: a row of `kept` with its name in `field`."""

    async def begin(stage: Stage) -> Once:
        id, name = await make(stage), f"picture {stage.number}.png"
        system = stage.house.system
        return Once(
            lambda: session(stage).attach(system, object, id, PICTURE, name=name, type="image/png"),
            rows(stage, kept, field, [name]),
        )

    return begin


def download(make: Make, object: str) -> Begin:
    async def begin(stage: Stage) -> Once:
        id, system = await make(stage), stage.house.system
        made = await session(stage).attach(system, object, id, PICTURE, name="picture.png", type="image/png")

        async def ask() -> bytes:
            found = await session(stage).download(system, object, id, made.id)
            assert isinstance(found, File)
            with found:
                return found.read()

        return Once(ask, tuple, lambda answer: answer == PICTURE)

    return begin


def allowed(mishap: Mishap, course: Course, aim: Aim) -> frozenset[str]:
    """Say how an errand may end while the fault is there; afterwards it must be whole, whatever it was."""
    if aim.writes and mishap.signal is Signal.LOCK:
        # A load tells of the locked line; whoever does one thing is told that it was not done.
        return frozenset({WHOLE, TOLD if course.name.startswith("load") else ERROR})
    if aim.writes:
        return _WRITTEN[mishap.signal]
    passing = mishap.signal in (Signal.CROWD, Signal.SESSION, Signal.FAILS, Signal.LOST)
    if passing and not mishap.lasting and not course.writes and "file" not in aim.traits:
        return frozenset({WHOLE})
    return _READ[mishap.signal]


_EITHER = frozenset({WHOLE, ERROR})
_READ: Mapping[Signal, frozenset[str]] = dict.fromkeys(Signal, _EITHER) | {
    Signal.HARMLESS: frozenset({WHOLE}),
    Signal.SPENT: frozenset({ERROR}),
    Signal.TOKEN: frozenset({ERROR}),
    Signal.HIDES: frozenset({WHOLE, SHORT, ERROR}),
}
_WRITTEN: Mapping[Signal, frozenset[str]] = dict.fromkeys(Signal, frozenset({WHOLE, ERROR, UNKNOWN})) | {
    Signal.HARMLESS: frozenset({WHOLE}),
    Signal.ALTERS: frozenset({WHOLE}),
    Signal.RULE: frozenset({ERROR, TOLD, UNKNOWN}),
    Signal.SPENT: frozenset({ERROR, UNKNOWN}),
    Signal.TOKEN: frozenset({ERROR, UNKNOWN}),
    Signal.LOST: frozenset({WHOLE, ERROR, UNKNOWN}),
    Signal.JOB: frozenset({WHOLE, TOLD, UNKNOWN}),
}
