"""Which passwords, API clients and tokens are good, and whose are they?"""

import hmac
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from cryptography import x509

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.passwords import Lockout, Passwords

from .users import User, load_users

REDIRECTS: Final = ("http://127.0.0.1/callback", "http://localhost/callback", "https://agent.kessmar.example/callback")
"""The redirect URIs that every API client is registered with."""

_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(slots=True)
class Grant:
    """What a user granted to a client: a family of refresh tokens, of which the newest is good, and access tokens."""

    login: str
    client_id: str
    revoked: bool = False


@dataclass(slots=True)
class Token:
    """One access or refresh token."""

    grant: Grant
    ends: datetime
    spent: bool = False


class Logins:
    """Keep the users' locks, the API clients (one secret each) and the tokens of one tenant.

    Any number of clients lives at a time: one registers a second, goes over to it, then deletes the first.
    """

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.life = timedelta(hours=1)
        self.redirects = set(REDIRECTS)
        """Where browsers may be sent back to; a loopback address fits with any port (RFC 8252, section 7.3)."""
        self.certificates: dict[x509.Certificate, str] = {}
        """Whose messages a further certificate signs, by login."""
        self.rotates = True
        """Whether each use of a refresh token gives a new one and spends the old one."""
        self.lockout = Lockout(
            Passwords(f"workday {name}", seed), (each.login for each in load_users().values() if each.locked)
        )
        self._clock = clock
        self._random = Random(f"isthmus workday logins {name} {seed}")  # noqa: S311 - tokens of a stand-in
        self._clients: dict[str, str] = {}
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}

    @property
    def clients(self) -> Mapping[str, str]:
        """Return the secrets of the API clients by id, the oldest first."""
        return dict(self._clients)

    def register(self) -> tuple[str, str]:
        """Register one more API client and return its id and secret."""
        client_id, secret = self._text(40), self._text(64)
        self._clients[client_id] = secret
        return client_id, secret

    def retire(self, client_id: str) -> None:
        """Delete an API client; its grants end. Raises KeyError for an unknown one."""
        del self._clients[client_id]
        for token in (*self._access.values(), *self._refresh.values()):
            if token.grant.client_id == client_id:
                token.grant.revoked = True

    def is_client(self, client_id: str, secret: str) -> bool:
        """Say whether this is the secret of that client."""
        known = self._clients.get(client_id)
        return known is not None and hmac.compare_digest(known.encode(), secret.encode())

    def password(self, login: str) -> str:
        """Return a user's password."""
        return self.lockout.password(login)

    def log_on(self, login: str, password: str) -> User | None:
        """Return the user with this password; None for a wrong or locked one. Wrong ones are counted."""
        user = load_users().get(login.lower())
        return user if user is not None and self.lockout.opens(user.login, password) else None

    def grant(self, login: str, client_id: str) -> str:
        """Return the refresh token of a new grant."""
        return self._refreshing(Grant(login, client_id))

    def begin(self, login: str, client_id: str) -> tuple[Grant, str, str]:
        """Return a new grant with its first access token and refresh token."""
        grant = Grant(login, client_id)
        return grant, self._accessing(grant), self._refreshing(grant)

    def access(self, login: str, client_id: str) -> str:
        """Return an access token that no refresh token stands behind."""
        return self._accessing(Grant(login, client_id))

    def redeem(self, text: str, client_id: str) -> tuple[str, str, str] | None:
        """Return an access token, the refresh token to use from now on, and the login.

        None for a token that is not good. One that was spent before ends its whole family: somebody has a copy.
        """
        token = self._refresh.get(text)
        if token is None or token.grant.client_id != client_id:
            return None
        if token.spent:
            token.grant.revoked = True
        if token.grant.revoked:
            return None
        follower = text
        if self.rotates:
            token.spent, follower = True, self._refreshing(token.grant)
        return self._accessing(token.grant), follower, token.grant.login

    def owner(self, text: str) -> str | None:
        """Return the login of an access token that is still good."""
        token = self._access.get(text)
        if token is None or token.grant.revoked or token.spent or token.ends <= self._clock.now():
            return None
        return token.grant.login

    def end(self, text: str) -> None:
        """End an access token."""
        if text in self._access:
            self._access[text].spent = True

    def end_all(self) -> None:
        """End every access token; refresh tokens stay."""
        for token in self._access.values():
            token.spent = True

    def revoke(self, login: str) -> None:
        """Revoke every grant of a user."""
        for token in (*self._access.values(), *self._refresh.values()):
            if token.grant.login == login:
                token.grant.revoked = True

    def gave(self, text: str) -> bool:
        """Say whether this tenant gave out the token, good or spent."""
        return text in self._access or text in self._refresh

    def _refreshing(self, grant: Grant) -> str:
        text = self._text(86)
        self._refresh[text] = Token(grant, datetime.max.replace(tzinfo=self._clock.now().tzinfo))
        return text

    def _accessing(self, grant: Grant) -> str:
        text = self._text(86)
        self._access[text] = Token(grant, self._clock.now() + self.life)
        return text

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))
