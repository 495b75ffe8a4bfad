"""Is every request taken for what it does, and for nothing where that cannot be told?"""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.classify import classify
from isthmus.connectors.salesforce.queries import query_text
from isthmus.core.operation import Effect
from isthmus.core.records import AllOf, Compare, InQuery, Operator, Query

Build = Callable[..., httpx2.Request]
ID = "500000000000001AAA"
JOB = "750000000000001AAA"
READ, CREATE, UPDATE = Effect.READ, Effect.CREATE, Effect.UPDATE
TRANSITION, DELETE = Effect.TRANSITION, Effect.DELETE


def job(text: object, **more: object) -> dict[str, object]:
    return {"operation": "query", "query": text, "columnDelimiter": "COMMA", "lineEnding": "LF"} | more


def q(text: str) -> str:
    return "?q=" + quote(text, safe="")


@pytest.mark.parametrize(
    ("method", "path", "body", "parts"),
    [
        ("GET", "//services/data", None, [(READ, "", ())]),
        ("GET", "", None, [(READ, "", ())]),
        ("GET", "/", None, [(READ, "", ())]),
        ("GET", "/limits", None, [(READ, "", ())]),
        ("GET", "/limits/", None, [(READ, "", ())]),
        ("GET", "/sobjects", None, [(READ, "", ())]),
        ("GET", "/sobjects/Case", None, [(READ, "Case", ())]),
        ("GET", "/sobjects/Case/describe", None, [(READ, "Case", ())]),
        # What is sent has no dot segments any more.
        ("GET", "/sobjects/Case/../Contact", None, [(READ, "Contact", ())]),
        ("GET", f"/sobjects/Case/{ID}", None, [(READ, "Case", (ID,))]),
        ("GET", f"/sobjects/Case/{ID}?fields=Id%2CSubject", None, [(READ, "Case", (ID,))]),
        ("GET", "/sobjects/Case/Isthmus_Key__c/k%201?fields=Id", None, [(READ, "Case", ())]),
        ("GET", "/query" + q("SELECT Id FROM Case"), None, [(READ, "Case", ())]),
        ("GET", "/query/" + q("SELECT Id FROM Case"), None, [(READ, "Case", ())]),
        ("GET", "/queryAll" + q("SELECT Id, IsDeleted FROM Case"), None, [(READ, "Case", ())]),
        (
            "GET",
            "/query" + q("SELECT Id FROM Case WHERE ContactId IN (SELECT Id FROM Contact)"),
            None,
            [(READ, "Case", ()), (READ, "Contact", ())],
        ),
        ("GET", "/query/0r8xx5R2sM3DgWhASK-2000", None, [(READ, "", ())]),
        ("POST", "/jobs/query", job("SELECT Id FROM Case"), [(READ, "Case", ())]),
        (
            "POST",
            "/jobs/query",
            job("SELECT Id FROM Case WHERE ContactId IN (SELECT Id FROM Contact)", operation="queryAll"),
            [(READ, "Case", ()), (READ, "Contact", ())],
        ),
        ("GET", f"/jobs/query/{JOB}", None, [(READ, "", ())]),
        ("GET", f"/jobs/query/{JOB}/results?maxRecords=50&locator=MjAw", None, [(READ, "", ())]),
        ("GET", "/parameterizedSearch?q=kessmar&sobject=Case&Case.fields=Id&Case.limit=5", None, [(READ, "Case", ())]),
        ("POST", "/sobjects/Case", {"Subject": "x", "Status": "New"}, [(CREATE, "Case", ())]),
        ("POST", "/sobjects/Case/", {"Subject": "x"}, [(CREATE, "Case", ())]),
        ("PATCH", f"/sobjects/Case/{ID}", {"Subject": "x"}, [(UPDATE, "Case", (ID,))]),
        ("PATCH", f"/sobjects/Case/{ID}", {}, [(UPDATE, "Case", (ID,))]),
        ("PATCH", f"/sobjects/Case/{ID}", {"Status": "Closed"}, [(TRANSITION, "Case", (ID,))]),
        ("PATCH", f"/sobjects/Case/{ID}", {"sTATUS": "Closed"}, [(TRANSITION, "Case", (ID,))]),
        ("PATCH", f"/sobjects/case/{ID}", {"Status": "Closed"}, [(TRANSITION, "case", (ID,))]),
        (
            "PATCH",
            f"/sobjects/Case/{ID}",
            {"Status": "Closed", "Subject": None},
            [(TRANSITION, "Case", (ID,)), (UPDATE, "Case", (ID,))],
        ),
        ("PATCH", f"/sobjects/Account/{ID}", {"Status": "x"}, [(UPDATE, "Account", (ID,))]),
        ("PATCH", f"/sobjects/Case/Id/{ID}", {"Subject": "x"}, [(UPDATE, "Case", (ID,))]),
        ("PATCH", "/sobjects/Case/Isthmus_Key__c/k", {"Subject": "x"}, [(CREATE, "Case", ()), (UPDATE, "Case", ())]),
        ("PATCH", "/sobjects/Case/Isthmus_Key__c/k", {}, [(CREATE, "Case", ()), (UPDATE, "Case", ())]),
        (
            "PATCH",
            "/sobjects/Case/Isthmus_Key__c/k",
            {"Status": "Closed"},
            [(CREATE, "Case", ()), (TRANSITION, "Case", ())],
        ),
        ("DELETE", f"/sobjects/Case/{ID}", None, [(DELETE, "Case", (ID,))]),
    ],
)
def test_reads_off_what_a_request_does(
    request_to: Build, method: str, path: str, body: object, parts: list[tuple[Effect, str, tuple[str, ...]]]
) -> None:
    told = classify(request_to(method, path, body))
    assert [(one.effect, one.object, one.records) for one in told] == parts


