"""A process of its own that makes calls: `worker.py FOLDER` forks one child for each line, and the child can be killed.

The line holds how many seconds late the child's clock is. A child says `ready`, then takes one command a line:
`{"create": [key, ...]}`, `{"load": [key, lines]}` or `{"call": [user, tool, arguments]}`, and ends with an empty one.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.errors import IsthmusError
from isthmus.core.gateway import Gateway
from isthmus.core.resilience import SystemClock
from isthmus.core.results import as_json


class LateClock(SystemClock):
    def __init__(self, ahead: float) -> None:
        self.ahead = ahead

    def time(self) -> float:
        return time.time() + self.ahead


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def create(gateway: Gateway, key: str) -> None:
    session = gateway.session(Caller("support", "alice", "support", "model-eu", "", "desktop-eu"))
    say("begin", key)
    done = await session.call("create", system="crm", object="Case", key=key, values={"Subject": key})
    say("done", key, done.id)


async def load(gateway: Gateway, folder: Path, key: str, count: int) -> None:
    """Load so many leads, and write down what was told of each line."""
    session = gateway.session(Caller("support", "alice", "support", "model-eu", "", "desktop-eu"))
    lines = ({"LastName": f"{key} {number}", "Company": "Kessmar"} for number in range(count))
    told: list[str] = []
    async for part in session.load("crm", "Lead", lines, key=key):
        told += [one.id or one.code for one in part.outcomes]
    (folder / f"{key}.json").write_text(json.dumps(told))
    say("loaded", key)


async def call(gateway: Gateway, user: str, tool: str, arguments: dict) -> None:
    session = gateway.session(Caller("support", user, "support", "model-eu", "", "desktop-eu"))
    try:
        say(json.dumps(as_json(await session.call(tool, system="crm", **arguments))))
    except IsthmusError as error:
        say(json.dumps({"error": type(error).__name__, **error.details()}))


async def work(folder: Path, ahead: float) -> None:
    async with open_gateway(load_config(folder / "isthmus.toml"), Surroundings(clock=LateClock(ahead))) as gateway:
        say("ready")
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            match json.loads(line):
                case {"create": keys}:
                    for key in keys:
                        await create(gateway, key)
                case {"load": [key, count]}:
                    await load(gateway, folder, key, count)
                case {"call": [user, tool, arguments]}:
                    await call(gateway, user, tool, arguments)


def main(folder: Path) -> None:
    while line := sys.stdin.readline():
        if not line.strip().replace(".", "").isdigit():
            continue  # A command that the last child did not live to read.
        child = os.fork()
        if not child:
            asyncio.run(work(folder, float(line)))
            os._exit(0)
        say("pid", child)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
