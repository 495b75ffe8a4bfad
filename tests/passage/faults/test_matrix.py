"""Every fault of the sandbox against every verb: is the outcome the one that the vendor's signal demands?"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import httpx2
import pytest
from tests.passage.conftest import FastClock, Home

from isthmus.core.errors import RetryLater, VersionConflict
from isthmus.core.http import AiohttpWire, WireSettings
from isthmus.plugins.sandbox.salesforce import SalesforceOrg, queries
from isthmus.plugins.sandbox.salesforce.org import FAULTS

from .cell import Cell
from .outcomes import MISHAPS, Mishap, expected
from .page import page
from .verbs import HOME, VERBS, Stage, Verb

LARGEST = 2 << 20
SHARE = 4
"""How many verbs pass one gateway: enough to see what gets stuck, few enough for its budget of retries."""
EVERY = 6
"""CI makes every sixth call, others of each row; the soak makes all."""
NUMBERS = count()
PAGE = Path(__file__).parents[3] / "docs" / "fault-matrix.md"


@asynccontextmanager
async def staged(house: Home, mishap: Mishap) -> AsyncIterator[Stage]:
    """Open a gateway with room for one request at a time, so that a permit that is not given back stops everything."""
    house.sandbox.reset()
    # Each gateway has a clock of its own, which must not go back under what is stored.
    house.folder = house.folder.with_name(f"house-{next(NUMBERS)}")
    house.call_timeout = mishap.deadline
    house.budget = "per_second = 10000\nconcurrency = 1"
    clock = FastClock(50 if mishap.deadline > 60 else 1)

    def wire(_: str, settings: WireSettings) -> AiohttpWire:
        return AiohttpWire(replace(settings, most=LARGEST, idle=mishap.patience))

    async with house.open(clock, wire) as gateway:
        yield Stage(house, gateway, clock)


def test_each_fault_of_the_sandbox_has_its_row() -> None:
    rows = {mishap.kind for mishap in MISHAPS}
    # No verb of the matrix meets these: they befall bulk jobs and the replication calls.
    missing = sorted(FAULTS.keys() - rows - {"slow_job", "fail_job", "replication_lag"})
    assert not missing, f"say in outcomes.py what must come of {', '.join(missing)}"
    assert rows <= FAULTS.keys()
    assert len({mishap.name for mishap in MISHAPS}) == len(MISHAPS)


def test_the_page_says_what_is_expected() -> None:
    if os.environ.get("ISTHMUS_WRITE"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "write it anew: ISTHMUS_WRITE=1 uv run pytest tests/passage/faults"
    )


@pytest.mark.parametrize("kind", ["concurrent_limit", "edge_throttle"])
async def test_throttles_do_not_open_the_breaker(house: Home, kind: str) -> None:
    """Twelve server errors in so short a time would."""
    clock = FastClock(10)
    async with house.open(clock) as gateway:
        stage = Stage(house, gateway, clock)
        await stage.works()
        since, began = house.mark(), clock.monotonic()
        house.org.faults.arm(kind, times=12)
        while house.org.faults.armed():
            with contextlib.suppress(RetryLater):
                await stage.works()
        assert clock.monotonic() - began < 30, "too slow to show anything"
        await stage.works()
    assert [entry.fault for entry in house.sent(since=since)].count(kind) == 12


@pytest.mark.parametrize("tool", ["update", "delete"])
async def test_a_write_that_had_to_wait_leaves_alone_what_others_did_meanwhile(house: Home, tool: str) -> None:
    clock, org = FastClock(5), house.org
    async with house.open(clock) as gateway:
        stage = Stage(house, gateway, clock)
        case = await stage.case()
        where = f"/sobjects/Case/{stage.id(case)}"
        method, values = ("DELETE", {}) if tool == "delete" else ("PATCH", {"values": {"Subject": "ours"}})
        org.faults.arm("edge_throttle", method=method)
        task = asyncio.create_task(stage.call(tool, object="Case", id=case, **values))
        while not house.sent(method):  # noqa: ASYNC110 - the sandbox has no event for it
            await asyncio.sleep(0.005)
        await change(org, where)
        with pytest.raises(VersionConflict):
            await task
    assert len(house.sent(method)) == (1 if tool == "delete" else 2)
    assert [row["Subject"] for row in house.cases(Id=stage.id(case))] == ["theirs"]


async def change(org: SalesforceOrg, where: str) -> None:
    """Let somebody else change the record."""
    login = org.logins.open(str(org.user(org.username)["Id"]))
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {login.token}"}) as other:
        assert (await other.patch(f"{org.url}{HOME}{where}", json={"Subject": "theirs"})).status_code == 204


async def check(house: Home, mishap: Mishap, verbs: Sequence[Verb], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each verb meet the fault, and compare what came of it with what the page says."""
    wrong = []
    for first in range(0, len(verbs), SHARE):
        async with staged(house, mishap) as stage:
            for verb in filter(mishap.tried, verbs[first : first + SHARE]):
                monkeypatch.setattr(queries, "PAGE", 20 if "locator" in verb.traits else 2_000)
                try:
                    found = await Cell(stage, mishap, verb).run()
                except Exception as error:
                    error.add_note(f"while {verb.name} met {mishap.name}")
                    raise
                if found != (due := expected(mishap, verb)):
                    wrong.append(f"{verb.name}:\n  due   {due}\n  found {found}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("number", range(len(MISHAPS)), ids=lambda number: MISHAPS[number].name)
async def test_a_share_of_the_matrix(house: Home, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mishap = MISHAPS[number]
    concerned = [verb for verb in VERBS.values() if mishap.concerns(verb)]
    others = [verb for verb in VERBS.values() if not mishap.concerns(verb)]
    verbs = concerned[number % EVERY :: EVERY] or concerned[:1]
    await check(house, mishap, [*verbs, *others[number % EVERY :: 3 * EVERY]], monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.name)
async def test_the_whole_matrix(house: Home, mishap: Mishap, monkeypatch: pytest.MonkeyPatch) -> None:
    await check(house, mishap, list(VERBS.values()), monkeypatch)
