"""Is CONTRIBUTING true: does its connector, built and installed on its own, work through every public face?"""

import json
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.conftest import COMPANY, write_folder

from isthmus.core.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEMPLATE = ROOT / "core/src/isthmus/core/cli/templates/connector"
BLOCKS = re.findall(r"```(python|toml)\n(.*?)```", PAGE, flags=re.DOTALL)
(CODE, SUITE), (PYPROJECT, SETTINGS) = (
    [text for kind, text in BLOCKS if kind == which] for which in ("python", "toml")
)
TOKEN = "acme-token-51b0"
CEDAR = """
@id("agent") permit (principal == Isthmus::Agent::"support", action, resource in Isthmus::System::"desk");
@id("people") permit (principal in Isthmus::Role::"support", action, resource in Isthmus::System::"desk");
"""
DRIVE = """
import asyncio, json
from pathlib import Path
from isthmus.core import Caller, as_json, load_config, open_gateway

async def drive():
    async with open_gateway(load_config(Path("isthmus.toml"))) as gateway:
        session = gateway.session(Caller("support", user="alice", purpose="support", consumer="model-eu", client="desktop-eu"))
        first = await session.call("query", system="desk", object="Ticket", select=["subject"], limit=2)
        rest = await session.call("query", system="desk", object="Ticket", select=["subject"], limit=2, after=first.after)
        new = [await session.call("create", system="desk", object="Ticket", values={"subject": "Lamp"}, key="k-1") for _ in "ab"]
        one = await session.call("get", system="desk", object="Ticket", id=new[0].id, fields=["subject", "reference"])
        print(json.dumps([as_json(each) for each in (first, rest, *new, one)]))

asyncio.run(drive())
"""
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
LINES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)


def uv(*arguments: str) -> "subprocess.CompletedProcess[str]":
    # From the workspace's root, so that its choice of versions holds.
    command = [os.environ.get("UV", "uv"), *arguments]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "timed out")


def reachable(*arguments: str) -> None:
    """Run uv with what it has, else with the registry; a registry out of reach is no fault of ours."""
    if uv(*arguments, "--offline").returncode == 0:
        return
    done = uv(*arguments)
    if any(said in done.stderr for said in ("error sending request", "dns error", "timed out", "Connection refused")):
        pytest.skip(f"the package registry cannot be reached: uv {' '.join(arguments[:2])}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the connector of the page, and install it beside isthmus in an environment of its own."""
    folder = tmp_path_factory.mktemp("acme")
    package = folder / "isthmus-acme-desk"
    source = package / "src" / "isthmus_acme_desk"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(CODE)
    (package / "pyproject.toml").write_text(PYPROJECT)
    reachable("build", "--wheel", str(package), "--out-dir", str(folder / "dist"))
    reachable("venv", "--python", sys.executable, str(folder / "venv"))
    (wheel,) = (folder / "dist").glob("*.whl")
    parts = [str(ROOT / part) for part in ("residency", "core", "plugins/mcp")]
    reachable("pip", "install", "--python", str(folder / "venv"), "--link-mode", "hardlink", str(wheel), *parts)
    return folder


class Door(BaseHTTPRequestHandler):
    """Lets requests over HTTP reach the stand-in of the template."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        found = httpx2.Response(401, json={})
        if self.headers["authorization"] == f"Bearer {TOKEN}":
            found = self.server.desk(httpx2.Request(self.command, f"http://desk{self.path}", content=body))  # type: ignore[attr-defined]
        self.send_response(found.status_code)
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(found.content)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None: ...


@pytest.fixture
def served(installed: Path) -> Iterator[Path]:
    """Serve the desk on this machine, and point the page's settings at it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    script = installed / "desk.py"
    script.write_text((TEMPLATE / "tests/desk.py.tmpl").read_text())
    server.desk = runpy.run_path(str(script))["Desk"]()  # type: ignore[attr-defined]
    here = SETTINGS.replace("https://acme-desk.example", f"http://127.0.0.1:{server.server_port}")
    plugins, _, rest = here.partition("\n")
    write_folder(installed / "house", plugins + COMPANY + rest, cedar=CEDAR)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield installed
    server.shutdown()
    thread.join()
    server.server_close()


def surroundings() -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return environ | {"ACME_DESK_TOKEN": TOKEN}


def run(folder: Path, program: str, *arguments: str) -> str:
    command = [str(folder / "venv/bin" / program), *arguments]
    done = subprocess.run(
        command, cwd=folder / "house", env=surroundings(), capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def asked(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Ask an MCP server on its pipes, and wait for each answer."""
    command = [str(folder / "venv/bin/isthmus"), "serve", *arguments]
    with subprocess.Popen(
        command, cwd=folder / "house", env=surroundings(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(json.dumps(line) + "\n" for line in LINES))
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for line in LINES if "id" in line]
        process.stdin.close()
    return answers


def test_the_connector_works_through_the_public_face(served: Path) -> None:
    first, rest, new, again, one = json.loads(run(served, "python", "-c", DRIVE))
    assert [each["fields"]["subject"] for each in first["records"]] == ["Printer on fire", "No coffee"]
    assert [each["fields"]["subject"] for each in rest["records"]] == ["Door is stuck"]
    assert new["id"] == again["id"] == one["id"]
    assert one["fields"] == {"subject": "Lamp", "reference": "k-1"}


def test_the_command_line_and_mcp_show_its_tools(served: Path) -> None:
    listed = json.loads(run(served, "isthmus", "tools", "--json"))
    assert {"describe", "query", "export", "get", "create"} == {each["name"] for each in listed["tools"]}
    (tools,) = (each["result"]["tools"] for each in asked(served, "--client", "desktop-eu") if each["id"] == 2)
    assert {"describe", "query", "export", "get", "create"} == {each["name"] for each in tools}
    assert all(each["inputSchema"]["properties"]["system"] == {"enum": ["desk"]} for each in tools)


def test_the_page_shows_what_new_connector_writes(tmp_path: Path) -> None:
    assert main(["new", "connector", "acme_desk", "--folder", str(tmp_path / "new"), "--json"]) == 0
    assert (tmp_path / "new/src/isthmus_acme_desk/__init__.py").read_text() == CODE
    suite = (tmp_path / "new/tests/test_conformance.py").read_text()
    for line in SUITE.splitlines():
        assert line in suite
    assert SETTINGS in (tmp_path / "new/README.md").read_text()


def test_the_connector_is_small() -> None:
    body = CODE.partition("\nNAMES")[2]
    lines = [line for line in body.splitlines() if line.strip() and '"""' not in line]
    assert len(lines) <= 60
