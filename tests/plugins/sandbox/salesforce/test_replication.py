from datetime import datetime, timedelta

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox
from isthmus.plugins.sandbox.clock import START, stamp

DAY = timedelta(days=1)


def bounds(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": end.isoformat()}


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def make(crm: httpx2.Client, **values: object) -> str:
    return str(crm.post("sobjects/Case", json={"Subject": "x", **values}).json()["id"])


def updated(crm: httpx2.Client, start: datetime, end: datetime) -> dict:
    answer = crm.get("sobjects/Case/updated/", params=bounds(start, end))
    assert answer.status_code == 200, answer.text
    return answer.json()


def deleted(crm: httpx2.Client, start: datetime, end: datetime) -> dict:
    answer = crm.get("sobjects/Case/deleted/", params=bounds(start, end))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_updated_lists_what_was_made_or_changed_and_still_is_there(
    crm: httpx2.Client, org: SalesforceOrg, sandbox: Sandbox
) -> None:
    old = str(next(row["Id"] for row in org.rows("Case") if str(row["SystemModstamp"]) < "2026-11-01"))
    made, gone = make(crm), make(crm)
    crm.patch(f"sobjects/Case/{old}", json={"Subject": "changed"})
    crm.delete(f"sobjects/Case/{gone}")
    sandbox.clock.advance(minutes=2)
    told = updated(crm, START - DAY, START + DAY)
    assert sorted(told["ids"]) == sorted([made, old])
    assert told["latestDateCovered"] == "2026-11-20T09:02:00.000+0000"
    assert [each["id"] for each in deleted(crm, START - DAY, START + DAY)["deletedRecords"]] == [gone]


def test_a_window_that_is_over_is_covered_to_its_end(crm: httpx2.Client, sandbox: Sandbox) -> None:
    early = make(crm)
    sandbox.clock.advance(hours=1)
    late = make(crm)
    sandbox.clock.advance(hours=1)
    told = updated(crm, START - DAY, START + timedelta(minutes=30))
    assert (told["ids"], told["latestDateCovered"]) == ([early], "2026-11-20T09:30:00.000+0000")
    assert updated(crm, START + timedelta(minutes=30), START + DAY)["ids"] == [late]


def test_whoever_goes_on_from_what_was_covered_misses_nothing(crm: httpx2.Client, sandbox: Sandbox) -> None:
    start, made, seen = START - DAY, [], []
    for seconds in (0, 20, 50, 10, 61, 5):
        sandbox.clock.advance(seconds=seconds)
        made.append(make(crm))
        told = updated(crm, start, START + DAY)
        seen += told["ids"]
        start = max(datetime.fromisoformat(told["latestDateCovered"]), start)
    sandbox.clock.advance(minutes=2)
    seen += updated(crm, start, START + DAY)["ids"]
    assert set(seen) == set(made)


def test_a_change_of_this_minute_is_told_now_and_again_next_time(crm: httpx2.Client, sandbox: Sandbox) -> None:
    sandbox.clock.advance(seconds=20)
    key = make(crm)
    told = updated(crm, START - DAY, START + DAY)
    assert (told["ids"], told["latestDateCovered"]) == ([key], "2026-11-20T09:00:00.000+0000")
    assert updated(crm, START, START + DAY)["ids"] == [key]


def test_a_long_transaction_holds_back_what_is_covered(
    crm: httpx2.Client, org: SalesforceOrg, sandbox: Sandbox
) -> None:
    make(crm)
    sandbox.clock.advance(minutes=30)
    org.faults.arm("replication_lag", minutes=45)
    told = updated(crm, START - DAY, START + DAY)
    assert (told["ids"], told["latestDateCovered"]) == ([], "2026-11-20T08:45:00.000+0000")
    assert org.journal.entries[-1].fault == "replication_lag"
    assert len(updated(crm, START - DAY, START + DAY)["ids"]) == 1


@pytest.mark.parametrize("kind", ["updated", "deleted"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, START),
        (START, START - DAY),
        (START, START + timedelta(seconds=59)),
        (START - 31 * DAY, START),
        (START - 901 * DAY, START),
    ],
    ids=["no time", "backwards", "less than a minute", "more than 30 days ago", "before the org was there"],
)
def test_a_window_is_a_minute_or_more_within_the_last_30_days(
    crm: httpx2.Client, kind: str, start: datetime, end: datetime
) -> None:
    assert error(crm.get(f"sobjects/Case/{kind}", params=bounds(start, end))) == (400, "INVALID_REPLICATION_DATE")


