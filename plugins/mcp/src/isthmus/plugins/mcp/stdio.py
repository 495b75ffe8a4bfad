"""How does stdin become messages? In whole lines of I-JSON, read so that a signal need not wait for the next one."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO

from isthmus.plugins.mcp.ijson import fault

__all__ = ["Lines"]

LONGEST_LINE = 4 * 1024 * 1024


class Lines:
    """The lines of a file, as text; a bad one is handed to `refuse` instead. It ends with the file or `close`.

    A thread of its own reads, since a read from a pipe cannot be cancelled and would hold up the end of the process.
    """

    def __init__(self, file: BinaryIO, refuse: Callable[[str], Awaitable[None]]) -> None:
        self._file = file
        self._refuse = refuse
        self._loop = asyncio.get_running_loop()
        self._read: asyncio.Queue[bytes | None] = asyncio.Queue()
        # Room for a few lines; the reader waits for it before it reads on.
        self._room = threading.BoundedSemaphore(16)
        self._closed = False
        threading.Thread(target=self._pump, name="isthmus-stdin", daemon=True).start()

    @classmethod
    def of_stdin(cls, refuse: Callable[[str], Awaitable[None]]) -> "Lines":
        """Read the process's stdin, through a descriptor of our own: Python locks `sys.stdin` when it ends."""
        return cls(os.fdopen(os.dup(0), "rb"), refuse)

    def close(self) -> None:
        """End the lines here, whatever is still to come."""
        self._closed = True
        self._read.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str]:
        while not self._closed and (line := await self._read.get()) is not None:
            self._room.release()
            problem = "the message is too long" if len(line) > LONGEST_LINE else fault(line)
            if not line.strip():
                continue
            if problem is None:
                yield line.decode()
            else:
                await self._refuse(problem)

    def _pump(self) -> None:
        try:
            while line := self._file.readline(LONGEST_LINE + 1):
                rest = line
                while not rest.endswith(b"\n") and (rest := self._file.readline(LONGEST_LINE)):
                    pass
                self._room.acquire()
                self._loop.call_soon_threadsafe(self._read.put_nowait, line)
            self._loop.call_soon_threadsafe(self._read.put_nowait, None)
        except RuntimeError:
            # The loop is closed: nobody reads any more.
            return
