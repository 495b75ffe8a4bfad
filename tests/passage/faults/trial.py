"""What came of an errand one of whose requests met a fault, by the system's own data, the audit log and the errors?"""

import asyncio
from dataclasses import dataclass

from isthmus.core.errors import IsthmusError, OutcomeUnknown
from isthmus.core.journal import IntentState

from .cell import HOUR, LASTING, TOO_LATE, texts
from .errands import ERROR, SHORT, UNKNOWN, Aim, Course, Errand
from .outcomes import Mishap, Signal
from .verbs import Stage

STEADY = 0.05


@dataclass
class Trial:
    """One errand, and one fault at one of its requests."""

    stage: Stage
    mishap: Mishap
    course: Course
    aim: Aim
    person: bool = False

    async def run(self) -> str | None:
        """Run the errand under the fault and go on with it afterwards; None where it did not meet the fault.

        Returns how it ended under the fault. Afterwards it must be whole: every row, line, file or action once.
        """
        self.stage.clock.jump(TOO_LATE)
        self.pace(STEADY)
        await self.stage.works()
        self.errand: Errand = await self.course.begin(self.stage)
        self.pace(1)
        faults, journal = self.stage.house.org.faults, self.stage.gateway.parts.journal
        older, self.since = {one.id for one in journal.view().open_intents()}, self.stage.house.mark()
        self.arm()
        error = await self.go(blind=self.mishap.blind, late=self.late)
        met = not any(one.kind == self.mishap.kind and one.left == self.times for one in faults.armed())
        faults.clear()
        found = self.seen(error)
        if not met:
            assert error is None, error
        await self.check_goes_on(error)
        left = {one.state for one in journal.view().open_intents() if one.id not in older}
        assert left <= ({IntentState.UNKNOWN} if self.person else set())
        await self.stage.works()
        return found if met else None

    @property
    def times(self) -> int:
        return LASTING if self.mishap.lasting else 1

    @property
    def late(self) -> bool:
        return self.mishap.deadline < 60

    def pace(self, speed: float) -> None:
        """Where a call's deadline is short, leave a busy machine time for all that meets no fault."""
        if self.late:
            self.stage.clock.hurry(speed)

    def arm(self) -> None:
        faults, mishap, method = self.stage.house.org.faults, self.mishap, self.aim.method
        path, after = self.aim.path, self.aim.after
        if mishap.signal is Signal.TOKEN:
            faults.arm("expire_session", method=method, path=path, after=after)
            method, path, after = "POST", self.stage.house.token_path, 0
        faults.arm(mishap.kind, times=self.times, method=method, path=path, after=after, **mishap.details)
        if mishap.blind:
            faults.arm("slow", method=method, path=path, after=after, seconds=0.1)

    async def go(self, *, blind: bool = False, late: bool = False) -> IsthmusError | None:
        task = asyncio.create_task(self.errand.go())
        try:
            if blind:
                while not task.done() and not self.aimed():  # noqa: ASYNC110 - the sandbox has no event for it
                    await asyncio.sleep(0.005)
                self.stage.house.org.faults.arm("unavailable", times=LASTING, method="GET")
            if late:
                await asyncio.wait({task}, timeout=2 * self.mishap.deadline)
                self.stage.clock.hurry(50)
            await task
        except IsthmusError as error:
            for text in texts(error):
                assert not [secret for secret in self.stage.house.secrets if secret in text]
            return error
        return None

    def aimed(self) -> bool:
        sent = self.stage.house.sent(self.aim.method, self.since)
        return len([entry for entry in sent if self.aim.path in entry.path]) > self.aim.after

    def seen(self, error: IsthmusError | None) -> str:
        times = self.errand.times()
        assert all(one <= 1 for one in times), f"done {times} times"
        if error is None:
            found = self.errand.got()
            assert found != SHORT or self.mishap.signal is Signal.HIDES
            return found
        if isinstance(error, OutcomeUnknown):
            return UNKNOWN
        assert not any(times), f"{type(error).__name__} although {times} was done: {error}"
        return ERROR

    async def check_goes_on(self, error: IsthmusError | None) -> None:
        """The fault is over: the same call again gets what is wanted, or says for good that a person has to look."""
        clock = self.stage.clock
        clock.jump(HOUR if self.mishap.signal is Signal.SPENT else TOO_LATE)
        if self.late:
            clock.hurry(50)
        await self.stage.gateway.settler.settle_all()
        self.pace(STEADY)
        if error is not None:
            error = await self.go()
        if error is not None and not error.retryable:
            self.errand.anew()
            error = await self.go()
        times = self.errand.times()
        assert all(one <= 1 for one in times), f"done {times} times"
        if error is not None:
            assert isinstance(error, OutcomeUnknown), f"goes on failing: {error!r}"
            told = self.course.found and (self.course.ruled_out or any(times))
            assert not told, f"nobody can tell what became of it: {error!r}"
            self.person = True
            return
        found = self.errand.got()
        assert found != SHORT or self.mishap.signal is Signal.HIDES
