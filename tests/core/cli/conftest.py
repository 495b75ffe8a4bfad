"""The real commands, run in this process on a house with two orgs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import House

from isthmus.core.assembly import open_keys
from isthmus.core.cli import main
from isthmus.core.config import load_config
from isthmus.core.journal import Intent, Journal


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """Run commands with this house's configuration; what must not be printed is checked on every output."""

    house: House
    capture: pytest.CaptureFixture[str]
    config: Path
    secrets: list[str] = field(default_factory=list)

    def __call__(self, *words: str) -> Outcome:
        self.capture.readouterr()
        code = main([*words, "--config", str(self.config)])
        told = self.capture.readouterr()
        for secret in self.secrets:
            assert secret not in told.out + told.err
        return Outcome(code, told.out, told.err)

    def ok(self, *words: str) -> str:
        done = self(*words)
        assert done.code == 0, done.err or done.out
        assert done.err == ""
        return done.out

    def ok_json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def fails(self, *words: str, code: int = 1) -> str:
        """Run it with --json: it fails with one sentence on stderr, and its details on stdout."""
        done = self(*words, "--json")
        assert done.code == code, done.err or done.out
        assert done.err.startswith("error: ")
        assert done.err.count("\n") == 1
        assert done.json["error"]["message"] in done.err
        return done.err

    def rewrite(self, before: str, after: str) -> None:
        text = self.config.read_text()
        assert before in text
        self.config.write_text(text.replace(before, after))

    def sent(self) -> int:
        return sum(len(org.journal.entries) for org in self.house.sandbox.salesforce.values())

    def open_journal(self) -> Journal:
        config = load_config(self.config)
        keys = open_keys(config, self.house.environ)
        origin = f"{config.file.name}/isthmus"
        with keys.secrets:
            return Journal.open(config.state / "journal.db", origin=origin, keys=keys.journal)

    def leave_open(self, id: str, **details: Any) -> None:
        """Leave a write behind as a process that died would."""
        then = datetime.now(UTC) - timedelta(hours=1)
        facts: dict[str, Any] = {
            "digest": f"digest of {id}",
            "agent": "support",
            "user": "alice",
            "tool": "create",
            "connection": "crm-eu",
            "object": "Case",
            "opened_at": then,
            "lease_until": then,
        }
        with self.open_journal() as journal:
            journal.transact_sync(lambda transaction: transaction.open_intent(Intent(id=id, **(facts | details))))


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    config = house.write()
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ISTHMUS_CONFIG", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Shell(house, capsys, config, list(house.environ.values()))


@pytest.fixture
def unreachable(shell: Shell) -> Callable[[str], None]:
    """Point a connection at a port where nobody listens."""

    def point(name: str) -> None:
        org = shell.house.sandbox.salesforce[name]
        shell.rewrite(org.url, "http://127.0.0.1:9")

    return point


def first(found: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    return next(one for one in found["checks"] if one["subject"] == what)
