"""Does an address that the org or its token endpoint names ever lead anywhere but to the org?"""

import contextlib
import json
import ssl

import pytest
from tests.conftest import call
from tests.core.http.conftest import self_signed

from isthmus.core.errors import CredentialError, IsthmusError, UpstreamError
from isthmus.core.records import Query

from .conftest import CASE, TOKEN
from .upstream import Upstream, answer

QUERY = "/services/data/v62.0/query"
TOKENS = "/services/oauth2/token"
NEXT = f"{QUERY}/0r8xx5R2sM3DgWhASK-2000"
ELSEWHERE = {
    "other host": "http://127.0.0.2:{trap2}/x",
    "other host, same port": "http://127.0.0.2:{port}/x",
    "other port": "http://127.0.0.1:{trap1}/x",
    "other scheme": "https://127.0.0.1:{port}/x",
    "no scheme": "//127.0.0.2:{trap2}/x",
    "three slashes": "///127.0.0.2:{trap2}/x",
    "user info": "http://127.0.0.1@127.0.0.2:{trap2}/x",
    "user info with port": "http://127.0.0.1:{port}@127.0.0.2:{trap2}/x",
    "user info at home": "http://user:pw@127.0.0.1:{port}/x",
    "longer host": "http://127.0.0.1.evil.example/x",
    "host with a prefix": "http://evil127.0.0.1/x",
    "backslash and at": "http://127.0.0.1:{port}\\@127.0.0.2:{trap2}/x",
    "backslashes": "\\\\127.0.0.2:{trap2}/x",
    "slash and backslash": "/\\127.0.0.2:{trap2}/x",
    "unicode dots": "http://127。0。0。2:{trap2}/x",
    "wide digits": "http://１２７.0.0.2:{trap2}/x",
    "look-alike": "http://lоcalhost:{trap1}/x",
    "upper case": "HTTP://LOCALHOST:{trap1}/x",
    "another name of home": "http://localhost:{port}/x",
    "trailing dot": "http://127.0.0.1.:{port}/x",
    "mapped address": "http://[::ffff:127.0.0.2]:{trap2}/x",
    "mapped address in hex": "http://[::ffff:7f00:2]:{trap2}/x",
    "IPv6": "http://[::1]:{port}/x",
    "octal": "http://0177.0.0.2:{trap2}/x",
    "decimal": "http://2130706434:{trap2}/x",
    "hexadecimal": "http://0x7f000002:{trap2}/x",
    "short": "http://127.2:{trap2}/x",
    "metadata service": "http://169.254.169.254/latest/meta-data/",
    "mapped metadata service": "http://[::ffff:a9fe:a9fe]/latest/",
    "encoded dot segment": "/services/%2f../%2e%2e/x",
    "tab inside": "http://127.0.0.1\t.evil.example/x",
    "newline inside": "/services/data\nhttp://127.0.0.2:{trap2}/x",
    "file": "file:///etc/passwd",
    "data": "data:application/json,{{}}",
    "script": "javascript:fetch('http://127.0.0.2:{trap2}')",
    "blank": " http://127.0.0.2:{trap2}/x",
    "too long": "http://127.0.0.2:{trap2}/" + "x" * 9_000,
    "port out of range": "http://127.0.0.1:1{port}/x",
    "fragment": "http://127.0.0.1:{port}#@127.0.0.2:{trap2}/x",
    "no scheme but a port": "127.0.0.2:{trap2}/x",
}
INSIDE = {
    "another resource": "/services/oauth2/revoke?token=x",
    "another record": "/services/data/v62.0/sobjects/User/005000000000001AAA",
    "a write by its address": "/services/data/v62.0/sobjects/Case?_HttpMethod=POST",
}


@pytest.fixture
def address(upstream, traps):
    def fill(template):
        return template.format(port=upstream.port, trap1=traps.ports["127.0.0.1"], trap2=traps.ports["127.0.0.2"])

    return fill


def page(url, **more):
    row = {"attributes": {"type": "Contact"}, "Id": None, "Name": "x"}
    return answer(200, {"totalSize": 9, "done": False, "records": [row], "nextRecordsUrl": url} | more)


