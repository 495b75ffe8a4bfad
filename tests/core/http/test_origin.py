import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.errors import ConfigurationError, Denied, InvalidArguments, UpstreamError
from isthmus.core.http import Origin, path

GOOD = Origin.of("https://good.example")

HOSTILE = [
    "https://evil.example/x",
    "https://good.example:8443/x",
    "http://good.example/x",
    "//evil.example/x",
    "https://good.example@evil.example/x",
    "https://good.example.evil.com/x",
    "https://goodevil.example/x",
    "https://good.example\\@evil.example/x",
    "https://good.example:443@evil.example/x",
    "https://user:pass@good.example/x",
    "https://good。example/x",
    "https://gооd.example/x",
    "https://good.example./x",
    "https://[::ffff:7f00:1]/x",
    "https://2130706433/x",
    "https://good.example:65979/x",
    "/services/%2f..",
    "/services/..%2fadmin",
    "/a/../b",
    "/a/%2e%2e/b",
    "/a/%2E./b",
    "/a\tb",
    "/a\nb",
    "/a\r\nX: y",
    " /a",
    "/a b",
    "\\evil.example",
    "/\\evil.example",
    "///evil.example",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "https:evil.example",
    "https:///evil.example",
    "http:/x",
    "",
    "/x#fragment",
    "/" + "a" * 8_200,
    "https://good.example\t.evil.example/",
    "https://good.example%2eevil.example/",
    "ftp://good.example/x",
    "/ä",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_refuses_to_follow(url):
    with pytest.raises(UpstreamError) as caught:
        GOOD.resolve(url)
    assert caught.value.reason == "foreign_origin"
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("/services/data/v57.0/query/01g-2000", "https://good.example/services/data/v57.0/query/01g-2000"),
        ("https://good.example/x?a=b%20c", "https://good.example/x?a=b%20c"),
        ("https://good.example:443/x", "https://good.example/x"),
        ("HTTPS://GOOD.example/X", "https://good.example/X"),
        ("https://good.example", "https://good.example/"),
        ("https://good.example?a=1", "https://good.example/?a=1"),
        ("People?$skiptoken='a|b'", "https://good.example/odata/People?$skiptoken='a%7Cb'"),
        ("/x?next=https://evil.example", "https://good.example/x?next=https://evil.example"),
    ],
)
def test_resolves_inside(url, inside):
    assert GOOD.resolve(url, "/odata") == inside


@given(
    st.text(max_size=40), st.sampled_from(["", "/", "//", "https://good.example", "https://", "http://good.example:"])
)
def test_whatever_is_followed_stays_at_the_origin(text, start):
    try:
        inside = GOOD.resolve(start + text)
    except UpstreamError:
        return
    url = httpx2.URL(inside)
    assert (url.scheme, url.host, url.port, url.userinfo) == ("https", "good.example", None, b"")
    assert inside.startswith("https://good.example/")


@pytest.mark.parametrize(
    "url", ["good.example", "ftp://good.example", "https://", "https://a@b", "https://good.", "https://good?x"]
)
def test_base_url_must_be_plain(url):
    with pytest.raises(ConfigurationError):
        Origin.of(url)


async def test_a_hostile_next_link_on_page_three_reaches_nobody(connect, upstream, trap, reply, to_json):
    connection = connect(upstream.url)
    http = connection.http()
    for link in ("/Ticket/1?page=2", f"http://127.0.0.2:{trap.port}/Ticket/1?page=3"):
        upstream.script.append(reply(body=to_json({"next": link})))
    first = await http.get(path("/Ticket/{}", "1"))
    second = await http.follow(first.json()["next"])
    with pytest.raises(UpstreamError):
        await http.follow(second.json()["next"])
    assert trap.connections == 0
    assert len(upstream.requests) == 2


async def test_all_hostile_links_leave_the_trap_untouched(connect, upstream, trap):
    http = connect(upstream.url).http()
    evil = f"127.0.0.2:{trap.port}"
    for url in (f"http://{evil}/", f"//{evil}/", f"http://127.0.0.1:{upstream.port}@{evil}/", f"\\\\{evil}"):
        with pytest.raises(UpstreamError):
            await http.follow(url)
    assert (trap.connections, upstream.connections) == (0, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
async def test_redirects_are_answers(connect, upstream, trap, reply, status):
    upstream.script.append(reply(status, b"", Location=f"http://127.0.0.2:{trap.port}/"))
    found = await connect(upstream.url).http().get(path("/Ticket/{}", "1"))
    assert found.status == status
    assert trap.connections == 0
    assert len(upstream.requests) == 1


async def test_a_bridged_request_to_another_host_is_denied(connect, upstream, trap):
    http = connect(upstream.url).http()
    for request in (
        httpx2.Request("GET", f"http://127.0.0.2:{trap.port}/Ticket/1"),
        httpx2.Request("GET", f"http://127.0.0.1:{trap.port}/Ticket/1"),
        httpx2.Request("GET", f"http://u:p@127.0.0.1:{upstream.port}/Ticket/1"),
        httpx2.Request("GET", f"{upstream.url}/Ticket/1", headers={"Host": "evil.example"}),
    ):
        with pytest.raises(Denied) as caught:
            await http.send(request)
        assert caught.value.reason == "foreign_origin"
    assert (trap.connections, upstream.connections) == (0, 0)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\x00b", "ä"])
async def test_header_values_cannot_begin_another_header(connect, upstream, value):
    with pytest.raises(InvalidArguments):
        await connect(upstream.url).http().get(path("/Ticket/{}", "1"), headers={"x-note": value})
    assert upstream.connections == 0


async def test_proxy_variables_of_the_environment_are_ignored(connect, upstream, trap, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.2:{trap.port}")
    await connect(upstream.url).http().get(path("/Ticket/{}", "1"))
    assert (len(upstream.requests), trap.connections) == (1, 0)
