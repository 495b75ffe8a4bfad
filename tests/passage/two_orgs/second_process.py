"""Calls made by another process on the same house; prints what came of each as a line of JSON."""

import asyncio
import json
import sys
from pathlib import Path

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.errors import IsthmusError
from isthmus.core.results import as_json


async def main(question: dict[str, object]) -> None:
    config = load_config(Path(str(question["config"])))
    caller = Caller(**question["caller"])  # type: ignore[arg-type]
    async with open_gateway(config, Surroundings(environ=question["environ"])) as gateway:  # type: ignore[arg-type]
        for tool, arguments in question["calls"]:  # type: ignore[attr-defined]
            try:
                print(json.dumps(as_json(await gateway.session(caller).call(tool, **arguments))))
            except IsthmusError as error:
                print(json.dumps(error.details()))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.read())))
