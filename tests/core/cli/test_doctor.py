"""Does `doctor` find what is wrong, name its remedy, and say so with its exit code?"""

from collections.abc import Callable

import pytest

from .conftest import Shell, first


def test_a_good_installation_passes(shell: Shell) -> None:
    text = shell.ok("doctor")
    assert "calls left" in text
    assert "all is well" in text
    found = shell.ok_json("doctor")
    assert found["ok"] is True
    assert {one["status"] for one in found["checks"]} == {"ok"}


def test_every_connection_says_who_we_are_and_what_is_left(shell: Shell) -> None:
    checks = shell.ok_json("doctor")["checks"]
    said = [one["said"] for one in checks if one["subject"] in ("crm-eu", "crm-us") and "answers as" in one["said"]]
    assert len(said) == 2
    assert all("instance " in one and "calls left" in one for one in said)


def test_data_handled_outside_its_home_is_called_a_transfer(shell: Shell) -> None:
    assert "its data is at home in us (US) and handled in eu: each call is a transfer" in shell.ok("doctor")


def test_a_transfer_without_a_basis_is_a_warning(shell: Shell) -> None:
    shell.rewrite('zone = "eu"\nstate', 'zone = "us"\nstate')
    checks = shell.ok_json("doctor")["checks"]
    found = next(one for one in checks if one["subject"] == "crm-eu" and one["status"] == "warn")
    assert "run isthmus for it in eu" in found["said"]


def test_an_unknown_runtime_zone_fails(shell: Shell) -> None:
    shell.rewrite('zone = "eu"\nstate', 'zone = "ue"\nstate')
    done = shell("doctor", "--json")
    assert done.code == 1
    assert "add [zones.ue]" in first(done.json, "runtime zone")["said"]


def test_a_missing_secret_fails_its_connection_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EU_SECRET")
    done = shell("doctor", "--json")
    assert done.code == 1
    failed = [one for one in done.json["checks"] if one["status"] == "fail"]
    assert [one["subject"] for one in failed] == ["crm-eu"]
    assert "`export EU_SECRET=...`" in failed[0]["said"]


def test_an_unreachable_org_fails_its_connection_alone(shell: Shell, unreachable: Callable[[str], None]) -> None:
    unreachable("us")
    done = shell("doctor")
    assert done.code == 1
    assert "something has to be mended" in done.out
    assert "Traceback" not in done.out + done.err


def test_a_sealing_key_that_is_not_there_fails(shell: Shell) -> None:
    shell.config.with_name("sealing.key").unlink()
    done = shell("doctor", "--json")
    assert done.code == 1
    assert first(done.json, "sealing key")["status"] == "fail"
    assert first(done.json, "rules")["status"] == "ok"
    assert shell.sent() == 0


def test_open_writes_are_pointed_out(shell: Shell) -> None:
    shell.leave_open("0123456789ab00000000000000000000beef", payload={"verb": "create", "values": {}})
    assert "1 write without an outcome: see `isthmus intents list`" in shell.ok("doctor")


def test_a_connection_that_acts_as_the_user_asks_for_one(shell: Shell) -> None:
    org = shell.house.sandbox.salesforce["eu"]
    shell.rewrite(f'url = "{org.url}"\n', f'url = "{org.url}"\nidentity = "user"\n')
    text = shell.config.read_text()
    secret = 'client_secret = "env:EU_SECRET"'
    more = f'issuer = "{org.client_id}"\nsubject = "{{user}}@eu.kessmar.example"\naudience = "{org.url}"\n'
    head, tail = text.split("[connections.crm-eu.auth]\n")
    auth, rest = tail.split("[connections.crm-eu.key_fields]", 1)
    auth = auth.replace("client_credentials", "jwt_bearer").replace(f'client_id = "{org.client_id}"\n', more)
    auth = auth.replace(secret, 'private_key = "sealed:eu-key"')
    shell.config.write_text(f"{head}[connections.crm-eu.auth]\n{auth}[connections.crm-eu.key_fields]{rest}")
    assert "repeat with --user NAME" in shell.ok("doctor")
    assert "`isthmus secret set eu-key`" in shell("doctor", "--user", "alice").out
