"""One process that shares a rotating refresh token: calls the API again and again, and says what came of it.

Arguments: database file, file of the sealing key, URL of the server, number of calls.
"""

import asyncio
import sys
import time
from pathlib import Path

import httpx2

from isthmus.core.credentials import SealingKey, Secret, SQLiteSecretStore, TokenSource
from isthmus.core.credentials.grants import RefreshTokenGrant, TokenEndpoint
from isthmus.core.credentials.store import Slot
from isthmus.core.credentials.tokens import TOKENS
from isthmus.core.errors import IsthmusError

LEASE_SECONDS = 3.0
PAUSE_SECONDS = 0.005
CLIENT_SECRET = "CANARY-client-secret +/=&%"


async def client_secret():
    return Secret(CLIENT_SECRET)


def source(store, url, transport, clock):
    grant = RefreshTokenGrant(
        TokenEndpoint("crm", f"{url}/token", transport, clock, timeout=2), "client", client_secret
    )
    return TokenSource(
        Slot("crm", "", TOKENS),
        grant,
        store,
        seed=lambda: store.secret("crm.refresh_token"),
        remedy="consent again",
        lease_seconds=LEASE_SECONDS,
        clock=clock,
    )


async def call(tokens, client, url):
    """Make one API call as the HTTP layer does: one replay after a 401."""
    token = await tokens.current()
    for _ in range(2):
        headers = {}
        token.apply(headers)
        if (await client.get(f"{url}/api", headers=headers)).status_code == 200:
            return True
        token = await tokens.replace(token)
    return False


async def main(store, url, calls):
    failed = 0
    transport = httpx2.AsyncHTTPTransport()
    tokens = source(store, url, transport, time.time)
    async with httpx2.AsyncClient(trust_env=False) as client:
        print("ready", flush=True)
        for _ in range(int(calls)):
            try:
                failed += not await call(tokens, client, url)
            except IsthmusError as error:
                print(error.reason, error, flush=True)
                failed += 1
            await asyncio.sleep(PAUSE_SECONDS)
    await tokens.aclose()
    await transport.aclose()
    print("failed", failed, flush=True)


if __name__ == "__main__":
    database, key_file, server, number = sys.argv[1:]
    sealing_key = SealingKey(Secret(Path(key_file).read_text()))
    with SQLiteSecretStore(Path(database), sealing_key, zone="eu") as secrets:
        asyncio.run(main(secrets, server, number))
