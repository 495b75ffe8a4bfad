"""A file passes like any record: judged, approved and recorded by what it is, and read by those who may see all."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import httpx2
import pytest
from tests.conftest import call
from tests.passage.conftest import CEDAR, FastClock, Home

from isthmus.connectors.salesforce import Salesforce
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.connector import FileFacts, Upload, Written
from isthmus.core.errors import Denied, InvalidArguments, NotFound, ResidencyError
from isthmus.core.files import File
from isthmus.core.gateway import Gateway
from isthmus.core.http import AiohttpWire, WireSettings
from isthmus.core.http import Path as UrlPath
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.plugins import Plugins
from isthmus.plugins.sandbox import Sandbox

FILES = (
    CEDAR
    + """
@id("files") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"attach", Isthmus::Action::"download"], resource in Isthmus::Object::"crm/Case");
@id("no-papers-of-accounts") forbid (principal, action == Isthmus::Action::"download",
  resource in Isthmus::Object::"crm/Account");
"""
)
TEXT = "Grüße aus Kessmar\n".encode() * 1000


class Cabinet(Salesforce):
    """Keeps files beside cases, in memory, behind the org's own address."""

    file_objects = frozenset({"Paper"})
    kept: dict[tuple[str, str], bytes]

    def classify(self, request: httpx2.Request) -> tuple[RequestClass, ...]:
        if "/papers/" not in request.url.path:
            return tuple(super().classify(request))
        *_, case, file = request.url.path.split("/")
        if request.method == "POST":
            return (RequestClass(Effect.CREATE, "Paper", (case,)),)
        return (RequestClass(Effect.READ, "Paper", (file,)),)

    async def attach(self, object: str, id: str, file: Upload) -> Written:
        await self.http.upload(UrlPath(f"/papers/{id}/{file.name}"), file, head=b"<", tail=b">")
        return Written(f"paper-{file.name}")

    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        answer = await self.http.download(UrlPath(f"/papers/{id}/{file}"), into)
        return FileFacts(file, answer.headers.get("content-type", ""))


