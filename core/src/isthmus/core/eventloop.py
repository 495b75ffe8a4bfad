"""On which event loop does a gateway live, and how does a call from another loop or thread get there?"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Generic, TypeVar

from isthmus.core.errors import ConfigurationError

__all__ = ["OwnLoop"]

R = TypeVar("R")
Work = Callable[[], Coroutine[None, None, R]]


class _Errand(Generic[R]):
    """One blocking call; a bare lock is the lightest thing that a thread can wait for."""

    def __init__(self, work: Work[R], loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._loop = loop
        self._task: asyncio.Task[R] | None = None
        self._over = threading.Lock()
        self._over.acquire()

    def begin(self) -> None:
        """Start the work; on the loop."""
        self._task = self._loop.create_task(self._work())
        self._task.add_done_callback(lambda _: self._over.release())

    def wait(self) -> R:
        """Wait for its end; whoever interrupts the wait cancels the work."""
        try:
            self._over.acquire()
        except BaseException:
            self._loop.call_soon_threadsafe(self._cancel)
            raise
        if self._task is None:
            raise _ended()
        if self._task.cancelled():
            raise CancelledError
        return self._task.result()

    def refuse(self) -> None:
        """Let the waiting thread go with nothing begun."""
        self._over.release()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class OwnLoop:
    """The loop that was running when this was made; everybody else hops onto it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._arrived: deque[_Errand[Any]] = deque()
        self._woken = False
        self._closed = False

    @property
    def here(self) -> bool:
        """Tell whether the caller already runs on it."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def hop(self, work: Work[R]) -> R:
        """Run work over there and await it here; a cancelled wait cancels the work.

        Raises:
            ConfigurationError: the loop has ended, or belongs to the process that this one was forked from.
        """
        self._check()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._loop))

    def wait(self, work: Work[R]) -> R:
        """Run work over there and block this thread until it is done.

        Raises:
            ConfigurationError: as `hop`, and where this thread is the loop's own, which would wait for itself.
        """
        if self.here:
            raise ConfigurationError(
                "a blocking call was made on the event loop that has to carry it out, so it would wait for itself; "
                "await the asynchronous session, or block in a thread: `await asyncio.to_thread(...)`",
                code="blocks_its_own_loop",
            )
        self._check()
        errand = _Errand(work, self._loop)
        self._arrived.append(errand)
        # One wake-up, which costs a system call, is enough for all that come before the loop looks.
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the loop has been closed meanwhile: so have we, which is seen next
                self._loop.call_soon_threadsafe(self._begin)
        if self._closed:
            self.close()
        return errand.wait()

    def close(self) -> None:
        """Begin nothing any more; threads that came too late learn so, whoever notices it first."""
        self._closed = True
        for errand in self._take():
            errand.refuse()

    def _begin(self) -> None:
        # Whoever appends from here on wakes the loop again, so nobody is overlooked.
        self._woken = False
        for errand in self._take():
            errand.refuse() if self._closed else errand.begin()

    def _take(self) -> Iterator["_Errand[Any]"]:
        with suppress(IndexError):
            while True:
                yield self._arrived.popleft()

    def _check(self) -> None:
        if os.getpid() != self._process:
            raise ConfigurationError(
                "this process was forked from the one that opened the gateway, and shares no event loop, socket or "
                "journal writer with it; open a gateway of its own here",
                code="forked",
            )
        if self._closed or not self._loop.is_running():
            raise _ended()


def _ended() -> ConfigurationError:
    return ConfigurationError(
        "this gateway is closed, or the event loop that opened it is not running any more; open a gateway where calls "
        "are made, or use isthmus.core.sync",
        code="loop_ended",
    )
