"""Does the connector keep the whole contract, as any third-party one must?"""

import re

import httpx2
import pytest

from isthmus.connectors.salesforce import Salesforce
from isthmus.core.connector import FaultKind, Key, Line, Load
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamRejected, VersionConflict
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.testing import Check, Examples, Run, Subject, conformance
from isthmus.plugins.sandbox import Sandbox

from .conftest import BASE, refusal

ID, OTHER_ID = "0038d0000000001AAA", "0038d0000000002AAA"
READ = RequestClass(Effect.READ)


class Company(httpx2.AsyncBaseTransport):
    """The sandbox's European org, signed in to; it begins anew each time."""

    sandbox: Sandbox

    def __init__(self) -> None:
        self.sandbox.reset()
        self.org = self.sandbox.salesforce["eu"]
        self.inner = httpx2.AsyncHTTPTransport()
        self.token = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self.token:
            self.token = await self.sign_in()
            for record in (ID, OTHER_ID):
                await self.keep_a_file(record)
        where = self.org.url + request.url.raw_path.decode()
        named = {name: value for name, value in request.headers.items() if name not in ("host", "authorization")}
        named["authorization"] = f"Bearer {self.token}"
        return await self.inner.handle_async_request(
            httpx2.Request(request.method, where, headers=named, content=await request.aread())
        )

    async def sign_in(self) -> str:
        told = {"grant_type": "client_credentials", "client_id": self.org.client_id}
        asked = httpx2.Request(
            "POST", f"{self.org.url}/services/oauth2/token", data=told | {"client_secret": self.org.client_secret}
        )
        answer = await self.inner.handle_async_request(asked)
        await answer.aread()
        return str(answer.json()["access_token"])

    async def keep_a_file(self, record: str) -> None:
        told = {"Title": "kit", "PathOnClient": "kit.txt", "VersionData": "YWJj", "FirstPublishLocationId": record}
        made = httpx2.Request("POST", f"{self.org.url}{BASE}/sobjects/ContentVersion", json=told)
        made.headers["authorization"] = f"Bearer {self.token}"
        assert (await self.inner.handle_async_request(made)).status_code == 201

    def settle(self) -> None:
        self.sandbox.clock.advance(minutes=5)

    async def aclose(self) -> None:
        await self.inner.aclose()


def settle(upstream: httpx2.AsyncBaseTransport) -> None:
    assert isinstance(upstream, Company)
    upstream.settle()


def page(address: str) -> httpx2.Response:
    row = {"attributes": {"type": "Contact"}, "Id": ID, "FirstName": "A", "LastName": "B"}
    return httpx2.Response(200, json={"totalSize": 9, "done": False, "records": [row], "nextRecordsUrl": address})


def dissect(text: str) -> tuple[str, list[str]]:
    """Read SOQL by its grammar: a literal stands in single quotes, and a backslash escapes what follows it."""
    plain = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
    form = re.compile(r"'((?:[^'\\\n\r]|\\.)*)'")
    escape = re.compile(r"\\u([0-9A-Fa-f]{4})|\\(.)")

    def meant(one: re.Match[str]) -> str:
        return chr(int(one[1], 16)) if one[1] else plain.get(one[2], one[2])

    found = [escape.sub(meant, one) for one in form.findall(text)]
    return form.sub("?", text), found


def request(method: str, where: str, body: object = None) -> httpx2.Request:
    return httpx2.Request(method, f"https://upstream.example{BASE}{where}", json=body)


def contacts(effect: Effect, *records: str) -> RequestClass:
    return RequestClass(effect, "Contact", records)


NESTED = "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account)"
BATCH = {"batchRequests": [{"method": "DELETE", "url": f"v62.0/sobjects/Contact/{ID}"}]}
CRM = Subject(
    connector=Salesforce,
    upstream=Company,
    examples=Examples(
        object="Contact",
        id=ID,
        fields=("Id", "SystemModstamp", "FirstName", "LastName"),
        text="LastName",
        order_by="CreatedDate",
        values={"FirstName": "Kit", "LastName": "Kessler"},
        changes={"FirstName": "Kitty"},
        key=Key("Isthmus_Key__c", "k-1"),
        below={"Cases": [{"Subject": "first"}, {"Subject": "second", "Tasks": [{"Subject": "third"}]}]},
        refused_below={"Cases": [{"Subject": "fine"}, {"Subject": "x" * 300}]},
        words="Ravensden",
        since="2026-11-17T12:00:00Z",
        settle=settle,
        loads=(
            Load("Contact", "create", tuple(Line({"LastName": f"Kit {n}"}, key=f"kit-{n}") for n in range(3)),
                 "Isthmus_Key__c"),
            Load("Contact", "update", (Line({"LastName": "Moved"}, ID), Line({"LastName": "Too"}, OTHER_ID))),
            Load("Contact", "upsert", (Line({"LastName": "New"}, key="up-1"), Line({"LastName": "Too"}, key="up-2")),
                 "Isthmus_Key__c"),
        ),
        refused=Line({"LastName": "x" * 90}, key="kit-bad"),
        file="0688d000000000EAAQ",
        other_file="0688d000000000FAAQ",
        runs=(Run("submit_for_approval", {}, "Invoice__c", "a018d0000000001AAA"),),
        query_text="SELECT Id, LastName FROM Contact WHERE FirstName = 'Kit' LIMIT 5",
        requests=(
            (httpx2.Request("GET", f"https://upstream.example{BASE}/query", params={"q": NESTED}),
             (contacts(Effect.READ), RequestClass(Effect.READ, "Account"))),
            (request("PATCH", "/sobjects/Contact/Isthmus_Key__c/k", {"LastName": "x"}),
             (contacts(Effect.CREATE), contacts(Effect.UPDATE))),
            (request("DELETE", f"/sobjects/Contact/{ID}"), (contacts(Effect.DELETE, ID),)),
            (request("POST", "/composite/batch", BATCH), ()),
        ),
        faults=(
            (refusal("INVALID_SESSION_ID", status=401), FaultKind.AUTHORIZATION, CredentialError),
            (refusal("REQUEST_LIMIT_EXCEEDED", status=403), FaultKind.QUOTA, RetryLater),
            (refusal("NOT_FOUND", status=404), FaultKind.CALLER, NotFound),
            (refusal("UNABLE_TO_LOCK_ROW"), FaultKind.TRANSIENT, RetryLater),
            (refusal("STRING_TOO_LONG", fields=("LastName",)), FaultKind.CALLER, UpstreamRejected),
            (refusal("PRECONDITION_FAILED", status=412), FaultKind.CALLER, VersionConflict),
            (refusal("SERVER_UNAVAILABLE", status=503), FaultKind.TRANSIENT, RetryLater),
        ),
        more=page,
        dissect=dissect,
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    Company.sandbox = sandbox


@pytest.mark.parametrize("check", conformance(CRM), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()
