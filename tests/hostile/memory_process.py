"""Make one call through a real gateway and print how it ended, how long it took and how far the memory rose.

Reads a JSON object from stdin: `config`, `environ`, `tool`, `arguments`.
"""

import asyncio
import gc
import json
import sys
import time
from pathlib import Path

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.errors import IsthmusError

CALLER = Caller("support", "alice", "support", "model-eu", "", "desktop-eu")


def memory(name: str) -> int:
    """Return a figure of this process in bytes: `VmRSS` is what it has now, `VmHWM` the most it ever had."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(f"{name}:")]
    return int(line.split()[1]) << 10


def forget_the_most() -> int:
    """Let `VmHWM` begin anew, and return what this process has now."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


async def main(told: dict) -> dict:
    config = load_config(Path(told["config"]))
    async with open_gateway(config, Surroundings(environ=told["environ"])) as gateway:
        session = gateway.session(CALLER)
        await session.call("query", system="crm", object="Contact", select=["Name"])
        gc.collect()
        start, began = forget_the_most(), time.monotonic()
        try:
            await session.call(told["tool"], **told["arguments"])
            ended = "done"
        except IsthmusError as error:
            ended = error.reason
        return {"ended": ended, "seconds": time.monotonic() - began, "growth": memory("VmHWM") - start}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
