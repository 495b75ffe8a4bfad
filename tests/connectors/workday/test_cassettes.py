"""Are the answers of a real tenant, as somebody recorded them, read without error and classified right?"""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from isthmus.connectors.workday import Workday, WorkdaySettings
from isthmus.connectors.workday.answers import entity_of, listed_in, row_of, shown
from isthmus.connectors.workday.faults import fault_of
from isthmus.connectors.workday.settings import OperationSettings, SourceSettings
from isthmus.connectors.workday.shapes import Kind, collections_of
from isthmus.connectors.workday.soap.envelope import Asked, get_request
from isthmus.connectors.workday.soap.replies import reply_of
from isthmus.connectors.workday.wql.source import _KINDS
from isthmus.core.connector import FaultKind
from isthmus.core.http import Response

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "workday" / "cassettes"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded traffic is not beside this checkout")
ALIASES = ("allWorkers", "oAuth20RefreshTokenDataSource", "publicWebServices", "allSecurityGroups", "allCustomReports",
           "allIntegrationSystemsAudited")  # fmt: skip
SETTINGS = WorkdaySettings(
    tenant="mocktenant_xx",
    services={"common": "v1", "staffing": "staffing/v6"},
    sources={f"s{at}": SourceSettings(source=one, classes=("pii",)) for at, one in enumerate(ALIASES)},
    operations={"Get_Workers": OperationSettings(service="Human_Resources", classes=("pii", "hr"))},
)
CONNECTOR = Workday("hr", SETTINGS)
COLLECTIONS = collections_of(SETTINGS)


def recorded(name: str) -> list[tuple[httpx2.Request, Response]]:
    if not FOLDER.is_dir():
        return []
    return list(_read(FOLDER / f"{name}.yaml"))


def _read(path: Path) -> Iterator[tuple[httpx2.Request, Response]]:
    for one in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["interactions"]:
        asked, told = one["request"], one["response"]
        headers = {name.lower(): ", ".join(many) for name, many in told["headers"].items()}
        body = told["body"]["string"]
        content = body if isinstance(body, bytes) else body.encode()
        sent = (asked["body"] or "").encode() if isinstance(asked["body"], str) else asked["body"] or b""
        yield (
            httpx2.Request(asked["method"], asked["uri"], content=sent),
            Response(told["status"]["code"], headers, content),
        )


REST, WQL = recorded("workday_rest_admin")[1:], recorded("workday_wql_admin")[1:]
SOAP, FAULTS = recorded("workday_soap_get_workers"), recorded("workday_config")


def test_workers_of_both_shapes_are_read() -> None:
    lists = [(asked, told) for asked, told in REST if told.status == 200 and "limit=5" in str(asked.url)]
    for (_, told), collection in zip(lists, ("common.workers", "staffing.workers"), strict=True):
        page, shape = listed_in(told), COLLECTIONS[collection]
        assert (page.total, len(page.entities)) == (547, 5)
        rows = [row_of(one, shape, shape.fields) for one in page.entities]
        assert all(row.fields["businessTitle"] == "Mock Title" for row in rows if row.fields["businessTitle"])
        # Every name in the recorded rows is one of the shipped shape, or a link that nobody follows.
        known = {one.path[0] for one in shape.fields.values() if one.path} | {"href"}
        assert {name for one in page.entities for name in one} <= known
    staffing = row_of(
        listed_in(lists[1][1]).entities[0], COLLECTIONS["staffing.workers"], ("countryCode", "locationId")
    )
    assert staffing.fields == {"countryCode": "USA", "locationId": "Chicago_site"}
    plain = [
        row_of(one, COLLECTIONS["common.workers"], ("primaryWorkPhone",)) for one in listed_in(lists[0][1]).entities
    ]
    assert [row.fields["primaryWorkPhone"] for row in plain][:2] == ["+1 555-555-0100", None]


def test_what_was_not_asked_for_is_not_given() -> None:
    me = next(told for asked, told in REST if str(asked.url).endswith("/ccx/api/v1/mocktenant_xx/workers/me"))
    assert "dateOfBirth" in entity_of(me)
    assert row_of(entity_of(me), COLLECTIONS["common.workers"], ("id", "businessTitle")).fields.keys() == {
        "id",
        "businessTitle",
    }


