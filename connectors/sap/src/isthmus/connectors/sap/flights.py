"""How do many callers share one look-up of the system, when any of them may leave at any time?"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from isthmus.core.errors import IsthmusError, Refused, RetryLater
from isthmus.core.http import Http
from isthmus.core.resilience import Deadline

__all__ = ["Flights"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flights(Generic[K, V]):
    """What was looked up, by key, and the look-ups under way: one for each key, whoever asks.

    Of what is known the `most` used last are kept. Keys name the principal: what one may see, another may not.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[K, V] = OrderedDict()
        self._under_way: dict[K, tuple[asyncio.Task[V], Deadline]] = {}

    def known(self, key: K) -> V | None:
        """Return what is known, however old."""
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    async def get(self, key: K, http: Http, look: Callable[[], Awaitable[V]], good: Callable[[V], bool]) -> V:
        """Return what is known where it is good, else what a look-up gives; `http` is the call that asks.

        Raises:
            RetryLater: the call has no more time to wait.
        """
        while True:
            known = self.known(key)
            if known is not None and good(known):
                return known
            under_way = self._under_way.get(key)
            if mine := under_way is None:
                under_way = self._begin(key, http.scope.deadline, look)
            task, deadline = under_way
            try:
                async with asyncio.timeout(http.scope.deadline.remaining()):
                    # Shielded: a caller who leaves must not take the look-up of all others with him.
                    return await asyncio.shield(task)
            except TimeoutError as error:
                raise _late(http) from error
            except IsthmusError as error:
                if mine or not _of_its_caller(error, deadline):
                    raise

    def _begin(
        self, key: K, deadline: Deadline, look: Callable[[], Awaitable[V]]
    ) -> "tuple[asyncio.Task[V], Deadline]":
        task = asyncio.ensure_future(look())
        under_way = self._under_way[key] = task, deadline
        task.add_done_callback(lambda done: self._end(key, done))
        return under_way

    def _end(self, key: K, task: "asyncio.Future[V]") -> None:
        self._under_way.pop(key, None)
        # Looked at here too, for the caller who would have raised it may be gone.
        if task.cancelled() or task.exception() is not None:
            return
        self._known[key] = task.result()
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def _of_its_caller(error: IsthmusError, deadline: Deadline) -> bool:
    """Tell whether a look-up failed by what its caller had, time or budget, and not by what the system said."""
    return isinstance(error, Refused) or (isinstance(error, RetryLater) and deadline.expired)


def _late(http: Http) -> RetryLater:
    operation = http.scope.operation
    return RetryLater(
        f"{operation.target} could not be asked within the deadline; repeat the call with more time.",
        subject=operation.tool,
        object=operation.target,
    )