async def test_no_next_page_is_fetched_elsewhere(house, clock, upstream, traps, network, address):
    query = {"system": "crm", "object": "Contact", "select": ["Name"]}
    async with house.open(clock) as gateway:
        await call(gateway, house.caller("eu"), "query", **query)
        for name, template in (ELSEWHERE | INSIDE).items():
            for before in (0, 2):
                upstream.told.clear()
                since = len(upstream.asked)
                for at in range(before):
                    upstream.lies(page(f"{NEXT}{at}"), "GET", QUERY, times=1)
                upstream.lies(page(address(template)), "GET", QUERY, times=1)
                with pytest.raises(UpstreamError) as caught:
                    await call(gateway, house.caller("eu"), "query", **query)
                assert caught.value.reason == "foreign_origin", name
                assert len(upstream.asked) - since == before + 1, name
    assert network.only(upstream.url, house.org.url)


@pytest.mark.parametrize("value", [5, True, None, [], {}, ["/services"], ""], ids=repr)
async def test_an_address_that_is_no_text_is_not_followed(bare, upstream, value):
    upstream.lies(page(value), times=1)
    with pytest.raises(UpstreamError):
        await bare(upstream.url)("query").connector.query(Query("Case", ("Id",)))
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("verb", ["get", "update"])
async def test_no_address_in_a_header_is_followed(bare, upstream, traps, network, address, verb):
    path = bare(upstream.url)
    for name, template in ELSEWHERE.items():
        url = address(template).replace("\n", " ")[:3_000]
        for status in (200, 201, 302, 307, 401):
            upstream.told.clear()
            named = [f"{one}: {url}" for one in ("Location", "Content-Location", "X-Original-URL", "WWW-Authenticate")]
            more = [*named, f"Refresh: 0; url={url}", f"Link: <{url}>; rel=next, <{url}>; rel=preconnect"]
            upstream.lies(answer(status, {}, *more, f'Alt-Svc: h3="{url}"'))
            asked = len(upstream.asked)
            with contextlib.suppress(IsthmusError):
                await ask(path(verb).connector, verb)
            assert len(upstream.asked) - asked == 1, (name, status)
    assert {one.path.partition("?")[0] for one in upstream.asked} == {f"/services/data/v62.0/sobjects/Case/{CASE}"}
    assert network.only(upstream.url)


