"""What really happened on the wire and in the data?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Effect:
    """One change to stored data: created, updated, deleted, viewed or locked."""

    action: str
    object: str
    id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: `status` is None where the connection was dropped without an answer.

    `cookie_user` names whose login the presented cookie was given to, `body` is empty for token requests.
    """

    number: int
    at: str
    system: str
    org: str
    method: str
    path: str
    query: str
    user: str | None
    status: int | None
    error: str | None = None
    fault: str | None = None
    effects: tuple[Effect, ...] = ()
    request_id: str = ""
    cookie_user: str | None = None
    headers: Mapping[str, str] | None = None
    body: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the entry as plain values."""
        return asdict(self)


class Journal:
    """Keep every request in the order in which it was handled."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = Lock()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return all entries so far."""
        with self._lock:
            return tuple(self._entries)

    def since(self, number: int) -> tuple[Entry, ...]:
        """Return the entries after the one with this number."""
        with self._lock:
            return tuple(self._entries[max(number, 0) :])

    def next_number(self) -> int:
        """Return the number that the next entry carries; the first one is 1."""
        with self._lock:
            return len(self._entries) + 1

    def append(self, entry: Entry) -> None:
        """Add one entry at the end."""
        with self._lock:
            self._entries.append(entry)
