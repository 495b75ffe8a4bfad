"""Does every request show what it would do, part by part, and is an unknown one refused?"""

import json

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as some

from isthmus.connectors.sap.classify import Classifier
from isthmus.connectors.sap.odata.batch import ChangeSet, Part, written_json, written_multipart
from isthmus.connectors.sap.odata.metadata import service_of
from isthmus.connectors.sap.settings import SapSettings
from isthmus.core.operation import Effect, RequestClass

from .system import METADATA, ROOT

V4_ROOT = "/sap/opu/odata4/sap/api_order/srvd_a2x/sap/order/0001"
V4 = b"""<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="ns" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Order"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
<Property Name="Note" Type="Edm.String"/><NavigationProperty Name="_Item" Type="Collection(ns.Item)"/></EntityType>
<EntityType Name="Item"><Key><PropertyRef Name="ID"/><PropertyRef Name="Item"/></Key>
<Property Name="ID" Type="Edm.Int32" Nullable="false"/><Property Name="Item" Type="Edm.String" Nullable="false"/></EntityType>
<Action Name="Release" IsBound="true"><Parameter Name="it" Type="ns.Order"/><Parameter Name="Remark" Type="Edm.String"/></Action>
<Function Name="Open" IsBound="true"><Parameter Name="it" Type="ns.Order"/><Parameter Name="on" Type="Edm.Date"/><ReturnType Type="Edm.Int32"/></Function>
<Action Name="close"><Parameter Name="Day" Type="Edm.Date"/></Action><Action Name="ReleaseAll" IsBound="true"><Parameter Name="them" Type="Collection(ns.Order)"/></Action>
<Function Name="rate"><Parameter Name="Of" Type="Edm.String"/><ReturnType Type="Edm.Decimal"/></Function>
<EntityContainer Name="C"><ActionImport Name="Close" Action="ns.close"/><FunctionImport Name="Rate" Function="ns.rate"/><EntitySet Name="Order" EntityType="ns.Order"><NavigationPropertyBinding Path="_Item" Target="Item"/></EntitySet>
<EntitySet Name="Item" EntityType="ns.Item"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""
SERVICES = {"so": service_of(METADATA), "v4": service_of(V4)}
SETTINGS = SapSettings(services={"so": ROOT, "v4": V4_ROOT, "deep": f"{ROOT}/inner"}, client="100")
KNOWING = Classifier(SETTINGS, SERVICES.get)


def request(method: str, where: str, body: object = None, **headers: str) -> httpx2.Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Request(method, f"https://upstream.example{where}", headers=named, content=content)


def order(effect: Effect, *records: str) -> RequestClass:
    return RequestClass(effect, "so.A_Order", records)


def v4(effect: Effect, *records: str) -> RequestClass:
    return RequestClass(effect, "v4.Order", records)


ITEM = RequestClass(Effect.READ, "so.A_Item")
NEW_ITEM = RequestClass(Effect.CREATE, "so.A_Item")
META = RequestClass(Effect.READ, metadata=True)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (request("GET", f"{ROOT}/", x_csrf_token="Fetch"), [META]),
        (request("HEAD", ROOT, x_csrf_token="Fetch"), [META]),
        (request("GET", f"{ROOT}/$metadata"), [META]),
        (request("GET", f"{ROOT}/A_Order?$filter=Note%20eq%20%27a%2Fb%27&$top=5&$format=json"), [order(Effect.READ)]),
        (request("GET", f"{ROOT}/A_Order?$expand=to_Item&$select=Note,to_Item/Text"), [order(Effect.READ), ITEM]),
        (request("GET", f"{ROOT}/A_Order?$skiptoken=3&sap-client=100"), [order(Effect.READ)]),
        (request("GET", f"{ROOT}/A_Order?search=to_Item%2FText"), [order(Effect.READ)]),
        (request("GET", f"{V4_ROOT}/Order?%24search=%22a%22"), [v4(Effect.READ)]),
        (request("GET", f"{ROOT}/A_Order/$count"), [order(Effect.READ)]),
        (request("GET", f"{ROOT}/A_Order(%277%27)?$select=Note"), [order(Effect.READ, "7")]),
        (request("GET", f"{ROOT}/A_Order('O''Neil%2F1')"), [order(Effect.READ, "O'Neil/1")]),
        (request("GET", f"{ROOT}/A_Order(Order='7')"), [order(Effect.READ, "7")]),
        (request("GET", f"{ROOT}/A_Item(Order='1',Item=10)"), [RequestClass(Effect.READ, "so.A_Item", ("Order='1',Item=10",))]),
        (request("POST", f"{ROOT}/A_Order", {"Note": "x"}), [order(Effect.CREATE)]),
        (request("POST", f"{ROOT}/A_Order", {"Note": "x", "to_Item": [{"Item": 1}, {"Item": 2}]}), [order(Effect.CREATE), NEW_ITEM, NEW_ITEM]),
        (request("POST", f"{ROOT}/A_Order", {"to_Item": {"results": [{"__metadata": {"type": "ORDER.ItemType"}}]}}), [order(Effect.CREATE), NEW_ITEM]),
        (request("POST", f"{V4_ROOT}/Order", {"_Item": [{"Item": "1"}]}), [v4(Effect.CREATE), RequestClass(Effect.CREATE, "v4.Item")]),
        (request("MERGE", f"{ROOT}/A_Order('7')", {"Note": "x"}), [order(Effect.UPDATE, "7")]),
        (request("PUT", f"{ROOT}/A_Order('7')", {"Note": "x"}), [order(Effect.UPDATE, "7")]),
        (request("DELETE", f"{ROOT}/A_Order('7')"), [order(Effect.DELETE, "7")]),
        (request("POST", f"{ROOT}/Release?Order='7'&Remark='x'"), [order(Effect.EXECUTE, "7")]),
        (request("PATCH", f"{V4_ROOT}/Order(7)", {"Note": "x"}), [v4(Effect.UPDATE, "ID=7")]),
        (request("POST", f"{V4_ROOT}/Order(7)/ns.Release", {"Remark": "x"}), [v4(Effect.EXECUTE, "ID=7")]),
        (request("GET", f"{V4_ROOT}/Order(7)/ns.Open(on=2026-01-01)"), [v4(Effect.READ, "ID=7")]),
        (request("POST", f"{V4_ROOT}/Order/ns.ReleaseAll", {}), [v4(Effect.EXECUTE)]),
        (request("POST", f"{V4_ROOT}/Close", {"Day": "2026-01-01"}), [RequestClass(Effect.EXECUTE, "v4")]),
        (request("GET", f"{V4_ROOT}/Rate(Of='EUR%2FUSD')"), [RequestClass(Effect.READ, "v4")]),
        (request("GET", f"{V4_ROOT}/Order?$expand=_Item($select=Item)"), [v4(Effect.READ), RequestClass(Effect.READ, "v4.Item")]),
        (request("GET", f"{V4_ROOT}/Order?$filter=_Item/any(x:x/Item%20eq%20%27a%27)"), [v4(Effect.READ), RequestClass(Effect.READ, "v4.Item")]),
    ],
)  # fmt: skip
def test_says_what_a_request_does(asked: httpx2.Request, wanted: list[RequestClass]):
    assert list(KNOWING(asked)) == wanted


@pytest.mark.parametrize(
    "asked",
    [
        request("GET", "/sap/opu/odata/sap/OTHER/A_Order"),
        request("GET", "/sap/bc/soap/rfc"),
        request("GET", f"{ROOT}X/A_Order"),
        request("GET", f"{ROOT}/A_Nothing"),
        request("GET", f"{ROOT}/inner/A_Order"),
        request("GET", f"{ROOT}/../OTHER/A_Order"),
        request("GET", f"{ROOT}/%2e%2e/OTHER/A_Order"),
        request("GET", f"{ROOT}/A_Order%2f..%2fA_Item"),
        request("GET", f"{ROOT}/A_Order('..%2F..%2Fx')"),
        request("GET", f"{ROOT}/A_Order('a%252fb')"),
        request("GET", f"{ROOT}/A_Order?$apply=aggregate(x)"),
        request("GET", f"{ROOT}/A_Order?$top=1&$top=2"),
        request("GET", f"{ROOT}/A_Order?sap-client=200"),
        request("GET", f"{ROOT}/A_Order?sap-ds-debug=true"),
        request("GET", f"{ROOT}/A_Order", {"a": 1}),
        request("GET", f"{ROOT}/A_Order", x_csrf_token="Fetch"),
        request("GET", f"{ROOT}/A_Order('7')/to_Item('8')/$links/x"),
        request("POST", f"{ROOT}/A_Order('7')", {"Note": "x"}, x_http_method="MERGE"),
        request("POST", f"{ROOT}/A_Order('7')", {"Note": "x"}),
        request("POST", f"{ROOT}/A_Order", b'{"Note":"x","Note":"y"}'),
        request("POST", f"{ROOT}/A_Order", [{"Note": "x"}]),
        request("POST", f"{ROOT}/A_Order"),
        request("POST", f"{ROOT}/A_Order", {"to_Item": ["x"]}),
        request("POST", f"{ROOT}/A_Order", {"to_Item": {"__deferred": {"uri": "A_Order('1')/to_Item"}}}),
        request("POST", f"{ROOT}/A_Order", {"to_Item": [{"__metadata": {"uri": "A_Item(Order='1',Item=1)"}}]}),
        request("POST", f"{ROOT}/A_Order", {"to_Other": [{"Item": 1}]}),
        request("POST", f"{V4_ROOT}/Order", {"_Item@odata.bind": ["Item(ID=1,Item='1')"]}),
        request("POST", f"{V4_ROOT}/Order", {"_Item": [{"@odata.id": "Item(ID=1,Item='1')"}]}),
        request("MERGE", f"{ROOT}/A_Order('7')", {"to_Item": [{"Item": 1}]}),
        request("PATCH", f"{V4_ROOT}/Order(7)", {"_Item": [{"Item": "1"}]}),
        request("PATCH", f"{V4_ROOT}/Order(7)", {"_Item@odata.delta": []}),
        request("MERGE", f"{ROOT}/A_Order", {"Note": "x"}),
        request("DELETE", f"{ROOT}/A_Order"),
        request("PURGE", f"{ROOT}/A_Order('7')"),
        request("GET", f"{ROOT}/Release?Order='7'"),
        request("POST", f"{ROOT}/Release"),
        request("POST", f"{ROOT}/Release?Order='7'&Other='x'"),
        request("POST", f"{ROOT}/Release?Order=7"),
        request("GET", f"{V4_ROOT}/Order(7)/ns.Release"),
        request("POST", f"{V4_ROOT}/Order/ns.Release", {}),
        request("POST", f"{V4_ROOT}/Order(7)/ns.Release", {"Other": 1}),
        request("POST", f"{V4_ROOT}/Order(7)/ns.Nothing", {}),
        request("GET", f"{V4_ROOT}/Order(007)"),
        request("GET", f"{V4_ROOT}/Close"),
        request("POST", f"{V4_ROOT}/close", {}),
        request("POST", f"{V4_ROOT}/Rate(Of='EUR')", {}),
    ],
    ids=lambda one: f"{one.method} {one.url.raw_path.decode()}",
)
def test_refuses_what_it_does_not_know(asked: httpx2.Request):
    assert KNOWING(asked) == ()


def test_nothing_is_known_before_the_metadata():
    unknowing = Classifier(SETTINGS, lambda _: None)
    assert unknowing(request("GET", f"{ROOT}/A_Order")) == ()
    assert list(unknowing(request("GET", f"{ROOT}/$metadata"))) == [META]


READ = Part("GET", "A_Order('1')", {"accept": "application/json"})
CHANGE = Part("MERGE", "A_Order('1')", {"content-type": "application/json"}, b'{"Note":"x"}')
NEW = Part("POST", "A_Order", {"content-type": "application/json"}, b'{"Note":"x"}')


def test_each_part_of_a_batch_is_seen():
    kind, content = written_multipart([READ, ChangeSet((CHANGE, NEW))])
    found = KNOWING(request("POST", f"{ROOT}/$batch", content, content_type=kind))
    assert list(found) == [order(Effect.READ, "1"), order(Effect.UPDATE, "1"), order(Effect.CREATE)]


def test_each_part_of_a_json_batch_is_seen():
    body = written_json([Part("GET", "Order(1)"), ChangeSet((Part("PATCH", "Order(2)", {}, b"{}"),))])
    found = KNOWING(request("POST", f"{V4_ROOT}/$batch", body, content_type="application/json"))
    assert list(found) == [v4(Effect.READ, "ID=1"), v4(Effect.UPDATE, "ID=2")]


@pytest.mark.parametrize(
    "odd",
    [
        Part("GET", "../OTHER/A_Order"),
        Part("GET", "$batch"),
        Part("GET", "A_Nothing"),
        Part("GET", "inner/A_Order"),
        Part("POST", "A_Order", {"content-type": "application/json", "x-http-method": "DELETE"}, b"{}"),
    ],
    ids=lambda one: one.target,
)
def test_one_part_that_is_not_known_refuses_the_batch(odd: Part):
    kind, content = written_multipart([READ, odd])
    assert KNOWING(request("POST", f"{ROOT}/$batch", content, content_type=kind)) == ()


@given(
    some.binary(max_size=300), some.sampled_from(["multipart/mixed; boundary=b", "application/json", "", "text/plain"])
)
def test_any_bytes_in_a_batch_are_refused_or_seen(content: bytes, kind: str):
    assert KNOWING(request("POST", f"{ROOT}/$batch", content, content_type=kind)) == ()


@given(some.text(min_size=1, max_size=40))
def test_a_key_is_read_as_it_was_written(key: str):
    from isthmus.connectors.sap.odata.keys import address_of
    from isthmus.core.errors import InvalidArguments
    from isthmus.core.http import path

    try:
        template, literals = address_of(key, SERVICES["so"].sets["A_Order"], SERVICES["so"])
        where = path(f"{ROOT}/{template}", *literals)
    except InvalidArguments:
        return
    found = KNOWING(request("DELETE", where))
    assert list(found) in ([], [order(Effect.DELETE, key)])
    if key.isalnum() and key.isascii():
        assert found
