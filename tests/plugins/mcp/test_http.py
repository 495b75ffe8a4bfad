"""What does the network see of the server, and who gets past the door?"""

import httpx2
import pytest

from isthmus.core.config import load_config
from isthmus.core.errors import ConfigurationError
from isthmus.plugins.mcp.http import Address
from isthmus.plugins.mcp.serve import listening, serve_http

from .conftest import MODERN, TOKENS, Desk, Served, bearer, wired

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
TOOLS = {"Mcp-Method": "tools/list"}


async def test_only_a_whole_bearer_token_of_a_client_opens_the_door(served: Served) -> None:
    good = TOKENS["desktop-us"]
    url = served.url
    async with wired(url, None) as wire:
        assert (await wire.post(LIST, **TOOLS, Authorization=f"Bearer {good}")).status_code == 200
        assert (await wire.post(LIST, **TOOLS, Authorization=f"bearer {good}")).status_code == 200
        wrong = [
            "",
            f"Bearer {good}x",
            f"Bearer {good[:-1]}",
            f"Bearer {good.upper()}",
            f"Basic {good}",
            good,
        ]
        for value in (*wrong, f"Bearer  {good}", f"Bearer {good},{good}"):
            answer = await wire.post(LIST, **TOOLS, Authorization=value)
            assert answer.status_code == 401, value
        assert (await wire.post(LIST, **TOOLS)).status_code == 401


async def test_a_token_in_the_url_is_refused_even_beside_a_good_one(served: Served) -> None:
    url = served.url
    async with httpx2.AsyncClient(verify=False) as http:
        for headers in ({}, bearer()):
            answer = await http.post(f"{url}?access_token={TOKENS['desktop-us']}", content=LIST, headers=headers)
            assert answer.status_code == 400
            assert answer.json()["error"] == "invalid_request"


async def test_two_authorization_headers_are_refused(served: Served) -> None:
    twice = [("Authorization", f"Bearer {TOKENS[name]}") for name in ("desktop-us", "desktop-eu")]
    url = served.url
    async with httpx2.AsyncClient(verify=False) as http:
        assert (await http.post(url, content=LIST, headers=twice)).status_code == 400


async def test_the_challenge_names_the_metadata_and_the_scope(served: Served) -> None:
    url = served.url
    async with wired(url, None) as wire:
        challenge = (await wire.post(LIST)).headers["www-authenticate"]
        assert 'scope="isthmus"' in challenge
        metadata = challenge.partition('resource_metadata="')[2].partition('"')[0]
        told = (await wire.http.get(metadata)).json()
        assert told["resource"] == url
        assert told["scopes_supported"] == ["isthmus"]


async def test_a_forged_host_is_refused_on_every_path(served: Served) -> None:
    url = served.url
    async with wired(url) as wire:
        root = url.removesuffix("/mcp")
        for host in ("evil.example", "127.0.0.1", "127.0.0.1.evil.example:1", "localhost:1"):
            assert (await wire.post(LIST, **TOOLS, Host=host)).status_code == 421
            for path in ("/.well-known/oauth-protected-resource/mcp", "/nothing"):
                assert (await wire.http.get(root + path, headers={"Host": host})).status_code == 421


async def test_a_foreign_origin_is_refused_and_a_missing_one_is_not(served: Served) -> None:
    url = served.url
    async with wired(url) as wire:
        for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example", url.replace("http", "https")):
            assert (await wire.post(LIST, **TOOLS, Origin=origin)).status_code == 403
        assert (await wire.post(LIST, **TOOLS, Origin=url.removesuffix("/mcp"))).status_code == 200


async def test_what_is_not_i_json_never_reaches_the_sdk(served: Served) -> None:
    bodies = (
        LIST.replace(b'"id":1', b'"id":1,"id":2'),
        LIST.replace(b'"method"', b'"Method":"tools/call","method"'),
        LIST.replace(b'{"io', b'{"io.modelcontextprotocol/protocolVersion":"2025-11-25","io'),
        LIST.replace(b'"id":1', b'"id":NaN'),
        LIST.replace(b'"id":1', b'"id":"\\ud800"'),
        LIST.replace(b'"id":1', b'"id":"\xff"'),
        b"[" * 100_000,
        b"",
    )
    url = served.url
    async with wired(url) as wire:
        for body in bodies:
            for version in (MODERN, "2025-11-25"):
                answer = await wire.post(body, version=version, **TOOLS)
                assert answer.status_code == 400
                assert answer.json()["error"]["code"] == -32700


async def test_bodies_are_read_only_with_a_token_and_up_to_a_size(served: Served) -> None:
    url = served.url
    async with wired(url) as wire, wired(url, None) as stranger:
        assert (await wire.post(b" " * (1024 * 1024 + 1), **TOOLS)).status_code == 413
        assert (await stranger.post(b'{"a":1,"a":2}')).status_code == 401


async def test_there_is_nothing_but_post(served: Served) -> None:
    url = served.url
    async with wired(url) as wire:
        for method in ("GET", "DELETE", "PUT", "OPTIONS"):
            answer = await wire.http.request(method, url, headers=bearer())
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("host", "options", "remedy"),
    [
        ("0.0.0.0", {}, "--allow-remote"),
        ("::", {}, "--allow-remote"),
        ("isthmus.example", {}, "--allow-remote"),
        ("0.0.0.0", {"allow_remote": True}, "--public-url"),
        ("127.0.0.1", {"public_url": "http://isthmus.example/mcp"}, "https"),
        ("127.0.0.1", {"public_url": "https://isthmus.example/"}, "/mcp"),
    ],
)
async def test_other_machines_are_let_in_only_on_request(
    desk: Desk, host: str, options: dict[str, object], remedy: str
) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        await serve_http(load_config(desk.write()), host, 0, **options)  # type: ignore[arg-type]


async def test_a_port_that_is_taken_is_said_so(desk: Desk) -> None:
    with listening("127.0.0.1", 0) as taken, pytest.raises(ConfigurationError, match="cannot listen on"):
        await serve_http(load_config(desk.write()), port=taken.getsockname()[1])


async def test_small_answers_do_not_wait_for_an_acknowledgement() -> None:
    with listening("127.0.0.1", 0) as listener:
        # asyncio sets TCP_NODELAY on accepted connections only for this protocol number.
        assert listener.proto == 6


async def test_a_server_behind_a_proxy_answers_to_its_public_name_only() -> None:
    address = Address("0.0.0.0", 8808, "https://isthmus.example/mcp")
    assert address.resource == "https://isthmus.example/mcp"
    assert address.security().allowed_hosts == ["0.0.0.0:8808", "isthmus.example"]
    assert Address("::1", 8808).resource == "http://[::1]:8808/mcp"
