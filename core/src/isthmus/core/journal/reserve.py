"""What is left to write with when the disk is full?"""

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Reserve"]

_RETRY_SECONDS = 1.0
_HEADROOM = 4
_BLOCK = 1 << 20


class Reserve:
    """Space set aside beside the journal; giving it up lets reads be recorded while writes are refused.

    The file's absence is what tells every process on the machine that the disk was full, so it is looked up at each
    turn, and only the holder of the turn changes it.
    """

    def __init__(self, path: Path, size: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path.with_name(f"{path.name}-reserve")
        self._name = os.fspath(self._path)
        self._size = size
        self._monotonic = monotonic
        self._retry_at = 0.0

    @property
    def held(self) -> bool:
        """Tell whether the space is still set aside."""
        return os.access(self._name, os.F_OK)

    def release(self) -> bool:
        """Give the space back to the disk; False where that was done before."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def restore(self) -> bool:
        """Set the space aside again once the disk has several times as much free; looks at most once a second.

        Returns whether it is held now.
        """
        if self.held:
            return True
        now = self._monotonic()
        if now < self._retry_at:
            return False
        self._retry_at = now + _RETRY_SECONDS
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize >= _HEADROOM * self._size and self._fill()

    def _fill(self) -> bool:
        draft = self._path.with_name(f"{self._path.name}-new")
        try:
            draft.touch(0o600)
            with draft.open("wb") as file:
                for _ in range(0, self._size, _BLOCK):
                    file.write(bytes(min(_BLOCK, self._size)))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            draft.unlink(missing_ok=True)
            return False
        draft.rename(self._path)
        return True
