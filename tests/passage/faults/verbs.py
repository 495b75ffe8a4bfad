"""What is a call that a fault befalls, and what does it need first?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.passage.conftest import FastClock, Home

from isthmus.core.gateway import Gateway
from isthmus.core.results import Result

Arguments: TypeAlias = dict[str, object]
STEADY, BRISK = 0.05, 5


@dataclass
class Stage:
    """A gateway before the sandbox, with something to read, change and delete."""

    house: Home
    gateway: Gateway
    clock: FastClock
    plain: Arguments
    number: int = 0

    async def call(self, tool: str, **arguments: object) -> Result:
        return await self.gateway.session(self.house.caller("eu")).call(tool, system=self.house.system, **arguments)

    async def works(self) -> None:
        """Make plain calls: nothing is stuck, and what is known of the objects is fresh."""
        page = await self.call("query", **self.plain, limit=1)
        assert len(page.records) == 1

    @property
    def late(self) -> bool:
        """Tell whether a call's deadline is so short that one slow answer outlasts it."""
        return self.house.call_timeout < 60

    def pace(self, speed: float) -> None:
        """Where a call's deadline is short, leave a busy machine time for all that meets no fault."""
        if self.late:
            self.clock.hurry(speed)

    def id(self, record: str) -> str:
        return record.rpartition(":")[2]


Prepare: TypeAlias = Callable[[Stage], Awaitable[tuple[Arguments, str]]]
"""Returns a call's arguments, and which part of an address tells the request that a fault aims at."""


@dataclass(frozen=True)
class Verb:
    """What one row of faults meets: a verb, or one of the requests that it needs first.

    `effect` is what the call does to the data, `writes` tells whether the request at which faults are aimed does it,
    `intent` whether the call is committed to by then. `found` is False where reading back cannot find what was done,
    `ruled_out` where it cannot tell that it was not. `before` and `after` count other requests to the same address.
    """

    name: str
    tool: str
    method: str
    prepare: Prepare
    group: str = "reads"
    effect: str = ""
    writes: bool = False
    found: bool = True
    ruled_out: bool = True
    before: int = 0
    after: int = 0
    intent: bool = False
    traits: frozenset[str] = field(default_factory=frozenset)


def write(name: str, tool: str, method: str, prepare: Prepare, effect: str, **more: object) -> Verb:
    """Describe a verb whose faults aim at the write itself."""
    return Verb(name, tool, method, prepare, **{"group": name, **more}, effect=effect, writes=True, intent=True)  # type: ignore[arg-type]
