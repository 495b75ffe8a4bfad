"""What may a token endpoint say, and is anything but a sound token ever used or kept?"""

import asyncio
import json
import logging
import time

import pytest
from tests.conftest import call

from isthmus.core.credentials.answers import LARGEST
from isthmus.core.errors import CredentialError, IsthmusError, RetryLater

from .bodies import CHUNKED, DEEP, ENCODED, ENDLESS, FRAMED, LARGE, bomb, drips, head
from .conftest import TOKEN
from .upstream import Exchange, after_doing, answer, hangs, says

TOKENS = "/services/oauth2/token"
QUERY = {"system": "crm", "object": "Contact", "select": ["Name"]}


def token(**more: object) -> bytes:
    return json.dumps({"access_token": TOKEN, "token_type": "Bearer"} | more).encode()


UNSOUND = {
    "nothing": b"",
    "login page": b"<html>log in</html>",
    "an array": b"[]",
    "null": b"null",
    "no token": b'{"token_type": "Bearer"}',
    "no type": json.dumps({"access_token": TOKEN}).encode(),
    "another type": token(token_type="mac"),
    "type that is no text": token(token_type=["Bearer"]),
    "token that is a number": token(access_token=5),
    "token that is a list": token(access_token=[TOKEN]),
    "empty token": token(access_token=""),
    "token with a line break": token(access_token="x\r\nHost: 127.0.0.2"),
    "token with an umlaut": token(access_token="tökén"),
    "token with a lone surrogate": b'{"access_token": "\\ud800", "token_type": "Bearer"}',
    "refresh token that is an object": token(refresh_token={"x": 1}),
    "the same name twice": b'{"access_token": "evil", "token_type": "Bearer", "access_token": "'
    + TOKEN.encode()
    + b'"}',
    "larger than any token": token(padding="x" * LARGEST),
    "deep": b'{"access_token":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep and large": b"[" * DEEP,
    "lifetime of 10^6 digits": token()[:-1] + b', "expires_in": ' + b"9" * 200_000 + b"}",
    "UTF-16": token().decode().encode("utf-16"),
    "cut short": token()[:-1],
    "two answers": token() + token(),
}
LIES = {
    **{name: says(answer(200, body)) for name, body in UNSOUND.items()},
    **{name: lie for table in (LARGE, ENCODED, FRAMED, ENDLESS) for name, lie in table.items()},
    "10 GB of gzip": bomb("gzip", 10),
    "gzip inside gzip of a token": ENCODED["gzip inside gzip"],
    "an error of another shape": says(answer(400, [{"error": "invalid_grant"}])),
    "an error in a success": says(answer(200, {"error": "invalid_grant"})),
    "an endless error": says(answer(400, {"error": "x" * 100_000, "error_description": "y" * 100_000})),
    "an endless wait": says(answer(503, {}, "Retry-After: " + "9" * 4_000)),
    "a wait until no day": says(answer(429, {}, "Retry-After: Fri, 99 Foo 99999 25:61:61 +9999")),
    "headers in no encoding": says(answer(302, {}, "Location: \udcff\udcfe")),
}


async def test_no_unsound_token_is_used_and_the_next_sound_one_is(house, clock, upstream):
    async with house.open(clock) as gateway:
        for name, lie in LIES.items():
            upstream.told.clear()
            upstream.lies(lie, "POST", TOKENS)
            clock.jumped += 4_000
            with pytest.raises((CredentialError, RetryLater)) as caught:
                await call(gateway, house.caller("eu"), "query", **QUERY)
            assert len(str(caught.value)) < 500, name
            assert len(caught.value.vendor_text) <= 500, name
        assert upstream.was_asked("GET") == []
        upstream.told.clear()
        clock.jumped += 4_000
        assert (await call(gateway, house.caller("eu"), "query", **QUERY)).records
    assert TOKEN not in {one.headers["authorization"] for one in upstream.was_asked("GET")}


