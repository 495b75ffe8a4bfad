"""Where do the processes of one machine keep the budgets they share?"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

__all__ = ["BudgetStore", "SqliteBudgetStore", "StoreUnavailable"]

T = TypeVar("T")
VERSION = 1


class StoreUnavailable(Exception):
    """The store did not take the change; whoever asked goes on with a local share."""


class BudgetStore(Protocol):
    """One text a key, changed in a transaction."""

    async def update(self, key: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        """Replace the text by what `change` makes of it, and return the second half of its answer.

        `change` is pure and may run more than once; None means that the key is new.

        Raises:
            StoreUnavailable: nothing was changed, or that is not known.
        """
        ...


@dataclass(slots=True, eq=False)
class _Job:
    """Work for the store's thread, and who waits for it on which loop."""

    work: Callable[[], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop

    def run(self) -> None:
        try:
            self._answer(self.future.set_result, self.work())
        except BaseException as error:  # noqa: BLE001 it belongs to whoever waits
            self._answer(self.future.set_exception, error)

    def _answer(self, tell: Callable[[Any], None], what: object) -> None:
        # A closed loop has nobody left to tell.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._tell, tell, what)

    def _tell(self, tell: Callable[[Any], None], what: object) -> None:
        if not self.future.done():
            tell(what)


class SqliteBudgetStore:
    """A database file shared by all processes of a machine; a power loss may cost the last moments, never the file."""

    def __init__(self, path: Path, *, busy: float = 1.0) -> None:
        """Name the file; `busy` is how long, in seconds, to wait for another process's transaction."""
        self._path = path
        self._busy = busy
        self._connection: sqlite3.Connection | None = None
        # None ends the thread. With one caller there is one job a call; an executor takes four times as much for it.
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def update(self, key: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        """Run the change in one immediate transaction, off the event loop."""
        try:
            return await self._run(partial(self._update, key, change))
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"the budget store {self._path} cannot be used: {error}") from error

    async def aclose(self) -> None:
        """Close the file and end the thread."""
        if self._thread is None:
            return
        closing, self._thread = self._thread, None
        self._jobs.put(None)
        await asyncio.to_thread(closing.join)

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="isthmus-budgets", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, future, loop))
        return future

    def _serve(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                job.run()
                # Whoever waits for the next one must not keep what this one brought.
                del job
        finally:
            self._close()

    def _update(self, key: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        connection = self._connection or self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            row = connection.execute("SELECT state FROM budget WHERE key = ?", (key,)).fetchone()
            state, answer = change(row[0] if row else None)
            connection.execute("INSERT OR REPLACE INTO budget (key, state) VALUES (?, ?)", (key, state))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return answer

    def _open(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=self._busy, isolation_level=None, check_same_thread=False)
        try:
            _check_version(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS budget (key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"
            )
            connection.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _check_version(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise sqlite3.DatabaseError(f"schema {version} is newer than this program knows")
