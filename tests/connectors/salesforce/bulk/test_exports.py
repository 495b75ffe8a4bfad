"""Do all records leave, once each and never fewer without an error, and what does it cost?"""

import json
from dataclasses import replace

import pytest
from tests.connectors.salesforce.conftest import Crm

from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected
from isthmus.core.records import Compare, InQuery, Operator, Query, Row

PATHS = ("Id", "Name", "Email", "Account.Name", "HasOptedOutOfEmail", "SystemModstamp")
CONTACTS = Query("Contact", PATHS, limit=100)
BY_JOB = json.dumps(["keys", "", 2000, True])
"""So many records were given that the rest is worth a job."""


async def exported(crm: Crm, query: Query = CONTACTS, at: str = BY_JOB) -> tuple[list[Row], list[int]]:
    found: list[Row] = []
    sizes = []
    while True:
        batch = await crm("Contact", "Account").export(query, at)
        found += batch.rows
        sizes.append(len(batch.rows))
        at = batch.at
        if not at:
            return found, sizes


async def test_a_small_export_is_one_query_and_no_job(crm: Crm) -> None:
    await crm("Contact", "Account").facts_of("Contact")
    since = crm.mark()
    found, sizes = await exported(crm, replace(CONTACTS, limit=2000), at="")
    assert len(found) == len(crm.org.rows("Contact"))
    assert len(sizes) == 1
    assert crm.requests(since) == ["GET /query"]


async def test_a_large_export_is_a_job_behind_what_was_given(crm: Crm) -> None:
    await crm("Contact", "Account").facts_of("Contact")
    since, nearly = crm.mark(), json.dumps(["keys", "", 1999, True])
    found, sizes = await exported(crm, at=nearly)
    assert [row.id for row in found] == sorted(str(row["Id"]) for row in crm.org.rows("Contact"))
    asked = [one for one in crm.requests(since) if "describe" not in one]
    assert asked[:2] == ["GET /query", "POST /jobs/query"]
    assert len([one for one in asked if one.endswith("/results")]) == len(sizes) - 1


async def test_a_job_gives_the_values_that_a_query_gives(crm: Crm) -> None:
    by_job, _ = await exported(crm)
    by_query, _ = await exported(crm, at="")
    plain = {row.id: dict(row.fields) for row in by_query}
    assert {row.id: dict(row.fields) for row in by_job} == plain
    assert {row.version for row in by_job} == {row.version for row in by_query}
    assert {type(row.fields["HasOptedOutOfEmail"]) for row in by_job} == {bool}
    assert any(row.fields["Account.Name"] for row in by_job)


async def test_conditions_and_sub_queries_hold_in_a_job(crm: Crm) -> None:
    german = Compare("MailingCountryCode", Operator.EQ, "DE")
    there = InQuery("AccountId", Query("Account", ("Id",), Compare("Name", Operator.NE, None)))
    found, _ = await exported(crm, replace(CONTACTS, where=german))
    due = {str(row["Id"]) for row in crm.org.rows("Contact") if row["MailingCountryCode"] == "DE"}
    assert {row.id for row in found} == due
    found, _ = await exported(crm, replace(CONTACTS, where=there))
    assert {row.id for row in found} == {str(row["Id"]) for row in crm.org.rows("Contact") if row["AccountId"]}


async def test_pages_are_as_small_as_asked(crm: Crm) -> None:
    found, sizes = await exported(crm, replace(CONTACTS, limit=7))
    assert max(sizes) == 7
    assert len({row.id for row in found}) == len(found) == len(crm.org.rows("Contact"))


async def test_a_slow_job_is_looked_at_again(crm: Crm) -> None:
    crm.org.faults.arm("slow_job", looks=2)
    since = crm.mark()
    found, _ = await exported(crm)
    assert len(found) == len(crm.org.rows("Contact"))
    looks = [one for one in crm.requests(since) if one.startswith("GET /jobs/query/") and "results" not in one]
    assert len(looks) == 3


async def test_a_job_that_is_not_ready_in_time_is_come_back_to(crm: Crm) -> None:
    crm.org.faults.arm("slow_job", looks=1)
    hasty = crm.within(2.2)
    batch = await hasty("Contact", "Account").export(CONTACTS, BY_JOB)
    assert list(batch.rows) == []
    assert json.loads(batch.at)[0] == "job"
    found, _ = await exported(crm, at=batch.at)
    assert len(found) == len(crm.org.rows("Contact"))


async def test_a_job_that_failed_is_an_error_that_says_so(crm: Crm) -> None:
    crm.org.faults.arm("fail_job", rows=3, message="InternalServerError : too much")
    with pytest.raises(UpstreamRejected, match="ended as 'Failed'") as caught:
        await exported(crm)
    assert caught.value.reason == "job_failed"
    assert caught.value.vendor_text == "InternalServerError : too much"


async def test_a_job_that_was_stopped_is_an_error_that_says_so(crm: Crm) -> None:
    crm.org.faults.arm("slow_job", looks=1)
    batch = await crm.within(2.2)("Contact", "Account").export(CONTACTS, BY_JOB)
    next(iter(crm.org.jobs.query.values())).state = "Aborted"
    with pytest.raises(UpstreamRejected, match="ended as 'Aborted'"):
        await exported(crm, at=batch.at)


@pytest.mark.parametrize("loss", ["locator", "job"])
async def test_what_the_org_no_longer_holds_is_an_error_and_no_end(crm: Crm, loss: str) -> None:
    batch = await crm("Contact", "Account").export(replace(CONTACTS, limit=5), BY_JOB)
    kind, job, given, total, _ = json.loads(batch.at)
    if loss == "job":
        crm.org.jobs.query.clear()
    at = batch.at if loss == "job" else json.dumps([kind, job, given, total, "died"])
    with pytest.raises(UpstreamRejected, match="Begin the export anew") as caught:
        await crm("Contact", "Account").export(replace(CONTACTS, limit=5), at)
    assert caught.value.reason == "export_lost"
    assert not caught.value.retryable


async def test_fewer_records_than_the_job_counted_are_an_error(crm: Crm) -> None:
    batch = await crm("Contact", "Account").export(replace(CONTACTS, limit=5), BY_JOB)
    del next(iter(crm.org.jobs.query.values())).rows[10:]
    with pytest.raises(UpstreamError, match="not all") as caught:
        await exported(crm, at=batch.at)
    assert caught.value.reason == "incomplete_export"


async def test_where_the_org_takes_no_job_queries_go_on(crm: Crm) -> None:
    since = crm.mark()
    query = Query("Contact", ("Id", "MailingAddress"), limit=25)
    found, sizes = await exported(crm, query)
    assert len(found) == len(crm.org.rows("Contact"))
    assert crm.requests(since).count("POST /jobs/query") == 1
    assert max(sizes) == 25


async def test_an_org_without_bulk_is_read_by_queries(crm: Crm) -> None:
    crm.org.faults.arm("server_error", method="POST", status=404, code="NOT_FOUND")
    found, _ = await exported(crm)
    assert len(found) == len(crm.org.rows("Contact"))
    assert not crm.org.jobs.query


async def test_a_place_of_something_else_is_refused(crm: Crm) -> None:
    with pytest.raises(InvalidArguments, match="no place in an export"):
        await crm("Contact").export(CONTACTS, '["other"]')
