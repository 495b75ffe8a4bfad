"""How are servers that somebody else wrote for Node fetched, started on loopback, and ended?"""

import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.sap.conftest import House
from tests.interop.test_elsewhere import CLIENTS, node_in, npm_with

from isthmus.core.assembly import Surroundings

PATIENCE = 60.0


class Elsewhere(House):
    """The company's house over a server that listens on a socket."""

    @property
    def around(self) -> Surroundings:
        return Surroundings(environ=self.environ)

    def serve(self, services: dict[str, str], more: str = "") -> None:
        listed = ", ".join(f'{name} = "{path}"' for name, path in services.items())
        terms = "terms = { acknowledged = true }"
        self.settings = f"[connections.erp-eu.settings]\n{more}services = {{ {listed} }}\n{terms}\n"


@contextmanager
def served(name: str, folder: Path, command: Sequence[str]) -> Iterator[str]:
    """Fetch what our own small project `name` names, start it by Node with `command`, and give its address.

    A project prints `port <number>` once it listens.
    """
    node = node_in(folder / "node")
    project = shutil.copytree(CLIENTS / name, folder / name)
    npm_with(node, project)
    log = folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [node, *command], cwd=project, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1, env=_around()
        )
    try:
        yield f"http://localhost:{_port(process, log)}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _around() -> dict[str, str]:
    """Leave out what Node would read of this process's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("NODE_", "CDS_"))}


def _port(process: "subprocess.Popen[str]", log: Path) -> int:
    assert process.stdout is not None
    until = time.monotonic() + PATIENCE
    while (left := until - time.monotonic()) > 0 and process.poll() is None:
        if select.select([process.stdout], [], [], min(left, 1))[0]:
            word, _, number = process.stdout.readline().partition(" ")
            if word == "port":
                return int(number)
    raise AssertionError(f"it did not start: {log.read_text()[-2000:]}")
