"""On which event loop does a gateway live, and how does a call from another loop or thread get there?"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from isthmus.core.errors import ConfigurationError
from isthmus.core.waking import Waking

__all__ = ["OwnLoop"]

R = TypeVar("R")
Work = Callable[[], Coroutine[None, None, R]]


class _Errand(Generic[R]):
    """One call from elsewhere; `over` is called once, on any thread, when there is nothing to wait for any more.

    Where the work was begun, `ended` is called instead, on the loop.
    """

    def __init__(self, work: Work[R], over: Callable[[], object], ended: Callable[[], object] | None = None) -> None:
        self._work = work
        self._over = over
        self._ended = ended or over
        # The caller's own, so that its trace goes on; not that of the thread which happens to wake the loop.
        self._context = copy_context()
        self._task: asyncio.Task[R] | None = None
        self._wanted = True

    def begin(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Task[R] | None":
        """Start the work, if anybody still waits for it, and return its task; on the loop."""
        if self._wanted:
            self._task = loop.create_task(self._work(), context=self._context)
            self._task.add_done_callback(self._end)
        return self._task

    def refuse(self) -> None:
        """Let the caller go with nothing begun."""
        self._over()

    def cancel(self) -> None:
        """End the work, which nobody waits for any more; on the loop."""
        self._wanted = False
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[R]) -> None:
        if not task.cancelled():
            task.exception()  # asyncio complains of an error that nobody looks at, as where the caller gave up
        self._ended()

    def result(self) -> R:
        """Return what the work returned; raises what it raised."""
        if self._task is None:
            raise _ended()
        if self._task.cancelled():
            raise CancelledError
        return self._task.result()


class OwnLoop:
    """The loop that was running when this was made; everybody else hops onto it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._arrived: deque[_Errand[Any]] = deque()
        self._running: set[asyncio.Task[Any]] = set()
        self._waking = Waking(self._loop, last=self._wake_for_all)
        self._woken = False
        self._closed = False

    @property
    def here(self) -> bool:
        """Tell whether the caller already runs on it; raises ConfigurationError once it is closed."""
        if self._closed:
            raise _ended()
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def hop(self, work: Work[R]) -> R:
        """Run work over there and await it here; a cancelled wait cancels the work.

        Raises:
            ConfigurationError: the loop has ended, or belongs to the process that this one was forked from.
        """
        here, over = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # whoever waited has gone, with its loop
                here.call_soon_threadsafe(over.set)

        errand = _Errand(work, tell)
        with self._sent(errand):
            await over.wait()
        try:
            return errand.result()
        except CancelledError:
            raise asyncio.CancelledError from None

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
        over = threading.Lock()  # bare, it is the lightest thing that a thread can wait for
        over.acquire()
        errand = _Errand(work, over.release, lambda: self._waking.add(over.release))
        with self._sent(errand):
            over.acquire()
            self._waking.step()
        return errand.result()

    async def aclose(self) -> None:
        """Begin nothing any more, and end what was begun from elsewhere while what it works with is still open."""
        self._closed = True
        self._refuse()
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))
        self._waking.end()

    def _refuse(self) -> None:
        """Let those go who came too late, whoever notices it first."""
        for errand in self._take():
            errand.refuse()

    @contextmanager
    def _sent(self, errand: _Errand[Any]) -> Iterator[None]:
        """Send it over; whoever is interrupted or cancelled before it has ended gives it up."""
        self._check()
        try:
            self._arrived.append(errand)
            self._wake()
            yield
        except BaseException:
            # Interrupted, perhaps just while it woke the loop, on which others rely by now.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._give_up, errand)
            raise

    def _wake(self) -> None:
        # One wake-up, which costs a system call, is enough for all that come before the loop looks; and while threads
        # are being woken, each of which may have another call, it waits for the last of them.
        if not (self._woken or self._waking.passing):
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._begin)
            except RuntimeError:  # the loop has been closed meanwhile
                self._closed = True
        if self._closed:
            self._refuse()

    def _wake_for_all(self) -> None:
        if self._arrived:
            self._wake()

    def _begin(self) -> None:
        # Whoever appends from here on wakes the loop again, so nobody is overlooked.
        self._woken = False
        for errand in self._take():
            if self._closed:
                errand.refuse()
            elif (task := errand.begin(self._loop)) is not None:
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def _give_up(self, errand: _Errand[Any]) -> None:
        errand.cancel()
        self._begin()

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
