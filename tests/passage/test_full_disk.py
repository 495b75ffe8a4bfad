"""When the disk is full, is a write refused before it is sent, do reads go on, and is nothing lost?"""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import call

from isthmus.core.errors import IsthmusError
from isthmus.core.gateway import Gateway
from isthmus.core.journal.verify import Finding, verify

from .conftest import FastClock, Home


@pytest.fixture
def small_disk(house: Home) -> Iterator[Path]:
    house.folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(house.folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield house.folder
    subprocess.run(["umount", "-l", str(house.folder)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


async def create(gateway: Gateway, house: Home, key: str):
    return await call(
        gateway, house.caller("eu"), "create", system="crm", object="Case", key=key, values={"Subject": "x" * 200}
    )


async def read_refs(gateway: Gateway, house: Home, limit: int):
    """Read from abroad: the answer holds refs, which are kept on the same disk."""
    return await call(
        gateway, house.caller("us"), "query", system="crm", object="Contact", select=["Name", "Email"], limit=limit
    )


async def read(gateway: Gateway, house: Home):
    return await call(gateway, house.caller("eu"), "query", system="crm", object="Case", select=["Subject"], limit=1)


async def test_writes_are_refused_unsent_reads_go_on_and_nothing_is_lost(house: Home, small_disk: Path) -> None:
    ballast, clock = small_disk / "ballast", FastClock(1)
    async with house.open(clock) as gateway:
        done = {key: (await create(gateway, house, key)).id for key in ("one", "two")}
        fill(ballast)
        refused = None
        for number in range(2_000):
            since = house.mark()
            try:
                done[f"k{number}"] = (await create(gateway, house, f"k{number}")).id
            except IsthmusError as error:
                refused = error
                break
        assert refused is not None
        assert (refused.reason, refused.retryable) == ("journal_full", True)
        assert "free some space" in refused.sentence
        assert house.sent("POST", since) == []
        for _ in range(10):
            assert len((await read(gateway, house)).records) == 1
        assert len((await read_refs(gateway, house, 60)).records) == 60
        with pytest.raises(IsthmusError, match="no write is sent"):
            await create(gateway, house, "later")
        assert house.sent("POST", since) == []
        ballast.unlink()
        await asyncio.sleep(1.1)
        await read(gateway, house)
        done["later"] = (await create(gateway, house, "later")).id
        for key, id in done.items():
            assert (await create(gateway, house, key)).id == id
        trusted = gateway.parts.journal.verification_key
    assert all(len(house.cases(Isthmus_Key__c=key)) == 1 for key in done)
    assert verify(small_disk / "state" / "journal.db", [trusted]).finding is Finding.OK