def test_a_start_before_the_org_is_told_apart(crm: httpx2.Client) -> None:
    answer = crm.get("sobjects/Case/updated", params=bounds(START - 901 * DAY, START))
    assert answer.json()[0]["message"] == "startDate before org replication enabled date"


@pytest.mark.parametrize("text", ["", "soon", "2026-11-20", "2026-11-20T00:00:00", "9999-12-31T23:59:59-23:59"])
def test_bounds_are_moments_with_a_time_zone(crm: httpx2.Client, text: str) -> None:
    params = {"start": text, "end": "2026-11-20T00:00:00Z"}
    assert error(crm.get("sobjects/Case/updated", params=params)) == (400, "INVALID_REPLICATION_DATE")


def test_the_seconds_of_the_bounds_are_ignored(crm: httpx2.Client, sandbox: Sandbox) -> None:
    sandbox.clock.advance(seconds=30)
    key = make(crm)
    sandbox.clock.advance(minutes=5)
    at = START + timedelta(seconds=50)
    assert updated(crm, at, at + timedelta(minutes=2))["ids"] == [key]
    assert updated(crm, at - timedelta(minutes=5), START + timedelta(seconds=50))["ids"] == []


def test_thirty_days_are_enough(crm: httpx2.Client) -> None:
    assert crm.get("sobjects/Case/updated", params=bounds(START - 30 * DAY, START)).status_code == 200


def test_deletions_are_forgotten_after_15_days(crm: httpx2.Client, sandbox: Sandbox, login) -> None:
    key = make(crm)
    crm.delete(f"sobjects/Case/{key}")
    sandbox.clock.advance(days=14)
    told = deleted(login(sandbox.salesforce["eu"]), START - DAY, START + 20 * DAY)
    assert [(each["id"], each["deletedDate"][:10]) for each in told["deletedRecords"]] == [(key, "2026-11-20")]
    assert told["earliestDateAvailable"] == stamp(START - DAY)
    sandbox.clock.advance(days=2)
    assert deleted(login(sandbox.salesforce["eu"]), START - DAY, START + 20 * DAY)["deletedRecords"] == []


def test_deleted_rows_keep_their_last_stamp_and_are_there_for_query_all(crm: httpx2.Client, sandbox: Sandbox) -> None:
    key = make(crm)
    before = crm.get(f"sobjects/Case/{key}").json()["SystemModstamp"]
    sandbox.clock.advance(minutes=1)
    crm.delete(f"sobjects/Case/{key}")
    soql = {"q": f"SELECT Id, IsDeleted, SystemModstamp FROM Case WHERE Id = '{key}'"}
    assert crm.get("query", params=soql).json()["records"] == []
    [row] = crm.get("queryAll", params=soql).json()["records"]
    assert row["IsDeleted"] is True
    assert row["SystemModstamp"] > before
    told = deleted(crm, START - DAY, START + DAY)["deletedRecords"]
    assert told == [{"id": key, "deletedDate": row["SystemModstamp"]}]


def test_everybody_is_told_of_what_they_may_see(crm: httpx2.Client, org: SalesforceOrg, login) -> None:
    bob = str(org.user(org.usernames["bob"])["Id"])
    mine, other = make(crm, OwnerId=bob), make(crm)
    assert updated(login(org, "bob"), START - DAY, START + DAY)["ids"] == [mine]
    for key in (mine, other):
        crm.delete(f"sobjects/Case/{key}")
    org.clock.advance(minutes=1)
    assert [each["id"] for each in deleted(login(org, "bob"), START - DAY, START + DAY)["deletedRecords"]] == [mine]


def test_changes_of_files_are_told_too(crm: httpx2.Client, sandbox: Sandbox) -> None:
    key = crm.post("sobjects/ContentVersion", json={"PathOnClient": "a.txt", "VersionData": "YQ=="}).json()["id"]
    sandbox.clock.advance(minutes=1)
    window = bounds(START - DAY, START + DAY)
    assert crm.get("sobjects/ContentVersion/updated", params=window).json()["ids"] == [key]


def test_definitions_are_not_replicated(crm: httpx2.Client) -> None:
    answer = crm.get("sobjects/FieldDefinition/updated", params=bounds(START - DAY, START))
    assert error(answer) == (400, "INVALID_TYPE_FOR_OPERATION")
    told = {each["name"]: each["replicateable"] for each in crm.get("sobjects").json()["sobjects"]}
    assert (told["FieldDefinition"], told["Case"]) == (False, True)