async def ask(connector, verb):
    if verb == "get":
        return await connector.get("Case", CASE, ("Subject",))
    return await connector.update("Case", CASE, {"Subject": "x"}, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("verb", ["get", "update"])
async def test_a_chain_of_redirects_ends_at_its_first_link(bare, upstream, traps, network, status, verb):
    home = f"{upstream.url}/services/data/v62.0/sobjects/Case/{CASE}"
    upstream.lies(answer(status, b"", f"Location: {home}?1"), times=1)
    upstream.lies(answer(status, b"", f"Location: {home}?2"), times=1)
    upstream.lies(answer(status, b"", f"Location: {traps.url()}/x"))
    called = bare(upstream.url)(verb)
    with pytest.raises(UpstreamError):
        await ask(called.connector, verb)
    assert len(upstream.asked) == 1
    assert network.only(upstream.url)
    assert called.meter.writes_sent == (verb == "update")
    assert not called.meter.write_answered


async def test_a_token_for_another_place_is_never_used(house, clock, upstream, traps, network, address):
    query = {"system": "crm", "object": "Contact", "select": ["Name"]}
    async with house.open(clock) as gateway:
        for name, template in ELSEWHERE.items():
            if name in ("user info at home", "other scheme", "another name of home", "trailing dot"):
                assert str(upstream.port) in address(template)
            upstream.told.clear()
            given = {"access_token": TOKEN, "token_type": "Bearer", "instance_url": address(template)}
            upstream.lies(answer(200, given), "POST", TOKENS)
            clock.jumped += 60
            with pytest.raises(CredentialError) as caught:
                await call(gateway, house.caller("eu"), "query", **query)
            assert TOKEN not in str(caught.value)
    assert upstream.was_asked("GET") == []
    assert len(upstream.was_asked("POST", TOKENS)) == len(ELSEWHERE)
    assert network.only(upstream.url)


@pytest.mark.parametrize("value", [5, True, [], {"url": "x"}, ["http://127.0.0.1"]], ids=repr)
async def test_a_token_for_a_place_that_is_no_text_is_never_used(house, clock, upstream, value):
    upstream.lies(answer(200, {"access_token": TOKEN, "token_type": "Bearer", "instance_url": value}), "POST", TOKENS)
    async with house.open(clock) as gateway:
        with pytest.raises(CredentialError):
            await call(gateway, house.caller("eu"), "query", system="crm", object="Contact", select=["Name"])
    assert upstream.was_asked("GET") == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_token_endpoint_leads_nowhere_else(house, clock, upstream, traps, network, address, status):
    async with Upstream().listening() as login:
        house.token_endpoint = login.url + TOKENS
        async with house.open(clock) as gateway:
            for template in [f"{upstream.url}{TOKENS}", *ELSEWHERE.values()]:
                login.told.clear()
                url = address(template).replace("\n", " ")[:8_000]
                login.lies(answer(status, b"", f"Location: {url}"), "POST", TOKENS)
                clock.jumped += 60
                with pytest.raises(CredentialError, match="redirects"):
                    await call(gateway, house.caller("eu"), "query", system="crm", object="Contact", select=["Name"])
        assert len(login.asked) == len(ELSEWHERE) + 1
        assert upstream.asked == []
        assert network.only(login.url)


async def test_proxies_and_logins_of_the_environment_are_left_alone(
    house, clock, upstream, traps, network, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for scheme in ("http", "https", "all", "ws", "ftp"):
        monkeypatch.setenv(f"{scheme}_proxy", traps.url())
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", traps.url())
    monkeypatch.delenv("no_proxy", raising=False)
    async with house.open(clock) as gateway:
        await call(gateway, house.caller("eu"), "query", system="crm", object="Contact", select=["Name"])
    assert network.only(upstream.url, house.org.url)
    sent = {one.headers.get("authorization", "")[:6] for one in upstream.was_asked("GET")}
    assert sent == {"Bearer"}


async def test_a_cookie_for_a_wider_place_is_not_kept(bare, upstream, traps):
    hostile = [
        f"c{at}=CANARY; Domain={host}" for at, host in enumerate(("127.0.0.2", ".0.0.1", "0.1", "1", "localhost"))
    ]
    upstream.lies(answer(200, {"Id": CASE}, *(f"Set-Cookie: {one}; Path=/" for one in hostile)), times=1)
    upstream.lies(answer(200, {"Id": CASE}))
    path = bare(upstream.url)
    for _ in range(2):
        await path("get").connector.get("Case", CASE, ("Subject",))
    first, second = (one.headers.get("cookie", "") for one in upstream.asked)
    assert first == ""
    assert "c0" not in second
    assert "c4" not in second


async def test_cookies_are_not_even_kept_where_the_connector_wants_none(house, clock, upstream):
    async def with_cookie(exchange):
        told = await exchange.honest()
        await exchange.send(told.replace(b"\r\n", b"\r\nSet-Cookie: sid=CANARY; Path=/; Domain=127.0.0.1\r\n", 1))

    upstream.lies(with_cookie)
    async with house.open(clock) as gateway:
        for _ in range(2):
            await call(gateway, house.caller("eu"), "query", system="crm", object="Contact", select=["Name"])
    assert not any("cookie" in one.headers for one in upstream.asked)


async def test_tls_is_not_given_up_for_the_next_page(bare, network, traps, tmp_path):
    certificate, key = self_signed()
    (tmp_path / "cert.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem")
    async with Upstream().listening(context=context) as upstream:
        path = bare(upstream.url, ca_file=str(tmp_path / "cert.pem"))
        for url in (f"http://127.0.0.1:{upstream.port}{NEXT}", f"http://127.0.0.1{NEXT}", f"//127.0.0.1{NEXT}"):
            upstream.lies(page(url), times=1)
            with pytest.raises(UpstreamError) as caught:
                await path("query").connector.query(Query("Case", ("Id",)))
            assert caught.value.reason == "foreign_origin"
        upstream.lies(page(f"{upstream.url}{NEXT}"), times=1)
        upstream.lies(answer(200, {"totalSize": 1, "done": True, "records": []}))
        assert len(await path("query").connector.query(Query("Case", ("Id",)))) == 1
        assert upstream.connections == 1
        assert network.only(upstream.url)


async def test_only_the_org_sees_its_token(house, clock, upstream):
    async with Upstream().listening() as login:
        house.token_endpoint = login.url + TOKENS
        given = {"access_token": TOKEN, "token_type": "Bearer", "instance_url": upstream.url}
        login.lies(answer(200, given), "POST", TOKENS)
        upstream.lies(answer(200, {"totalSize": 0, "done": True, "records": []}))
        async with house.open(clock) as gateway:
            with pytest.raises(IsthmusError):
                await call(gateway, house.caller("eu"), "query", system="crm", object="Contact", select=["Name"])
        assert TOKEN not in json.dumps([one.headers for one in login.asked])
        assert {one.headers["authorization"] for one in upstream.asked} == {f"Bearer {TOKEN}"}
