"""A small system over HTTP, written from the vendor's pages and not from the connector: sessions, tokens, etags.

A session belongs to who signed in, and is known by two cookies; a token is good in its own session only.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qsl, unquote

import httpx2

ROOT = "/sap/opu/odata/sap/API_ORDER"
METADATA = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"
 xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
<edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="ORDER" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
<EntityType Name="OrderType"><Key><PropertyRef Name="Order"/></Key>
<Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="10" sap:label="Order"/>
<Property Name="Note" Type="Edm.String" MaxLength="80"/><Property Name="Reference" Type="Edm.String" MaxLength="40"/>
<Property Name="Owner" Type="Edm.String" MaxLength="40" sap:creatable="false" sap:updatable="false"/>
<Property Name="Amount" Type="Edm.Decimal" Precision="15" Scale="2"/>
<Property Name="DueOn" Type="Edm.DateTime" sap:display-format="Date"/>
<NavigationProperty Name="to_Item" Relationship="ORDER.Items" FromRole="Header" ToRole="Item"/></EntityType>
<EntityType Name="ItemType"><Key><PropertyRef Name="Order"/><PropertyRef Name="Item"/></Key>
<Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="10"/>
<Property Name="Item" Type="Edm.Int32" Nullable="false"/><Property Name="Text" Type="Edm.String"/></EntityType>
<Association Name="Items"><End Type="ORDER.OrderType" Multiplicity="1" Role="Header"/>
<End Type="ORDER.ItemType" Multiplicity="*" Role="Item"/></Association>
<EntityContainer Name="C" m:IsDefaultEntityContainer="true"><EntitySet Name="A_Order" EntityType="ORDER.OrderType"/>
<EntitySet Name="A_Item" EntityType="ORDER.ItemType"/>
<AssociationSet Name="ItemSet" Association="ORDER.Items"><End EntitySet="A_Order" Role="Header"/>
<End EntitySet="A_Item" Role="Item"/></AssociationSet>
<FunctionImport Name="Release" ReturnType="ORDER.OrderType" EntitySet="A_Order" m:HttpMethod="POST"
 sap:action-for="ORDER.OrderType"><Parameter Name="Order" Type="Edm.String" Mode="In"/>
<Parameter Name="Remark" Type="Edm.String" Mode="In" Nullable="true"/></FunctionImport>
<FunctionImport Name="Worth" ReturnType="Edm.Decimal" m:HttpMethod="GET" sap:action-for="ORDER.OrderType">
<Parameter Name="Order" Type="Edm.String" Mode="In"/></FunctionImport>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""
COOKIES = ("SAP_SESSIONID_ISM_100", "sap-XSRF_ISM_100")
JSON = {"content-type": "application/json;charset=utf-8", "dataserviceversion": "2.0"}
Answer = httpx2.Response


@dataclass
class Session:
    user: str
    token: str


@dataclass
class System(httpx2.AsyncBaseTransport):
    """One client of one system; `seen` are the requests, `pause` is slept before each token is given out."""

    orders: dict[str, dict[str, object]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    seen: list[httpx2.Request] = field(default_factory=list)
    answers: list[Callable[[httpx2.Request], Answer | None]] = field(default_factory=list)
    pause: float = 0.0
    fetching: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        for number in range(1, 4):
            self.orders[str(number)] = order(str(number), note=f"Note {number}")

    @property
    def fetches(self) -> list[httpx2.Request]:
        return [one for one in self.seen if one.headers.get("x-csrf-token") == "Fetch"]

    def refused(self) -> int:
        return sum(one.extensions.get("refused", False) for one in self.seen)

    def expire(self) -> None:
        self.sessions.clear()

    def new_tokens(self) -> None:
        for one in self.sessions.values():
            one.token = f"t{next(self.numbers)}"

    async def handle_async_request(self, request: httpx2.Request) -> Answer:
        await request.aread()
        self.seen.append(request)
        for answer in self.answers:
            if (found := answer(request)) is not None:
                return found
        user = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")[0]
        session, fresh = self._session(request, user)
        answer = await self._answer(request, session)
        if fresh:
            told = [
                ("set-cookie", f"{name}={value}; path=/; secure")
                for name, value in zip(COOKIES, (fresh, f"x{fresh}"), strict=True)
            ]
            answer.headers = httpx2.Headers([*answer.headers.multi_items(), *told])
        return answer

    def _session(self, request: httpx2.Request, user: str) -> tuple[Session, str]:
        told = dict(one.split("=", 1) for one in request.headers.get("cookie", "").split("; ") if "=" in one)
        id, other = (told.get(name, "") for name in COOKIES)
        if id in self.sessions and other == f"x{id}":
            assert self.sessions[id].user == user, "a session of another person was used"
            return self.sessions[id], ""
        fresh = f"s{next(self.numbers)}"
        self.sessions[fresh] = Session(user, f"t{next(self.numbers)}")
        return self.sessions[fresh], fresh

    async def _answer(self, request: httpx2.Request, session: Session) -> Answer:
        token = request.headers.get("x-csrf-token", "")
        path, _, query = request.url.raw_path.decode().partition("?")
        below = unquote(path.removeprefix(ROOT))
        if request.method == "GET":
            answer = self._read(below, dict(parse_qsl(query)), session)
            if token == "Fetch":
                self.fetching.set()
                await asyncio.sleep(self.pause)
                answer.headers["x-csrf-token"] = session.token
            return answer
        if token != session.token:
            request.extensions["refused"] = True
            headers = {"content-type": "text/plain;charset=utf-8", "x-csrf-token": "Required"}
            return Answer(403, headers=headers, content=b"CSRF token validation failed")
        return self._write(request, below, session)

    def _read(self, below: str, params: dict[str, str], session: Session) -> Answer:
        if below == "/":
            return Answer(200, headers=JSON, content=b'{"d":{"EntitySets":["A_Order","A_Item"]}}')
        if below == "/$metadata":
            return Answer(200, headers={"content-type": "application/xml"}, content=METADATA)
        if found := re.fullmatch(r"/A_Order\('(.*)'\)", below):
            one = self.orders.get(found[1])
            return said(one) if one is not None and self._may(one, session) else missing()
        if below == "/A_Order":
            fits = re.fullmatch(r"Reference eq '(.*)'", params.get("$filter", "").strip("()"))
            rows = [one for one in self.orders.values() if self._may(one, session)]
            rows = [one for one in rows if fits is None or one["Reference"] == fits[1]]
            return said({"results": rows[: int(params.get("$top", "100"))]})
        return missing()

    @staticmethod
    def _may(one: dict[str, object], session: Session) -> bool:
        return one["Owner"] in ("", session.user)

    def _write(self, request: httpx2.Request, below: str, session: Session) -> Answer:
        if request.method == "POST" and below == "/A_Order":
            number = str(next(self.numbers) + 1_000)
            told = json.loads(request.content)
            self.orders[number] = {**order(number), **told, "Order": number, "Owner": session.user}
            return said(self.orders[number], 201)
        found = re.fullmatch(r"/A_Order\('(.*)'\)", below)
        one = self.orders.get(found[1]) if found else None
        if one is None:
            return missing()
        etag, wanted = one["__metadata"]["etag"], request.headers.get("if-match", "")  # type: ignore[index]
        if wanted not in (etag, "*"):
            return Answer(
                412 if wanted else 428, headers=JSON, json={"error": {"code": "X/001", "message": {"value": "no"}}}
            )
        if request.method == "DELETE":
            del self.orders[str(one["Order"])]
        else:
            one |= json.loads(request.content)
            one["__metadata"] = {**one["__metadata"], "etag": f'W/"{next(self.numbers)}"'}  # type: ignore[dict-item]
        return Answer(204, headers={"etag": str(one["__metadata"]["etag"])})  # type: ignore[index]


def order(number: str, note: str = "") -> dict[str, object]:
    own = {"uri": f"https://upstream.example{ROOT}/A_Order('{number}')", "type": "ORDER.OrderType", "etag": 'W/"1"'}
    return {"__metadata": own, "Order": number, "Note": note, "Reference": "", "Owner": "", "Amount": "12.50",
            "DueOn": "/Date(1767225600000)/", "to_Item": {"__deferred": {"uri": "x"}}}  # fmt: skip


def said(value: object, status: int = 200) -> Answer:
    return Answer(status, headers=JSON, content=json.dumps({"d": value}).encode())


def missing() -> Answer:
    return Answer(
        404, headers=JSON, json={"error": {"code": "/IWBEP/CX_MGW_RESOURCE_NOT_FOUND", "message": {"value": "no"}}}
    )
