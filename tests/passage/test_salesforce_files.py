"""A file goes up beside its record and comes down from there only, whole, and is found again where its answer is lost."""

import asyncio
import hashlib
import os
from pathlib import Path

import httpx2
import pytest
from tests.passage.conftest import CEDAR, FastClock, Home

from isthmus.core.errors import Denied, NotFound, OutcomeUnknown, UpstreamError
from isthmus.core.gateway import Gateway
from isthmus.core.http import AiohttpWire, WireSettings
from isthmus.core.http.faults import Broken
from isthmus.plugins.sandbox import Sandbox

FILES = (
    CEDAR
    + """
@id("files") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"attach", Isthmus::Action::"download"], resource in Isthmus::System::"crm");
"""
)
TEXT = "Grüße aus Kessmar\n".encode() * 1000


class WithFiles(Home):
    def write(self) -> Path:
        path = super().write()
        told = '[connections.crm-eu]\nfile_classes = ["free_text", "pii"]\n'
        path.write_text(path.read_text().replace("[connections.crm-eu]\n", told))
        return path


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox) -> WithFiles:
    return WithFiles(tmp_path, sandbox, cedar=FILES)


def case(house: Home, number: int = 0) -> str:
    return str(house.org.rows("Case")[number]["Id"])


def version(house: Home, id: str) -> dict[str, object]:
    return next(row for row in house.org.rows("ContentVersion") if row["Id"] == id)


async def test_a_file_comes_back_as_it_went(gateway: Gateway, house: Home, tmp_path: Path) -> None:
    session, beside = gateway.session(house.caller("eu")), case(house)
    made = await session.attach("crm", "Case", beside, TEXT, name="grüße aus Kessmar.txt")
    row = version(house, made.id)
    assert (made.id[:3], row["FirstPublishLocationId"], row["ContentSize"]) == ("068", beside, len(TEXT))
    for file in (made.id, made.id[:15], str(row["ContentDocumentId"])):
        with await session.download("crm", "Case", beside, file) as found:
            assert (found.read(), found.name, found.type) == (TEXT, "grüße aus Kessmar.txt", "text/plain")
            assert found.sha256 == hashlib.sha256(TEXT).hexdigest()


def attachment(house: Home) -> tuple[tuple[str, str], str]:
    """Return an attachment with the object and the id of its record."""
    old = house.org.rows("Attachment")[0]
    records = {str(row["Id"]): name for name in ("Case", "Contact", "Account") for row in house.org.rows(name)}
    return (records[str(old["ParentId"])], str(old["ParentId"])), str(old["Id"])


async def test_an_attachment_of_former_times_is_read(gateway: Gateway, house: Home) -> None:
    beside, file = attachment(house)
    with await gateway.session(house.caller("eu")).download("crm", *beside, file) as found:
        told = house.org.rows("Attachment")[0]
        assert (found.name, found.size, found.type) == (told["Name"], told["BodyLength"], told["ContentType"])


