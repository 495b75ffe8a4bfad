"""Does a sign-in in a browser open a connection, whichever vendor it is of?"""

import httpx2
import pytest
from tests.browser import Browser

from .conftest import Shell

AUTH = """kind = "authorization_code"
authorization_endpoint = "{url}/services/oauth2/authorize"
redirect_uri = "http://localhost:{port}/OauthRedirect"
"""


def test_a_connection_to_another_vendor_is_signed_in_to_as_well(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    org = shell.house.sandbox.salesforce["eu"]
    shell.rewrite(
        f'kind = "client_credentials"\ntoken_endpoint = "{org.url}',
        f'{AUTH.format(url=org.url, port=unused_tcp_port)}token_endpoint = "{org.url}',
    )
    words = ("call", "query", "object=Case", "limit=1", "--client", "desktop-eu")
    assert "run `isthmus login crm-eu` and sign in" in shell.fails(*words)
    browser = Browser(org.username)
    monkeypatch.setattr("webbrowser.open", browser)
    assert shell("login", "crm-eu", "--json").json == {
        "connection": "crm-eu",
        "user": None,
        "refreshes": True,
        "expires_at": None,
    }
    browser.join()
    assert httpx2.URL(browser.shown[0]).params["redirect_uri"] == f"http://localhost:{unused_tcp_port}/OauthRedirect"
    shell.ok(*words)


def test_a_port_that_is_taken_is_told_with_what_to_do(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    org = shell.house.sandbox.salesforce["eu"]
    port = httpx2.URL(org.url).port
    shell.rewrite(
        f'kind = "client_credentials"\ntoken_endpoint = "{org.url}',
        f'{AUTH.format(url=org.url, port=port)}token_endpoint = "{org.url}',
    )
    assert f"port {port} of 127.0.0.1 cannot be listened on" in shell.fails("login", "crm-eu", code=2)
