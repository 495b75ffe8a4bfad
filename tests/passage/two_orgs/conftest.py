"""One system over an EU and a US org, and a look at what reached each of them."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from tests.conftest import House
from tests.passage.conftest import TOKEN_PATH, FastClock

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.connector import Connector
from isthmus.core.gateway import Gateway
from isthmus.core.plugins import Plugins
from isthmus.core.records import Page, Record, Ref
from isthmus.core.results import Result
from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.journal import Entry

DE = {"field": "MailingCountryCode", "op": "eq", "value": "DE"}
US = {"field": "MailingCountryCode", "op": "eq", "value": "US"}


@dataclass
class TwoOrgs(House):
    """A house whose time runs fast.

    `connector` replaces the one that serves both orgs, `edit` has the last word on isthmus.toml.
    """

    connector: type[Connector] | None = None
    edit: Callable[[str], str] = str
    clock: FastClock = field(default_factory=FastClock)

    def write(self) -> Path:
        path = super().write()
        # 600 seconds of fast time are 12 of the machine's own, which a busy one may need.
        path.write_text(self.edit(path.read_text().replace("call_timeout = 20", "call_timeout = 600")))
        return path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        plugins = Plugins({"salesforce": self.connector}, {}) if self.connector else None
        around = Surroundings(environ=self.environ, clock=self.clock, plugins=plugins)
        async with open_gateway(load_config(self.write()), around) as gateway:
            yield gateway

    def mark(self) -> dict[str, int]:
        return {name: len(org.journal.entries) for name, org in self.sandbox.salesforce.items()}

    def sent(self, since: Mapping[str, int], *, lookups: bool = False) -> list[tuple[str, Entry]]:
        """List what reached the orgs, with or without what only serves deciding."""
        found = [(name, one) for name, org in self.sandbox.salesforce.items() for one in org.journal.since(since[name])]
        return [(name, one) for name, one in found if one.path != TOKEN_PATH and (lookups or not metadata(one))]


def metadata(entry: Entry) -> bool:
    """Tell whether a request reads metadata only."""
    return entry.path.endswith(("/describe", "/process/approvals")) or "FROM FieldDefinition" in soql(entry)


def soql(entry: Entry) -> str:
    return "".join(parse_qs(entry.query).get("q", []))


@dataclass
class Desk:
    """One caller at one gateway; every call is about one system."""

    gateway: Gateway
    caller: Caller
    system: str = "crm"

    async def call(self, tool: str, **arguments: object) -> Result:
        return await self.gateway.session(self.caller).call(tool, system=self.system, **arguments)

    async def query(self, object: str, select: list[str], **more: object) -> Page:
        found = await self.call("query", object=object, select=select, **more)
        assert isinstance(found, Page)
        return found

    async def person(self, org: str, where: Mapping[str, object], *select: str) -> Record:
        """Return the first contact that one org holds."""
        after = None
        while True:
            page = await self.query(
                "Contact", list(select), where=where, limit=100, **({"after": after} if after else {})
            )
            for record in page.records:
                if record.id.startswith(f"crm-{org}~"):
                    return record
            after = page.after


def ref(record: Record, name: str) -> dict[str, str]:
    found = record.fields[name]
    assert isinstance(found, Ref)
    return {"ref": found.token}


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> Iterator[TwoOrgs]:
    folder = tmp_path / "house"
    yield TwoOrgs(folder, sandbox)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def gateway(house: TwoOrgs) -> AsyncIterator[Gateway]:
    async with house.open() as gateway:
        yield gateway


@pytest.fixture
def us(gateway: Gateway, house: TwoOrgs) -> Desk:
    """The desk of a consumer in the US."""
    return Desk(gateway, house.caller("us"))


@pytest.fixture
def eu(gateway: Gateway, house: TwoOrgs) -> Desk:
    """The desk of a consumer in the EU."""
    return Desk(gateway, house.caller("eu"))
