"""What does BTP's destination service say of a destination, and is it a credential for this connection?

The service and its answer: SAP Help Portal, "Calling the Destination Service REST API" ("find destination").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from isthmus.core.credentials import (
    ClientAuth,
    CredentialKind,
    Endpoint,
    GrantParts,
    GrantRefused,
    HeaderName,
    Reference,
    Secret,
    TokenAnswer,
    header_safe,
    origin_of,
    redact,
    seconds,
)

__all__ = ["DESTINATION", "DestinationAuth", "DestinationGrant"]

AS_THE_PERSON = frozenset({"OAuth2JWTBearer", "OAuth2SAMLBearerAssertion", "OAuth2UserTokenExchange"})
"""The kinds of `Authentication` whose token is the person's; the others give everybody the technical user's."""
NOT_FOR_CREDENTIALS = frozenset({"connection", "content-length", "cookie", "host", "transfer-encoding"})
_HEADER: TypeAdapter[str] = TypeAdapter(HeaderName)


class DestinationAuth(ClientAuth):
    """A destination by its name; `token_endpoint` and the client are those of the service's own binding.

    `user_token` is the person's JWT, and needed where `identity = "user"`.
    """

    kind: Literal["destination"]
    uri: Endpoint
    destination: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
    user_token: Reference | None = None


@dataclass(frozen=True, slots=True)
class DestinationGrant:
    """Look the destination up anew for each token: with it comes the URL, which must be the connection's."""

    auth: DestinationAuth
    parts: GrantParts
    refreshes: bool = False
    single_use: bool = False

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Ask as the service, for the person; what is held plays no part."""
        del held
        auth, parts = self.auth, self.parts
        # Looked up first: without it nothing is asked, for the service would answer with what is its own.
        person = None if auth.user_token is None else await parts.own(auth.user_token, "user_token")()
        service = await parts.client_token(auth)
        headers = {"Authorization": f"Bearer {service.access_token.reveal()}"}
        if person is not None:
            headers["X-user-token"] = person.reveal()
        url = f"{auth.uri.rstrip('/')}/destination-configuration/v1/destinations/{auth.destination}"
        return await parts.fetch(url, headers, self._read, "destination service")

    def _read(self, found: Mapping[str, object]) -> TokenAnswer:
        settings, tokens = found.get("destinationConfiguration"), found.get("authTokens")
        if not isinstance(settings, dict):
            raise self._refused("is described without `destinationConfiguration`; check uri and destination")
        url = self._url(settings.get("URL"))
        kind = settings.get("Authentication")
        if self.parts.user and kind not in AS_THE_PERSON:
            raise self._refused(
                "would act as its technical user and not as the person; give it an Authentication that propagates the "
                f"user ({', '.join(sorted(AS_THE_PERSON))})"
            )
        each = [one for one in tokens if isinstance(one, dict)] if isinstance(tokens, list) else []
        broken = [one for one in each if one.get("error")]
        if broken:
            # It comes with HTTP 200.
            raise self._refused("has no token; test it in the cockpit and mend what it names", str(broken[0]["error"]))
        if not each:
            raise self._refused("brings no token; choose an Authentication that the destination service carries out")
        return self._token(each[0], url)

    def _url(self, value: object) -> str:
        url = value if isinstance(value, str) else ""
        try:
            same = origin_of(url) == origin_of(self.parts.origin)
        except ValueError:
            same = False
        if not same:
            raise self._refused(
                f"leads elsewhere than to {self.parts.origin}; correct its URL, or the url of the connection"
            )
        return url

    def _token(self, one: Mapping[str, object], url: str) -> TokenAnswer:
        named = one.get("http_header")
        header, value = (named.get("key"), named.get("value")) if isinstance(named, dict) else (None, None)
        try:
            header = _HEADER.validate_python(header)
        except ValidationError:
            raise self._refused("names no header for its token; test it in the cockpit") from None
        if header.lower() in NOT_FOR_CREDENTIALS or not isinstance(value, str) or not header_safe(value):
            raise self._refused("names no header that may hold a token; test it in the cockpit")
        scheme, _, token = value.strip().rpartition(" ")
        return TokenAnswer(Secret(token), None, seconds(one.get("expires_in")), url, header, scheme)

    def _refused(self, why: str, vendor_text: str = "") -> GrantRefused:
        parts = self.parts
        return GrantRefused(
            f"destination {self.auth.destination!r} of connection {parts.connection!r} {why}",
            object=parts.connection,
            vendor_text=redact(vendor_text)[:500],
        )


DESTINATION = CredentialKind("destination", DestinationAuth, DestinationGrant, personal=("user_token",))
