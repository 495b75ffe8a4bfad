"""How does a person consent in a browser, and may what the browser brings back be believed?"""

import asyncio
import base64
import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from isthmus.core.credentials.answers import header_safe, origin_of
from isthmus.core.credentials.secret import Secret, redact
from isthmus.core.credentials.settings import LOOPBACK, AuthorizationCodeAuth
from isthmus.core.credentials.tokens import Grant, TokenSource
from isthmus.core.errors import ConfigurationError, CredentialError, InvalidArguments

__all__ = ["AuthorizationRequest", "SignIn", "SignedIn", "StrangeAnswer"]

REMEDIES = {
    "access_denied": "nobody consented; sign in again, as somebody who may use this client",
    "unauthorized_client": "the client may not use this grant; enable it in the client's registration",
    "invalid_scope": "the scope is not granted to this client; correct scope",
    "unsupported_response_type": "the server does not give codes; use another kind of auth",
    "invalid_request": "the server misses something; compare client_id, redirect_uri and scope with the registration",
}
"""RFC 6749 section 4.1.2.1."""


class StrangeAnswer(InvalidArguments):
    """What came is no answer to this request; the true one may still come."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in left; `expires_at` is that of the access token (Unix seconds), None where it is not told."""

    refreshes: bool
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One request for consent (RFC 6749 section 4.1.1), with a state and a verifier of its own."""

    connection: str
    auth: AuthorizationCodeAuth
    redirect_uri: str
    state: str
    verifier: Secret

    @classmethod
    def begun(
        cls, connection: str, auth: AuthorizationCodeAuth, redirect_uri: str, entropy: Callable[[int], bytes]
    ) -> "AuthorizationRequest":
        """Draw state and verifier, of 256 bits each (RFC 7636 section 7.1)."""
        return cls(connection, auth, redirect_uri, _drawn(entropy), Secret(_drawn(entropy)))

    @property
    def url(self) -> str:
        """Return the address at which the person consents; it holds the challenge, and no secret."""
        # Authlib takes a third of a second to import.
        from isthmus.core.credentials.grants import authorization_url

        return authorization_url(
            self.auth.authorization_endpoint,
            self.auth.client_id,
            redirect_uri=self.redirect_uri,
            scope=self.auth.scope,
            state=self.state,
            verifier=self.verifier,
        )

    def code(self, query: str) -> Secret:
        """Return the code that the query of an answer brings.

        Raises:
            StrangeAnswer: it does not have this request's state, or says something twice.
            CredentialError: the server refused, or it is not the server that was asked (RFC 9207).
        """
        pairs = parse_qsl(query, keep_blank_values=True)
        told = dict(pairs)
        ours = hmac.compare_digest(told.get("state", "").encode(errors="replace"), self.state.encode())
        if not ours or any(count > 1 for count in Counter(name for name, _ in pairs).values()):
            raise StrangeAnswer("this is no answer to the sign-in that waits here; follow the address it shows")
        self._check_issuer(told.get("iss"))
        if "error" in told:
            raise self._refused(told)
        code = told.get("code")
        if not header_safe(code):
            raise self._failed("sent back neither a code nor an error; check authorization_endpoint")
        return Secret(str(code))

    def _check_issuer(self, issuer: str | None) -> None:
        """Refuse the answer of another server, whose code must not reach ours (RFC 9207 section 2.4)."""
        if self.auth.issuer:
            if issuer != self.auth.issuer:
                raise self._failed("is not the one that `issuer` names; do not sign in there, or correct `issuer`")
        elif issuer is not None and not self._same_origin(issuer):
            raise self._failed("names itself as another server; write its name from its documents to `issuer`")

    def _same_origin(self, issuer: str) -> bool:
        try:
            return origin_of(issuer) == origin_of(self.auth.authorization_endpoint)
        except ValueError:
            return False

    def _refused(self, told: dict[str, str]) -> CredentialError:
        code = told["error"]
        remedy = REMEDIES.get(code)
        said = f"refused ({code}): {remedy}" if remedy else "refused; look at what it showed, and sign in again"
        return self._failed(said, redact(f"{code}: {told.get('error_description', '')}")[:500])

    def _failed(self, what: str, vendor_text: str = "") -> CredentialError:
        return CredentialError(
            f"the authorization server of connection {self.connection!r} {what}",
            object=self.connection,
            vendor_text=vendor_text,
        )


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in of one principal; its grant replaces the one that is kept only once it is there."""

    connection: str
    auth: AuthorizationCodeAuth
    source: TokenSource
    grant: Callable[[Secret, Secret, str], Grant]
    entropy: Callable[[int], bytes]

    async def by_browser(self, show: Callable[[str], object], seconds: float) -> SignedIn:
        """Show the address, and wait on loopback for the browser; raises CredentialError, ConfigurationError."""
        # A server nobody else needs.
        from isthmus.core.credentials.loopback import Loopback

        if not self.listens:
            raise ConfigurationError(
                f"redirect_uri of connection {self.connection!r} is not on this machine; repeat with --paste",
                object=self.connection,
            )
        async with Loopback(self.auth.redirect_uri) as here:
            request = self._begun(here.redirect_uri)
            show(request.url)
            try:
                code = await here.answer(request.code, seconds)
            except TimeoutError:
                raise CredentialError(
                    f"nobody signed in to connection {self.connection!r} within {seconds:g} s; sign in again",
                    object=self.connection,
                ) from None
        return await self._redeemed(request, code)

    async def by_hand(self, ask: Callable[[str], str]) -> SignedIn:
        """Show the address, and take that of the page on which the browser ended; raises as `by_browser`."""
        request = self._begun(self.auth.redirect_uri)
        given = await asyncio.to_thread(ask, request.url)
        return await self._redeemed(request, request.code(urlsplit(given.strip()).query))

    @property
    def listens(self) -> bool:
        """Tell whether the browser comes back to this machine."""
        scheme, host, _ = origin_of(self.auth.redirect_uri)
        return scheme == "http" and host in LOOPBACK

    def _begun(self, redirect_uri: str) -> AuthorizationRequest:
        return AuthorizationRequest.begun(self.connection, self.auth, redirect_uri, self.entropy)

    async def _redeemed(self, request: AuthorizationRequest, code: Secret) -> SignedIn:
        tokens = await self.source.consent(self.grant(code, request.verifier, request.redirect_uri))
        return SignedIn(tokens.refresh_token is not None, tokens.expires_at)


def _drawn(entropy: Callable[[int], bytes]) -> str:
    return base64.urlsafe_b64encode(entropy(32)).rstrip(b"=").decode()
