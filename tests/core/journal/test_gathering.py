"""Do units of work wait for each other, but not for nothing, and is everybody told?"""

import asyncio

import pytest

from isthmus.core.errors import IsthmusError
from isthmus.core.journal import Journal, JournalUnavailable
from isthmus.core.journal.gathering import ROUNDS, Gathering
from isthmus.core.journal.unit import Unit


class Handing:
    """A gathering whose handings over are written down: in which round of the loop, and how many units."""

    def __init__(self) -> None:
        self.round = 0
        self.handed: list[tuple[int, Unit]] = []
        self.gathering = Gathering(lambda unit: self.handed.append((self.round, unit)))

    def add(self, count: int = 1) -> list[Unit]:
        loop = asyncio.get_running_loop()
        units = [Unit(lambda transaction: None, loop.create_future(), loop) for _ in range(count)]
        for unit in units:
            self.gathering.add(unit, loop)
        return units

    async def rounds(self, count: int) -> list[tuple[int, Unit]]:
        """Let the loop go round; return what was handed over meanwhile."""
        before = len(self.handed)
        for _ in range(count):
            self.round += 1
            await asyncio.sleep(0)
        return self.handed[before:]


async def test_who_is_alone_waits_for_one_round() -> None:
    handing = Handing()
    for number in range(3):
        (unit,) = handing.add()
        assert await handing.rounds(1) == [(number + 1, unit)]


async def test_who_comes_in_company_waits_for_what_others_finish_meanwhile() -> None:
    handing = Handing()
    first = handing.add(2)
    assert await handing.rounds(1) == [(1, unit) for unit in first]
    second = handing.add()
    assert await handing.rounds(ROUNDS - 1) == []
    second += handing.add(2)
    assert await handing.rounds(1) == [(1 + ROUNDS, unit) for unit in second]


async def test_who_is_alone_again_waits_for_one_round_again() -> None:
    handing = Handing()
    handing.add(2)
    await handing.rounds(1)
    handing.add()
    assert len(await handing.rounds(ROUNDS)) == 1
    handing.add()
    assert len(await handing.rounds(1)) == 1


async def test_all_that_wait_can_be_handed_over_at_once() -> None:
    handing = Handing()
    units = handing.add(3)
    handing.gathering.hand_over()
    assert handing.handed == [(0, unit) for unit in units]
    assert await handing.rounds(2 * ROUNDS) == []
    handing.add()
    assert len(await handing.rounds(ROUNDS)) == 1


async def test_a_refusal_reaches_each_who_waits() -> None:
    def refuse(unit: Unit) -> None:
        raise JournalUnavailable("the journal is closed; open it again")

    loop, gathering = asyncio.get_running_loop(), Gathering(refuse)
    units = [Unit(lambda transaction: None, loop.create_future(), loop) for _ in range(2)]
    for unit in units:
        gathering.add(unit, loop)
    for unit in units:
        with pytest.raises(JournalUnavailable):
            await asyncio.wait_for(unit.future, 10)


async def test_what_was_begun_before_closing_is_durable(opened) -> None:
    with opened() as journal:  # which lets the loop make no round while it closes
        begun = [asyncio.create_task(journal.transact(lambda transaction: "done")) for _ in range(3)]
        await asyncio.sleep(0)
    assert [await one for one in begun] == ["done"] * 3
    with pytest.raises(IsthmusError):
        await journal.transact(lambda transaction: None)


def test_a_journal_serves_one_loop_after_another(opened) -> None:
    async def twice(journal: Journal) -> list[int]:
        return [await journal.transact(lambda transaction: 1), await journal.transact(lambda transaction: 2)]

    with opened() as journal:
        assert asyncio.run(twice(journal)) == [1, 2]
        assert asyncio.run(twice(journal)) == [1, 2]
