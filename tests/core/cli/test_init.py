"""Does what `init` writes load, and does it leave alone what is there?"""

import json
import stat
from pathlib import Path

import pytest

from isthmus.core.assembly import load_rulings, open_keys
from isthmus.core.cli import main
from isthmus.core.config import load_config
from isthmus.core.plugins import load_plugins

FILES = {"isthmus.toml", "flows.toml", "sequences.toml", "policies/support.cedar", "policies/support-staff.cedar"}


@pytest.fixture(autouse=True)
def headless(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends.fail import Keyring

    monkeypatch.setattr(keyring.core, "_keyring_backend", Keyring())


def test_what_is_written_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "new"), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["written"]) == FILES
    config = load_config(tmp_path / "new" / "isthmus.toml")
    rulings = load_rulings(config, load_plugins())
    assert "support-read-contacts" in rulings.policy.rules
    assert rulings.sequences.rules
    with open_keys(config, {}).secrets as secrets:
        assert secrets.secret_names()


def test_a_machine_without_a_keyring_gets_a_private_key_file(tmp_path: Path) -> None:
    main(["init", str(tmp_path)])
    key = tmp_path / ".isthmus" / "sealing.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / ".isthmus" / ".gitignore").read_text() == "*\n"
    assert 'sealing_key = "file:.isthmus/sealing.key"' in (tmp_path / "isthmus.toml").read_text()


def test_the_check_of_a_fresh_folder_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert "isthmus doctor" in capsys.readouterr().out
    assert main(["policy", "check"]) == 0
    assert "was never verified; check where it runs and set verified_on" in capsys.readouterr().out


def test_the_org_may_be_named(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--salesforce", "https://acme.my.salesforce.com/"]) == 0
    connection = load_config(tmp_path / "isthmus.toml").file.connections["crm-main"]
    assert connection.url == "https://acme.my.salesforce.com"
    assert connection.auth.model_dump()["token_endpoint"] == f"{connection.url}/services/oauth2/token"


@pytest.mark.parametrize(
    "url", ["acme", "http://acme.example", "https://u@acme.example", 'https://a"b', "https://a/x?y"]
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main(["init", str(tmp_path), "--salesforce", url]) == 2
    assert "--salesforce takes the address of an org" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "flows.toml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert "is already there and was left as it is" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["flows.toml"]
    assert (tmp_path / "flows.toml").read_text() == "mine"
