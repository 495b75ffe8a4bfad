"""Do packages for RFC, each in an environment of its own, work against the sandbox and under the connector?

They are fetched, so these tests run on request only: `ISTHMUS_INTEROP=1 uv run pytest tests/interop`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import COMPANY, write_folder
from tests.connectors.sap.rfc.conftest import CEDAR, ERP
from tests.interop.test_elsewhere import CLIENTS, fetch, need, pytestmark

from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.sap.rfc import RfcFault

__all__ = ["pytestmark"]

ROOT = Path(__file__).parents[2]
MEMBERS = ("residency", "core", "connectors/sap")
COMMIT = "BAPI_TRANSACTION_COMMIT"


def newer() -> str:
    """Return a Python that saprfclib runs on: this one, one on the path that starts, else one that uv may fetch."""
    if sys.version_info >= (3, 12):
        return sys.executable
    for name in ("python3.13", "python3.12"):
        found = shutil.which(name)
        if found and not subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
            return found
    return "3.12"


@pytest.mark.parametrize(("package", "backend"), [("erpl-pyrfc", "pyrfc"), ("saprfclib", "saprfclib")])
def test_a_package_for_rfc(sandbox: Sandbox, tmp_path: Path, package: str, backend: str) -> None:
    python = newer() if package == "saprfclib" else sys.executable
    interpreter = tmp_path / "env/bin/python"
    fetch(need("uv"), "venv", "--quiet", "--python", python, tmp_path / "env")
    members = [ROOT / each for each in MEMBERS]
    fetch(need("uv"), "pip", "install", "--quiet", "--python", interpreter, *members, package)
    sap = sandbox.sap_rfc
    sap.fail(COMMIT, RfcFault.DROP_AFTER, after=2)
    sap.fail(COMMIT, RfcFault.DROP_BEFORE)
    text = COMPANY + ERP.format(url=sap.credentials()["url"], settings=f'backend = "{backend}"')
    config = write_folder(tmp_path / "house", text, cedar=CEDAR)
    password = sap.credentials()["password"]
    port = int(sap.credentials()["url"].rpartition(":")[2])
    told = {"backend": backend, "port": port, "password": password, "config": str(config)}
    around = {**os.environ, "ERP_PASSWORD": password}
    script = [interpreter, CLIENTS / "rfc_client.py", json.dumps(told)]
    done = subprocess.run(script, env=around, capture_output=True, text=True, check=False, timeout=120)
    shutil.rmtree(config.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found.pop("described")["ORDER_HEADER_IN"] == 9
    assert found == {
        "package": package,
        "refused": True,
        "raised": "FU_NOT_FOUND",
        "kept": ["PO-1", "committed"],
        "governed": ["S", "S", "S"],
        "unknown": True,
        "denied": True,
        "at last": ["PO-1", "committed", "governed", "cut after"],
    }
    assert [one.header["PURCH_NO_C"] for one in sap.orders.committed.values()].count("cut after") == 1
