"""Is a single-use refresh token sent once, and is its successor stored before the access token is used?"""

import asyncio
import logging

import pytest
from starlette.responses import JSONResponse, Response

from isthmus.core.credentials import Secret, SecretReference, SecretResolver, TokenSource
from isthmus.core.credentials.grants import RefreshTokenGrant, TokenEndpoint
from isthmus.core.credentials.references import SecretMissing
from isthmus.core.credentials.store import SecretStoreError, Slot
from isthmus.core.credentials.tokens import TOKENS
from isthmus.core.errors import ConfigurationError, CredentialError, RetryLater

SLOT = Slot("crm", "", TOKENS)
NAME = "crm.refresh_token"


@pytest.fixture
def server(deployment):
    return deployment.server


@pytest.fixture
def make(deployment, store):
    store.set_secret(NAME, Secret(deployment.server.consent()))

    def build(*, over=store, single_use=True, seed=None):
        async def secret():
            return Secret(deployment.server.client[1])

        endpoint = TokenEndpoint("crm", "https://idp.example/token", deployment.wire, deployment.clock, timeout=1)
        grant = RefreshTokenGrant(endpoint, "client", secret, single_use=single_use)
        return TokenSource(
            SLOT,
            grant,
            over,
            seed=seed or (lambda: store.secret(NAME)),
            remedy="run `isthmus secret set crm.refresh_token`",
            clock=deployment.clock,
        )

    return build


async def expire(deployment):
    deployment.clock.advance(4000)


async def test_rotates_again_and_again_without_reuse(make, server, deployment):
    source = make()
    for _ in range(5):
        assert server.accepts((await source.current()).value.reveal())
        await expire(deployment)
    assert server.token_calls == 5
    assert server.reused == 0


async def test_fifty_callers_spend_one_refresh_token(make, server, deployment):
    server.delay = 0.05
    sources = [make() for _ in range(5)]
    for _ in range(2):
        tokens = await asyncio.gather(*(source.current() for source in sources for _ in range(10)))
        assert len({token.value for token in tokens}) == 1
        await expire(deployment)
    assert server.token_calls == 2
    assert server.reused == 0


async def test_a_restart_goes_on_with_the_stored_token(make, deployment, server):
    await make().current()
    await expire(deployment)
    with deployment.store() as reopened:
        assert server.accepts((await make(over=reopened).current()).value.reveal())
    assert server.reused == 0


async def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(make, deployment, server):
    server.rotates = False
    source = make()
    await source.current()
    await expire(deployment)
    assert server.accepts((await source.current()).value.reveal())


async def test_the_successor_is_stored_before_the_token_is_returned(make, deployment, server, store):
    token = await make().current()
    held = store.read(SLOT).current.value.reveal()
    (successor,) = server.current
    assert successor in held
    assert token.value.reveal() in held


def told(fault):
    return fault if isinstance(fault, str) else f"{fault.status_code} {fault.body.decode()}".strip()


LOST = [
    "lost",
    "silent",
    Response(status_code=500),
    Response(status_code=504),
    Response("<html>", 200),
    JSONResponse({"access_token": "a", "token_type": "mac"}),
]


@pytest.mark.parametrize("fault", LOST, ids=told)
async def test_after_a_lost_answer_the_old_token_is_never_sent_again(make, deployment, server, store, fault, caplog):
    source = make()
    await source.current()
    await expire(deployment)
    if isinstance(fault, str):
        deployment.wire.faults = [fault]
    else:
        server.answers = [fault]
    calls = server.token_calls
    for _ in range(3):
        with pytest.raises(CredentialError, match=r"isthmus secret set crm\.refresh_token") as caught:
            await source.current()
        assert caught.value.reason == "reauth_required"
        assert not caught.value.retryable
        deployment.clock.advance(60)
    with pytest.raises(CredentialError):
        await make().current()
    assert server.token_calls == calls + 1
    assert server.reused == 0
    assert store.read(SLOT).reauth_required
    alarms = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(alarms) == 1


NOT_CARRIED_OUT = [
    "unreachable",
    Response(status_code=503),
    Response(status_code=429),
    JSONResponse({"error": "retry_request"}, 400),
]


@pytest.mark.parametrize("fault", NOT_CARRIED_OUT, ids=told)
async def test_what_was_not_carried_out_is_repeated_later(make, deployment, server, fault):
    source = make()
    await source.current()
    await expire(deployment)
    if isinstance(fault, str):
        deployment.wire.faults = [fault]
    else:
        server.answers = [fault]
    with pytest.raises(RetryLater):
        await source.current()
    deployment.clock.advance(5)
    assert server.accepts((await source.current()).value.reveal())
    assert server.reused == 0


