import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg

Lever = Callable[..., httpx2.Response]


@pytest.fixture
def lever(org: SalesforceOrg) -> Lever:
    def pull(method: str, name: str, /, **body: object) -> httpx2.Response:
        return httpx2.request(method, f"{org.url}/__sandbox__/{name}", json=body or None, verify=False)

    return pull


def test_faults_are_armed_from_outside(lever: Lever, crm: httpx2.Client) -> None:
    armed = lever("POST", "faults", kind="daily_limit", times=2, method="GET", path="/limits").json()["armed"]
    assert armed == [{"kind": "daily_limit", "times": 2, "method": "GET", "path": "/limits"}]
    assert crm.get("limits").status_code == 403
    assert lever("DELETE", "faults").json()["armed"] == []
    assert crm.get("limits").status_code == 200


def test_unknown_faults_and_levers_are_explained(lever: Lever) -> None:
    assert "this org knows" in lever("POST", "faults", kind="nope").json()["error"]
    assert "POST clock" in lever("GET", "nope").json()["error"]
    assert lever("POST", "clock", hours=-1).status_code == 400


def test_the_clock_is_advanced_from_outside(lever: Lever, org: SalesforceOrg) -> None:
    before = org.clock.now()
    assert lever("POST", "clock", hours=2).json() == {"now": "2026-11-20T11:00:00.000+0000"}
    assert (org.clock.now() - before).total_seconds() == 7200
    assert lever("GET", "clock").json()["now"].startswith("2026-11-20T11")


def test_journal_and_rows_are_read_from_outside(lever: Lever, crm: httpx2.Client) -> None:
    key = crm.post("sobjects/Case", json={"Subject": "seen"}).json()["id"]
    entries = lever("GET", "journal").json()["entries"]
    assert entries[-1]["effects"] == [{"action": "created", "object": "Case", "id": key}]
    assert entries[-1]["body"] == '{"Subject":"seen"}'
    assert lever("GET", f"journal?since={entries[-1]['number']}").json()["entries"] == []
    assert lever("GET", "rows/Case?Subject=seen").json()["rows"][0]["Id"] == key
    assert lever("GET", "rows/Nope").status_code == 400


def test_the_quota_is_set_from_outside(lever: Lever, crm: httpx2.Client) -> None:
    assert lever("POST", "limits", used=5, maximum=6).json() == {"used": 5, "maximum": 6}
    assert [crm.get("limits").status_code for _ in range(2)] == [200, 403]
    assert lever("GET", "limits").json() == {"used": 6, "maximum": 6}


def test_a_consent_is_given_from_outside(lever: Lever, org: SalesforceOrg) -> None:
    token = lever("POST", "grants", username=org.usernames["alice"]).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": org.client_id, "refresh_token": token}
    assert httpx2.post(f"{org.url}/services/oauth2/token", data=form, verify=False).status_code == 200
    assert lever("POST", "grants", username="nobody").status_code == 400


def test_runs_as_a_process_until_terminated() -> None:
    command = [
        sys.executable,
        "-m",
        "isthmus.plugins.sandbox",
        "--port-eu",
        "0",
        "--seed",
        "7",
        "--accounts",
        "20",
        "--contacts",
        "50",
        "--print-json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ), text=True)
    try:
        assert process.stdout is not None
        printed = json.loads(process.stdout.readline())
        orgs = printed["salesforce"]
        assert (printed["seed"], set(orgs)) == (7, {"eu", "us"})
        form = {"grant_type": "client_credentials"}
        auth = (orgs["eu"]["client_id"], orgs["eu"]["client_secret"])
        assert (
            httpx2.post(f"{orgs['eu']['url']}/services/oauth2/token", data=form, auth=auth, verify=False).status_code
            == 200
        )
        assert (
            httpx2.get(f"{orgs['us']['url']}/__sandbox__/org", verify=False).json()["private_key_pem"]
            == orgs["us"]["private_key_pem"]
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_the_command_prints_what_clients_need(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "isthmus.plugins.sandbox", "--accounts", "20", "--contacts", "50"]
    command += ["--write", str(tmp_path / "house"), "--port-access-eu", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ), text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if "Ctrl-C" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    exported = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    assert {"HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} <= set(exported)
    assert any(line.startswith("https://kessmar-eu.my.salesforce.com") for line in lines)
    assert f"Access     eu  http://127.0.0.1:{port}" in lines
    settings = (tmp_path / "house" / "isthmus.toml").read_text()
    assert f'url = "http://127.0.0.1:{port}"' in settings
    assert all(f"[systems.{name}]" in settings for name in ("crm", "itsm", "erp", "hr", "access"))
