"""How are entries appended, read and erased?"""

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from isthmus.core.errors import NotFound
from isthmus.core.records import JSON

from .entries import Entry, Kind, Recorded
from .errors import IntentOpen
from .leaf import encode_body, encode_leaf, parse_leaf
from .pending import Pending, PendingMark, Run
from .sealing import Sealer, commitment
from .tree import HASH_BYTES, Growth

__all__ = ["MOST_NAMED", "LogReads", "LogWrites", "Mark"]

MOST_NAMED = 1_000
"""The most records that one entry names: with all else that an entry may say, they fit into a leaf."""
_RANGES_PER_TOMBSTONE = 2_000
Mark = tuple[PendingMark, bool]


class Reads:
    """Indexed reads over one connection; what every part of the journal stands on."""

    def __init__(self, db: sqlite3.Connection, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer

    def pseudonym(self, value: str) -> str:
        """Name a person or record the way the journal stores it."""
        return self._sealer.pseudonym(value)


class LogReads(Reads):
    """Read entries back."""

    @property
    def size(self) -> int:
        """Return how many entries there are."""
        size: int = self._db.execute("SELECT size FROM tree").fetchone()[0]
        return size

    def entry(self, index: int) -> Recorded:
        """Read one entry with what was sealed apart.

        Raises:
            NotFound: there is no such entry.
        """
        for found in self.entries(index, index + 1):
            return found
        raise NotFound(f"the journal has no entry {index}; it holds {self.size}", object=f"entry {index}")

    def entries(self, first: int, stop: int) -> Iterator[Recorded]:
        """Read the entries from `first` up to, not including, `stop`."""
        rows = self._db.execute(
            "SELECT e.idx, e.leaf, p.body FROM entries e LEFT JOIN payloads p USING (idx)"
            " WHERE e.idx >= ? AND e.idx < ? ORDER BY e.idx",
            (first, stop),
        )
        for index, leaf, body in rows:
            sealed = self._sealer.open_json(_place(index), body)
            yield Recorded(index, parse_leaf(leaf), _object(sealed, "private"), _object(sealed, "payload"))

    def about(self, subject: str) -> tuple[int, ...]:
        """List the entries that name a person or record and are not erased; reads through all bodies' names."""
        named = bytes.fromhex(self._sealer.pseudonym(subject))
        if not named:
            # Every text holds the empty one.
            return ()
        rows = self._db.execute("SELECT idx FROM payloads WHERE instr(subjects, ?) ORDER BY idx", (named,))
        return tuple(index for (index,) in rows)

    def node(self, level: int, index: int) -> bytes:
        """Find the stored root of a complete subtree."""
        last, at = ((index + 1) << level) - 1, HASH_BYTES * level
        row = self._db.execute("SELECT nodes FROM entries WHERE idx = ?", (last,)).fetchone()
        found: bytes = row[0][at : at + HASH_BYTES] if row else b""
        if len(found) != HASH_BYTES:
            raise NotFound(f"the tree has no node {index} on level {level}", object=f"node {level}/{index}")
        return found


class LogWrites(LogReads):
    """Append to the log inside one unit of work."""

    def __init__(
        self, db: sqlite3.Connection, sealer: Sealer, growth: Growth, clock: Callable[[], datetime], *, full: bool
    ) -> None:
        super().__init__(db, sealer)
        self._pending = Pending(growth)
        self._clock = clock
        self._full = full
        self._durable = growth.size, growth.edge
        self.erased = False

    @property
    def size(self) -> int:
        """Return how many entries there are, those of this batch included."""
        return self._pending.size

    def append(self, entry: Entry, payload: Mapping[str, JSON] | None = None) -> int:
        """Add an entry and return its index; `payload` is sealed apart and can be erased.

        One that names more records than a leaf has room for goes on in entries behind it.

        Raises:
            InvalidArguments: the entry is too long for a leaf.
        """
        if len(entry.record_ids) > MOST_NAMED:
            return self._append_all(entry, payload)
        pending, sealer = self._pending, self._sealer
        index, name, content = pending.size, sealer.pseudonym, encode_body(entry, payload)
        if not content:
            pending.add(encode_leaf(entry, index=index, time=entry.time or self._clock(), name=name))
            return index
        salt, sealed = sealer.seal_salted(_place(index), content)
        digest = entry.argument_digest
        leaf = encode_leaf(
            entry,
            index=index,
            time=entry.time or self._clock(),
            name=name,
            arguments=commitment(b"arguments", salt, digest.encode()) if digest else "",
            payload=commitment(b"payload", salt, content),
        )
        named = {name(entry.principal), name(entry.on_behalf_of), name(entry.approver), *map(name, entry.record_ids)}
        # Nothing here fails, so an entry that could not be encoded or sealed leaves no half of itself behind.
        pending.add_body(index, salt, sealed, bytes.fromhex("".join(named)))
        pending.add(leaf)
        return index

    def _append_all(self, entry: Entry, payload: Mapping[str, JSON] | None) -> int:
        """Spread the records of an entry over as many as they need."""
        index = self.append(replace(entry, record_ids=entry.record_ids[:MOST_NAMED]), payload)
        more = Entry(
            agent=entry.agent, attempt=entry.attempt, connection=entry.connection, decision="continued",
            kind=entry.kind, object=entry.object, on_behalf_of=entry.on_behalf_of, principal=entry.principal,
            state=entry.state, system=entry.system, time=entry.time, trace_id=entry.trace_id,
        )  # fmt: skip
        for begin in range(MOST_NAMED, len(entry.record_ids), MOST_NAMED):
            self.append(replace(more, record_ids=entry.record_ids[begin : begin + MOST_NAMED]))
        return index

    def mark(self) -> Mark:
        """Remember the state of the log, for a unit that fails."""
        return self._pending.mark(), self.erased

    def back_to(self, mark: Mark) -> None:
        """Forget what was appended since the mark, after the database went back to it too."""
        pending, self.erased = mark
        self._pending.back_to(pending)

    def flush(self) -> None:
        """Write the rows of the log and its new head, so that this unit can read them."""
        self._pending.flush(self._db.execute)

    def finish(self, run: Run) -> None:
        """Write what is left once all units of the batch are done."""
        self._pending.flush(run)

    def entries(self, first: int, stop: int) -> Iterator[Recorded]:
        """Read entries, those of this unit included."""
        self.flush()
        return super().entries(first, stop)

    def about(self, subject: str) -> tuple[int, ...]:
        """List the entries that name a subject, those of this unit included."""
        self.flush()
        return super().about(subject)

    def erase(self, what: Iterable[int] | str, *, who: str, why: str, basis: str) -> tuple[int, ...]:
        """Destroy what is sealed with these entries, or with all that name a subject; proofs keep holding.

        A tombstone records `who`, the legal `basis` and the indexes; `why` is sealed. Settled intents and approvals
        of these entries lose their bodies too; an approval that was not used yet is rejected. Returns the
        indexes erased.

        Raises:
            IntentOpen: an intent of these entries is not settled, so its body is still needed.
        """
        self.flush()
        indexes = self.about(what) if isinstance(what, str) else tuple(sorted(set(what)))
        present = tuple(index for index in indexes if self._has_body(index))
        for index in present:
            self._erase_linked(index)
        rows = [(index,) for index in present]
        self._db.executemany("DELETE FROM payloads WHERE idx = ?", rows)
        for some in _chunks(_ranges(present)):
            tombstone = Entry(kind=Kind.ERASE, principal=who, basis=basis, erased=some, state="erased")
            self.append(tombstone, {"why": why})
        self.erased = True
        return present

    def _has_body(self, index: int) -> bool:
        return self._db.execute("SELECT 1 FROM payloads WHERE idx = ?", (index,)).fetchone() is not None

    def _erase_linked(self, index: int) -> None:
        leaf = parse_leaf(self._db.execute("SELECT leaf FROM entries WHERE idx = ?", (index,)).fetchone()[0])
        intent, approval = str(leaf.get("attempt", "")), str(leaf.get("approval", ""))
        row = self._db.execute("SELECT state FROM intents WHERE id = ?", (intent,)).fetchone()
        if row and row[0] in {"open", "unknown"}:
            raise IntentOpen(
                f"entry {index} belongs to intent {intent!r}, which is not settled; settle it, then erase",
                intent=intent,
                object=f"entry {index}",
            )
        self._db.execute("UPDATE intents SET body = NULL WHERE id = ?", (intent,))
        self._db.execute("UPDATE approvals SET body = NULL WHERE id = ?", (approval,))
        rejected = self._db.execute(
            "UPDATE approvals SET state = 'rejected' WHERE id = ? AND state IN ('pending', 'approved')", (approval,)
        )
        if rejected.rowcount:
            self.append(Entry(kind=Kind.APPROVAL, approval=approval, state="rejected"))


def _place(index: int) -> str:
    return f"entry {index}"


def _object(body: Mapping[str, JSON], part: str) -> Mapping[str, JSON]:
    found = body.get(part)
    return found if isinstance(found, Mapping) else {}


def _ranges(indexes: Sequence[int]) -> list[tuple[int, int]]:
    # Indexes of one run share their distance to their position.
    runs = itertools.groupby(enumerate(indexes), key=lambda pair: pair[1] - pair[0])
    return [(found[0][1], found[-1][1]) for _, group in runs if (found := list(group))]


def _chunks(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    # A request that finds nothing is recorded as well.
    for at in range(0, max(len(ranges), 1), _RANGES_PER_TOMBSTONE):
        yield tuple(ranges[at : at + _RANGES_PER_TOMBSTONE])
