"""How is a gateway opened before the sandbox so that faults can be seen at work?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

from tests.passage.conftest import FastClock, Home

from isthmus.core.http import AiohttpWire, WireSettings

from .outcomes import Mishap
from .subject import Subject
from .verbs import STEADY, Stage

LARGEST = 2 << 20
NUMBERS = count()


@asynccontextmanager
async def staged(subject: Subject, house: Home, mishap: Mishap) -> AsyncIterator[Stage]:
    """Open a gateway with room for one request at a time, so that a permit that is not given back stops everything."""
    house.sandbox.reset()
    # Each gateway has a clock of its own, which must not go back under what is stored.
    house.folder = house.folder.with_name(f"house-{next(NUMBERS)}")
    house.call_timeout = mishap.deadline
    house.budget = "per_second = 10000\nconcurrency = 1"
    clock = FastClock(50 if mishap.deadline > 60 else STEADY)

    def wire(_: str, settings: WireSettings) -> AiohttpWire:
        return AiohttpWire(replace(settings, most=LARGEST, idle=mishap.patience))

    async with house.open(clock, wire) as gateway:
        yield Stage(house, gateway, clock, subject.plain)
