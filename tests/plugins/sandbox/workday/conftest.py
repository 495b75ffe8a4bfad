"""Which tenant and which clients do these tests share?"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant

# Making a context takes longer than a test, and these clients speak plain HTTP.
UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Open = Callable[..., httpx2.Client]


@pytest.fixture
def tenant(sandbox: Sandbox) -> WorkdayTenant:
    return sandbox.workday["eu"]


@pytest.fixture
def session() -> Iterator[Open]:
    """Open a client of a tenant with an access token of `user`, below a service such as `staffing/v6`."""
    with ExitStack() as clients:

        def open_client(tenant: WorkdayTenant, user: str = "integration", service: str = "v1") -> httpx2.Client:
            client = clients.enter_context(httpx2.Client(timeout=10, verify=UNUSED))
            token = tenant.logins.access(user, tenant.client_id)
            client.headers["authorization"] = f"Bearer {token}"
            client.base_url = f"{tenant.url}/ccx/api/{service}/{tenant.tenant}/"
            return client

        yield open_client


@pytest.fixture
def common(tenant: WorkdayTenant, session: Open) -> httpx2.Client:
    """The integration user's client of the common service."""
    return session(tenant)


@pytest.fixture
def bare(tenant: WorkdayTenant) -> Iterator[httpx2.Client]:
    """A client that brings no token."""
    with httpx2.Client(base_url=tenant.url, timeout=10, verify=UNUSED) as client:
        yield client
