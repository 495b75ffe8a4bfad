"""Whose turn is it to write, among the processes that share a journal?"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Turns"]


class Turns:
    """A lock that passes on: who has just written cannot write again while another process waits.

    A bare `flock` starves, because the holder that unlocks and locks again wins against sleepers. Here a process
    queues for the seat first and keeps it until it gets the work lock; the one that finished has to queue for the
    seat behind it. The kernel frees both locks when a process dies.
    """

    def __init__(self, path: Path) -> None:
        flags, mode = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        self._seat = os.open(path.with_name(f"{path.name}-seat"), flags, mode)
        self._work = os.open(path.with_name(f"{path.name}-lock"), flags, mode)

    def __enter__(self) -> Self:
        fcntl.flock(self._seat, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._work, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._seat, fcntl.LOCK_UN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._work, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of both files."""
        os.close(self._seat)
        os.close(self._work)
