"""Which sandboxes and logged-in clients do these tests share?"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

ROUNDS = 5
Login = Callable[..., httpx2.Client]


@pytest.fixture
def org(sandbox: Sandbox) -> SalesforceOrg:
    return sandbox.salesforce["eu"]


@pytest.fixture
def login() -> Iterator[Login]:
    with ExitStack() as clients:

        def open_client(org: SalesforceOrg, user: str = "integration") -> httpx2.Client:
            client = clients.enter_context(httpx2.Client(base_url=org.url, timeout=10, verify=False))
            grant = {"grant_type": "refresh_token", "client_id": org.client_id}
            refresh_token = org.refresh_token(org.usernames[user])
            answer = client.post("/services/oauth2/token", data={**grant, "refresh_token": refresh_token})
            client.cookies.clear()
            client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
            client.base_url = f"{org.url}/services/data/v60.0/"
            return client

        yield open_client


@pytest.fixture
def crm(org: SalesforceOrg, login: Login) -> httpx2.Client:
    """The integration user's client, below the API version's path."""
    return login(org)


def quick(ask: Callable[[], object], times: int) -> bool:
    """Tell whether asking takes less than 20 ms on average, in the best of some rounds: the machine may be busy."""

    def each() -> float:
        start = time.perf_counter()
        for _ in range(times):
            ask()
        return (time.perf_counter() - start) / times

    return any(each() < 0.02 for _ in range(ROUNDS))
