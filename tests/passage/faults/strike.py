"""How does a fault strike one request of a call?"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

from .outcomes import Mishap, Signal
from .verbs import BRISK, Stage

LASTING = 200


@dataclass(frozen=True)
class Strike:
    """One fault, aimed at the requests of a method whose address holds `path`, past the first `after` of them."""

    stage: Stage
    mishap: Mishap
    method: str
    path: str
    after: int = 0

    @property
    def times(self) -> int:
        return LASTING if self.mishap.lasting else 1

    def arm(self) -> None:
        faults, mishap = self.stage.house.org.faults, self.mishap
        method, path, after = self.method, self.path, self.after
        if mishap.signal is Signal.TOKEN:
            faults.arm("expire_session", method=method, path=path, after=after)
            method, path, after = "POST", self.stage.house.token_path, 0
        faults.arm(mishap.kind, times=self.times, method=method, path=path, after=after, **mishap.details)
        if mishap.also:
            faults.arm(mishap.also, method=method, path=path)
        if mishap.blind:
            faults.arm("slow", method=method, path=path, after=after, seconds=0.1)

    @property
    def met(self) -> bool:
        armed = self.stage.house.org.faults.armed()
        return not any(fault.kind == self.mishap.kind and fault.left == self.times for fault in armed)

    async def during(self, asked: Coroutine[None, None, None]) -> None:
        """Await what is asked. Time is steady until the fault strikes, and runs on once the deadline is past.

        Reading back has a deadline of its own. Where the fault is `blind`, it fails.
        """
        stage, task = self.stage, asyncio.create_task(asked)
        while (self.mishap.blind or stage.late) and not task.done() and not self.met:  # noqa: ASYNC110 - the sandbox has no event for it
            await asyncio.sleep(0.005)
        if self.mishap.blind:
            stage.house.org.faults.arm("unavailable", times=LASTING, method="GET")
        if stage.late:
            stage.pace(1)
            await asyncio.wait({task}, timeout=self.mishap.deadline)
            stage.pace(BRISK)
        await task
