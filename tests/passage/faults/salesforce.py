"""What does each verb ask of a Salesforce org, and which of its faults must come to what?

REST API Developer Guide, "Status Codes and Error Responses"; OAuth 2.0 (RFC 6749 section 5.2).
"""

from collections.abc import Mapping

import httpx2
import pytest
from tests.passage.conftest import Home

from isthmus.plugins.sandbox.salesforce import queries
from isthmus.plugins.sandbox.salesforce.org import FAULTS

from .outcomes import BOMB, PAST_DEADLINE, SILENT, WITHIN_LIMITS, Mishap, Signal, both, changes, rule, writes
from .subject import Subject
from .verbs import Arguments, Stage, Verb, write

HOME = "/services/data/v62.0"


async def case(stage: Stage) -> str:
    stage.number += 1
    return (await stage.call("create", object="Case", values={"Subject": f"case {stage.number}"})).id


async def describe(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "Opportunity"}, "/sobjects/Opportunity/describe"


async def query(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "Contact", "select": ["Title"], "limit": 3}, "/query"


async def next_page(stage: Stage) -> tuple[Arguments, str]:
    arguments, path = await query(stage)
    page = await stage.call("query", **arguments)
    return {**arguments, "after": page.after}, path


async def org_page(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "Contact", "select": ["Title"], "limit": 30}, "/query/0r8"


async def get(stage: Stage) -> tuple[Arguments, str]:
    id = str(stage.house.org.rows("Account")[0]["Id"])
    await stage.call("describe", object="Account")
    return {"object": "Account", "id": id, "fields": ["Website"]}, f"/sobjects/Account/{id}"


async def search(stage: Stage) -> tuple[Arguments, str]:
    word = next(str(row["LastName"]) for row in stage.house.org.rows("Contact") if str(row["LastName"]).isalpha())
    return {"object": "Contact", "text": word, "fields": ["Title"]}, "/parameterizedSearch"


async def aggregate(stage: Stage) -> tuple[Arguments, str]:
    measures = [{"function": "count", "name": "n"}]
    return {"object": "Contact", "measures": measures}, "/query"


async def create(stage: Stage) -> tuple[Arguments, str]:
    await case(stage)
    return {"object": "Case", "values": {"Subject": "new"}, "key": f"key-{stage.number}"}, "/sobjects/Case"


async def keyless(stage: Stage) -> tuple[Arguments, str]:
    stage.number += 1
    await stage.call("describe", object="Lead")
    values = {"LastName": f"Lead {stage.number}", "Company": "Nowhere"}
    return {"object": "Lead", "values": values}, "/sobjects/Lead"


async def update(stage: Stage) -> tuple[Arguments, str]:
    id = await case(stage)
    return {"object": "Case", "id": id, "values": {"Subject": "changed"}}, f"/sobjects/Case/{stage.id(id)}"


async def decide(stage: Stage) -> tuple[Arguments, str]:
    return (await update(stage))[0], "/query"


async def update_account(stage: Stage) -> tuple[Arguments, str]:
    stage.number += 1
    id = str(stage.house.org.rows("Account")[0]["Id"])
    await stage.call("describe", object="Account")
    return {
        "object": "Account",
        "id": id,
        "values": {"Website": f"https://{stage.number}.example"},
    }, "/sobjects/Account/"


async def upsert(stage: Stage) -> tuple[Arguments, str]:
    await case(stage)
    key = f"upsert-{stage.number}"
    arguments = {"object": "Case", "key_field": "Isthmus_Key__c", "key": key, "values": {"Subject": "upserted"}}
    return arguments, f"/sobjects/Case/Isthmus_Key__c/{key}"


async def delete(stage: Stage) -> tuple[Arguments, str]:
    id = await case(stage)
    return {"object": "Case", "id": id}, f"/sobjects/Case/{stage.id(id)}"


QUERY = frozenset({"query"})
VERBS: Mapping[str, Verb] = {
    one.name: one
    for one in (
        Verb("describe", "describe", "GET", describe),
        Verb("query", "query", "GET", query, traits=QUERY),
        Verb("next page", "query", "GET", next_page, traits=QUERY),
        Verb("the org's own next page", "query", "GET", org_page, traits=QUERY | {"locator"}),
        Verb("get", "get", "GET", get),
        Verb("search", "search", "GET", search),
        Verb("aggregate", "aggregate", "GET", aggregate, traits=QUERY),
        Verb("look-up to decide", "update", "GET", decide, group="before a write", effect="updated", traits=QUERY),
        Verb("look at the version", "update", "GET", update, group="before a write", effect="updated", intent=True),
        write("create", "create", "POST", create, "created"),
        write("create without key", "create", "POST", keyless, "created", found=False),
        write("update", "update", "PATCH", update, "updated"),
        write("update of an Account", "update", "PATCH", update_account, "updated", group="update"),
        write("upsert", "upsert", "PATCH", upsert, "created"),
        write("delete", "delete", "DELETE", delete, "deleted"),
    )
}


def handed_over(verb: Verb) -> bool:
    return "handed over" in verb.traits


