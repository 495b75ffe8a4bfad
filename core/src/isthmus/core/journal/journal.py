"""How is a journal opened, written and read?"""

import asyncio
import concurrent.futures
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from weakref import WeakKeyDictionary

from isthmus.core.errors import ConfigurationError

from .checkpoint import Signer
from .errors import JournalUnavailable
from .gathering import Gathering
from .instants import utcnow
from .reserve import Reserve
from .schema import connect, migrate
from .sealing import JournalKeys, Sealer, key_id
from .transaction import Transaction, View
from .turns import Turns
from .unit import Unit
from .writer import Writer

__all__ = ["Journal", "JournalReader"]

_T = TypeVar("_T")
_RESERVE_BYTES = 8 << 20


class JournalReader:
    """Read a journal; each thread gets a connection of its own."""

    def __init__(self, path: Path, sealer: Sealer) -> None:
        self._path = path
        self._sealer = sealer
        self._views = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._process = os.getpid()

    def view(self) -> View:
        """Return the reads of the calling thread.

        Raises:
            JournalUnavailable: the file cannot be read, or this process was forked after opening.
        """
        self._refuse_fork()
        found: View | None = getattr(self._views, "found", None)
        if found is None:
            db = connect(self._path, writer=False)
            self._readers.append(db)
            found = self._views.found = View(db, self._sealer)
        return found

    def _refuse_fork(self) -> None:
        if self._process != os.getpid():
            raise JournalUnavailable("this process was forked after the journal was opened; open it again here")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._readers:
            self._readers.pop().close()
        self._views = threading.local()


class Journal(JournalReader):
    """One append-only log with its projections; several processes may have it open.

    Use it as a context manager, with `async with` or `with`.
    """

    def __init__(
        self,
        path: Path,
        keys: JournalKeys,
        *,
        origin: str,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        reserve: int,
    ) -> None:
        super().__init__(path, Sealer(keys, origin, entropy))
        self._keys = keys
        self._clock = clock
        self._signer = Signer(origin, keys.signing)
        self._reserve = Reserve(path, reserve)
        self._writer: Writer | None = None
        self._gatherings: WeakKeyDictionary[asyncio.AbstractEventLoop, Gathering] = WeakKeyDictionary()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        origin: str,
        keys: JournalKeys,
        clock: Callable[[], datetime] = utcnow,
        entropy: Callable[[int], bytes] = os.urandom,
        reserve: int = _RESERVE_BYTES,
    ) -> Self:
        """Name a journal; entering it creates or migrates the file.

        `origin` names the log in its checkpoints, such as `acme.example/isthmus`; it and the keys stay the same for
        good. `reserve` is the space in bytes set aside for when the disk is full.

        Raises:
            ConfigurationError: the origin is no key name; on entering: the file cannot be opened, or was written with
                other keys or another origin.
        """
        return cls(Path(path), keys, origin=origin, clock=clock, entropy=entropy, reserve=reserve)

    @staticmethod
    def open_readonly(path: Path | str, *, origin: str, keys: JournalKeys) -> JournalReader:
        """Name a journal to read only; it must exist.

        Raises:
            ConfigurationError: there is no such file.
        """
        if not Path(path).exists():
            raise ConfigurationError(f"there is no journal at {Path(path).name!r}; start isthmus once to create it")
        return JournalReader(Path(path), Sealer(keys, origin, os.urandom))

    @property
    def verification_key(self) -> str:
        """Return the key that checkpoints of this journal are verified with."""
        return self._signer.verification_key

    @property
    def writes_refused(self) -> bool:
        """Tell whether the disk was full, so that no intent is accepted until there is space again."""
        return not self._reserve.held

    async def transact(self, work: Callable[[Transaction], _T]) -> _T:
        """Run a unit of work and return its result once it is durable; what it raises undoes this unit only.

        The work runs on the writer's thread, and once more where the disk was full: keep everything but the
        transaction out of it. Cancelling before it started drops it; later it completes unseen.

        Raises:
            JournalUnavailable: nothing was acknowledged; a write that needs this record must not be sent.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        gathering = self._gatherings.get(loop)
        if gathering is None:
            gathering = self._gatherings[loop] = Gathering(self._submit)
        gathering.add(Unit(work, future, loop), loop)
        return await future

    def transact_sync(self, work: Callable[[Transaction], _T]) -> _T:
        """Do what `transact` does and block the calling thread meanwhile."""
        future: concurrent.futures.Future[_T] = concurrent.futures.Future()
        self._submit(Unit(work, future, None))
        return future.result()

    async def checkpoint(self) -> str:
        """Sign the size and root of what is durable and return the signed note, itself durable.

        Raises:
            JournalUnavailable: the log does not extend what was signed before.
        """
        return await self.transact(lambda transaction: transaction.sign_checkpoint(self._signer))

    def checkpoint_sync(self) -> str:
        """Do what `checkpoint` does and block the calling thread meanwhile."""
        return self.transact_sync(lambda transaction: transaction.sign_checkpoint(self._signer))

    def __enter__(self) -> Self:
        self._prepare()
        writer = Writer(self._path, self._sealer, self._clock, self._reserve)
        writer.start()
        self._writer = writer
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._writer is not None:
            for gathering in list(self._gatherings.values()):
                gathering.hand_over()
            self._writer.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _submit(self, unit: Unit) -> None:
        self._refuse_fork()
        if self._writer is None:
            raise ConfigurationError("the journal is not open; enter it with `async with` or `with` first")
        self._writer.submit(unit)

    def _prepare(self) -> None:
        try:
            with closing(Turns(self._path)) as turns, turns:
                _create(self._path)
                self._reserve.restore()
                with closing(connect(self._path, writer=True)) as db:
                    migrate(db, self._clock(), pseudonym=self._sealer.pseudonym, claim=self._claim)
        except OSError as error:
            raise ConfigurationError(
                f"the journal {self._path.name!r} cannot be created or opened ({error.strerror}); its folder has to"
                " exist, on a local disk, and be writable"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"the journal {self._path.name!r} cannot be opened ({error}); restore it from a backup"
            ) from error

    def _claim(self, db: sqlite3.Connection) -> None:
        ours = {
            "origin": self._sealer.origin,
            "sealing key": key_id(self._keys.sealing).hex(),
            "pseudonym key": key_id(self._keys.pseudonyms).hex(),
            "verification key": self.verification_key,
        }
        for name, value in ours.items():
            db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
            known = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0]
            if known != value:
                raise ConfigurationError(
                    f"the journal {self._path.name!r} was written with another {name} ({known}, now {value});"
                    " give it the one it was created with"
                )


def _create(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
