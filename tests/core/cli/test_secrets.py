"""Do secrets reach the store without ever being shown?"""

import io

import pytest

from .conftest import Shell

SECRET = "correct-horse-battery"


@pytest.fixture
def typed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    shell.secrets.append(SECRET)
    return shell


def test_a_secret_is_read_from_stdin_and_listed_by_name(typed: Shell) -> None:
    assert typed.ok("secret", "set", "spare").startswith("sealed spare\n")
    assert "spare" in typed.ok("secret", "list")
    assert typed.ok_json("secret", "list")["secrets"] == [{"name": "spare", "user": None, "used_by": []}]
    assert SECRET.encode() not in b"".join(one.read_bytes() for one in typed.config.parent.rglob("*.db*"))


def test_a_sealed_secret_opens_its_connection(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.rewrite("env:EU_SECRET", "sealed:eu")
    assert shell.ok_json("secret", "list")["missing"] == ["eu"]
    assert "missing: eu, used by connections.crm-eu.auth.client_secret" in shell.ok("secret", "list")
    monkeypatch.setattr("sys.stdin", io.StringIO(shell.house.environ["EU_SECRET"]))
    assert shell.ok_json("secret", "set", "eu")["used_by"] == ["connections.crm-eu.auth.client_secret"]
    shell.ok("call", "query", "object=Case", "limit=1", "--client", "desktop-eu")


def test_certificates_and_further_credentials_are_listed_too(shell: Shell) -> None:
    own = 'client_certificate = "sealed:pem"\nclient_key = "sealed:pem"\n'
    also = '[connections.crm-eu.also.gate.auth]\nkind = "bearer"\nheader = "X-Gate"\ntoken = "sealed:gate"\n'
    shell.rewrite("[connections.crm-eu.auth]", f"{own}{also}[connections.crm-eu.auth]")
    assert shell.ok_json("secret", "list")["missing"] == ["gate", "pem"]
    listed = " ".join(shell.ok("secret", "list").split())
    assert "connections.crm-eu.also.gate.auth.token" in listed
    assert "connections.crm-eu.client_certificate, connections.crm-eu.client_key" in listed
    assert "sealed:gate holds no secret" in " ".join(shell("doctor").out.split())


def test_a_secret_may_belong_to_a_person(typed: Shell) -> None:
    typed.ok("secret", "set", "spare", "--user", "alice")
    assert typed.ok_json("secret", "list")["secrets"][0]["user"] == "alice"
    assert "user 'alcie' is not in the configuration; did you mean 'alice'?" in typed.fails(
        "secret", "set", "spare", "--user", "alcie", code=2
    )


def test_an_empty_secret_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert "nothing was given for 'spare'" in shell("secret", "set", "spare").err


def test_a_secret_on_the_command_line_is_wrong_usage(shell: Shell) -> None:
    assert shell("secret", "set", "spare", SECRET).code == 2
    assert shell.ok_json("secret", "list")["secrets"] == []
