"""Does a login that ends under load cost one token call and no failed call, and is a lost single-use answer admitted?"""

import asyncio

import pytest
from tests.conftest import call

from isthmus.core.errors import CredentialError
from isthmus.core.gateway import Gateway

from .conftest import FastClock, Home


async def read(gateway: Gateway, house: Home, number: int = 1):
    return await call(
        gateway, house.caller("eu"), "query", system="crm", object="Case", select=["Subject"], limit=1 + number % 40
    )


@pytest.mark.parametrize("acts_as", ["service", "rotating"])
async def test_an_expiry_under_load_costs_one_token_call_and_no_failed_call(house: Home, acts_as: str) -> None:
    house.acts_as = acts_as
    async with house.open() as gateway:
        for _ in range(2):
            await read(gateway, house)
            since = house.mark()
            house.org.faults.arm("expire_session")
            pages = await asyncio.gather(*(read(gateway, house, number) for number in range(32)))
            assert [len(page.records) for page in pages] == [1 + number % 40 for number in range(32)]
            assert len(house.token_calls(since)) == 1
    assert [one.error for one in house.token_calls()] == [None] * 3


async def test_rotated_refresh_tokens_outlive_a_restart(house: Home) -> None:
    house.acts_as = "rotating"
    for _ in range(3):
        async with house.open() as gateway:
            await read(gateway, house)
            house.org.faults.arm("expire_session")
            await read(gateway, house)
    assert [one.error for one in house.token_calls()] == [None] * 4


async def test_two_processes_on_one_rotating_token_revoke_nothing(house: Home) -> None:
    house.acts_as = "rotating"
    async with house.open() as one, house.open() as other:
        await asyncio.gather(*(read(each, house) for each in (one, other) for _ in range(8)))
        since = house.mark()
        house.org.faults.arm("expire_session")
        await asyncio.gather(*(read(each, house, number) for each in (one, other) for number in range(16)))
        assert len(house.token_calls(since)) == 1
    assert all(one.error is None for one in house.token_calls())


async def test_a_lost_token_answer_asks_for_consent_and_never_sends_the_spent_token_again(house: Home) -> None:
    house.acts_as = "rotating"
    clock = FastClock()
    async with house.open(clock) as gateway:
        await read(gateway, house)
        since = house.mark()
        house.org.faults.arm("expire_session")
        house.org.faults.arm("lost_token_answer")
        for _ in range(3):
            with pytest.raises(CredentialError) as lost:
                await read(gateway, house)
            assert lost.value.reason == "reauth_required"
            clock.jump(60)
        assert len(house.token_calls(since)) == 1
        house.environ["EU_REFRESH"] = house.org.refresh_token(house.org.username)
    async with house.open(clock) as gateway:
        assert len((await read(gateway, house)).records) == 2
    assert [one.error for one in house.token_calls(since)] == [None, None]


async def test_a_write_that_meets_an_expired_login_is_done_once(house: Home) -> None:
    async with house.open() as gateway:
        await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "warm"})
        since = house.mark()
        house.org.faults.arm("expire_session", method="POST", path="/sobjects/Case")
        await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "once"})
        assert [one.status for one in house.sent("POST", since)] == [401, 201]
        assert gateway.parts.journal.view().open_intents() == ()
    assert len(house.cases(Subject="once")) == 1
