"""Which clients does a configuration name, and which tokens does it accept?"""

from pathlib import Path

import pytest

from isthmus.core.config import load_config
from isthmus.core.credentials import Secret
from isthmus.core.errors import ConfigurationError
from isthmus.core.opening import Surroundings
from isthmus.plugins.mcp.clients import Tokens
from isthmus.plugins.mcp.serve import serve_http, serve_stdio

from .conftest import Desk


async def serve(desk: Desk, path: Path, **environ: str) -> None:
    await serve_http(load_config(path), port=0, surroundings=Surroundings(environ={**desk.environ, **environ}))


async def test_a_short_token_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match=r"clients\.desktop-us\.token is shorter than 20") as raised:
        await serve(desk, desk.write(), TOKEN_DESKTOP_US="hunter2hunter2")
    assert "hunter2" not in str(raised.value)


async def test_two_clients_do_not_share_a_token(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="is the token of 'desktop-us' too"):
        await serve(desk, desk.write(), TOKEN_DESKTOP_US="t" * 30, TOKEN_DESKTOP_EU="t" * 30)


async def test_a_token_written_into_the_configuration_is_refused_and_not_repeated(desk: Desk) -> None:
    path = desk.write()
    path.write_text(path.read_text().replace("env:TOKEN_READER_EU", "a-token-in-the-clear-9213"))
    with pytest.raises(ConfigurationError, match="never the secret itself") as raised:
        await serve(desk, path)
    assert "9213" not in str(raised.value)


async def test_without_any_token_there_is_nobody_to_serve(desk: Desk) -> None:
    path = desk.write()
    lines = [line for line in path.read_text().splitlines() if not line.startswith("token =")]
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigurationError, match="no client has a token"):
        await serve(desk, path)


async def test_a_client_that_its_consumer_does_not_list_is_refused(desk: Desk) -> None:
    path = desk.write()
    path.write_text(path.read_text().replace('consumer = "model-us"', 'consumer = "model-eu"'))
    with pytest.raises(ConfigurationError, match="whose client_ids do not list 'desktop-us'"):
        await serve(desk, path)


async def test_an_unknown_client_is_told_the_nearest(desk: Desk) -> None:
    path = desk.write()
    with pytest.raises(ConfigurationError, match="did you mean 'desktop-us'"):
        await serve_stdio(load_config(path), "desktop-uss", Surroundings(environ=desk.environ))


async def test_a_verified_token_is_not_carried_on() -> None:
    tokens = Tokens({"desktop-us": Secret("a-token-of-enough-length")}, "http://127.0.0.1:1/mcp")
    found = await tokens.verify_token("a-token-of-enough-length")
    assert found is not None
    assert (found.client_id, found.token, found.resource) == ("desktop-us", "", "http://127.0.0.1:1/mcp")
    assert await tokens.verify_token("a-token-of-enough-lengtH") is None
