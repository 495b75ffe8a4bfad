"""Which instance and which clients do these tests share?"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance

Open = Callable[..., httpx2.Client]


@pytest.fixture
def instance(sandbox: Sandbox) -> ServiceNowInstance:
    return sandbox.servicenow["eu"]


@pytest.fixture
def session() -> Iterator[Open]:
    """Open a client of an instance by Basic authentication, below `/api/now/`."""
    with ExitStack() as clients:

        def open_client(instance: ServiceNowInstance, user: str = "integration") -> httpx2.Client:
            auth = (user, instance.password(user))
            base = f"{instance.url}/api/now/"
            return clients.enter_context(httpx2.Client(base_url=base, auth=auth, timeout=10, verify=False))

        yield open_client


@pytest.fixture
def itsm(instance: ServiceNowInstance, session: Open) -> httpx2.Client:
    """The integration user's client."""
    return session(instance)


@pytest.fixture
def admin(instance: ServiceNowInstance, session: Open) -> httpx2.Client:
    return session(instance, "admin")
