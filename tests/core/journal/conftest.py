from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isthmus.core.journal import Entry, Journal, JournalKeys, Kind

ORIGIN = "acme.example/isthmus"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def keys() -> JournalKeys:
    return JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)


@pytest.fixture
def opened(tmp_path: Path, keys: JournalKeys, clock: Clock) -> Callable[..., Journal]:
    def name(path: Path = tmp_path / "journal.db", **more: object) -> Journal:
        settings = {"origin": ORIGIN, "keys": keys, "clock": clock, "reserve": 1 << 16} | more
        return Journal.open(path, **settings)

    return name


@pytest.fixture
def journal(opened: Callable[..., Journal]) -> Iterator[Journal]:
    with opened() as found:
        yield found


@pytest.fixture
def outcome() -> Callable[..., Entry]:
    def make(**fields: object) -> Entry:
        usual: dict[str, object] = {
            "kind": Kind.OUTCOME,
            "attempt": "at-1",
            "agent": "triage",
            "on_behalf_of": "anna@acme.example",
            "tool": "update",
            "system": "crm",
            "connection": "sf-eu",
            "object": "Contact",
            "record_ids": ("sf-eu/Contact/003AA",),
            "argument_digest": "d" * 64,
            "decision": "allow",
            "state": "happened",
        }
        return Entry(**(usual | fields))

    return make