REJECTED = ("UpstreamRejected", "upstream_rejected")
LOCATOR = {"concerns": lambda verb: "locator" in verb.traits}
COMMITTED = {"done": True, "details": {"committed": True}}
UNKNOWN_EXCEPTION = {"code": "UNKNOWN_EXCEPTION"}
MISHAPS: tuple[Mishap, ...] = (
    *WITHIN_LIMITS,
    Mishap("same_second", Signal.HARMLESS, done=True, concerns=changes),
    rule("validation_rule", *REJECTED, writes),
    rule("duplicate_rule", *REJECTED, writes),
    rule("failing_trigger", *REJECTED, writes),
    rule("storage_full", *REJECTED, writes),
    rule("deleted_meanwhile", "NotFound", "not_found", writes),
    rule("changed_meanwhile", "VersionConflict", "version_conflict", writes),
    rule("missing_right", *REJECTED),
    rule("api_disabled", "CredentialError", "credential"),
    rule("not_found", "NotFound", "not_found"),
    rule("hidden_field", *REJECTED),
    *both("lock_row", Signal.LOCK, concerns=writes),
    *both("concurrent_limit", Signal.CROWD),
    *both("edge_throttle", Signal.CROWD),
    *both("daily_limit", Signal.SPENT),
    Mishap("daily_limit", Signal.SPENT, "without the limit's header", details={"header": False}),
    *both("expire_session", Signal.SESSION),
    Mishap("token_refused", Signal.TOKEN, "invalid_grant", True, error="CredentialError", code="credential"),
    Mishap(
        "token_refused",
        Signal.TOKEN,
        "retry_request",
        lasting=True,
        error="RetryLater",
        code="retry_later",
        details={"error": "retry_request"},
    ),
    Mishap("lost_token_answer", Signal.TOKEN, lasting=True, error="RetryLater", code="retry_later"),
    *both("unavailable", Signal.FAILS),
    *both("server_error", Signal.FAILS, "empty"),
    *both("server_error", Signal.FAILS, "UNKNOWN_EXCEPTION", details=UNKNOWN_EXCEPTION),
    *both("query_timeout", Signal.FAILS, concerns=lambda verb: "query" in verb.traits),
    *both("lost_answer", Signal.LOST, done=True),
    *both("server_error", Signal.LOST, "empty, but done", **COMMITTED),
    Mishap("server_error", Signal.LOST, "502, but done", done=True, details={"committed": True, "status": 502}),
    SILENT,
    Mishap("lost_answer", Signal.LOST, "and reading back fails", done=True, blind=True, concerns=writes),
    Mishap(
        "lost_answer",
        Signal.LOST,
        "and the version stays",
        done=True,
        also="same_second",
        concerns=changes,
    ),
    PAST_DEADLINE,
    Mishap("html_200", Signal.USELESS, lasting=True, error="UpstreamError", code="upstream"),
    BOMB,
    Mishap(
        "foreign_next_url",
        Signal.PAGES,
        error="UpstreamError",
        code="foreign_origin",
        sends=0,
        path="/query",
        **LOCATOR,
    ),
    Mishap(
        "cyclic_paging",
        Signal.PAGES,
        lasting=True,
        error="UpstreamError",
        code="cyclic_pages",
        path="/query",
        **LOCATOR,
    ),
    Mishap("dead_locator", Signal.PAGES, error="RetryLater", code="retry_later", **LOCATOR),
    Mishap("slow_job", Signal.JOB, "for 3 looks", details={"looks": 3}, concerns=handed_over),
    Mishap("slow_job", Signal.JOB, "longer than the call", deadline=120.0, details={"looks": 60}, concerns=handed_over),
    Mishap("fail_job", Signal.JOB, "at once", details={"rows": 0}, concerns=handed_over),
    Mishap("fail_job", Signal.JOB, "in the middle", details={"rows": 2}, concerns=handed_over),
    Mishap(
        "dead_locator",
        Signal.PAGES,
        "as if the login had ended",
        error="RetryLater",
        code="retry_later",
        details={"error": "INVALID_SESSION_ID"},
        **LOCATOR,
    ),
)


async def change(house: Home, id: str) -> None:
    """Let somebody else change a case."""
    org = house.org
    login = org.logins.open(str(org.user(org.username)["Id"]))
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {login.token}"}) as other:
        where = f"{org.url}{HOME}/sobjects/Case/{id}"
        assert (await other.patch(where, json={"Subject": "theirs"})).status_code == 204


def page_size(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 20 if "locator" in verb.traits else 2_000)


SALESFORCE = Subject(
    name="Salesforce",
    home=Home,
    plain={"object": "Contact", "select": ["Title"]},
    switches=frozenset(FAULTS),
    beyond=frozenset({"replication_lag"}),  # no verb asks for what was updated or deleted
    verbs=VERBS,
    mishaps=MISHAPS,
    throttles=("concurrent_limit", "edge_throttle"),
    record=case,
    object="Case",
    texts=("Subject", "LastName", "Website"),
    api="/services/data",
    change=change,
    ready=page_size,
)
