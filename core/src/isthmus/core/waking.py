"""Which of the threads that wait for their calls is woken next?

All at once they would take the interpreter's lock from the event loop whenever it sends or receives, and from each
other. So one is woken, and wakes the next as soon as it runs. That takes them no longer, since only one can run anyway.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import call

__all__ = ["Waking"]

STUCK = 0.05
"""Seconds without a step after which somebody who was woken is taken for gone."""


class Waking:
    """The threads whose calls are over, in the order in which they will be woken.

    A thread may be interrupted at any line, and then wakes nobody; so the loop looks after them while they are woken.
    """

    def __init__(self, loop: AbstractEventLoop, last: Callable[[], object]) -> None:
        """`last` is called, on whichever thread, once all who were waiting have been woken, and may be called again."""
        self._loop = loop
        self._last = last
        self._waiting: deque[Callable[[], object]] = deque()
        # Takes the first and calls it in one step of the interpreter, within which nothing is interrupted.
        self._wake = partial(next, map(call, iter(self._waiting.popleft, None)))
        self._passing = False
        self._steps = 0
        self._look: TimerHandle | None = None

    @property
    def passing(self) -> bool:
        """Tell whether somebody is still to be woken; `last` is called after this has turned false."""
        return self._passing

    def add(self, wake: Callable[[], object]) -> None:
        """Wake a thread by `wake` once those before it run; on the loop. The thread has to call `step` first of all."""
        self._waiting.append(wake)
        if not self._passing:
            self._passing = True
            # Not now, so that all whose calls end in this round of the loop stand in one row.
            self._loop.call_soon(self.step)
            if self._look is None:
                self._look = self._loop.call_later(STUCK, self._look_after, self._steps)

    def step(self) -> None:
        """Wake the next thread; on any."""
        self._steps += 1
        while True:
            try:
                self._wake()
            except IndexError:
                self._passing = False
                if not self._waiting:
                    break
                # Somebody was added just before, when this still counted as passing.
                self._passing = True
            else:
                return
        self._last()

    def end(self) -> None:
        """Wake all who are left; on the loop, which need not run again."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        with suppress(IndexError):
            while True:
                self._wake()

    def _look_after(self, steps: int) -> None:
        self._look = None
        if self._passing and self._steps != steps:
            self._look = self._loop.call_later(STUCK, self._look_after, self._steps)
            return
        # Whoever was woken is gone, or was interrupted before it could call `last`.
        self.end()
        self._passing = False
        self._last()
