"""What is refused before it is sent, what is never seen above the wire, and what ends in an error and not in a gap?"""

import io
import tracemalloc
from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.workday import Workday, WorkdaySettings
from isthmus.connectors.workday.raas.stream import Entries
from isthmus.connectors.workday.settings import OperationSettings
from isthmus.connectors.workday.soap.envelope import Asked, get_request
from isthmus.connectors.workday.soap.security import secured
from isthmus.connectors.workday.soap.writes import WRITES
from isthmus.connectors.workday.soap.xml import parsed
from isthmus.core.connector import Connector
from isthmus.core.errors import ConfigurationError, InvalidArguments, RetryLater, UpstreamError
from isthmus.core.operation import Effect
from isthmus.core.records import JSON, Query
from isthmus.core.testing import Examples, Subject
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.calls import Call, operation_of

from .services import text_of
from .tenant import Tenant, wid

DAYS = [{"date": "2026-12-21", "requested": "8", "timeOffType": "VACATION"}]
HIRE: dict[str, JSON] = {"organization": "SUP_SALES", "hireDate": "2026-12-01",
                        "employeeType": "Regular", "jobProfile": "Buyer"}  # fmt: skip
ID = "Applicant_ID=APP-1"
HOST = "https://hr.example"


def made(*, auto_complete: bool = False) -> Workday:
    operations = {
        "Get_Workers": OperationSettings(service="Human_Resources", classes=("pii",)),
        "Enter_Time_Off": OperationSettings(service="Absence_Management", classes=("pii",)),
        "Get_Applicants": OperationSettings(service="Staffing", classes=("pii",)),
        "Hire_Employee": OperationSettings(service="Staffing", classes=("pii",)),
    }
    services = {"common": "v1", "bp": "businessProcess/v1"}
    return Workday(
        "hr", WorkdaySettings(tenant="acme", services=services, operations=operations, auto_complete=auto_complete)
    )


def posted(service: str, content: bytes) -> httpx2.Request:
    return httpx2.Request("POST", f"{HOST}/ccx/service/acme/{service}/v40.0", content=content)


@pytest.mark.parametrize(("limit", "known"), [("100", True), ("101", False), ("0", False), ("1e2", False), ("", False)])
def test_a_page_of_more_than_a_hundred_is_never_sent(limit: str, known: bool) -> None:
    asked = httpx2.Request("GET", f"{HOST}/ccx/api/v1/acme/workers?limit={limit}&offset=0")
    assert bool(made().classify(asked)) is known


@pytest.mark.parametrize(
    ("operation", "service", "told"),
    [
        ("Enter_Time_Off", "Absence_Management", {"worker": wid(1), "days": DAYS}),
        ("Hire_Employee", "Staffing", HIRE),
    ],
)
def test_approvals_are_skipped_only_where_settings_say_so(operation: str, service: str, told: dict[str, JSON]) -> None:
    skips = WRITES[operation].content(ID, told, "v40.0", auto_complete=True)
    assert made().classify(posted(service, skips)) == ()
    assert made(auto_complete=True).classify(posted(service, skips))
    waits = WRITES[operation].content(ID, told, "v40.0", auto_complete=False)
    assert made().classify(posted(service, waits))
    assert made().classify(posted("Human_Resources", waits)) == ()
    assert made().classify(posted(service, waits.replace(operation.encode(), b"Put_Applicant"))) == ()


def test_an_action_offers_to_skip_approvals_only_where_settings_say_so() -> None:
    write = WRITES["Hire_Employee"]
    assert "autoComplete" not in write.action(auto_complete=False).parameters
    assert "autoComplete" in write.action(auto_complete=True).parameters
    assert "hireDate" in write.action(auto_complete=False).required


def test_a_hire_is_of_one_pre_hire_who_is_told() -> None:
    asked = WRITES["Hire_Employee"].content(ID, HIRE, "v40.0", auto_complete=False)
    (found,) = made().classify(posted("Staffing", asked))
    assert (found.effect, found.object, found.records) == (Effect.EXECUTE, "soap.Applicants", (ID,))
    one = asked[asked.index(b"<bsvc:Applicant_Reference>") : asked.index(b"<bsvc:Organization_Reference>")]
    for other in (b"", one + one):
        assert made().classify(posted("Staffing", asked.replace(one, other))) == ()


def test_hiring_needs_the_operation_that_lists_pre_hires() -> None:
    with pytest.raises(ValueError, match="Get_Applicants"):
        WorkdaySettings(
            tenant="acme", operations={"Hire_Employee": OperationSettings(service="Staffing", classes=("pii",))}
        )


def test_a_hire_without_its_day_is_not_written() -> None:
    with pytest.raises(InvalidArguments, match="effective"):
        WRITES["Hire_Employee"].content(ID, {**HIRE, "hireDate": ""}, "v40.0", auto_complete=False)


@pytest.mark.parametrize(
    ("object", "operation", "told"),
    [("soap", "Enter_Time_Off", {"worker": wid(1), "days": DAYS}), ("soap.Applicants", "Hire_Employee", HIRE)],
)
async def test_asking_to_skip_approvals_names_the_setting(object: str, operation: str, told: dict[str, JSON]) -> None:
    with pytest.raises(InvalidArguments, match=r"settings\.auto_complete"):
        await made().bind(None).invoke(object, operation, ID, {**told, "autoComplete": True}, "k")  # type: ignore[arg-type]


