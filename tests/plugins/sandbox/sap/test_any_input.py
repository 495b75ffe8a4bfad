"""Whatever comes in, the landscape answers, and what it writes it reads again."""

import json
from collections.abc import Mapping
from datetime import UTC, date, time
from decimal import Decimal
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.plugins.sandbox import Sandbox, SapLandscape
from isthmus.plugins.sandbox.message import Request
from isthmus.plugins.sandbox.sap.keys import literal
from isthmus.plugins.sandbox.sap.odata.paths import value_of
from isthmus.plugins.sandbox.sap.odata.tokens import tokens
from isthmus.plugins.sandbox.sap.schema import make_field
from isthmus.plugins.sandbox.sap.values import Value, as_bytes, shown, taken

from .conftest import SO, SO4

WORDS = st.sampled_from(
    [
        *("SalesOrder", "TotalNetAmount", "SalesOrderDate", "to_Item", "_Item", "i", "any", "in", "eq", "ne", "and"),
        *("not", "null", "true", "'x'", "''", "'O''Neil'", "1", "-1.5", "12.5M", "datetime'2026-01-01T00:00:00'"),
        *("2026-01-01", "2026-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000", "(", ")", ",", "/", ":", "*"),
        *("contains", "substringof", "year", "substring", "add", "div", "mod", "0", "$count", "'", "%27", "guid'x'"),
    ]
)
WHOLES = [
    "(" * 5_000,
    "not " * 5_000,
    "-" * 5_000,
    "9" * 5_000,
    "1e400",
    "_Item(" * 500 + ")" * 500,
    "to_Item/" * 500 + "x",
    "contains(" * 2_000,
    " or ".join(["SalesOrder eq '1'"] * 3_000),
    " add ".join(["1"] * 3_000) + " eq 1",
    "_Item/any(i:i/_SalesOrder/_Item/any(j:j/Material eq i/Material))",
    "datetime'2026-99-99T00:00:00' eq SalesOrderDate",
]
TEXT = st.one_of(
    st.lists(WORDS, max_size=12).map(" ".join), st.lists(WORDS, max_size=8).map("".join), st.text(max_size=30)
)


@pytest.fixture(scope="module")
def landscape(small: Sandbox) -> SapLandscape:
    return small.sap["eu"]


def ask(
    landscape: SapLandscape,
    method: str,
    raw: str,
    query: str = "",
    body: bytes = b"",
    more: Mapping[str, str] | None = None,
) -> int:
    user = landscape.users["integration"]
    session = landscape.sessions.begin(user.login)
    headers = {"cookie": f"{landscape.sessions.cookie}={session.key}", "x-csrf-token": session.token, **(more or {})}
    return landscape.handle(Request(method, unquote(raw), raw, query, headers, body, "http")).status


def quoted(text: str) -> str:
    return quote(text, safe="$=&")


@settings(deadline=None)
@given(option=st.sampled_from(["$filter", "$orderby", "$select", "$expand", "$top", "$skiptoken", "search"]), text=TEXT)
def test_any_option_is_answered(landscape: SapLandscape, option: str, text: str) -> None:
    for path in (f"{SO}/A_SalesOrder/$count", f"{SO4}/SalesOrder/$count"):
        assert ask(landscape, "GET", path, f"{quoted(option)}={quoted(text)}") in (200, 400, 410)


@settings(deadline=None)
@given(rest=TEXT, method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "MERGE", "DELETE"]))
def test_any_path_is_answered(landscape: SapLandscape, rest: str, method: str) -> None:
    for root in (SO, SO4):
        for path in (quoted(rest), f"A_SalesOrder({quoted(rest)})", f"SalesOrder('1')/{quoted(rest)}"):
            assert ask(landscape, method, f"{root}/{path}", body=b"{}") in range(200, 500)


@pytest.mark.parametrize("text", WHOLES, ids=range(len(WHOLES)))
def test_long_and_deep_ones_are_answered(landscape: SapLandscape, text: str) -> None:
    for option in ("$filter", "$expand", "$select", "$orderby"):
        for path in (f"{SO}/A_SalesOrder/$count", f"{SO4}/SalesOrder/$count"):
            assert ask(landscape, "GET", path, f"{option}={quoted(text)}") in (200, 400)
    assert ask(landscape, "GET", f"{SO}/A_SalesOrder({quoted(text)})") in (400, 404)
    assert ask(landscape, "POST", f"{SO}/A_SalesOrder", body=b"[" * 50_000) == 400


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["SoldToParty", "to_Item", "_Item", "Material", "SalesOrderDate", "x"]), inner),
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(body=st.one_of(JSON.map(lambda each: json.dumps(each).encode()), st.binary(max_size=30)))
def test_any_body_is_answered(landscape: SapLandscape, body: bytes) -> None:
    assert ask(landscape, "POST", f"{SO}/A_SalesOrder", body=body) in (400, 403)
    assert ask(landscape, "POST", f"{SO4}/SalesOrder", body=body) in (400, 403)
    assert ask(landscape, "PATCH", f"{SO4}/SalesOrder('1')", body=body, more={"if-match": "*"}) in (200, 400)


@settings(deadline=None)
@given(
    text=st.lists(st.sampled_from(["--b", "--b--", "\r\n", "GET A HTTP/1.1", "Content-Type: ", "x", ":"])).map("".join)
)
def test_any_batch_is_answered(landscape: SapLandscape, text: str) -> None:
    kind = {"content-type": "multipart/mixed; boundary=b"}
    assert ask(landscape, "POST", f"{SO}/$batch", body=text.encode(), more=kind) in (202, 400)


@settings(deadline=None)
@given(body=JSON)
def test_any_batch_in_json_is_answered(landscape: SapLandscape, body: object) -> None:
    kind = {"content-type": "application/json"}
    for each in (
        body,
        {"requests": body},
        {"requests": [{"id": "1", "method": "GET", "url": "SalesOrder", "body": body}]},
    ):
        content = json.dumps(each).encode()
        assert ask(landscape, "POST", f"{SO4}/$batch", body=content, more=kind) in (200, 400)


PAIRS = st.one_of(
    st.tuples(st.just("char(40)"), st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)),
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("guid"), st.uuids()),
    st.tuples(st.just("date"), st.dates()),
    st.tuples(st.just("time"), st.times().map(lambda each: time(each.hour, each.minute, each.second))),
    st.tuples(
        st.just("stamp"),
        st.datetimes(timezones=st.just(UTC)).map(lambda each: each.replace(microsecond=0)),
    ),
    st.tuples(st.just("dec(15,3)"), st.decimals(-(10**11), 10**11, places=3)),
    st.tuples(st.just("long"), st.integers(-(2**63), 2**63 - 1)),
)


@settings(deadline=None)
@given(pair=PAIRS, version=st.sampled_from([2, 4]))
def test_what_is_written_can_be_read(pair: tuple[str, Value], version: int) -> None:
    kind, value = pair
    field = make_field("X", kind)
    if isinstance(value, str):
        value = value.rstrip(" ") or "x"
    body = json.loads(as_bytes([shown(field, value, version, exact=True)]), parse_float=Decimal)
    assert taken(field, body[0], version, exact=True) == value
    [word] = tokens(literal(field, value, version), version)
    assert word.literal is not None
    assert value_of(field, word.literal, version) == value


def test_a_date_of_long_ago_is_negative() -> None:
    assert shown(make_field("X", "date"), date(1969, 12, 31), 2) == "/Date(-86400000)/"