def test_bare_refusals_are_classified() -> None:
    found = [fault_of(told) for _, told in REST if told.status >= 400]
    assert [(one.kind, one.code) for one in found if one] == [
        (FaultKind.CALLER, "NOT_FOUND"),
        (FaultKind.CALLER, "INVALID_REQUEST"),
    ] * 2


def test_all_answers_about_data_sources_are_read() -> None:
    sources, types, queries = 0, set[str](), 0
    for asked, told in WQL:
        assert fault_of(told) is None
        path = asked.url.path
        if path.endswith("/dataSources"):
            page = listed_in(told)
            assert page.total == 1530
            sources += len(page.entities)
        elif path.endswith("/fields"):
            types |= {str(one["type"]).lower() for one in listed_in(told).entities}
        elif path.endswith("/data"):
            queries += 1
            page = listed_in(told)
            assert page.total == len(page.entities) == 5
        else:
            assert entity_of(told)["alias"]
    assert (sources, queries) == (1530, 6)
    assert types <= _KINDS.keys()


def test_recorded_values_have_the_types_of_their_fields() -> None:
    kinds: dict[str, Kind] = {}
    money = 0
    for asked, told in WQL:
        if asked.url.path.endswith("/fields"):
            kinds = {str(one["alias"]): _KINDS[str(one["type"]).lower()] for one in listed_in(told).entities}
        if asked.url.path.endswith("/data"):
            for row in listed_in(told).entities:
                values = {name: shown(value, kinds[name], name) for name, value in row.items()}
                money += sum(isinstance(one, dict) and isinstance(one["value"], str) for one in values.values())
    assert money >= 10


@pytest.mark.parametrize(
    ("asked", "told"),
    WQL,
    ids=[f"{at}-{asked.method}-{asked.url.path.rpartition(chr(47))[2]}" for at, (asked, _) in enumerate(WQL)],
)
def test_recorded_requests_are_known_reads(asked: httpx2.Request, told: Response) -> None:
    parts = CONNECTOR.classify(asked)
    known = "allSystemAccountSignons" not in asked.content.decode()
    assert [part.effect.value for part in parts] == (["read"] if known else []), told.status


def test_workers_over_soap_are_read_up_to_105_kb() -> None:
    sizes, data = [], []
    for asked, told in SOAP:
        assert fault_of(told) is None
        reply = reply_of(told, "Get_Workers", "Worker")
        assert (reply.total, reply.pages, len(reply.records)) == (1, 1, 1)
        assert reply.records[0].id == "0" * 32
        assert b"UsernameToken" in asked.content
        sizes.append(len(told.body))
        data.append(reply.records[0].data)
    assert max(sizes) > 104_000
    assert data[0] is None
    job = data[3]["Employment_Data"]["Worker_Job_Data"]  # type: ignore[call-overload, index]
    assert job["@Primary_Job"] == "1"  # type: ignore[call-overload, index]
    assert job["Position_Data"]["@Effective_Date"] == "2025-10-05"  # type: ignore[call-overload, index]


def test_our_request_has_the_parts_of_the_recorded_one() -> None:
    asked = Asked("Get_Workers", "Worker", ("Include_Reference",), ("Employee_ID=MOCK_ID",))
    ours, theirs = get_request(asked, "v40.0").decode(), SOAP[0][0].content.decode()
    for part in ('<bsvc:Get_Workers_Request bsvc:version="v40.0">', '<bsvc:ID bsvc:type="Employee_ID">MOCK_ID</bsvc:ID>',
                 "<bsvc:Include_Reference>true</bsvc:Include_Reference>"):  # fmt: skip
        assert part in ours
        assert part in theirs


def test_faults_at_500_are_the_callers() -> None:
    found = [fault_of(told) for _, told in FAULTS]
    assert [told.status for _, told in FAULTS] == [500] * 7
    assert {(one.kind, one.code) for one in found if one} == {(FaultKind.CALLER, "NO_OPERATION")}
    # What the tenant says is data: it repeats what it was sent.
    assert all(one.text and one.text not in one.sentence for one in found if one)


def test_tokens_are_read_as_figures_of_two_surfaces() -> None:
    readings = {
        (one.quota, one.limit, one.remaining) for _, told in (*REST, *WQL, *SOAP) for one in CONNECTOR.quota(told)
    }
    surfaces = {one for one in readings if one[0] != "report"}
    assert surfaces == {("rest", 3600, 3600), ("rest", 3600, 3599), ("soap", 700, 700)}
