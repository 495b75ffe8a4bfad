"""What is one piece of work for the journal's writer, and how does its result get to whoever waits?"""

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from .transaction import Transaction

__all__ = ["Unit", "deliver"]

Future = asyncio.Future[Any] | concurrent.futures.Future[Any]


class Unit(msgspec.Struct, eq=False):
    """One piece of work with whoever waits for it; `loop` is None where a thread waits."""

    work: Callable[[Transaction], Any]
    future: Future
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Hand the result over, on the loop's own thread where there is a loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


def deliver(units: Iterable[Unit]) -> None:
    """Let everybody have their results; on any thread."""
    loops: dict[asyncio.AbstractEventLoop, list[Unit]] = {}
    for unit in units:
        if unit.loop is None:
            unit.deliver()
        else:
            loops.setdefault(unit.loop, []).append(unit)
    for loop, waiting in loops.items():
        try:
            loop.call_soon_threadsafe(_deliver_all, waiting)
        except RuntimeError:
            # The loop closed without waiting for its answers; nobody is left to tell.
            continue


def _deliver_all(units: list[Unit]) -> None:
    for unit in units:
        unit.deliver()
