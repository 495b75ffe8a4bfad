"""What did the token endpoint say, and may it be believed?"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2

from isthmus.core.credentials.secret import Secret, redact
from isthmus.core.errors import CredentialError, RetryLater

__all__ = [
    "AnswerLost",
    "CheckedTransport",
    "GrantRefused",
    "ReadAnswer",
    "TokenAnswer",
    "header_safe",
    "origin_of",
    "seconds",
]

LARGEST = 256 * 1024
LONGEST_WAIT = 3600.0
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
RETRYABLE = frozenset({"retry_request", "temporarily_unavailable", "slow_down"})
REMEDIES = {
    "invalid_grant": "the grant is expired, revoked or not approved; approve this client for the identity again, "
    "or correct issuer, subject and audience",
    "invalid_client": "the client is not accepted; set its id and its secret or key anew",
    "invalid_client_id": "the client id is unknown there; correct it",
    "unauthorized_client": "the client may not use this grant; enable the flow in the client's registration",
    "unsupported_grant_type": "the endpoint does not know this grant; correct kind or token_endpoint",
    "invalid_scope": "the scope is not granted to this client; correct scope",
    "invalid_request": "the endpoint misses something; correct the settings of this grant",
}
ORIGIN = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?(?:/[\x21-\x7e]*)?")
HEADER_SAFE = re.compile(r"[\x20-\x7e]+")


class GrantRefused(CredentialError):
    """The token endpoint refused for good; `error` is its RFC 6749 section 5.2 code, or empty."""

    def __init__(self, sentence: str, *, error: str = "", object: str = "", vendor_text: str = "") -> None:
        super().__init__(sentence, object=object, vendor_text=vendor_text)
        self.error = error


class AnswerLost(RetryLater):
    """A token request left and it is not known whether it was carried out; harmless only where it may be repeated."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A successful answer (RFC 6749 section 5.1); `instance_url` is the server's word and not yet trusted.

    `header` and `scheme` are where and how the token is written where the server says so.
    """

    access_token: Secret
    refresh_token: Secret | None = None
    expires_in: float | None = None
    instance_url: str = ""
    header: str = "Authorization"
    scheme: str = "Bearer"


ReadAnswer = Callable[[Mapping[str, object]], TokenAnswer]
"""Reads an answer that is no token answer of OAuth; raises GrantRefused where it holds no credential."""


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Send one token request, check its answer, and keep it in `answer`.

    The client above sees a bare success, so that neither tokens nor the server's words pass through its hands.
    """

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        connection: str,
        clock: Callable[[], float],
        *,
        what: str = "token endpoint",
        read: ReadAnswer | None = None,
    ) -> None:
        self._inner = inner
        self._connection = connection
        self._clock = clock
        self._what = what
        self._read = read
        self.answer: TokenAnswer | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; raises GrantRefused, AnswerLost, RetryLater or CredentialError by what came back."""
        request.headers["Accept-Encoding"] = "identity"
        try:
            response = await self._inner.handle_async_request(request)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        except NOT_SENT as error:
            raise self._later(f"cannot be reached ({type(error).__name__})") from None
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise self._lost(f"gave no answer ({type(error).__name__})") from None
        self._check(response, body)
        return httpx2.Response(200, json={"access_token": "kept", "token_type": "bearer"}, request=request)

    async def _body(self, response: httpx2.Response) -> bytes:
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise self._lost("answered in an encoding that was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > LARGEST:
                raise self._lost(f"answered with more than {LARGEST} bytes")
        return bytes(body)

    def _check(self, response: httpx2.Response, body: bytes) -> None:
        status = response.status_code
        found = _json_object(body)
        if 200 <= status < 300:
            self.answer = self._success(found)
        elif 300 <= status < 400:
            raise CredentialError(
                f"{self._endpoint} redirects (HTTP {status}), which is not followed; correct token_endpoint",
                object=self._connection,
            )
        elif status in (429, 503) or (status == 400 and _code(found) in RETRYABLE):
            raise self._later(f"asks to come back later (HTTP {status})", after=self._after(response.headers))
        elif status >= 500 or status == 408:
            raise self._lost(f"failed (HTTP {status})")
        else:
            raise self._refusal(status, found or {})

    def _success(self, found: Mapping[str, object] | None) -> TokenAnswer:
        if found is None:
            raise self._lost("answered with something else than a JSON object")
        if self._read is not None:
            return self._read(found)
        access, refresh, url = found.get("access_token"), found.get("refresh_token"), found.get("instance_url")
        if str(found.get("token_type", "")).lower() != "bearer":
            raise self._lost("answered with a token that is not a bearer token")
        if not header_safe(access) or not (refresh is None or header_safe(refresh)):
            raise self._lost("answered without a usable token")
        return TokenAnswer(
            access_token=Secret(str(access)),
            refresh_token=None if refresh is None else Secret(str(refresh)),
            expires_in=seconds(found.get("expires_in")),
            instance_url="" if url is None else str(url),
        )

    def _refusal(self, status: int, found: Mapping[str, object]) -> GrantRefused:
        code = _code(found)
        known = code in REMEDIES
        remedy = REMEDIES.get(code, "check its address and what the vendor's log says of this client")
        return GrantRefused(
            f"{self._endpoint} refused (HTTP {status}{', ' + code if known else ''}): {remedy}",
            error=code if known else "",
            object=self._connection,
            # An endpoint may echo what it was sent.
            vendor_text=redact(f"{code}: {found.get('error_description', '')}")[:500],
        )

    @property
    def _endpoint(self) -> str:
        return f"the {self._what} of connection {self._connection!r}"

    def _later(self, what: str, after: float | None = None) -> RetryLater:
        return RetryLater(f"{self._endpoint} {what}; repeat the call", after=after, object=self._connection)

    def _lost(self, what: str) -> AnswerLost:
        return AnswerLost(f"{self._endpoint} {what}; repeat the call", object=self._connection)

    def _after(self, headers: httpx2.Headers) -> float | None:
        """Read Retry-After (RFC 9110 section 10.2.3), in seconds or as a date."""
        text = headers.get("retry-after", "").strip()
        if text.isdecimal():
            return min(float(text), LONGEST_WAIT)
        try:
            return min(max(parsedate_to_datetime(text).timestamp() - self._clock(), 0.0), LONGEST_WAIT)
        except (ValueError, OverflowError):
            return None


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an http(s) URL; ValueError for user info and the like."""
    found = ORIGIN.fullmatch(url.lower()) if url.isascii() and len(url) <= 2048 else None
    if found is None:
        raise ValueError("not a plain http(s) URL")
    scheme, host, port = found.groups()
    return scheme, host, int(port) if port else {"http": 80, "https": 443}[scheme]


def header_safe(value: object) -> bool:
    """Tell whether a value is text that can stand in a header (RFC 6749 appendix A.12: printable ASCII)."""
    return isinstance(value, str) and HEADER_SAFE.fullmatch(value) is not None


def _json_object(body: bytes) -> Mapping[str, object] | None:
    """Read a JSON object in UTF-8; a name that comes twice would mean one token to us and another to somebody else."""
    try:
        found = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("the same name twice")
    return found


def _code(found: Mapping[str, object] | None) -> str:
    code = (found or {}).get("error")
    return code if isinstance(code, str) else ""


def seconds(value: object) -> float | None:
    """Read `expires_in`, which some servers send as text; what is no positive number counts as not sent."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < 1e10 else None
