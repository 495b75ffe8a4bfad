"""What has a task already seen? Labels are kept under pseudonyms, since a task's key names a person."""

import json
from functools import lru_cache

from isthmus.residency import Label

from .log import LogWrites, Mark, Reads
from .sealing import canonical

__all__ = ["LabelReads", "LabelWrites"]


class LabelReads(Reads):
    """Read the labels of tasks."""

    def task_label(self, key: str) -> Label | None:
        """Return the join of all that was released under this key, None where nothing was."""
        row = self._db.execute("SELECT label FROM labels WHERE key = ?", (self._sealer.pseudonym(key),)).fetchone()
        return _read(row[0]) if row else None


class LabelWrites(LabelReads, LogWrites):
    """Let the labels of tasks grow."""

    _joined: dict[str, Label] | None = None

    def join_label(self, key: str, label: Label) -> Label:
        """Join a label to the task's and return the result; written only when it grows."""
        # Nobody else writes before this batch ends, and most of its units are of one task.
        held = self._joined = {} if self._joined is None else self._joined
        known = held.get(key) or self.task_label(key)
        joined = label if known is None else known | label
        if joined is not known and joined != known:
            stored = canonical(joined.as_dict()).decode()
            self._db.execute("INSERT OR REPLACE INTO labels VALUES (?, ?)", (self._sealer.pseudonym(key), stored))
        held[key] = joined
        return joined

    def back_to(self, mark: Mark) -> None:
        """Forget what the undone unit joined."""
        super().back_to(mark)
        self._joined = None


@lru_cache(maxsize=1024)
def _read(stored: str) -> Label:
    # A task's label seldom changes, and every call of the task reads it.
    return Label.from_dict(json.loads(stored))
