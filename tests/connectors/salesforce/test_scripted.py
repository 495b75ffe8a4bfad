"""What does the connector make of answers that the sandbox never gives?"""

import json
from collections.abc import Callable

import httpx2
import pytest

from isthmus.connectors.salesforce import Salesforce, SalesforceSettings
from isthmus.core.caller import Principal
from isthmus.core.connector import FieldFacts, FieldType, Key, ObjectFacts
from isthmus.core.errors import UpstreamError
from isthmus.core.http import CallScope, Http, Meter, Origin
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.records import Query
from isthmus.core.resilience import Deadline, SystemClock

ID = "500000000000001AAA"
ORIGIN = Origin.of("https://crm.example")
JOB = "750000000000001AAA"
CSV = {"content-type": "text/csv"}
BY_JOB = '["keys", "", 2000, true]'
Handler = Callable[[httpx2.Request], httpx2.Response]


async def known(object: str) -> ObjectFacts:
    return ObjectFacts(object, {"Id": FieldFacts("Id", FieldType.ID)})


def speaking(handler: Handler, api_version: str = "62.0", *, read_back: bool = False) -> Salesforce:
    operation = Operation("crm", "crm", "by hand", Verb.QUERY, frozenset({Effect.READ}), "Case")
    scope = CallScope(Principal("crm"), operation, Deadline.after(5, SystemClock()), None, Meter(), "by hand")
    connector = Salesforce("crm", SalesforceSettings(api_version=api_version, read_back=read_back))
    return connector.bind(Http(httpx2.MockTransport(handler), ORIGIN, scope))


@pytest.mark.parametrize(("object", "guard"), [("Account", "server"), ("Case", "read")])
async def test_a_tag_counts_on_accounts_only_whatever_else_carries_one(object: str, guard: str) -> None:
    sent: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        if request.method != "GET":
            return httpx2.Response(204)
        return httpx2.Response(200, json={"Id": ID, "SystemModstamp": "v1"}, headers={"ETag": '"t"'})

    done = await speaking(handler).update(object, ID, {"Name": "x"}, "v1")
    assert done.guard == guard
    assert sent[-1].headers.get("if-match") == ('"t"' if guard == "server" else None)
    await speaking(handler).delete(object, ID, "v1")
    assert sent[-1].method == "DELETE"
    assert "if-match" not in sent[-1].headers


async def test_more_rows_without_an_address_for_them_is_an_error_and_no_short_answer() -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"totalSize": 9, "done": False, "records": [{"Id": ID}]})

    with pytest.raises(UpstreamError, match="do not come to an end"):
        await speaking(handler).query(Query("Case", ("Id",), limit=9))


@pytest.mark.parametrize("records", [[], None, "rows", [1, 2]])
async def test_pages_without_rows_come_to_an_end(records: object) -> None:
    pages = iter(range(100))

    def handler(_: httpx2.Request) -> httpx2.Response:
        following = f"/services/data/v62.0/query/0r8-{next(pages)}"
        return httpx2.Response(200, json={"done": False, "records": records, "nextRecordsUrl": following})

    with pytest.raises(UpstreamError):
        await speaking(handler).query(Query("Case", ("Id",), limit=9))
    assert next(pages) == 1


async def test_never_gives_more_rows_than_asked_for() -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"done": True, "records": [{"Id": f"{at}"} for at in range(9)]})

    assert len(await speaking(handler).query(Query("Case", ("Id",), limit=4))) == 4
    assert await speaking(handler).query(Query("Case", ("Id",), limit=0)) == []


@pytest.mark.parametrize("body", [[], "text", 7, None])
async def test_json_of_another_shape_is_an_error_that_says_so(body: object) -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=json.dumps(body).encode(), headers={"content-type": "application/json"})

    with pytest.raises(UpstreamError, match="another shape"):
        await speaking(handler).get("Case", ID, ())


async def test_an_old_version_that_does_not_name_the_record_is_asked_for_it() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204) if request.method == "PATCH" else httpx2.Response(200, json={"Id": ID})

    done = await speaking(handler, "45.0").upsert("Case", Key("Isthmus_Key__c", "k"), {"Subject": "x"})
    assert (done.id, done.created) == (ID, False)


@pytest.mark.parametrize("identity", [None, 7, "", "https://login.example/id/00D/nobody"])
async def test_who_it_is_stays_unknown_where_the_org_does_not_say(identity: object) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        answers = {"limits": {}, "query": {"done": True, "records": []}}
        return httpx2.Response(200, json=answers.get(request.url.path.rpartition("/")[2], {"identity": identity}))

    found = await speaking(handler).probe()
    assert (found.identity, found.facts, found.quotas) == ("unknown", {}, ())


def job_of(results: httpx2.Response, state: str = "JobComplete", processed: int = 0) -> Handler:
    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/results"):
            return results
        return httpx2.Response(200, json={"id": JOB, "state": state, "numberRecordsProcessed": processed})

    return handler


async def test_a_job_that_found_nothing_may_answer_with_nothing_at_all() -> None:
    found = job_of(httpx2.Response(200, headers=CSV | {"sforce-locator": "null", "sforce-numberofrecords": "0"}))
    speaker = speaking(found)
    speaker.facts_of = known
    batch = await speaker.export(Query("Case", ("Id",), limit=9), BY_JOB)
    assert (list(batch.rows), batch.at) == ([], "")


@pytest.mark.parametrize(
    "told",
    [
        {"sforce-numberofrecords": "1"},
        {"sforce-locator": "null"},
        {"sforce-locator": "null", "sforce-numberofrecords": "2"},
        {"sforce-locator": "", "sforce-numberofrecords": "1"},
        {"sforce-locator": "null", "sforce-numberofrecords": "many"},
    ],
)
async def test_results_that_do_not_say_where_they_end_are_no_end(told: dict[str, str]) -> None:
    body = b'"Id"\n"%s"\n' % ID.encode()
    found = job_of(httpx2.Response(200, headers=CSV | told, content=body), processed=2)
    speaker = speaking(found)
    speaker.facts_of = known
    with pytest.raises(UpstreamError):
        await speaker.export(Query("Case", ("Id",), limit=9), BY_JOB)


async def test_a_place_that_leads_to_itself_is_no_way_on() -> None:
    told = CSV | {"sforce-locator": "here", "sforce-numberofrecords": "1"}
    speaker = speaking(job_of(httpx2.Response(200, headers=told, content=b'"Id"\n"%s"\n' % ID.encode()), processed=9))
    speaker.facts_of = known
    batch = await speaker.export(Query("Case", ("Id",), limit=1), BY_JOB)
    with pytest.raises(UpstreamError, match="not all"):
        await speaker.export(Query("Case", ("Id",), limit=1), batch.at)
