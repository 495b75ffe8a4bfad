"""Do `record`, `replay` and `cassettes check` run another command around which nothing else changes?"""

import json
import os
import signal
from pathlib import Path

import pytest

from isthmus.core.cassettes import read_cassette, recording
from isthmus.core.cassettes.form import write_cassette
from isthmus.core.cli import main

from .conftest import Shell

QUERY = (
    "call",
    "query",
    "object=Contact",
    "select=Id,Name,Email,MailingCountryCode",
    "limit=3",
    "--client",
    "desktop-eu",
)


@pytest.fixture
def cassette(shell: Shell, tmp_path: Path) -> Path:
    path = tmp_path / "cassettes" / "run.yaml"
    shell.ok("record", str(path), *QUERY, "--json")
    return path


def test_a_recorded_command_runs_again_without_systems_and_secrets(
    shell: Shell, cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shell.ok_json(*QUERY)
    sent, entries = shell.sent(), len(shell.ok_json("audit", "show")["entries"])
    for name in shell.house.environ:
        monkeypatch.delenv(name)
    for name in ("eu", "us"):
        shell.rewrite(shell.house.sandbox.salesforce[name].url, "http://127.0.0.1:9")
    first, second = (shell.ok("replay", str(cassette), *QUERY, "--json") for _ in range(2))
    assert first == second
    found = json.loads(first)
    assert [one["id"] for one in found["records"]] == [one["id"] for one in real["records"]]
    assert all(
        now["fields"]["Email"] != then["fields"]["Email"] and now["fields"]["Email"].endswith(".example")
        for now, then in zip(found["records"], real["records"], strict=True)
    )
    assert shell.sent() == sent
    assert len(shell.ok_json("audit", "show")["entries"]) == entries


def test_a_signal_does_not_cut_off_the_writing(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, text: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        write_cassette(path, text)

    monkeypatch.setattr(recording, "write_cassette", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    shell.ok("record", str(tmp_path / "run.yaml"), *QUERY, "--json")
    assert read_cassette(tmp_path / "run.yaml").interactions
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_was_not_recorded_is_named_with_the_remedy(shell: Shell, cassette: Path) -> None:
    done = shell("replay", str(cassette), "call", "query", "object=Account", "--client", "desktop-eu", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "not_recorded")
    assert "/sobjects/Account/describe" in done.err
    assert "isthmus record" in done.err


def test_a_cassette_says_what_it_was_recorded_from(cassette: Path) -> None:
    assert (
        json.loads(cassette.read_text())["recorded_from"] == "kessmar.example: crm-eu (salesforce), crm-us (salesforce)"
    )
    assert cassette.stat().st_mode & 0o777 == 0o600


def test_a_check_finds_nothing_in_what_was_recorded_and_what_was_put_in(shell: Shell, cassette: Path) -> None:
    assert "nothing found" in shell.ok("cassettes", "check", str(cassette.parent))
    secret = shell.house.sandbox.salesforce["eu"].client_secret
    cassette.write_text(cassette.read_text().replace('"recorded_from": "', f'"recorded_from": "{secret} '))
    done = shell("cassettes", "check", str(cassette.parent), "--json")
    assert done.code == 1
    assert [one["what"] for one in done.json["findings"]] == ["is a secret that the configuration names"]


def test_a_file_that_is_no_cassette_is_said_to_be_none(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("interactions: []\nversion: 1\n")
    assert "not written by `isthmus record`" in shell("cassettes", "check", str(tmp_path)).out
    assert "not a cassette" in shell.fails("replay", str(tmp_path / "other.yaml"), *QUERY, code=2)


def test_there_must_be_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("record", str(tmp_path / "a.yaml")), ("record", str(tmp_path / "a.yaml"), "replay", "b.yaml")):
        assert main(words) == 2
        assert "name the command" in capsys.readouterr().err
    assert not (tmp_path / "a.yaml").exists()