@pytest.mark.parametrize("path", ["//services/data", "/limits", "/sobjects", "/sobjects/Case/describe"])
def test_knows_what_holds_no_record(request_to: Build, path: str) -> None:
    assert [one.metadata for one in classify(request_to("GET", path, None))] == [True]


@pytest.mark.parametrize(
    "path",
    [
        "/sobjects/Case",
        f"/sobjects/Case/{ID}",
        "/sobjects/Case/Isthmus_Key__c/describe",
        "/sobjects/Case/updated?start=a&end=b",
        "/query/0r8xx5R2sM3DgWhASK-2000",
        "/query" + q("SELECT Id FROM Case"),
    ],
)
def test_takes_nothing_that_may_hold_a_record_for_metadata(request_to: Build, path: str) -> None:
    parts = classify(request_to("GET", path, None))
    assert parts
    assert not any(one.metadata for one in parts)


QUERY = "/query" + q("SELECT Id FROM Case")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "//services/data/v62.0//sobjects/Case"),
        ("GET", "/sobjects//Case"),
        ("GET", f"/sobjects/Case/{ID}//"),
        ("GET", "//SERVICES/data/v62.0/sobjects/Case"),
        ("GET", "//services/data/V62.0/sobjects/Case"),
        ("GET", "//services/data/v62/sobjects/Case"),
        ("GET", "//services/data/latest/sobjects/Case"),
        ("GET", "//services/apexrest/Anything"),
        ("GET", "//services/async/62.0/job"),
        ("GET", "//services/oauth2/userinfo"),
        ("GET", "/SObjects/Case"),
        ("GET", "/sobjects/Case;v=1"),
        ("GET", f"/sobjects/Case%2F{ID}"),
        ("GET", f"/sobjects/Case%252F{ID}"),
        ("GET", f"/sobjects/Case%5C{ID}"),
        ("GET", "/sobjects/Case/%2e%2e/Contact"),
        ("GET", "/sobjects/Case/Isthmus_Key__c/a%00b"),
        ("GET", "/sobjects/Case/Isthmus_Key__c/a%0Ab"),
        ("GET", "/sobjects/Case/Isthmus_Key__c/%FF"),
        ("GET", "/sobjects/Case%20/describe"),
        ("GET", f"/sobjects/Account/{ID}/Contacts"),
        ("GET", "/sobjects/Case/describe/layouts"),
        ("GET", "/sobjects/Case/listviews/recent"),
        ("GET", f"/sobjects/Contact/{ID}/VersionData"),
        ("GET", "/composite/sobjects/Case?ids=1"),
        ("GET", "/tooling/query" + q("SELECT Id FROM ApexClass")),
        ("GET", "/search?q=FIND%20%7Bx%7D"),
        ("GET", "/recent"),
        ("GET", "/parameterizedSearch?q=kessmar"),
        ("GET", "/parameterizedSearch?q=kessmar&sobject=Case%2CContact"),
        ("GET", "/parameterizedSearch?q=kessmar&sobject=Case&Contact.fields=Id"),
        ("GET", "/parameterizedSearch?q=kessmar&sobject=Case&sobject=Contact"),
        ("GET", "/query"),
        ("GET", QUERY + "&q=" + quote("SELECT Id FROM Contact")),
        ("GET", QUERY + "&_HTTP_METHOD=DELETE"),
        ("GET", QUERY + ";_HTTP_METHOD=DELETE"),
        ("GET", QUERY + "&explain"),
        ("GET", "/query?Q=" + quote("SELECT Id FROM Case")),
        ("GET", "/query/0r8xx5R2sM3DgWhASK-2000" + q("SELECT Id FROM Case")),
        ("GET", "/query/a%20b"),
        ("GET", "/query" + q("SELECT Id FROM Case FOR UPDATE")),
        ("GET", "/query" + q("SELECT Id FROM Case FOR VIEW")),
        ("GET", "/query" + q("SELECT Id, (SELECT Id FROM Contacts) FROM Account")),
        ("GET", "/query" + q("DELETE FROM Case")),
        ("GET", f"/sobjects/Case/{ID}?_HTTP_METHOD=DELETE"),
        ("GET", f"/sobjects/Case/{ID}?fields=Id&fields=Subject"),
        ("POST", f"/sobjects/Case/{ID}?_HTTP_METHOD=DELETE"),
        ("POST", f"/sobjects/Case/{ID}"),
        ("POST", "/sobjects/Case?_HTTP_METHOD=PATCH"),
        ("POST", "/composite"),
        ("POST", "/composite/batch"),
        ("POST", "/composite/tree/Case"),
        ("POST", "/sobjects"),
        ("PUT", f"/sobjects/Case/{ID}"),
        ("HEAD", f"/sobjects/Case/{ID}"),
        ("OPTIONS", "/sobjects/Case"),
        ("TRACE", "/sobjects/Case"),
        ("PATCH", "/sobjects/Case"),
        ("PATCH", "/sobjects/Case/Id/k"),
        ("PATCH", f"/sobjects/Case/{ID}/Contact"),
        ("PATCH", f"/sobjects/Case/{ID}?updateOnly=false"),
        ("DELETE", "/sobjects/Case"),
        ("DELETE", "/sobjects/Case/Isthmus_Key__c/k"),
        ("DELETE", f"/sobjects/User/{ID}/password"),
        ("DELETE", f"/sobjects/Case/{ID}?allOrNone=true"),
        ("DELETE", f"/composite/sobjects?ids={ID}"),
        ("GET", "/jobs/query"),
        ("GET", "/jobs/query/mine"),
        ("GET", f"/jobs/query/{JOB}?maxRecords=5"),
        ("GET", f"/jobs/query/{JOB}/resultPages"),
        ("GET", f"/jobs/query/{JOB}/results?maxRecords=5&other=1"),
        ("GET", f"/jobs/query/{JOB}/results/1"),
        ("PATCH", f"/jobs/query/{JOB}"),
        ("DELETE", f"/jobs/query/{JOB}"),
    ],
)
def test_does_not_know_what_nobody_here_would_send(request_to: Build, method: str, path: str) -> None:
    body = {"Subject": "x"} if method in ("POST", "PATCH", "PUT") else None
    assert list(classify(request_to(method, path, body))) == []


