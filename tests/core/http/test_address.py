"""Is what is made without being parsed equal to what httpx2 would have made of its text?"""

from urllib.parse import quote, urlencode

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Origin, path, query_string
from isthmus.core.http.address import Address, Ready
from isthmus.core.http.answer import Whole

ORIGINS = st.sampled_from(
    ("https://org.example", "http://127.0.0.1:8080", "https://[::1]:8443", "https://org.example:443")
)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
IDS = st.text(st.characters(min_codepoint=33, exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
PARAMS = st.dictionaries(WORDS, WORDS | st.integers() | st.lists(WORDS, max_size=3), max_size=4)


@given(ORIGINS, IDS, PARAMS)
@example("https://org.example", "003A", {"fields": "Id,Name"})
@example("https://org.example", "a~b", {})
def test_an_address_equals_the_parsed_url(origin: str, id: str, params: dict[str, str | int | list[str]]) -> None:
    try:
        where = path("/services/data/v64.0/sobjects/{}", id)
    except InvalidArguments:
        return
    root, query = Origin.of(origin).root, query_string(params)
    built = Address(root, where, query)
    parsed = httpx2.URL(f"{Origin.of(origin)}{where}" + (f"?{query}" if query else ""))
    assert built == parsed
    assert str(built) == str(parsed)
    assert (built.raw_path, built.query, built.netloc) == (parsed.raw_path, parsed.query, parsed.netloc)


@given(PARAMS)
def test_a_query_is_written_as_urlencode_writes_it(params: dict[str, str | int | list[str]]) -> None:
    assert query_string(params) == urlencode(params, doseq=True, quote_via=quote, safe="")


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12))
@example("003A-_z9")
def test_a_segment_is_written_as_quote_writes_it(value: str) -> None:
    try:
        written = path("/{}", value)
    except InvalidArguments:
        return
    assert written == "/" + quote(value, safe="")


def test_only_the_very_root_vouches_for_an_address() -> None:
    ours, theirs = Origin.of("https://org.example").root, Origin.of("https://evil.example").root
    assert Address(ours, "/x").below(ours)
    assert not Address(theirs, "/x").below(ours)


def test_a_lone_surrogate_in_a_query_is_refused() -> None:
    with pytest.raises(InvalidArguments):
        query_string({"q": "\ud800"})


@given(st.sampled_from(("GET", "POST")), st.binary(max_size=20))
def test_a_ready_request_equals_one_that_httpx2_made(method: str, content: bytes) -> None:
    url, raw = httpx2.URL("https://org.example/x"), [(b"host", b"org.example"), (b"X-One", b"1")]
    ready = Ready(method, url, raw, content, {})
    made = httpx2.Request(method, url, headers=raw, stream=httpx2.ByteStream(content))
    made.read()
    assert (ready.method, ready.url, ready.headers.raw) == (made.method, made.url, made.headers.raw)
    assert ready.content == ready.read() == made.content
    assert set(vars(ready)) == set(vars(made))


def test_a_whole_answer_becomes_all_that_a_response_is() -> None:
    raw = [(b"Content-Type", b"application/json"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")]
    whole = Whole(200, raw, b"{}")
    whole.extensions["kept"] = 1
    plain = httpx2.Response(200, headers=raw, stream=httpx2.ByteStream(b"{}"))
    assert whole.headers == plain.headers
    assert whole.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (whole.read(), whole.extensions) == (plain.read(), {"kept": 1})
    assert set(vars(plain)) <= set(vars(whole))
    assert not hasattr(whole, "nothing_of_the_kind")


async def test_a_whole_answer_keeps_the_request_that_it_is_given() -> None:
    whole, request = Whole(204, [], b""), httpx2.Request("GET", "https://org.example/")
    whole.request = request
    assert (whole.headers.raw, whole.request) == ([], request)
    assert await whole.aread() == b""
