"""How do tests talk to a process of their own?"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from .conftest import Home

WORKER = Path(__file__).with_name("worker.py")


class Worker:
    """A process that forks children which open the house and make calls; see worker.py."""

    def __init__(self, house: Home, hash_seed: str = "random") -> None:
        house.write()
        environ = os.environ | house.environ | {"PYTHONHASHSEED": hash_seed}
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), str(house.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environ,
        )  # fmt: skip
        self.child = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.child:
            self.kill()
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()

    def start(self, ahead: float = 0.0) -> int:
        """Fork a child and wait until its gateway is open; return its process id."""
        self.tell(ahead)
        self.child = int(self.hear("pid")[0])
        self.hear("ready")
        return self.child

    def tell(self, line: object) -> None:
        self._process.stdin.write(f"{line}\n")

    def create(self, *keys: str) -> None:
        self.tell(json.dumps({"create": keys}))

    def load(self, key: str, lines: int) -> None:
        self.tell(json.dumps({"load": [key, lines]}))

    def call(self, user: str, tool: str, **arguments: object) -> dict:
        self.tell(json.dumps({"call": [user, tool, arguments]}))
        return json.loads(self.line())

    def line(self) -> str:
        return self._process.stdout.readline().strip()

    def hear(self, word: str) -> list[str]:
        while line := self.line().split():
            if line[0] == word:
                return line[1:]
            if line[0] == "ended":
                self.child = 0
                break
        raise AssertionError(f"the worker ended before it said {word!r}")

    def until_ended(self) -> dict[str, str]:
        """Return what the child acknowledged, by key, once it is gone."""
        done = {}
        while (line := self.line().split()) and line[0] != "ended":
            if line[0] == "done":
                done[line[1]] = line[2]
        self.child = 0
        return done

    def kill(self) -> dict[str, str]:
        os.kill(self.child, signal.SIGKILL)
        return self.until_ended()

    def end(self) -> dict[str, str]:
        self.tell("")
        return self.until_ended()
