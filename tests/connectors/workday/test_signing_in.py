"""Does a person who signs in once act as themselves from then on, and nobody else as them?"""

import asyncio

import pytest
from tests.browser import Browser

from isthmus.core.cli import main
from isthmus.core.errors import CredentialError

from .conftest import House

CODE = """
kind = "authorization_code"
authorization_endpoint = "{authorization_endpoint}"
token_endpoint = "{token_endpoint}"
client_id = "{client_id}"
"""
SECRET = CODE + 'client_secret = "env:HR_SECRET"\n'
FIELDS = ("descriptor",)
TOKENS = "/ccx/oauth2/"


@pytest.fixture
def personal(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    house.identity, house.auth = "user", SECRET
    monkeypatch.setenv("HR_SECRET", house.tenant.client_secret)
    return house


async def sign_in(house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command beside whatever is open, as another process does."""
    monkeypatch.setattr("webbrowser.open", browser)
    config = house.folder / "isthmus.toml"
    code = await asyncio.to_thread(main, ["login", "hr-eu", *words, "--config", str(config)])
    browser.join()
    return code


async def test_a_person_signs_in_once_and_then_acts_as_themselves(
    personal: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser("alice")
    async with personal.open() as gateway:
        alice, bob = personal.session(gateway), personal.session(gateway, "bob")
        with pytest.raises(CredentialError, match="run `isthmus login hr-eu --user alice` and sign in") as caught:
            await alice.get("hr", "common.workers", "me", FIELDS)
        assert (caught.value.reason, caught.value.subject) == ("reauth_required", "alice")
        assert personal.asked(TOKENS) == []

        assert await sign_in(personal, browser, monkeypatch, "--user", "alice") == 0
        told = capsys.readouterr()
        assert "signed in to hr-eu for alice" in told.out
        assert personal.tenant.client_secret not in browser.shown[0] + told.out + told.err

        # The gateway that was open all the time takes the grant up.
        me = await alice.get("hr", "common.workers", "me", FIELDS)
        assert (me.id, me.fields["descriptor"]) == (personal.tenant.wid("alice"), "Alice Ahrendt")
        assert personal.asked(TOKENS) == [("POST", 200)]

        # The token ends unannounced: whoever calls, one of them renews it for all.
        personal.tenant.logins.end_all()
        found = await asyncio.gather(*(alice.get("hr", "common.workers", "me", FIELDS) for _ in range(6)))
        assert {one.id for one in found} == {me.id}
        assert personal.asked(TOKENS) == [("POST", 200)] * 2

        with pytest.raises(CredentialError, match="--user bob"):
            await bob.get("hr", "common.workers", "me", FIELDS)
    kept = b"".join(one.read_bytes() for one in personal.folder.rglob("*") if one.is_file())
    assert not any(text.encode() in kept for text in personal.tenant.logins._refresh)


async def test_a_revoked_grant_names_the_command_and_a_new_one_replaces_it(
    personal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with personal.open() as gateway:
        alice = personal.session(gateway)
        assert await sign_in(personal, Browser("alice"), monkeypatch, "--user", "alice") == 0
        await alice.get("hr", "common.workers", "me", FIELDS)
        personal.tenant.logins.revoke("alice")
        with pytest.raises(CredentialError, match="isthmus login hr-eu --user alice"):
            await alice.get("hr", "common.workers", "me", FIELDS)
        assert await sign_in(personal, Browser("alice"), monkeypatch, "--user", "alice") == 0
        await alice.get("hr", "common.workers", "me", FIELDS)


async def test_a_client_without_a_secret_is_proven_by_the_verifier_alone(
    personal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    personal.auth, personal.identity = CODE, "service"
    personal.write()
    # Other pages of the browser ask too; their answers are not taken, and do not end the wait.
    browser = Browser("greta", first=("/favicon.ico", "?code=guessed&state=guessed", "?code=a"))
    assert await sign_in(personal, browser, monkeypatch) == 0
    assert [one.status_code for one in browser.seen] == [302, 404, 400, 400, 200]
    assert {one.headers["referrer-policy"] for one in browser.seen[1:]} == {"no-referrer"}
    async with personal.open() as gateway:
        me = await personal.session(gateway).get("hr", "common.workers", "me", FIELDS)
        assert me.fields["descriptor"] == "Greta Grimbold"


async def test_the_address_may_be_pasted_where_the_browser_is_elsewhere(
    personal: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    personal.auth = SECRET + 'redirect_uri = "https://agent.kessmar.example/callback"\n'
    personal.write()
    assert await sign_in(personal, Browser("alice"), monkeypatch, "--user", "alice") == 2
    assert "repeat with --paste" in capsys.readouterr().err

    class Terminal:
        def readline(self) -> str:
            address = capsys.readouterr().err.splitlines()[1]
            return Browser("alice").sent_back(address) + "\n"

    monkeypatch.setattr("sys.stdin", Terminal())
    assert await sign_in(personal, Browser("alice"), monkeypatch, "--user", "alice", "--paste") == 0
    async with personal.open() as gateway:
        await personal.session(gateway).get("hr", "common.workers", "me", FIELDS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"code": "invented"}, "invalid_grant"),
        ({"iss": "https://elsewhere.example"}, "names itself as another server"),
        ({"code": "", "error": "access_denied"}, "nobody consented"),
        ({"code": ""}, "neither a code nor an error"),
        ({"state": "another"}, "nobody signed in to connection 'hr-eu' within 1 s"),
    ],
)
async def test_what_went_wrong_leaves_the_grant_that_was_there(
    personal: House,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    says: str,
) -> None:
    async with personal.open() as gateway:
        assert await sign_in(personal, Browser("alice"), monkeypatch, "--user", "alice") == 0
        browser = Browser("greta", change=change)
        assert await sign_in(personal, browser, monkeypatch, "--user", "alice", "--wait", "1") == 1
        assert says in capsys.readouterr().err
        assert (await personal.session(gateway).get("hr", "common.workers", "me", FIELDS)).id == personal.tenant.wid(
            "alice"
        )


async def test_a_name_that_is_not_there_is_told_before_any_browser_opens(
    personal: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser("alice")
    personal.write()
    for words, says in (
        (("--user", "alcie"), "did you mean 'alice'"),
        ((), "names no person"),
        (("--user", "alice", "--also", "gate"), "has no 'gate'"),
    ):
        assert await sign_in(personal, browser, monkeypatch, *words) != 0
        assert says in capsys.readouterr().err
    personal.auth, personal.identity = 'kind = "basic"\nusername = "a"\npassword = "env:P"', "service"
    personal.write()
    assert await sign_in(personal, browser, monkeypatch) == 2
    assert 'write kind = "authorization_code"' in capsys.readouterr().err
    assert browser.shown == []
