"""What came of an errand one of whose requests met a fault, by the system's own data, the audit log and the errors?"""

from dataclasses import dataclass

from isthmus.core.errors import IsthmusError, OutcomeUnknown
from isthmus.core.journal import IntentState

from .cell import HOUR, TOO_LATE, texts
from .errands import ERROR, SHORT, UNKNOWN, Aim, Course, Errand
from .outcomes import Mishap, Signal
from .strike import Strike
from .verbs import BRISK, STEADY, Stage


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
        self.stage.pace(STEADY)
        await self.stage.works()
        self.errand: Errand = await self.course.begin(self.stage)
        faults, journal = self.stage.house.org.faults, self.stage.gateway.parts.journal
        older = {one.id for one in journal.view().open_intents()}
        strike = Strike(self.stage, self.mishap, self.aim.method, self.aim.path, self.aim.after)
        strike.arm()
        error = await self.go(strike)
        met = strike.met
        faults.clear()
        found = self.seen(error)
        if not met:
            assert error is None, error
        await self.check_goes_on(error)
        left = {one.state for one in journal.view().open_intents() if one.id not in older}
        assert left <= ({IntentState.UNKNOWN} if self.person else set())
        await self.stage.works()
        return found if met else None

    async def go(self, strike: Strike | None = None) -> IsthmusError | None:
        try:
            await (strike.during(self.errand.go()) if strike else self.errand.go())
        except IsthmusError as error:
            for text in texts(error):
                assert not [secret for secret in self.stage.house.secrets if secret in text]
            return error
        return None

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
        self.stage.pace(BRISK)
        await self.stage.gateway.settler.settle_all()
        self.stage.pace(STEADY)
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
