"""Which tokens are good, and whose are they?"""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from isthmus.plugins.sandbox.clock import Clock

from .errors import TokenError

ACCESS_LIFE: Final = timedelta(seconds=1_799)
REFRESH_LIFE: Final = timedelta(seconds=8_640_000)
_ALPHABET: Final = string.ascii_letters + string.digits + "-_"


@dataclass(slots=True)
class Token:
    """One access or refresh token."""

    text: str
    user_id: str
    client_id: str
    ends: datetime
    revoked: bool = False


class Logins:
    """Keep the registered clients and the tokens of one instance.

    Every client has one secret. Two clients may be registered at a time, which is how one rotates without a gap.
    """

    def __init__(self, name: str, clock: Clock, seed: int, client_id: str, client_secret: str) -> None:
        self._clock = clock
        self._random = Random(f"isthmus servicenow logins {name} {seed}")  # noqa: S311 - tokens of a stand-in
        self._clients: dict[str, str] = {client_id: client_secret}
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._cookies: dict[str, str] = {}

    @property
    def clients(self) -> Mapping[str, str]:
        """Return the secrets of the registered clients by id."""
        return dict(self._clients)

    def add_client(self) -> tuple[str, str]:
        """Register one more client and return its id and secret."""
        client_id, secret = f"{self._random.getrandbits(128):032x}", self._text(32)
        self._clients[client_id] = secret
        return client_id, secret

    def retire_client(self, client_id: str) -> None:
        """Forget a client; its tokens end. Raises KeyError for an unknown one."""
        del self._clients[client_id]
        for token in (*self._access.values(), *self._refresh.values()):
            if token.client_id == client_id:
                token.revoked = True

    def give(self, user_id: str, client_id: str) -> Token:
        """Return a new access token."""
        token = Token(self._text(86), user_id, client_id, self._clock.now() + ACCESS_LIFE)
        self._access[token.text] = token
        return token

    def give_refresh(self, user_id: str, client_id: str) -> Token:
        """Return a new refresh token."""
        token = Token(self._text(86), user_id, client_id, self._clock.now() + REFRESH_LIFE)
        self._refresh[token.text] = token
        return token

    def refreshed(self, text: str, client_id: str) -> Token:
        """Return a refresh token that is still good; raises TokenError. It stays the same for all its life."""
        token = self._refresh.get(text)
        if token is None or token.revoked or token.client_id != client_id or token.ends <= self._clock.now():
            raise TokenError("access_denied", "access_denied")
        return token

    def owner(self, text: str) -> str | None:
        """Return the user of an access token that is still good."""
        token = self._access.get(text)
        if token is None or token.revoked or token.ends <= self._clock.now():
            return None
        return token.user_id

    def end(self, text: str) -> None:
        """End an access token."""
        if text in self._access:
            self._access[text].revoked = True

    def end_all(self) -> None:
        """End every token."""
        for token in (*self._access.values(), *self._refresh.values()):
            token.revoked = True

    def gave(self, text: str) -> bool:
        """Say whether the instance gave out this token, good or spent."""
        return text in self._access or text in self._refresh

    def session(self, user_id: str) -> str:
        """Return a new session cookie's value."""
        key = f"{self._random.getrandbits(128):032X}"
        self._cookies[key] = user_id
        return key

    def cookie_owner(self, cookie: str) -> str | None:
        """Return the user whose answer carried the session cookie that a request brings back."""
        for part in cookie.split(";"):
            name, _, value = part.strip().partition("=")
            if name == "JSESSIONID":
                return self._cookies.get(value)
        return None

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))
