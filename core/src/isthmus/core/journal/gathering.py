"""How long do units of work wait on their event loop for others to come along?

A batch costs an fsync, and making it takes the interpreter's lock from the loop a dozen times. So units wait for some
rounds of the loop, in which other calls get as far: fewer and larger batches. A round of an idle loop takes some 10 us.
"""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from .unit import Unit, deliver

__all__ = ["Gathering"]

ROUNDS: Final = 8
"""Where the batch before had several units; who is alone waits for one round. More were not measurably better."""


class Gathering:
    """The units of one event loop that have not been handed to the writer."""

    def __init__(self, submit: Callable[[Unit], None]) -> None:
        self._submit = submit
        self._units: deque[Unit] = deque()
        self._rounds = 0
        self._alone = True

    def add(self, unit: Unit, loop: AbstractEventLoop) -> None:
        """Take a unit that will be submitted soon; on the loop. If it is refused, whoever waits for it is told."""
        self._units.append(unit)
        if not self._rounds:
            self._rounds = 1 if self._alone else ROUNDS
            loop.call_soon(self._round, loop)

    def hand_over(self) -> None:
        """Submit all that wait, now; on any thread."""
        count = 0
        with suppress(IndexError):
            while True:
                unit = self._units.popleft()
                count += 1
                try:
                    self._submit(unit)
                except Exception as error:  # noqa: BLE001 whoever waits for the unit raises it
                    unit.error = error
                    deliver([unit])
        self._alone = count <= 1

    def _round(self, loop: AbstractEventLoop) -> None:
        self._rounds -= 1
        if self._rounds:
            loop.call_soon(self._round, loop)
        else:
            self.hand_over()
