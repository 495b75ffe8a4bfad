"""Do other clients, as they are, work against the sandbox?

Each is fetched into an environment of its own, so these tests run on request only: `ISTHMUS_INTEROP=1 uv run pytest
tests/interop`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

CLIENTS = Path(__file__).parent / "elsewhere"

pytestmark = [
    pytest.mark.skipif(
        "ISTHMUS_INTEROP" not in os.environ, reason="set ISTHMUS_INTEROP=1 to fetch other clients from their registries"
    ),
    pytest.mark.timeout(300),
]


def need(command: str) -> str:
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"{command} is not installed")
    return found


def fetch(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        pytest.skip(f"{command[-1]} cannot be had: {done.stderr.strip()[-200:]}")


def run(sandbox: Sandbox, *command: str | Path, told: object, gate: bool = True) -> dict[str, object]:
    """Run a client whose environment leads nowhere but to the sandbox, mostly through the gate."""
    asked = len(sandbox.asked)
    around = {**os.environ, **sandbox.environment}
    done = subprocess.run(
        [*command, json.dumps(told)], env=around, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert (len(sandbox.asked) > asked) == gate
    return json.loads(done.stdout)


@pytest.fixture
def login(org: SalesforceOrg) -> dict[str, str]:
    password, token = org.passwords.of(org.username)
    return {"username": org.username, "password": password, "security_token": token}


def python_with(folder: Path, *packages: str) -> Path:
    fetch(need("uv"), "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin/python"
    fetch(need("uv"), "pip", "install", "--quiet", "--python", python, *packages)
    return python


def test_salesforce_bulk(sandbox: Sandbox, org: SalesforceOrg, login: dict[str, str], tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "setuptools<81", "salesforce-bulk")
    found = run(sandbox, python, CLIENTS / "salesforce_bulk_client.py", told=login)
    made = org.rows("Contact")[-1]
    assert (made["LastName"], found["job"], found["batches"]) == ("Über", "Closed", ["Completed"])
    assert [each[1:3] for each in found["inserted"]] == [["true", "true"], ["false", "false"]]
    assert found["csv"] == [f'"Id","LastName"\n"{made["Id"]}","Über"\n']
    assert [[row["Id"] for row in page] for page in found["json"]] == [[made["Id"]]]
    assert (found["failed"][0], "No such column 'Nope'" in found["failed"][1]) == ("BulkBatchFailed", True)
    assert found["aborted"] == "Aborted"


def test_aiosalesforce(sandbox: Sandbox, org: SalesforceOrg, login: dict[str, str], tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "aiosalesforce[jwt]")
    key, count = tmp_path / "key.pem", len(org.rows("Contact"))
    key.write_text(org.private_key_pem)
    known = {"client_id": org.client_id, "client_secret": org.client_secret, "username": org.username}
    told = [login, {**known, "my_domain": org.my_domain}, str(key)]
    found = run(sandbox, python, CLIENTS / "aiosalesforce_client.py", told=told)
    assert [found[name] for name in ("soap", "client_credentials", "jwt")] == [15_000] * 3
    assert (found["queried"], found["row"]) == (count, "Changed")
    assert (found["bulk"], found["jobs"]) == ([1, 1], ["JobComplete"])


def test_jsforce(sandbox: Sandbox, org: SalesforceOrg, login: dict[str, str], tmp_path: Path) -> None:
    node, count = need("node"), len(org.rows("Contact"))
    fetch(need("npm"), "install", "--silent", "--ignore-scripts", "--prefix", tmp_path, "jsforce@3")
    shutil.copy(CLIENTS / "jsforce_client.mjs", tmp_path)
    found = run(sandbox, node, tmp_path / "jsforce_client.mjs", told=login)
    assert found == {
        "instance": org.my_domain,
        "queried": count,
        "row": "Node",
        "destroyed": True,
        "upserted": True,
        "described": True,
        "bulk": [True, False],
        "bulk2": [1, 1],
        "bulk2query": ["B"],
    }


@pytest.fixture
def told(sandbox: Sandbox) -> dict[str, str]:
    instance = sandbox.servicenow["us"]
    known = {"client_id": instance.client_id, "client_secret": instance.client_secret, "username": "admin"}
    name = instance.host.partition(".")[0]
    address = f"localhost:{sandbox.tls_port}"
    return {**known, "password": instance.password("admin"), "instance": name, "address": address}


def test_pysnow(sandbox: Sandbox, told: dict[str, str], tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "pysnow==0.7.17")
    rows = sandbox.servicenow["us"].rows("incident")
    found = run(sandbox, python, "-W", "ignore", CLIENTS / "pysnow_client.py", told=told)
    mail = [row for row in rows if "mail" in row["short_description"].lower() and row["state"] in ("1", "2")]
    assert found == {
        "made": "made by pysnow",
        "changed": "2",
        "mail": len(mail),
        "year": len(rows) + 1,
        "streamed": sum(row["active"] == "true" for row in rows) + 1,
        "files": ["pysnow_client.py"],
        "deleted": "record deleted",
        "gone": True,
        "oauth": len(sandbox.servicenow["us"].rows("problem")),
    }


def test_aiosnow(sandbox: Sandbox, told: dict[str, str], tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "aiosnow==0.6.0")
    rows = sandbox.servicenow["us"].rows("incident")
    found = run(sandbox, python, "-W", "ignore", CLIENTS / "aiosnow_client.py", told=told, gate=False)
    assert found == {
        "priority": "3",
        "opened": "2026-11-20T09:00:00",
        "urgency": "1 - High",
        "one": "made by aiosnow",
        "streamed": sum(row["impact"] == "2" for row in rows),
        "deleted": 204,
    }


def test_the_suite_of_pysnc(sandbox: Sandbox, told: dict[str, str], tmp_path: Path) -> None:
    """Run PySNC's own tests; `ISTHMUS_PYSNC` names a checkout of its repository, which the package does not hold."""
    folder = os.environ.get("ISTHMUS_PYSNC")
    if folder is None:
        pytest.skip("set ISTHMUS_PYSNC to a checkout of https://github.com/ServiceNow/PySNC")
    python = python_with(tmp_path / "env", "pysnc==1.2.1", "pytest<9", "python-dotenv")
    known = {"SERVER": f"https://{told['address']}", "USERNAME": "admin", "PASSWORD": told["password"]}
    around = {**os.environ, **sandbox.environment, **{f"PYSNC_{name}": value for name, value in known.items()}}
    suite = ("-m", "pytest", "test", "--ignore=test/asyncio", "-q", "-o", "addopts=", "-p", "no:cacheprovider")
    done = subprocess.run([python, *suite], cwd=folder, env=around, capture_output=True, text=True, check=False)
    assert "106 passed, 5 skipped" in done.stdout, done.stdout[-3000:]