def ingest(operation: object, **more: object) -> dict[str, object]:
    return {"object": "Case", "operation": operation, "contentType": "CSV"} | more


def records(*found: object, **more: object) -> dict[str, object]:
    return {"allOrNone": False, "records": list(found)} | more


def case(**values: object) -> dict[str, object]:
    return {"attributes": {"type": "Case"}, **values}


@pytest.mark.parametrize(
    ("method", "path", "body", "parts"),
    [
        ("GET", f"/jobs/query/{JOB}", None, [(READ, "", JOB)]),
        ("GET", f"/jobs/query/{JOB}/results?maxRecords=5", None, [(READ, "", JOB)]),
        ("POST", "/jobs/ingest", ingest("insert"), [(CREATE, "Case", "")]),
        ("POST", "/jobs/ingest", ingest("update"), [(UPDATE, "Case", "")]),
        (
            "POST",
            "/jobs/ingest",
            ingest("upsert", externalIdFieldName="K__c"),
            [(CREATE, "Case", ""), (UPDATE, "Case", "")],
        ),
        ("POST", "/jobs/ingest", ingest("delete"), [(DELETE, "Case", "")]),
        ("PUT", f"/jobs/ingest/{JOB}/batches", b'"Id"', [(UPDATE, "", JOB)]),
        ("PATCH", f"/jobs/ingest/{JOB}", {"state": "UploadComplete"}, [(UPDATE, "", JOB)]),
        ("PATCH", f"/jobs/ingest/{JOB}", {"state": "Aborted"}, [(READ, "", JOB)]),
        ("GET", f"/jobs/ingest/{JOB}", None, [(READ, "", JOB)]),
        ("GET", f"/jobs/ingest/{JOB}/failedResults", None, [(READ, "", JOB)]),
    ],
)
def test_what_belongs_to_a_job_names_it(
    request_to: Build, method: str, path: str, body: object, parts: list[tuple[Effect, str, str]]
) -> None:
    assert [(one.effect, one.object, one.job) for one in classify(request_to(method, path, body))] == parts


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/jobs/ingest", ingest("hardDelete")),
        ("POST", "/jobs/ingest", ingest("insert", object="Case;Contact")),
        ("POST", "/jobs/ingest", ingest("insert", assignmentRuleId=ID)),
        ("POST", "/jobs/ingest?x=1", ingest("insert")),
        ("PUT", f"/jobs/ingest/{JOB}", b"x"),
        ("PATCH", f"/jobs/ingest/{JOB}", {"state": "Aborted", "other": "1"}),
        ("PATCH", f"/jobs/query/{JOB}", {"state": "Aborted"}),
        ("DELETE", f"/jobs/ingest/{JOB}", None),
        ("GET", "/jobs/ingest", None),
        ("GET", f"/jobs/ingest/{JOB}/batches", None),
        ("POST", "/composite/sobjects", records()),
        ("POST", "/composite/sobjects", records(case(), other=1)),
        ("POST", "/composite/sobjects", records(case(Subject="x"), {"Subject": "x"})),
        ("POST", "/composite/sobjects", records(case(id=ID))),
        ("POST", "/composite/sobjects", records(case(Contact={"Email": "x"}))),
        ("POST", "/composite/sobjects", records({"attributes": {"type": "Case", "referenceId": "r"}})),
        ("POST", "/composite/sobjects", [case()]),
        ("PATCH", "/composite/sobjects", records(case(Subject="x"))),
        ("PATCH", "/composite/sobjects", records(case(id=ID, Id=ID))),
        ("PATCH", "/composite/sobjects/Contact/K__c", records(case(K__c="x"))),
        ("PATCH", "/composite/sobjects/Case/Id", records(case(Id=ID))),
    ],
)
def test_does_not_know_many_records_that_are_not_plain(request_to: Build, method: str, path: str, body: object) -> None:
    assert list(classify(request_to(method, path, body))) == []


