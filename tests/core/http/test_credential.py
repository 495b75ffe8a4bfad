import asyncio

import pytest

from isthmus.core.caller import Principal
from isthmus.core.errors import CredentialError, RetryLater
from isthmus.core.http import CookieJars, path

TICKET = path("/Ticket/{}", "1")
ANN, BOB = Principal("desk", "ann"), Principal("desk", "bob")


async def test_the_current_credential_goes_along_and_the_caller_cannot_set_one(connect, upstream):
    http = connect(upstream.url).http("read")
    await http.get(TICKET, headers={"Authorization": "Bearer mine", "Cookie": "sid=mine"})
    assert upstream.requests[0].headers["authorization"] == "Bearer token-1"
    assert "cookie" not in upstream.requests[0].headers
    assert http.scope.meter.generation == 1


@pytest.mark.parametrize("operation", ["read", "create"])
async def test_one_replay_with_a_new_credential(connect, upstream, reply, operation):
    upstream.script.append(reply(401))
    http = connect(upstream.url).http(operation)
    await (http.post(path("/Ticket"), json={"a": 1}) if operation == "create" else http.get(TICKET))
    assert [seen.headers["authorization"] for seen in upstream.requests] == ["Bearer token-1", "Bearer token-2"]
    assert upstream.requests[0].body == upstream.requests[1].body
    meter = http.scope.meter
    assert (meter.quota_spent, meter.generation, meter.statuses) == (2, 2, [401, 200])
    assert meter.write_answered is (operation == "create")


async def test_a_second_401_is_final(connect, upstream, reply):
    upstream.script.extend([reply(401)] * 3)
    http = connect(upstream.url).http("create")
    with pytest.raises(CredentialError) as caught:
        await http.post(path("/Ticket"), json={})
    assert len(upstream.requests) == 2
    assert http.scope.meter.write_answered
    assert "token" not in str(caught.value)


async def test_concurrent_401s_replace_once(connect, upstream, reply):
    connection = connect(upstream.url)
    upstream.script.extend([reply(401)] * 20)
    await asyncio.gather(*(connection.http("read").get(TICKET) for _ in range(20)))
    assert connection.tokens[Principal("desk")].replaced == 1


async def test_a_replacement_outlives_the_caller_who_asked_for_it(connect, upstream, reply):
    connection = connect(upstream.url)
    await connection.http("read").get(TICKET)
    source = connection.tokens[Principal("desk")]
    source.gate.clear()
    upstream.script.append(reply(401))
    task = asyncio.ensure_future(connection.http("read").get(TICKET))
    await source.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    source.gate.set()
    await asyncio.sleep(0.05)
    assert source.generation == 2


async def test_a_401_cut_by_the_deadline_leaves_no_write_open(connect, upstream, reply):
    connection = connect(upstream.url)
    await connection.http("read").get(TICKET)
    connection.tokens[Principal("desk")].gate.clear()
    upstream.script.append(reply(401))
    http = connection.http("create", seconds=0.2)
    with pytest.raises(RetryLater):
        await http.post(path("/Ticket"), json={})
    assert (http.scope.meter.write_sent, http.scope.meter.write_answered) == (True, True)
    connection.tokens[Principal("desk")].gate.set()


async def test_without_a_jar_cookies_are_forgotten(connect, upstream, reply):
    connection = connect(upstream.url)
    upstream.script.append(reply(200, Set_Cookie="sid=ann; Path=/"))
    for _ in range(2):
        await connection.http("read", principal=ANN).get(TICKET)
    assert all("cookie" not in seen.headers for seen in upstream.requests)


async def test_cookies_and_credentials_never_cross_principals(connect, upstream, reply):
    connection = connect(upstream.url, cookies=CookieJars())
    for name in ("ann", "bob"):
        upstream.script.append(reply(200, Set_Cookie=f"sid={name}; Path=/"))
        await connection.http("read", principal=Principal("desk", name)).get(TICKET)
    connection.tokens[BOB].generation = 7

    async def often(principal):
        for _ in range(10):
            await connection.http("read", principal=principal).get(TICKET, params={"who": principal.user})

    await asyncio.gather(often(ANN), often(BOB), often(Principal("desk", "eve")))
    expected = {
        "ann": ("sid=ann", "Bearer token-1"),
        "bob": ("sid=bob", "Bearer token-7"),
        "eve": (None, "Bearer token-1"),
    }
    for seen in upstream.requests[2:]:
        who = seen.path.partition("who=")[2]
        assert (seen.headers.get("cookie"), seen.headers["authorization"]) == expected[who]


def test_jars_are_bounded():
    jars = CookieJars(most=2)
    first = jars.of(ANN)
    jars.of(BOB)
    assert jars.of(ANN) is first
    jars.of(Principal("desk", "eve"))
    assert jars.of(ANN) is first
