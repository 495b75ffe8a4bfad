import socket

import pytest

from isthmus.plugins.sandbox import Sandbox


def say(sandbox: Sandbox, head: bytes) -> tuple[int, str]:
    """Send a head to the gate and return status and rest of the answer."""
    port = int(sandbox.gate.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    first, _, rest = answer.decode("latin-1").partition("\r\n")
    return int(first.split()[1]), rest


@pytest.mark.parametrize(
    "name",
    [
        "login.salesforce.com",
        "LOGIN.Salesforce.com",
        "na1.salesforce.com",
        "kessmar-eu.my.salesforce.com",
        "kessmar--eu.sandbox.my.salesforce.com",
    ],
)
def test_the_vendors_names_are_let_through(sandbox: Sandbox, name: str) -> None:
    status, _ = say(sandbox, f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
    assert status == 200
    assert sandbox.asked[-1].target == f"{name}:443"


@pytest.mark.parametrize(
    "target",
    [
        "example.com:443",
        "login.salesforce.com:80",
        "login.salesforce.com:4430",
        "salesforce.com:443",
        "login.salesforce.com.example:443",
        "a.b.c.salesforce.com:443",
        "login.salesforce.com.:443",
        "evil-salesforce.com:443",
        "127.0.0.1:443",
        "loginsalesforce.com:443",
        "x_.salesforce.com:443",
    ],
)
def test_every_other_place_is_refused_and_written_down(sandbox: Sandbox, target: str) -> None:
    before = len(sandbox.asked)
    status, rest = say(sandbox, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    assert (status, "Forbidden" in rest) == (403, True)
    assert [(each.method, each.target, each.status) for each in sandbox.asked[before:]] == [("CONNECT", target, 403)]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "TRACE"])
def test_nothing_is_forwarded_but_tunnels(sandbox: Sandbox, method: str) -> None:
    before = [len(org.journal.entries) for org in sandbox.salesforce.values()]
    status, rest = say(sandbox, f"{method} http://login.salesforce.com/services/data HTTP/1.1\r\n\r\n".encode())
    assert (status, "Allow: CONNECT" in rest) == (405, True)
    assert [len(org.journal.entries) for org in sandbox.salesforce.values()] == before


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT login.salesforce.com HTTP/1.1\r\n\r\n",
        b"CONNECT login.salesforce.com:443\r\n\r\n",
        b"CONNECT http://login.salesforce.com:443 HTTP/1.1\r\n\r\n",
        b"CONNECT user@login.salesforce.com:443 HTTP/3\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"CONNECT login.salesforce.com:443 HTTP/1.1\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_is_no_request_for_a_tunnel_is_refused(sandbox: Sandbox, head: bytes) -> None:
    assert say(sandbox, head)[0] == 400


def test_userinfo_does_not_pass_for_a_host(sandbox: Sandbox) -> None:
    assert say(sandbox, b"CONNECT login.salesforce.com@example.com:443 HTTP/1.1\r\n\r\n")[0] == 403


def test_a_head_has_a_limit(sandbox: Sandbox) -> None:
    fits = b"CONNECT login.salesforce.com:443 HTTP/1.1\r\nX: " + b"x" * 8_000 + b"\r\n\r\n"
    assert say(sandbox, fits)[0] == 200
    port = int(sandbox.gate.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"CONNECT login.salesforce.com:443 HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert b" 431 " in connection.recv(64)


def test_the_environment_leads_to_the_gate_and_to_the_authority(sandbox: Sandbox) -> None:
    found = sandbox.environment
    assert found["HTTPS_PROXY"] == found["HTTP_PROXY"] == sandbox.gate
    assert {found[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")} == {
        str(sandbox.ca_file)
    }
    printed = sandbox.credentials()
    assert (printed["tls_port"], printed["gate"]) == (sandbox.tls_port, sandbox.gate)
