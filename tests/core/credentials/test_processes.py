"""Does a rotating refresh token survive two real processes, and kill -9?"""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from isthmus.core.credentials import SealingKey, Secret, SQLiteSecretStore, TokenSource
from isthmus.core.credentials.grants import RefreshTokenGrant, TokenEndpoint
from isthmus.core.credentials.store import Slot
from isthmus.core.credentials.tokens import TOKENS
from isthmus.core.errors import CredentialError

SCRIPT = Path(__file__).with_name("rotating_process.py")


@pytest.fixture
def shared(deployment, loopback, tmp_path):
    """A server on loopback, a store with a seed, and a way to start processes on them."""
    deployment.clock = deployment.server.clock = time.time
    key_file = tmp_path / "key"
    key_file.write_text(deployment.key.reveal())
    with deployment.store() as store:
        store.set_secret("crm.refresh_token", Secret(deployment.server.consent()))
    started = []
    with loopback(deployment.server.app) as url:

        def start(calls):
            arguments = [
                sys.executable,
                "-W",
                "error",
                str(SCRIPT),
                str(deployment.path),
                str(key_file),
                url,
                str(calls),
            ]
            process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
            started.append(process)
            assert process.stdout.readline() == "ready\n"
            return process

        yield deployment, url, start
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()


def test_two_processes_share_a_rotating_token_without_a_failed_call(shared):
    deployment, _, start = shared
    deployment.server.lifetime, deployment.server.expires_in = 0.4, None
    processes = [start(150) for _ in range(2)]
    for process in processes:
        assert process.stdout.read() == "failed 0\n"
    assert deployment.server.reused == 0
    assert deployment.server.early == 0, "a token was exchanged that was still good"
    assert deployment.server.token_calls >= 4


def kill_round(shared, chance):
    """Kill a process in the middle of rotations; tell whether its successor found a usable grant."""
    deployment, url, start = shared
    deployment.server.uses = 2
    process = start(100_000)
    time.sleep(chance.uniform(0.01, 0.25))
    process.kill()
    process.wait()
    outcome = heir(deployment, url)
    assert deployment.server.reused == 0
    return outcome


def heir(deployment, url):
    """Do what the next process does, once the dead one's lease has run out."""

    async def secret():
        return Secret(deployment.server.client[1])

    async def current(store):
        later = lambda: time.time() + 10  # noqa: E731
        async with httpx2.AsyncHTTPTransport() as transport:
            endpoint = TokenEndpoint("crm", f"{url}/token", transport, later, timeout=2)
            source = TokenSource(
                Slot("crm", "", TOKENS),
                RefreshTokenGrant(endpoint, "client", secret),
                store,
                seed=lambda: store.secret("crm.refresh_token"),
                clock=later,
            )
            token = await source.current()
            if deployment.server.accepts(token.value.reveal()):
                return True
            return deployment.server.accepts((await source.replace(token)).value.reveal())

    with SQLiteSecretStore(
        deployment.path, SealingKey(deployment.key), zone="eu", clock=lambda: time.time() + 10
    ) as store:
        try:
            assert asyncio.run(current(store))
            outcome = "usable"
        except CredentialError as error:
            outcome = error.reason
            store.set_secret("crm.refresh_token", Secret(deployment.server.consent()))
            assert asyncio.run(current(store))
        return outcome


def test_after_kill_9_the_grant_is_usable_or_needs_consent(shared):
    chance = random.Random(7)
    for _ in range(2):
        assert kill_round(shared, chance) in ("usable", "reauth_required")


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_after_many_kills_the_grant_is_usable_or_needs_consent(shared):
    chance = random.Random(11)
    outcomes = [kill_round(shared, chance) for _ in range(100)]
    assert {"usable", "reauth_required"} == set(outcomes), "the kills did not reach every step"