@pytest.mark.parametrize(
    "seconds",
    [-5, 0, "-1", "soon", 1e300, "1e999", "NaN", True, None, [], {}, 10**300, float("inf"), float("nan")],
    ids=repr,
)
async def test_a_lifetime_that_is_none_counts_as_not_told(house, clock, upstream, seconds):
    async def lied_to(exchange: Exchange) -> None:
        told = json.loads((await exchange.honest()).partition(b"\r\n\r\n")[2])
        await exchange.send(answer(200, told | {"expires_in": seconds}))

    upstream.lies(lied_to, "POST", TOKENS)
    async with house.open(clock) as gateway:
        for _ in range(3):
            assert (await call(gateway, house.caller("eu"), "query", **QUERY)).records
    assert len(upstream.was_asked("POST", TOKENS)) == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
async def test_a_secret_that_is_sent_back_goes_no_further(house, clock, upstream, caplog, status):
    caplog.set_level(logging.DEBUG)
    house.write()
    secret = house.environ["EU_SECRET"]
    told = []
    async with house.open(clock) as gateway:
        for body in (
            {"error": "invalid_client", "error_description": f"bad secret {secret}"},
            {"error": secret, "error_description": secret * 30},
            {"access_token": [secret], "token_type": secret},
            {"access_token": secret + "\n", "token_type": "Bearer", "instance_url": secret},
            f"<html>{secret}</html>".encode(),
        ):
            upstream.told.clear()
            upstream.lies(
                answer(status, body, f"X-Request-Id: {secret}", f"WWW-Authenticate: {secret}"), "POST", TOKENS
            )
            clock.jumped += 4_000
            with pytest.raises(IsthmusError) as caught:
                await call(gateway, house.caller("eu"), "query", **QUERY)
            told += [str(caught.value), caught.value.vendor_text, json.dumps(caught.value.details())]
    assert secret not in "".join(told)
    assert secret not in caplog.text
    assert secret.encode() not in (house.folder / "state" / "journal.db").read_bytes()


async def test_a_token_endpoint_that_hangs_holds_no_call_beyond_its_deadline(house, clock, upstream):
    house.call_timeout = 1.0

    async def hangs_for_a_while(exchange: Exchange) -> None:
        await asyncio.wait([asyncio.ensure_future(hangs(exchange))], timeout=3.5)
        exchange.close()

    upstream.lies(hangs_for_a_while, "POST", TOKENS)
    async with house.open(clock) as gateway:
        began = time.monotonic()
        calls = [call(gateway, house.caller("eu"), "query", **QUERY) for _ in range(5)]
        for one in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(one, RetryLater)
        assert time.monotonic() - began < 1.0 + 1.5
        assert len(upstream.was_asked("POST", TOKENS)) == 1


async def test_a_token_endpoint_that_drips_holds_no_call_beyond_its_deadline(house, clock, upstream):
    house.call_timeout = 1.0

    async def drips_for_a_while(exchange: Exchange) -> None:
        await asyncio.wait([asyncio.ensure_future(drips(head(CHUNKED), b"1\r\n \r\n")(exchange))], timeout=3.5)
        exchange.close()

    upstream.lies(drips_for_a_while, "POST", TOKENS)
    async with house.open(clock) as gateway:
        began = time.monotonic()
        with pytest.raises(RetryLater):
            await call(gateway, house.caller("eu"), "query", **QUERY)
        assert time.monotonic() - began < 1.0 + 1.5


@pytest.mark.parametrize("lie", ["login page", "cut short", "the same name twice", "larger than any token"])
async def test_a_single_use_token_is_not_sent_twice_whatever_was_said(house, clock, upstream, lie):
    house.acts_as = "rotating"
    upstream.lies(after_doing(says(answer(200, UNSOUND[lie]))), "POST", TOKENS)
    async with house.open(clock) as gateway:
        for _ in range(3):
            clock.jumped += 4_000
            with pytest.raises(CredentialError) as caught:
                await call(gateway, house.caller("eu"), "query", **QUERY)
            assert caught.value.reason == "reauth_required"
    assert len(upstream.was_asked("POST", TOKENS)) == 1