async def test_a_wrong_client_does_not_cost_the_grant(make, deployment, server):
    source = make()
    server.answers = [JSONResponse({"error": "invalid_client"}, 400)]
    with pytest.raises(CredentialError, match="secret or key anew"):
        await source.current()
    deployment.clock.advance(20)
    assert server.accepts((await source.current()).value.reveal())


async def test_a_revoked_grant_needs_consent_and_recovers_by_it(make, deployment, server, store):
    source = make()
    token = await source.current()
    server.revoke_all()
    with pytest.raises(CredentialError) as caught:
        await source.replace(token)
    assert caught.value.reason == "reauth_required"
    store.set_secret(NAME, Secret(server.consent()))
    deployment.clock.advance(20)
    assert server.accepts((await source.current()).value.reveal())


async def test_an_old_process_does_not_bring_back_a_spent_seed(make, deployment, server, store):
    old_seed = store.secret(NAME)
    await make().current()
    store.set_secret(NAME, Secret(server.consent()))
    await expire(deployment)
    await make().current()
    await expire(deployment)
    assert server.accepts((await make(seed=lambda: old_seed).current()).value.reveal())
    assert server.reused == 0


async def test_an_intent_that_nobody_settled_counts_as_a_lost_answer(make, deployment, server, store):
    await make().current()
    await expire(deployment)
    assert store.begin(SLOT, after=store.read(SLOT).newest, fence=99)
    store.acquire(SLOT, seconds=0)
    calls = server.token_calls
    with pytest.raises(CredentialError, match="no usable grant"):
        await make().current()
    assert server.token_calls == calls


async def test_the_access_token_serves_on_while_consent_is_missing(make, deployment, server):
    source = make()
    token = await source.current()
    deployment.clock.advance(3550)
    deployment.wire.faults = ["lost"]
    assert await source.current() is token
    deployment.clock.advance(60)
    with pytest.raises(CredentialError):
        await source.current()


async def test_without_a_configured_token_the_setting_is_named(make, store, deployment):
    resolver = SecretResolver(store, {})
    seed = lambda: resolver.resolve(SecretReference.parse("sealed:nope"), setting="connections.crm.auth.refresh_token")  # noqa: E731
    with pytest.raises(ConfigurationError, match=r"connections\.crm\.auth\.refresh_token.*secret set nope"):
        await make(seed=seed).current()


async def test_the_seed_may_go_once_it_was_taken_up(make, store, deployment, server):
    def missing():
        raise SecretMissing("gone")

    await make().current()
    await expire(deployment)
    assert server.accepts((await make(seed=missing).current()).value.reveal())


async def test_no_intent_no_request(make, store, server):
    source = make()
    await source.current()
    spent = await source.current()
    store._db.execute("PRAGMA query_only = ON")
    calls = server.token_calls
    with pytest.raises(SecretStoreError):
        await source.replace(spent)
    assert server.token_calls == calls
    store._db.execute("PRAGMA query_only = OFF")
    assert server.accepts((await source.replace(spent)).value.reveal())


async def test_an_answer_outlives_a_store_that_is_full_for_a_moment(make, deployment, server, store):
    source = make()
    await source.current()
    await expire(deployment)
    server.delay = 0.2
    call = asyncio.create_task(source.current())
    await asyncio.sleep(0.1)
    assert server.token_calls == 2
    store._db.execute("PRAGMA query_only = ON")
    await asyncio.sleep(0.35)
    assert not call.done()
    store._db.execute("PRAGMA query_only = OFF")
    token = await call
    assert server.accepts(token.value.reveal())
    assert token.value.reveal() in store.read(SLOT).current.value.reveal()


async def test_a_reusable_token_is_repeated_after_a_lost_answer(make, deployment, server):
    server.rotates = False
    source = make(single_use=False)
    deployment.wire.faults = ["lost"]
    with pytest.raises(RetryLater):
        await source.current()
    deployment.clock.advance(5)
    assert server.accepts((await source.current()).value.reveal())


async def test_a_reusable_token_that_is_refused_needs_consent(make, deployment, server):
    server.rotates = False
    source = make(single_use=False)
    await source.current()
    server.revoke_all()
    await expire(deployment)
    calls = server.token_calls
    for _ in range(3):
        with pytest.raises(CredentialError) as caught:
            await source.current()
        assert caught.value.reason == "reauth_required"
        deployment.clock.advance(60)
    assert server.token_calls == calls + 1