@pytest.mark.parametrize(
    ("method", "path", "found", "parts"),
    [
        ("POST", "", [case(Subject="a"), case(Status="New")], [(CREATE, "Case", ())] * 2),
        ("PATCH", "", [case(id=ID, Subject="a"), case(Id=ID, Status="x")],
         [(UPDATE, "Case", (ID,)), (TRANSITION, "Case", (ID,))]),
        ("PATCH", "/Case/K__c", [case(K__c="1")], [(CREATE, "Case", ()), (UPDATE, "Case", ())]),
    ],
)  # fmt: skip
def test_every_record_of_a_collection_is_a_part(
    request_to: Build, method: str, path: str, found: list[object], parts: list[tuple[Effect, str, tuple[str, ...]]]
) -> None:
    told = classify(request_to(method, "/composite/sobjects" + path, records(*found)))
    assert [(one.effect, one.object, one.records) for one in told] == parts


@pytest.mark.parametrize(
    "body",
    [
        job("DELETE FROM Case"),
        job("SELECT Id, (SELECT Id FROM Contacts) FROM Account"),
        job("SELECT Id FROM Case FOR UPDATE"),
        job(None),
        job("SELECT Id FROM Case", operation="hardDelete"),
        job("SELECT Id FROM Case", object="Contact"),
        {"operation": "query"},
        b'{"operation":"query","query":"SELECT Id FROM Case","query":"SELECT Id FROM Contact"}',
        b"",
    ],
)
def test_does_not_know_a_job_that_is_no_plain_query(request_to: Build, body: object) -> None:
    assert list(classify(request_to("POST", "/jobs/query", body))) == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"Status": "New", "Status": "Closed"}',
        b'{"Subject": "a", "Status": "New", "status": "Closed"}',
        b'{"Contact": {"Email": "a@kessmar.example"}}',
        b'{"attributes": {"type": "Contact"}, "Subject": "a"}',
        b'{"Subject": ["a"]}',
        b'[{"Subject": "a"}]',
        b'"Subject"',
        b'{"Subject": NaN}',
        b'{"Subject": "a"',
        b"Subject=a",
        b"",
        b'\xff{"Subject": "a"}',
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/sobjects/Case"), ("PATCH", f"/sobjects/Case/{ID}"), ("PATCH", "/sobjects/Case/Isthmus_Key__c/k")],
)
def test_does_not_know_a_body_that_could_be_read_in_two_ways(
    request_to: Build, method: str, path: str, body: bytes
) -> None:
    assert list(classify(request_to(method, path, body))) == []


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "Sforce-Duplicate-Rule-Header", "Sforce-Auto-Assign", "SFORCE-MRU"]
)
def test_does_not_know_a_request_whose_headers_change_what_it_does(request_to: Build, header: str) -> None:
    for method, path, body in (("GET", "/limits", None), ("POST", "/sobjects/Case", {"Subject": "x"})):
        plain = request_to(method, path, body)
        assert list(classify(plain))
        steered = httpx2.Request(method, plain.url, headers={header: "TRUE"}, content=plain.content)
        assert list(classify(steered)) == []