class Wire(httpx2.AsyncBaseTransport):
    def __init__(self) -> None:
        self.seen: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return httpx2.Response(200)


@given(password=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=20))
async def test_a_login_goes_into_the_envelope_and_nowhere_else(password: str) -> None:
    wire = Wire()
    way = secured(wire, "/ccx/service", "/ccx/service/customreport2/")
    content = get_request(Asked("Get_Workers", "Worker", ("Include_Reference",)), "v40.0")
    proof = httpx2.BasicAuth("isu@acme", password)._auth_header
    sent = posted("Human_Resources", content)
    sent.headers["authorization"] = proof
    await way.handle_async_request(sent)
    (seen,) = wire.seen
    assert "authorization" not in seen.headers
    assert int(seen.headers["content-length"]) == len(seen.content)
    (told,) = [one.text for one in parsed(seen.content).iter() if one.tag.endswith("}Password")]
    assert told == password.strip("\r") if "\r" not in password else told
    assert b"Password" not in sent.content


async def test_reports_and_tokens_keep_their_header() -> None:
    wire = Wire()
    way = secured(wire, "/ccx/service", "/ccx/service/customreport2/")
    for url, proof in ((f"{HOST}/ccx/service/customreport2/acme/o/r", "Basic YTpi"), (f"{HOST}/ccx/api/v1", "Basic YTpi"),
                       (f"{HOST}/ccx/service/acme/Human_Resources/v40.0", "Bearer x")):  # fmt: skip
        await way.handle_async_request(httpx2.Request("POST", url, headers={"authorization": proof}))
    assert [one.headers["authorization"] for one in wire.seen] == ["Basic YTpi", "Basic YTpi", "Bearer x"]


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://elsewhere.example/x"><a/>',
        b"<a>" * 200 + b"</a>" * 200,
        b"<a>",
        b"",
    ],
)
def test_xml_that_could_do_harm_is_not_read(document: bytes) -> None:
    with pytest.raises(UpstreamError):
        parsed(document)


class Endless(io.RawIOBase):
    """A report of so many bytes, which never lies anywhere as a whole."""

    def __init__(self, size: int) -> None:
        self.parts = self.written(size)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        del size
        return next(self.parts, b"")

    @staticmethod
    def written(size: int) -> Iterator[bytes]:
        entry = b'{"Worker":"' + b"x" * 2_000 + b'","Skills":[{"a":"b"}]}'
        portion = b",".join([entry] * 250)
        yield b'{"Report_Entry":[' + entry
        for _ in range(size // len(portion)):
            yield b"," + portion
        yield b"]}"


def streamed(size: int) -> tuple[int, int]:
    tracemalloc.start()
    count = sum(1 for _ in Entries(Endless(size)))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, peak


def test_a_report_is_read_in_flat_memory() -> None:
    count, peak = streamed(100 << 20)
    assert count > 50_000
    assert peak < 24 << 20


@pytest.mark.soak
def test_a_report_of_2_gb_is_read_in_flat_memory() -> None:
    assert streamed(2 << 30)[1] < 24 << 20


ROWS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none(), max_size=4), max_size=9
)


@given(ROWS)
def test_a_report_gives_its_entries_in_their_order(rows: list[dict[str, object]]) -> None:
    assert list(Entries(io.BytesIO(text_of(rows)))) == rows


@given(rows=ROWS.filter(bool), data=st.data())
def test_a_report_that_was_cut_off_is_an_error(rows: list[dict[str, object]], data: st.DataObject) -> None:
    whole = text_of(rows)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UpstreamError):
        list(Entries(io.BytesIO(whole[:cut])))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"Report_Entry":[]',
        b'{"Report_Entry":[{}]',
        b'{"error":"x"}',
        b"[]",
        b'{"Report_Entry":{}}',
        b'{"Report_Entry":[1]}',
    ],
)
def test_a_report_without_entries_is_no_empty_one(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(Entries(io.BytesIO(body)))


def run(tenant: Tenant, run: object, object: str = "common.workers") -> BaseException | None:
    settings = WorkdaySettings(tenant="acme", services={"common": "v1"}, most_rows=300)
    examples = Examples(object=object, id=wid(101), fields=("id",), text="descriptor")
    subject = Subject(connector=Workday, settings=settings, upstream=lambda: tenant, examples=examples)
    return Bench(subject).run(Call("query", operation_of(subject, "query"), run)).error  # type: ignore[arg-type]


async def _query(one: Connector) -> object:
    return await one.query(Query("common.workers", ("id",)))


def test_rows_that_shift_between_pages_are_told_of() -> None:
    tenant = Tenant()
    tenant.workers = [{"id": wid(at), "descriptor": "x"} for at in range(250)]

    def shifting(request: httpx2.Request) -> None:
        if "offset=100" in str(request.url):
            tenant.workers.insert(0, {"id": wid(1_000 + len(tenant.workers)), "descriptor": "new"})

    tenant.answers.append(shifting)
    assert isinstance(run(tenant, _query), RetryLater)


def test_more_rows_than_one_query_looks_through_are_refused_with_the_setting() -> None:
    tenant = Tenant()
    tenant.workers = [{"id": wid(at), "descriptor": "x"} for at in range(301)]
    assert "settings.most_rows" in str(run(tenant, _query))
    assert len(tenant.seen) == 1


def test_a_version_whose_shape_is_unknown_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"services\.staffing"):
        Workday("hr", WorkdaySettings(tenant="acme", services={"staffing": "staffing/v99"}))
