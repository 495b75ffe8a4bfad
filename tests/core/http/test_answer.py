import json

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Response, answer, path
from isthmus.core.http.answer import parse_json

TICKET = path("/Ticket/{}", "1")


def found(body, kind="application/json"):
    return Response(200, httpx2.Headers({"Content-Type": kind} if kind else {}), body)


@pytest.mark.parametrize(
    ("kind", "body", "page"),
    [
        ("text/html; charset=utf-8", b"", True),
        ("application/xhtml+xml", b"{}", True),
        ("", b"\n <!DOCTYPE HTML><html>", True),
        ("application/json", b"<HTML lang=en>", True),
        ("application/json", b'{"page": "<html>"}', False),
        ("application/xml", b"<htm/>", False),
    ],
)
def test_a_page_is_known_by_its_type_or_its_first_bytes(kind, body, page):
    assert found(body, kind).is_page is page


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "\\u0062": 2}}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[" * 101 + b"]" * 101,
        b'{"a":' * 101 + b"1" + b"}" * 101,
        b"[" * 1_000_000,
        b"[" * 200_000 + b"]" * 200_000,
        b"1" * 1_000_000,
        b'["\\ud800"]',
        b'{"\\uDEAD": 1}',
        b"\xff\xfe[\x001\x00]\x00",
        b'["\xff"]',
        b"[1] trailing",
    ],
)
def test_refuses_what_readers_would_understand_differently(body):
    with pytest.raises(UpstreamError) as caught:
        found(body).json()
    assert caught.value.reason == "unreadable_answer"
    assert "trailing" not in str(caught.value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        max_leaves=20,
    )
)
def test_reads_all_other_json(value):
    assert parse_json(json.dumps(value).encode()) == value


def test_pairs_of_surrogates_and_wide_documents_are_fine():
    assert parse_json(b'["\\ud83d\\ude00"]') == ["😀"]
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    wide = [{"a": [index]} for index in range(500)]
    assert parse_json(json.dumps(wide).encode()) == wide


@pytest.mark.parametrize(
    "kind", ["text/html", "", "application/xml", "application/jsonp", "text/json;x", "application/json; charset=utf-16"]
)
def test_only_declared_json_is_parsed(kind):
    with pytest.raises(UpstreamError):
        found(b"{}", kind).json()


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/problem+json",
        'application/json;charset="utf-8"',
    ],
)
def test_json_by_any_of_its_names(kind):
    assert found(b"{}", kind).is_json
    assert found(b"{}", kind).json() == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": object()}])
async def test_a_body_that_is_no_json_is_refused_unsent(connect, upstream, value):
    with pytest.raises(InvalidArguments):
        await connect(upstream.url).http("update").patch(TICKET, json=[value])
    assert upstream.connections == 0


async def test_parameters_are_encoded_once(connect, upstream):
    await connect(upstream.url).http().get(TICKET, params={"q": "a&b=c#d +/é", "n": 3, "many": ["x", "y"]})
    assert upstream.requests[0].path == "/Ticket/1?q=a%26b%3Dc%23d%20%2B%2F%C3%A9&n=3&many=x&many=y"
    with pytest.raises(InvalidArguments):
        await connect(upstream.url).http().get(TICKET, params={"q": "\ud800"})


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.sampled_from('a":\\\n{}[] ,ü\u2028'))
    | st.floats(allow_nan=False)
)


@st.composite
def documents(draw, depth=3):
    """Write JSON by hand: any spacing, any spelling of a text, and names that may come twice."""
    space = lambda: draw(st.sampled_from(["", " ", "\n", "\t "]))  # noqa: E731
    kind = draw(st.sampled_from("soa")) if depth else "s"
    if kind == "s":
        value = draw(SCALARS)
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    if kind == "a":
        return (
            "[" + ",".join(space() + draw(documents(depth - 1)) + space() for _ in range(draw(st.integers(0, 3)))) + "]"
        )
    names = [
        draw(st.sampled_from(['"a"', '"b"', '"\\u0061"', '":"', '"\\":"', '"\\\\"']))
        for _ in range(draw(st.integers(0, 4)))
    ]
    return "{" + ",".join(f"{space()}{name}{space()}:{draw(documents(depth - 1))}" for name in names) + "}"


@settings(max_examples=400, deadline=None)
@given(documents())
def test_the_quick_reader_says_what_the_careful_one_says(text):
    def said(read):
        try:
            return repr(read(text.encode()))
        except UpstreamError as error:
            return error.sentence

    assert said(answer.parse_json) == said(answer._parse_carefully)
