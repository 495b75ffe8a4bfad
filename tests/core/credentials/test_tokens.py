"""Is there one token call where many callers need a token, and is every token stored before it is used?"""

import asyncio
import contextlib

import pytest
from starlette.responses import Response

from isthmus.core.credentials import Secret, TokenSource
from isthmus.core.credentials.access import TokenSet
from isthmus.core.credentials.grants import ClientCredentialsGrant, JwtBearerGrant, TokenEndpoint
from isthmus.core.credentials.store import SecretStoreError, Slot
from isthmus.core.credentials.tokens import TOKENS
from isthmus.core.errors import CredentialError, RetryLater

SLOT = Slot("crm", "", TOKENS)


@pytest.fixture
def server(deployment):
    return deployment.server


@pytest.fixture
def make(deployment, store):
    """Build a source as another process would."""

    def build(over=store, **options):
        async def secret():
            return Secret(deployment.server.client[1])

        endpoint = TokenEndpoint("crm", "https://idp.example/token", deployment.wire, deployment.clock, timeout=5)
        grant = ClientCredentialsGrant(endpoint, "client", secret)
        return TokenSource(SLOT, options.pop("grant", grant), over, clock=deployment.clock, **options)

    return build


async def test_fifty_callers_make_one_token_call(make, server):
    server.delay = 0.05
    source = make()
    tokens = await asyncio.gather(*(source.current() for _ in range(50)))
    assert server.token_calls == 1
    assert len({token.generation for token in tokens}) == 1


class Watched:
    """A store that counts its calls, and can let another process in just before the lease is taken."""

    def __init__(self, store, before_lease=lambda: None):
        self.store, self.before_lease, self.calls = store, before_lease, []

    def __getattr__(self, name):
        self.calls.append(name)
        if name == "acquire":
            self.before_lease()
        return getattr(self.store, name)


async def test_fifty_callers_share_one_look_at_the_store(make, server, store):
    server.delay = 0.05
    watched = Watched(store)
    source = make(watched)
    await asyncio.gather(*(source.current() for _ in range(50)))
    assert watched.calls == ["read", "acquire", "read", "adopt", "release"]


async def test_what_another_process_stored_just_before_the_lease_is_used(make, deployment, server, store):
    theirs = TokenSet(Secret("CANARY-theirs"), expires_at=deployment.clock() + 900, issued_at=deployment.clock())
    source = make(Watched(store, lambda: store.adopt(SLOT, theirs.written(), after=0)))
    assert (await source.current()).value == Secret("CANARY-theirs")
    assert server.token_calls == 0


async def test_fifty_callers_with_an_expired_assertion_make_one_token_call(
    make, deployment, server, rsa_pem, rsa_public
):
    async def key():
        return Secret(rsa_pem)

    server.public_key, server.delay = rsa_public, 0.05
    endpoint = TokenEndpoint("crm", "https://idp.example/token", deployment.wire, deployment.clock)
    source = make(grant=JwtBearerGrant(endpoint, "consumer-key", "svc", "https://login.example", key))
    first = await source.current()
    deployment.clock.advance(4000)
    tokens = await asyncio.gather(*(source.current() for _ in range(50)))
    assert server.token_calls == 2
    assert {token.generation for token in tokens} == {first.generation + 1}


async def test_fifty_refused_callers_make_one_token_call(make, server):
    server.delay = 0.05
    source = make()
    spent = await source.current()
    tokens = await asyncio.gather(*(source.replace(spent) for _ in range(50)))
    assert server.token_calls == 2
    assert all(server.accepts(token.value.reveal()) for token in tokens)


async def test_a_late_refusal_of_an_old_token_makes_no_call(make, server):
    source = make()
    old = await source.current()
    new = await source.replace(old)
    assert await source.replace(old) is new
    assert server.token_calls == 2


async def test_a_second_process_takes_up_what_is_stored(make, server):
    first, second = make(), make()
    token = await first.current()
    assert (await second.current()).value == token.value
    newer = await first.replace(token)
    assert (await second.replace(token)).value == newer.value
    assert server.token_calls == 2


async def test_two_processes_make_one_token_call(make, server):
    server.delay = 0.1
    sources = [make() for _ in range(4)]
    tokens = await asyncio.gather(*(source.current() for source in sources for _ in range(5)))
    assert server.token_calls == 1
    assert len({token.value for token in tokens}) == 1


async def test_a_cancelled_caller_leaves_the_call_to_the_others(make, server):
    server.delay = 0.1
    source = make()
    first = asyncio.create_task(source.current())
    second = asyncio.create_task(source.current())
    await asyncio.sleep(0.03)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert server.accepts((await second).value.reveal())
    assert server.token_calls == 1


