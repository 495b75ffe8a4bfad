"""Answers written by hand, and the connector on its own over the sandbox's European org."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from simple_salesforce.api import Salesforce as SimpleSalesforce
from tests.conftest import House

from isthmus.connectors.salesforce import Salesforce, simple_salesforce
from isthmus.core import sync
from isthmus.core.caller import Principal
from isthmus.core.gateway import Gateway
from isthmus.core.http import CallScope, Meter, Response
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.resilience import Deadline, SystemClock
from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.salesforce import SalesforceOrg

JSON_TYPE = {"content-type": "application/json;charset=UTF-8"}
BASE = "/services/data/v62.0"


def answer(status: int = 200, body: object = None, **headers: str) -> Response:
    """Return an answer; bytes are sent as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, httpx2.Headers(JSON_TYPE | named), content)


def refusal(code: str, text: str = "said by the org", fields: tuple[str, ...] = (), status: int = 400) -> Response:
    return answer(status, [{"message": text, "errorCode": code, "fields": list(fields)}])


@dataclass
class Crm:
    """The connector, bound by hand to calls that declare what they do."""

    gateway: Gateway
    org: SalesforceOrg
    seconds: float = 20

    def within(self, seconds: float) -> "Crm":
        """Return the same for calls that have no more time than this."""
        return replace(self, seconds=seconds)

    def later(self, seconds: float) -> None:
        """Move the org's clock on."""
        self.org.clock.advance(seconds=seconds)

    def __call__(self, *objects: str, effects: str = "read", records: tuple[str, ...] = ()) -> Salesforce:
        connection = self.gateway.parts.systems["crm"].connections["crm-eu"]
        operation = Operation(
            connection="crm-eu",
            system="crm",
            tool="by hand",
            verb=Verb.QUERY,
            effects=frozenset(Effect(one) for one in effects.split()),
            object=objects[0] if objects else "",
            objects=frozenset(objects) | Salesforce.metadata_objects,
            records=records,
        )
        clock = SystemClock()
        scope = CallScope(Principal("crm-eu"), operation, Deadline.after(self.seconds, clock), None, Meter(), "by hand")
        bound = connection.bind(scope)
        assert isinstance(bound, Salesforce)
        return bound

    def requests(self, since: int = 0) -> list[str]:
        entries = [one for one in self.org.journal.since(since) if not one.path.startswith("/services/oauth2/")]
        return [f"{one.method} {one.path.removeprefix(BASE)}" for one in entries]

    def mark(self) -> int:
        return len(self.org.journal.entries)

    def restrict(self, **rights: object) -> None:
        """Take rights from the integration user, before it has asked for anything."""
        view = self.org.view(str(self.row("User", Username=self.org.username)["Id"]))
        view.profile = replace(view.profile, **rights)  # type: ignore[arg-type]

    def row(self, object: str, **values: object) -> dict[str, object]:
        return next(row for row in self.org.rows(object) if all(row[name] == value for name, value in values.items()))


@pytest.fixture
async def crm(house: House) -> AsyncIterator[Crm]:
    async with opened(house) as found:
        yield found


@pytest.fixture
async def crowded(whole: Sandbox, tmp_path: Path) -> AsyncIterator[Crm]:
    """An org with more contacts than fit on two pages; it is given back as it was."""
    async with opened(House(tmp_path / "house", whole)) as found:
        yield found
    whole.reset()


@pytest.fixture
def blocking(house: House) -> Iterator[sync.Gateway]:
    """Open a gateway on the European org for an SDK that blocks."""
    house.orgs = ("eu",)
    with house.blocking() as gateway:
        yield gateway


@pytest.fixture
def sf(blocking: sync.Gateway, house: House) -> SimpleSalesforce:
    """Act for a model in the US."""
    return simple_salesforce(blocking.session(house.caller("us")), "crm")


@pytest.fixture
def home(blocking: sync.Gateway, house: House) -> SimpleSalesforce:
    """Act for a model in the EU."""
    return simple_salesforce(blocking.session(house.caller("eu")), "crm")


@asynccontextmanager
async def opened(house: House, **around: Any) -> AsyncIterator[Crm]:
    house.orgs = ("eu",)
    async with house.open(**around) as gateway:
        yield Crm(gateway, house.sandbox.salesforce["eu"])


@pytest.fixture
def request_to() -> Callable[..., httpx2.Request]:
    """Build a request to a path below the REST base, or to one that starts with `//` as it is."""

    def build(method: str, path: str, body: object = None, **headers: str) -> httpx2.Request:
        where = path[1:] if path.startswith("//services") else BASE + path
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Request(method, "https://crm.example" + where, headers=named, content=content)

    return build
