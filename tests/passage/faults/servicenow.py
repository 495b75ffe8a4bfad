"""What does each verb ask of a ServiceNow instance, and which of its faults must come to what?

REST API reference, "Table API" (202 and 429); KB3047115 (rows hidden after the count), KB3046852 (semaphores); OAuth 2.0
(RFC 6749 section 5.2).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import httpx2
from tests.conftest import COMPANY, ITSM, write_folder
from tests.passage.conftest import AGENTS, CEDAR, Home

from isthmus.plugins.sandbox.servicenow import FAULTS, ServiceNowInstance
from isthmus.plugins.sandbox.servicenow.tokens import PATH

from .outcomes import (
    BOMB,
    PAST_DEADLINE,
    SILENT,
    WITHIN_LIMITS,
    Mishap,
    Outcome,
    Signal,
    answered,
    both,
    changes,
    read_back,
    writes,
)
from .subject import Subject
from .verbs import Arguments, Stage, Verb, write

AUTH = """[connections.itsm-eu.auth]
kind = "password"
token_endpoint = "{url}/oauth_token.do"
client_id = "{client_id}"
client_secret = "env:ITSM_SECRET"
username = "admin"
password = "env:ITSM_PASSWORD"
"""


@dataclass
class ItsmHome(Home):
    """A house on one instance, whose tokens come by OAuth: nobody but an administrator may delete there."""

    cedar: str = CEDAR.replace("crm", "itsm")
    system: ClassVar[str] = "itsm"
    token_path: ClassVar[str] = PATH

    def write(self) -> Path:
        auth = AUTH.format(url=self.org.url, client_id=self.org.client_id)
        text = COMPANY.replace("call_timeout = 20", f"call_timeout = {self.call_timeout}")
        text += re.sub(r"\[connections.itsm-eu.auth\]\n(\w+ = .*\n)+", auth, ITSM.format(url=self.org.url, username=""))
        text = text.replace(head := "[connections.itsm-eu]\n", f"{head}{self.extra}\n")
        text += AGENTS + f"[connections.itsm-eu.budget]\n{self.budget}\n"
        self.environ |= {"ITSM_SECRET": self.org.client_secret, "ITSM_PASSWORD": self.org.password("admin")}
        return write_folder(self.folder, text, cedar=self.cedar)

    @property
    def org(self) -> ServiceNowInstance:  # type: ignore[override]
        return self.sandbox.servicenow["eu"]

    @property
    def secrets(self) -> set[str]:
        tokens = {*self.org.logins._access, *self.org.logins._refresh}
        return {self.org.client_secret, self.org.password("admin"), self.org.private_key_pem, *tokens}


async def incident(stage: Stage) -> str:
    stage.number += 1
    values = {"short_description": f"incident {stage.number}", "category": "inquiry"}
    return (await stage.call("create", object="incident", values=values)).id


async def describe(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "change_request"}, "/table/sys_db_object"


async def describe_fields(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "problem"}, "/table/sys_choice"


async def query(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "incident", "select": ["category"], "limit": 3}, "/table/incident"


async def next_page(stage: Stage) -> tuple[Arguments, str]:
    arguments, path = await query(stage)
    page = await stage.call("query", **arguments)
    return {**arguments, "after": page.after}, path


async def get(stage: Stage) -> tuple[Arguments, str]:
    id = stage.house.org.rows("incident")[0]["sys_id"]
    return {"object": "incident", "id": id, "fields": ["category"]}, f"/table/incident/{id}"


async def search(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "incident", "text": "mail", "fields": ["category"], "limit": 3}, "/table/incident"


async def aggregate(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "incident", "measures": [{"function": "count", "name": "n"}]}, "/stats/incident"


NEW = {"short_description": "new", "category": "network"}


async def create(stage: Stage) -> tuple[Arguments, str]:
    await incident(stage)
    return {"object": "incident", "values": NEW, "key": f"key-{stage.number}"}, "/table/incident"


async def keyless(stage: Stage) -> tuple[Arguments, str]:
    stage.number += 1
    await stage.call("describe", object="problem")
    return {"object": "problem", "values": {"short_description": f"problem {stage.number}"}}, "/table/problem"


async def update(stage: Stage) -> tuple[Arguments, str]:
    id = await incident(stage)
    return {"object": "incident", "id": id, "values": NEW}, f"/table/incident/{stage.id(id)}"


async def transition(stage: Stage) -> tuple[Arguments, str]:
    arguments, path = await update(stage)
    return {**arguments, "to": "2"}, path


async def upsert(stage: Stage) -> tuple[Arguments, str]:
    await incident(stage)
    key = f"upsert-{stage.number}"
    return {"object": "incident", "key_field": "correlation_id", "key": key, "values": NEW}, "/table/incident"


async def upsert_known(stage: Stage) -> tuple[Arguments, str]:
    arguments, path = await upsert(stage)
    made = await stage.call("upsert", **arguments | {"values": {"short_description": "old", "category": "inquiry"}})
    return arguments, f"{path}/{stage.id(made.id)}"


async def delete(stage: Stage) -> tuple[Arguments, str]:
    id = await incident(stage)
    return {"object": "incident", "id": id}, f"/table/incident/{stage.id(id)}"


LIST = frozenset({"list"})
VERBS: Mapping[str, Verb] = {
    one.name: one
    for one in (
        Verb("describe", "describe", "GET", describe, traits=LIST),
        Verb("describe, its choices", "describe", "GET", describe_fields, traits=LIST),
        Verb("query", "query", "GET", query, traits=LIST | {"rows"}),
        Verb("next page", "query", "GET", next_page, traits=LIST | {"rows"}),
        Verb("get", "get", "GET", get),
        Verb("search", "search", "GET", search, traits=LIST | {"rows"}),
        Verb("aggregate", "aggregate", "GET", aggregate),
        Verb("look-up to decide", "update", "GET", update, group="before a write", effect="updated", after=1),
        Verb("look at the version", "update", "GET", update, group="before a write", effect="updated", intent=True, before=1),
        Verb("look for the key", "upsert", "GET", upsert, group="before a write", effect="created", intent=True, traits=LIST),
        write("create", "create", "POST", create, "created"),
        write("create without key", "create", "POST", keyless, "created", found=False),
        write("update", "update", "PATCH", update, "updated"),
        write("transition", "transition", "PATCH", transition, "updated"),
        write("upsert", "upsert", "POST", upsert, "created"),
        write("upsert of a known record", "upsert", "PATCH", upsert_known, "updated", group="upsert", ruled_out=False),
        write("delete", "delete", "DELETE", delete, "deleted"),
    )
}  # fmt: skip


def lists(verb: Verb) -> bool:
    return "list" in verb.traits


def sorts(verb: Verb) -> bool:
    return lists(verb) or verb.tool == "aggregate"


def rows(verb: Verb) -> bool:
    return "rows" in verb.traits


def batches(verb: Verb) -> bool:
    return "batch" in verb.traits


def stores(verb: Verb) -> bool:
    return verb.writes and verb.effect != "deleted"


def hidden(verb: Verb) -> Outcome:
    """Of a single row no second one can be hidden; whether a choice is among those that remain, the instance says."""
    if not rows(verb):
        return answered(verb)
    return replace(answered(verb, more=1), complete=verb.tool != "query")


COMMITTED = {"done": True, "details": {"committed": True}}
TEXT = "short_description"
MISHAPS: tuple[Mishap, ...] = (
    *WITHIN_LIMITS,
    Mishap("slow_semaphore", Signal.HARMLESS, done=True),
    Mishap("same_second", Signal.HARMLESS, done=True, concerns=changes),
    Mishap("shuffled_rows", Signal.HARMLESS, "among equals", lasting=True, concerns=sorts),
    *both("session_queue_full", Signal.CROWD),
    *both("semaphores", Signal.CROWD),
    *both("rate_limit", Signal.SPENT, details={"seconds": 3_000}),
    *both("expire_session", Signal.SESSION),
    Mishap("token_refused", Signal.TOKEN, "access_denied", True, error="CredentialError", code="credential"),
    Mishap("lost_token_answer", Signal.TOKEN, lasting=True, error="RetryLater", code="retry_later"),
    *both("bad_gateway", Signal.FAILS),
    *both("unavailable", Signal.FAILS),
    *both("server_error", Signal.FAILS),
    *both("html_200", Signal.FAILS, "hibernating"),
    *both("lost_answer", Signal.LOST, done=True),
    *both("server_error", Signal.LOST, "but done", **COMMITTED),
    SILENT,
    Mishap("lost_answer", Signal.LOST, "and reading back fails", done=True, blind=True, concerns=writes),
    Mishap("lost_answer", Signal.LOST, "and the second stays", done=True, also="same_second", concerns=changes, outcome=read_back),
    PAST_DEADLINE,
    Mishap("login_page", Signal.USELESS, lasting=True, error="UpstreamError", code="upstream"),
    BOMB,
    Mishap(
        "transaction_quota", Signal.USELESS, "an error after rows", lasting=True, error="UpstreamRejected",
        code="upstream_rejected", concerns=lists,
    ),
    Mishap(
        "transaction_quota", Signal.USELESS, "truncated", lasting=True, error="UpstreamError",
        code="unreadable_answer", details={"style": "truncated"}, concerns=lists,
    ),
    Mishap("batch_unserviced", Signal.JOB, "all but one line", details={"serviced": 1}, concerns=batches),
    Mishap("batch_unserviced", Signal.JOB, "nothing", True, details={"serviced": 0}, concerns=batches),
    Mishap("hide_rows", Signal.HIDES, "every second", lasting=True, concerns=lists, outcome=hidden),
    Mishap("drop_field", Signal.ALTERS, done=True, field=TEXT, details={"field": TEXT}, concerns=stores),
    Mishap("altered_write", Signal.ALTERS, done=True, field=TEXT, details={"field": TEXT, "value": "else"}, concerns=stores),
)  # fmt: skip


async def change(house: Home, id: str) -> None:
    """Let somebody else change an incident."""
    org = house.org
    async with httpx2.AsyncClient(auth=("admin", org.password("admin"))) as other:
        found = await other.patch(f"{org.url}/api/now/table/incident/{id}", json={TEXT: "theirs"})
        assert found.status_code == 200


SERVICENOW = Subject(
    name="ServiceNow",
    home=ItsmHome,
    plain={"object": "incident", "select": ["category"]},
    switches=frozenset(FAULTS),
    beyond=frozenset({"foreign_link"}),  # no verb asks for links to other pages or follows one
    verbs=VERBS,
    mishaps=MISHAPS,
    throttles=("session_queue_full", "semaphores"),
    record=incident,
    object="incident",
    texts=(TEXT,),
    api="/api/now",
    dropped=frozenset({202}),
    change=change,
)
