"""Is only the true answer to a sign-in believed, and does what it brings replace nothing better?"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from isthmus.core.credentials import AuthSettings, Secret, TokenAnswer, TokenSource
from isthmus.core.credentials.access import TokenSet
from isthmus.core.credentials.signing_in import AuthorizationRequest, StrangeAnswer
from isthmus.core.credentials.store import Slot, State
from isthmus.core.errors import CredentialError

SLOT = Slot("crm", "anna", "tokens")
ENDPOINTS = {
    "authorization_endpoint": "https://idp.example/a?prompt=consent",
    "token_endpoint": "https://idp.example/t",
}


class Connection(BaseModel):
    auth: AuthSettings


def request(**more):
    told = {"kind": "authorization_code", "client_id": "client", **ENDPOINTS, **more}
    auth = Connection.model_validate({"auth": told}).auth
    return AuthorizationRequest.begun("crm", auth, "http://127.0.0.1:5/callback", lambda size: bytes(range(size)))


def test_the_address_asks_as_the_standards_say():
    """The verifier and challenge of RFC 7636 appendix B, in its own letters."""
    one = request(scope="api refresh_token")
    octets = bytes([116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
                    214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121])  # fmt: skip
    one = AuthorizationRequest.begun("crm", one.auth, one.redirect_uri, lambda _: octets)
    assert one.verifier.reveal() == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    asked = parse_qs(urlsplit(one.url).query, strict_parsing=True)
    assert asked == {
        "prompt": ["consent"],
        "response_type": ["code"],
        "client_id": ["client"],
        "redirect_uri": ["http://127.0.0.1:5/callback"],
        "scope": ["api refresh_token"],
        "state": [one.state],
        "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        "code_challenge_method": ["S256"],
    }


@given(st.text(), st.dictionaries(st.sampled_from(["state", "code", "iss", "error"]), st.text()))
def test_nothing_without_the_state_is_an_answer(text, told):
    one = request()
    for query in (text, urlencode(told, errors="replace"), urlencode({"code": "c", "state": one.state[:-1]})):
        with pytest.raises(StrangeAnswer):
            one.code(query)


@pytest.mark.parametrize(
    ("more", "told", "taken"),
    [
        ({}, "code=c", True),
        ({}, "code=c&code=d", False),
        ({}, "code=c&iss=https://idp.example", True),
        ({}, "code=c&iss=https://idp.example.evil", False),
        ({"issuer": "https://idp.example/eu"}, "code=c&iss=https://idp.example/eu", True),
        ({"issuer": "https://idp.example/eu"}, "code=c&iss=https://idp.example", False),
        ({"issuer": "https://idp.example/eu"}, "code=c", False),
        ({}, "error=invalid_scope&error_description=CANARY", False),
        ({}, "error=invented", False),
        ({}, "code=%0d%0a", False),
    ],
)
def test_a_code_is_taken_from_the_server_that_was_asked(more, told, taken):
    one = request(**more)
    query = f"{told}&state={one.state}"
    if taken:
        assert one.code(query).reveal() == "c"
        return
    with pytest.raises((CredentialError, StrangeAnswer)) as caught:
        one.code(query)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "http://elsewhere.example/callback"},
        {"redirect_uri": "http://127.0.0.1/callback?a=b"},
        {"redirect_uri": "com.example:/callback"},
        {"authorization_endpoint": "http://idp.example/a"},
        {"authorization_endpoint": "file:///bin/sh"},
        {"authorization_endpoint": "https://idp.example/a;$(calc)\r\n"},
    ],
)
def test_only_addresses_that_a_browser_may_be_sent_to_are_taken(wrong):
    with pytest.raises(ValidationError):
        request(**wrong)


@dataclass
class Given:
    """A grant that was just consented to."""

    answer: TokenAnswer
    refreshes: bool = False
    single_use: bool = True

    async def obtain(self, held):
        return self.answer


def source(store, clock, grant):
    return TokenSource(SLOT, grant, store, allowed_origin="https://crm.example", clock=clock, remedy="sign in")


async def test_a_token_for_elsewhere_does_not_replace_the_grant(store, clock):
    good = Given(TokenAnswer(Secret("CANARY-good"), Secret("CANARY-refresh"), instance_url="https://crm.example"))
    one = source(store, clock, good)
    await one.consent(good)
    with pytest.raises(CredentialError, match="another origin"):
        await one.consent(Given(TokenAnswer(Secret("CANARY-bad"), instance_url="https://evil.example")))
    assert (await one.current()).value.reveal() == "CANARY-good"


async def test_a_consent_goes_before_the_exchange_that_is_under_way_elsewhere(store, clock):
    """Whoever was spending the old grant finds its intent gone, and cannot put its answer over the new one."""
    pending = store.begin(SLOT, after=0, fence=9)
    await source(store, clock, None).consent(Given(TokenAnswer(Secret("CANARY-new"), Secret("CANARY-refresh"))))
    late = TokenSet(access_token=Secret("CANARY-late")).written()
    assert store.promote(SLOT, pending.number, late, fence=9) is None
    (kept,) = store.read(SLOT).generations
    assert (kept.state, TokenSet.read(kept.value).access_token.reveal()) == (State.CURRENT, "CANARY-new")