async def test_a_file_of_another_record_is_not_found(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    made = await session.attach("crm", "Case", case(house), TEXT, name="a.txt")
    document, mark = str(version(house, made.id)["ContentDocumentId"]), house.mark()
    attachment = str(house.org.rows("Attachment")[0]["Id"])
    for file in (made.id, document, attachment, "068000000000001AAA"):
        with pytest.raises(NotFound, match="no such file beside this Case"):
            await session.download("crm", "Case", case(house, 1), file)
    assert [one.path for one in house.sent("GET", mark) if "VersionData" in one.path or "Body" in one.path] == []


async def test_an_empty_file_is_a_file(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    made = await session.attach("crm", "Case", case(house), b"", name="nothing.bin")
    with await session.download("crm", "Case", case(house), made.id) as found:
        assert (found.read(), found.type) == (b"", "application/octet-stream")


class Between(httpx2.AsyncBaseTransport):
    """The org, with somebody between who changes what comes back of a file, or loses the answer of an upload."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, trick: str) -> None:
        self.inner, self.trick = inner, trick

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        uploads = request.method == "POST" and request.url.path.endswith("/ContentVersion")
        if uploads and self.trick == "before":
            request.extensions["isthmus"].sent()
            self.trick = ""
            raise Broken("lost")
        answer = await self.inner.handle_async_request(request)
        if uploads and self.trick == "after":
            self.trick = ""
            raise Broken("lost")
        sending = request.extensions["isthmus"]
        if sending.into is not None and self.trick in ("other bytes", "cut", "page"):
            sending.into.seek(0)
            told = sending.into.read()
            told = told[:-1] if self.trick == "cut" else b"x" * len(told)
            kind = "text/html" if self.trick == "page" else "application/octet-stream"
            return httpx2.Response(200, content=told, headers={"content-type": kind})
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.parametrize(
    ("object", "trick"), [("ContentVersion", "other bytes"), ("Attachment", "cut"), ("Attachment", "page")]
)
async def test_what_is_not_the_file_is_not_handed_out(
    house: WithFiles, clock: FastClock, object: str, trick: str
) -> None:
    def wire(url: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
        return Between(AiohttpWire(settings), trick)

    async with house.open(clock, wire) as gateway:
        session = gateway.session(house.caller("eu"))
        if object == "Attachment":
            beside, file = attachment(house)
        else:
            beside = ("Case", case(house))
            file = (await session.attach("crm", *beside, TEXT, name="a.txt")).id
        with pytest.raises(UpstreamError, match="not the file") as refused:
            await session.download("crm", *beside, file)
    assert refused.value.reason == "not_the_file"


@pytest.mark.parametrize(("trick", "copies"), [("after", 1), ("before", 0)])
async def test_an_upload_whose_answer_is_lost_is_found_by_its_mark(
    house: WithFiles, clock: FastClock, trick: str, copies: int
) -> None:
    def wire(url: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
        return Between(AiohttpWire(settings), trick)

    def sent() -> list[dict[str, object]]:
        return [row for row in house.org.rows("ContentVersion") if row["PathOnClient"] == "lost.txt"]

    async with house.open(clock, wire) as gateway:
        session = gateway.session(house.caller("eu"))
        work = session.attach("crm", "Case", case(house), TEXT, name="lost.txt")
        if trick == "after":
            made = await work
            assert [row["Id"] for row in sent()] == [made.id]
            return
        with pytest.raises(OutcomeUnknown):
            await work
        assert len(sent()) == copies
        clock.jump(700)
        made = await session.attach("crm", "Case", case(house), TEXT, name="lost.txt")
        assert [row["Id"] for row in sent()] == [made.id]


async def test_a_file_that_only_looks_the_same_proves_nothing(house: WithFiles, clock: FastClock) -> None:
    def wire(url: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
        return Between(AiohttpWire(settings), "before")

    async with house.open(clock) as gateway:
        await gateway.session(house.caller("eu")).attach("crm", "Case", case(house), TEXT, name="twin.txt")
    async with house.open(clock, wire) as gateway:
        session = gateway.session(house.caller("eu"))
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await session.attach("crm", "Case", case(house), TEXT, name="twin.txt")
            clock.jump(700)


async def test_who_may_not_attach_sends_nothing(house: WithFiles, clock: FastClock) -> None:
    house.cedar = CEDAR
    mark = house.mark()
    async with house.open(clock) as gateway:
        with pytest.raises(Denied):
            await gateway.session(house.caller("eu")).attach("crm", "Case", case(house), TEXT, name="a.txt")
    assert house.sent("POST", mark) == []


@pytest.mark.soak
async def test_a_large_file_takes_no_memory(house: WithFiles, tmp_path: Path) -> None:
    size = 300 << 20
    file = tmp_path / "large.bin"
    with file.open("wb") as out:
        for _ in range(300):
            out.write(os.urandom(1 << 20))
    async with house.open() as gateway:
        session = gateway.session(house.caller("eu"))
        made = await session.attach("crm", "Case", case(house), b"small", name="small.bin")
        (await session.download("crm", "Case", case(house), made.id)).close()
        before, peak = resident(), asyncio.ensure_future(highest())
        made = await session.attach("crm", "Case", case(house), file)
        with await session.download("crm", "Case", case(house), made.id) as found:
            assert found.size == size
        peak.cancel()
        above = (await peak) - before
    print(f"300 MB up and down: {above / (1 << 20):.1f} MB above {before / (1 << 20):.0f} MB")
    assert above < 24 << 20


def resident() -> int:
    """Return the bytes of memory in use. The sandbox, in this process too, maps the form it got: that is not counted."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["RssAnon"].split()[0]) << 10


async def highest() -> int:
    found = resident()
    try:
        while True:
            found = max(found, resident())
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        return found