class Papers(httpx2.AsyncBaseTransport):
    """The org, with a cabinet for papers before it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self.inner = inner
        self.got: list[tuple[str, bytes]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if "/papers/" not in request.url.path:
            return await self.inner.handle_async_request(request)
        if request.method == "POST":
            self.got.append((request.headers["content-length"], await request.aread()))
            return httpx2.Response(200, json={"id": "paper"})
        return httpx2.Response(200, content=TEXT, headers={"content-type": "text/plain"})

    async def aclose(self) -> None:
        await self.inner.aclose()


class WithPapers(Home):
    holds = '["free_text", "pii"]'

    def write(self) -> Path:
        path = super().write()
        told = f"[connections.crm-eu]\nfile_classes = {self.holds}\n" if self.holds else "[connections.crm-eu]\n"
        path.write_text(path.read_text().replace("[connections.crm-eu]\n", told))
        return path

    @asynccontextmanager
    async def open_papers(self, clock: FastClock) -> AsyncIterator[tuple[Gateway, list[Papers]]]:
        made: list[Papers] = []

        def wire(url: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
            made.append(Papers(AiohttpWire(settings)))
            return made[-1]

        around = Surroundings(
            environ=self.environ, clock=clock, wire=wire, plugins=Plugins({"salesforce": Cabinet}, {})
        )
        async with open_gateway(load_config(self.write()), around) as gateway:
            yield gateway, made


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox) -> WithPapers:
    return WithPapers(tmp_path, sandbox, cedar=FILES)


@pytest.fixture
async def opened(house: WithPapers, clock: FastClock) -> AsyncIterator[tuple[Gateway, list[Papers]]]:
    async with house.open_papers(clock) as opened:
        yield opened


@pytest.fixture
def case(house: Home) -> str:
    return str(house.org.rows("Case")[0]["Id"])


def got(wires: list[Papers]) -> list[tuple[str, bytes]]:
    return [one for wire in wires for one in wire.got]


async def test_sends_a_file_from_disk(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str, tmp_path: Path
) -> None:
    gateway, wires = opened
    file = tmp_path / "grüße.txt"
    file.write_bytes(TEXT)
    made = await gateway.session(house.caller("eu")).attach("crm", "Case", case, file, type="text/plain")
    assert made.id == "paper-grüße.txt"
    assert got(wires) == [(str(len(TEXT) + 2), b"<" + TEXT + b">")]


async def test_takes_a_small_file_among_the_arguments(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str
) -> None:
    gateway, wires = opened
    told = {
        "system": "crm",
        "object": "Case",
        "id": case,
        "name": "a.txt",
        "content": base64.b64encode(b"abc").decode(),
    }
    await call(gateway, house.caller("eu"), "attach", **told)
    assert got(wires) == [("5", b"<abc>")]


@pytest.mark.parametrize("name", ["../a", "a/b", "a\\b", ".", "a ", "", "a\nb", "x" * 256, "a\u202eb"])
async def test_refuses_names_that_lead_elsewhere(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str, name: str
) -> None:
    gateway, wires = opened
    with pytest.raises(InvalidArguments):
        await gateway.session(house.caller("eu")).attach("crm", "Case", case, b"abc", name=name)
    assert got(wires) == []


async def test_refuses_what_is_no_file(opened: tuple[Gateway, list[Papers]], house: Home, case: str) -> None:
    gateway, _ = opened
    for content in (None, "not base64!"):
        more = {"content": content} if content else {}
        with pytest.raises(InvalidArguments, match="'content'"):
            await call(gateway, house.caller("eu"), "attach", system="crm", object="Case", id=case, name="a", **more)


async def test_gives_a_file_to_who_may_see_everything(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str, tmp_path: Path
) -> None:
    gateway, _ = opened
    with await gateway.session(house.caller("eu")).download("crm", "Case", case, "a.txt") as file:
        assert (file.read(), file.type, file.size) == (TEXT, "text/plain", len(TEXT))
        assert file.sha256 == hashlib.sha256(TEXT).hexdigest()
        file.save(tmp_path / "kept")
        assert (tmp_path / "kept").read_bytes() == TEXT
        with pytest.raises(FileExistsError):
            file.save(tmp_path / "kept")
    view = gateway.parts.journal.view()
    told = [one.leaf for one in view.entries(0, view.size) if one.leaf.get("tool") == "download"]
    assert [one["state"] for one in told if one["kind"] == "outcome"] == ["done"]


async def test_without_a_word_of_the_operator_a_file_may_hold_anything(
    house: WithPapers, case: str, clock: FastClock
) -> None:
    house.holds = ""
    async with house.open_papers(clock) as (gateway, _):
        with pytest.raises(ResidencyError) as refused:
            await gateway.session(house.caller("eu")).download("crm", "Case", case, "a.txt")
    assert "secrets-never" in refused.value.rules


async def test_gives_no_file_to_a_consumer_elsewhere(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str
) -> None:
    gateway, wires = opened
    with pytest.raises(ResidencyError, match="what is in a file cannot be labelled"):
        await gateway.session(house.caller("us")).download("crm", "Case", case, "a.txt")
    assert got(wires) == []


async def test_policy_speaks_of_the_record_that_the_file_belongs_to(
    opened: tuple[Gateway, list[Papers]], house: Home
) -> None:
    gateway, wires = opened
    session, contact = gateway.session(house.caller("eu")), str(house.org.rows("Contact")[0]["Id"])
    with pytest.raises(Denied):
        await session.attach("crm", "Contact", contact, b"abc", name="a.txt")
    with pytest.raises(Denied) as refused:
        await session.download("crm", "Account", str(house.org.rows("Account")[0]["Id"]), "a.txt")
    assert refused.value.rules == ("no-papers-of-accounts",)
    assert got(wires) == []


async def test_a_record_that_is_not_there_has_no_files(opened: tuple[Gateway, list[Papers]], house: Home) -> None:
    gateway, wires = opened
    session = gateway.session(house.caller("eu"))
    for work in (
        lambda: session.attach("crm", "Case", "500000000000000AAA", b"abc", name="a.txt"),
        lambda: session.download("crm", "Case", "500000000000000AAA", "a.txt"),
    ):
        with pytest.raises(NotFound):
            await work()
    assert got(wires) == []


async def test_a_file_of_another_call_is_not_read(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def another(self: Cabinet, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        await self.http.download(UrlPath(f"/papers/{id}/other.txt"), into)
        return FileFacts(file)

    monkeypatch.setattr(Cabinet, "download", another)
    gateway, _ = opened
    with pytest.raises(Denied, match="records that the call does not name"):
        await gateway.session(house.caller("eu")).download("crm", "Case", case, "a.txt")


async def test_an_answer_for_a_model_holds_small_files_only(
    opened: tuple[Gateway, list[Papers]], house: Home, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isthmus.core import results

    gateway, _ = opened
    file = await call(gateway, house.caller("eu"), "download", system="crm", object="Case", id=case, file="a.txt")
    assert isinstance(file, File)
    assert base64.b64decode(str(results.as_json(file)["content"])) == TEXT
    monkeypatch.setattr(results, "MOST_INLINE", 10)
    assert "content" not in results.as_json(file)
    file.close()
