"""A request does only what its object stands for in the settings; any other is told to be nothing, and so not sent."""

import json

import httpx2
import pytest

from isthmus.connectors.sap.rfc.connector import SapRfc
from isthmus.connectors.sap.rfc.settings import SapRfcSettings
from isthmus.core.operation import Effect, RequestClass

SETTINGS = SapRfcSettings.model_validate(
    {
        "functions": {
            "MAKE": {"effect": "create", "read_back": {"function": "LIST", "table": "T", "match": {"A": "A"}}},
            "CHANGE": {"effect": "update"},
            "LIST": {"effect": "read"},
            "ANY": {},
            "RFC_READ_TABLE": {"effect": "read"},
            "BAPI_USER_CREATE1": {"effect": "read"},
        },
        "units": {"both": ["MAKE", "CHANGE"]},
        "tables": ["T001"],
    }
)
ERP = SapRfc("erp", SETTINGS)


def told(path: str, body: object, method: str = "POST") -> list[tuple[Effect, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    parts = ERP.classify(httpx2.Request(method, f"rfc://sap.example:3300{path}", content=content))
    return [(one.effect, one.object) for one in parts]


def unit(object: str, *functions: str, commit: bool = True, **parameters: object) -> dict[str, object]:
    calls = [{"function": one, "parameters": parameters} for one in functions]
    return {"object": object, "calls": calls, "commit": commit}


@pytest.mark.parametrize(
    ("path", "body", "effects"),
    [
        ("/unit", unit("MAKE", "MAKE"), [Effect.CREATE]),
        ("/unit", unit("ANY", "ANY"), [Effect.EXECUTE]),
        ("/unit", unit("LIST", "LIST", commit=False), [Effect.READ]),
        ("/unit", unit("both", "MAKE", "CHANGE"), [Effect.CREATE, Effect.UPDATE]),
        ("/back", unit("MAKE", "LIST", commit=False), [Effect.READ]),
        ("/back", unit("both", "LIST", commit=False), [Effect.READ]),
        ("/unit", unit("RFC_READ_TABLE", "RFC_READ_TABLE", commit=False, QUERY_TABLE="T001"), [Effect.READ]),
        ("/interface", {"object": "both", "function": "CHANGE"}, [Effect.READ]),
    ],
)
def test_tells_what_a_request_does(path: str, body: dict[str, object], effects: list[Effect]) -> None:
    assert told(path, body) == [(one, body["object"]) for one in effects]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/unit", unit("MAKE", "CHANGE")),
        ("/unit", unit("MAKE", "MAKE", "CHANGE")),
        ("/unit", unit("both", "CHANGE", "MAKE")),
        ("/unit", unit("LIST", "MAKE", commit=False)),
        ("/unit", unit("LIST", "LIST")),
        ("/unit", unit("NOPE", "NOPE")),
        ("/unit", unit("BAPI_USER_CREATE1", "BAPI_USER_CREATE1", commit=False)),
        ("/unit", unit("RFC_READ_TABLE", "RFC_READ_TABLE", commit=False, QUERY_TABLE="USR02")),
        ("/unit", unit("MAKE")),
        ("/unit", {"object": "MAKE", "calls": [{"function": "MAKE"}]}),
        ("/unit", [1]),
        ("/unit", b"{"),
        ("/back", unit("MAKE", "LIST")),
        ("/back", unit("MAKE", "MAKE", commit=False)),
        ("/back", unit("CHANGE", "LIST", commit=False)),
        ("/interface", {"object": "MAKE", "function": "CHANGE"}),
        ("/interface", {"object": "BAPI_USER_CREATE1", "function": "BAPI_USER_CREATE1"}),
        ("/elsewhere", unit("LIST", "LIST", commit=False)),
    ],
)
def test_any_other_request_is_not_sent(path: str, body: object) -> None:
    assert told(path, body) == []


def test_a_ping_touches_nothing() -> None:
    assert ERP.classify(httpx2.Request("POST", "rfc://sap.example:3300/ping", content=b"{}")) == (
        RequestClass(Effect.READ, metadata=True),
    )
    assert told("/ping", {}, "GET") == []
