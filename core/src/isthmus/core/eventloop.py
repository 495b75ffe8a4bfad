"""On which event loop does a gateway live, and how does a call from another loop or thread get there?"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TypeVar

from isthmus.core.errors import ConfigurationError

__all__ = ["OwnLoop"]

R = TypeVar("R")


class OwnLoop:
    """The loop that was running when this was made; everybody else hops onto it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()

    @property
    def here(self) -> bool:
        """Tell whether the caller already runs on it."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def hop(self, work: Callable[[], Coroutine[None, None, R]]) -> R:
        """Run work over there and await it here; a cancelled wait cancels the work.

        Raises:
            ConfigurationError: the loop has ended, or belongs to the process that this one was forked from.
        """
        return await asyncio.wrap_future(self._submit(work))

    def wait(self, work: Callable[[], Coroutine[None, None, R]]) -> R:
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
        waiting = self._submit(work)
        try:
            return waiting.result()
        except BaseException:
            waiting.cancel()
            raise

    def _submit(self, work: Callable[[], Coroutine[None, None, R]]) -> "Future[R]":
        if os.getpid() != self._process:
            raise ConfigurationError(
                "this process was forked from the one that opened the gateway, and shares no event loop, socket or "
                "journal writer with it; open a gateway of its own here",
                code="forked",
            )
        if not self._loop.is_running():
            raise ConfigurationError(
                "the event loop that opened this gateway is not running; open a gateway where calls are made, or use "
                "isthmus.core.sync",
                code="loop_ended",
            )
        return asyncio.run_coroutine_threadsafe(work(), self._loop)