def test_a_hint_of_the_page_size_is_harmless(request_to: Build) -> None:
    assert list(classify(request_to("GET", QUERY, None, Sforce_Query_Options="batchSize=200")))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_does_not_know_a_read_or_a_delete_with_a_body(request_to: Build, method: str) -> None:
    assert list(classify(request_to(method, f"/sobjects/Case/{ID}", {"Subject": "x"}))) == []


@given(
    st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"]),
    st.lists(st.sampled_from(["/", "sobjects", "Case", ID, "query", "%2F", "%", "..", "?", "&", "q=", "fields=", ";"])),
    st.binary(max_size=20),
)
def test_whatever_is_asked_is_classified_or_not_known(method: str, pieces: list[str], body: bytes) -> None:
    path = "/services/data/v62.0/" + "".join(pieces)
    for part in classify(httpx2.Request(method, "https://crm.example" + path, content=body)):
        assert part.effect is not Effect.EXECUTE
        assert (part.effect is Effect.READ) == (method == "GET")


VALUES = st.text(st.sampled_from("aé'\\\"%_ \n,()") | st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(VALUES, VALUES, st.datetimes(datetime(1800, 1, 1)))  # noqa: DTZ001 Hypothesis wants it naive
def test_no_value_changes_what_a_query_reads(one: str, other: str, moment: datetime) -> None:
    inner = InQuery("ContactId", Query("Contact", ("Id",), Compare("Name", Operator.EQ, one)))
    terms = (
        Compare("Subject", Operator.CONTAINS, other),
        Compare("Status", Operator.IN, (one, other)),
        Compare("CreatedDate", Operator.GT, moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)),
        inner,
    )
    text = query_text(Query("Case", ("Id",), AllOf(terms)))
    parts = classify(httpx2.Request("GET", "https://x.example/services/data/v64.0/query" + q(text)))
    assert [(part.effect, part.object) for part in parts] == [(READ, "Case"), (READ, "Contact")]


@pytest.mark.parametrize(
    "rest",
    [
        "Subject = 'a' OR Id IN (SELECT CaseId FROM CaseComment WHERE Id != 'b')",
        "Subject = 'a\\' OR Id IN (SELECT CaseId FROM CaseComment WHERE Id != ' OR Subject = 'b'",
        "Subject = 'a\\' OR Id IN (SELECT CaseId FROM CaseComment WHERE Id != \\'b')",
        "Subject = 'a' OR Id IN (SELECT CaseId FROM CaseComment WHERE Id != 'b\\'",
        "Subject = 'a",
        "Subject = 'a' 'b'",
    ],
)
def test_a_query_is_told_by_where_its_strings_end(request_to: Build, rest: str) -> None:
    text = f"SELECT Id FROM Case WHERE {rest}"
    try:
        due = [read.object for read in soql.reads(soql.parse(text))]
    except soql.SoqlError:
        due = []
    for known in ("SELECT Id FROM Case WHERE Subject = 'x'", text):
        parts = classify(request_to("GET", "/query" + q(known), None))
    assert [part.object for part in parts] == due