async def test_closing_waits_for_the_call_of_a_cancelled_caller(make, server, store):
    server.delay = 0.1
    source = make()
    caller = asyncio.create_task(source.current())
    await asyncio.sleep(0.03)
    caller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    await source.aclose()
    assert store.read(SLOT).current is not None


async def test_the_header_is_the_token_that_is_stored(make, store):
    token = await make().current()
    headers = {"Authorization": "left over"}
    token.apply(headers)
    assert headers == {"Authorization": f"Bearer {token.value.reveal()}"}
    assert token.value.reveal() in store.read(SLOT).current.value.reveal()


@pytest.mark.parametrize(("expires_in", "good", "stale"), [(60, 53, 55), (3600, 3539, 3541), (5, 4, 4.6)])
async def test_leeway_is_a_tenth_of_the_life_and_at_most_a_minute(
    make, server, clock, deployment, expires_in, good, stale
):
    server.expires_in = expires_in
    source = make()
    started = deployment.clock()
    await source.current()
    deployment.clock.now = started + good
    await source.current()
    assert server.token_calls == 1
    deployment.clock.now = started + stale
    await source.current()
    assert server.token_calls == 2


async def test_without_expires_in_a_token_is_good_until_refused(make, deployment, server):
    server.expires_in = None
    source = make()
    token = await source.current()
    assert token.expires_at is None
    deployment.clock.advance(10**7)
    assert await source.current() is token
    assert (await source.replace(token)).generation > token.generation


async def test_without_expires_in_the_configured_lifetime_counts(make, deployment, server):
    server.expires_in = None
    source = make(lifetime=7200)
    await source.current()
    deployment.clock.advance(7100)
    await source.current()
    assert server.token_calls == 1
    deployment.clock.advance(100)
    await source.current()
    assert server.token_calls == 2


async def test_an_old_token_serves_until_it_expires_when_no_new_one_can_be_had(make, deployment, server):
    source = make()
    token = await source.current()
    deployment.clock.advance(3560)
    deployment.wire.faults = ["unreachable"] * 9
    assert await source.current() is token
    assert await source.current() is token
    assert len(deployment.wire.faults) == 8, "the second caller asked although the first had just failed"
    deployment.clock.advance(60)
    with pytest.raises(RetryLater):
        await source.current()


async def test_a_refused_token_is_not_returned_again(make, deployment):
    source = make()
    token = await source.current()
    deployment.wire.faults = ["unreachable"]
    with pytest.raises(RetryLater):
        await source.replace(token)
    with pytest.raises(RetryLater):
        await source.current()
    deployment.clock.advance(2)
    assert (await source.current()).generation > token.generation


async def test_a_refused_client_is_not_asked_at_every_call(make, deployment, server):
    configured = "CANARY-outdated"

    async def secret():
        return Secret(configured)

    endpoint = TokenEndpoint("crm", "https://idp.example/token", deployment.wire, deployment.clock)
    source = make(grant=ClientCredentialsGrant(endpoint, "client", secret))
    for _ in range(5):
        with pytest.raises(CredentialError, match="secret or key anew"):
            await source.current()
    assert server.token_calls == 1
    deployment.clock.advance(11)
    configured = server.client[1]
    assert server.accepts((await source.current()).value.reveal())


async def test_a_waiting_time_of_the_server_is_kept(make, deployment, server):
    server.answers = [Response(status_code=503, headers={"Retry-After": "20"})]
    source = make()
    with pytest.raises(RetryLater):
        await source.current()
    deployment.clock.advance(5)
    with pytest.raises(RetryLater) as caught:
        await source.current()
    assert caught.value.after == 15
    assert server.token_calls == 1


async def test_a_token_for_another_origin_is_not_used(make, deployment, server):
    server.extra = {"instance_url": "https://good.example.evil.com"}
    source = make(allowed_origin="https://good.example")
    with pytest.raises(CredentialError, match="another origin"):
        await source.current()
    with pytest.raises(CredentialError, match="another origin"):
        await make(allowed_origin="https://good.example").current()
    server.extra = {"instance_url": "https://GOOD.example:443"}
    deployment.clock.advance(60)
    assert (await source.current()).instance_url == "https://GOOD.example:443"


async def test_nothing_is_asked_for_while_the_store_is_read_only(make, store, server):
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(SecretStoreError):
        await make().current()
    assert server.token_calls == 0
    store._db.execute("PRAGMA query_only = OFF")


async def test_an_unchanged_token_costs_no_store_access(make, store):
    source = make()
    token = await source.current()
    store.close()
    assert await source.current() is token
