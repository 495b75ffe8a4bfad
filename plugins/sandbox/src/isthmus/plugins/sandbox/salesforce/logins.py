"""Who is logged in, and which refresh tokens are still good?"""

import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from isthmus.plugins.sandbox.clock import Clock

from .errors import ApiError, TokenError, session_expired

_ALPHABET: Final = string.ascii_letters + string.digits + "._"
IDLE: Final = timedelta(hours=2)
MAX_GRANTS: Final = 5


@dataclass(slots=True)
class Session:
    """One login: its access token, its user and the cookie handed out with it."""

    token: str
    user_id: str
    browser: str
    last_used: datetime
    grant: "Grant | None" = None
    ended: bool = False


@dataclass(slots=True)
class Grant:
    """What one user allowed the app: one refresh token is good, those before it are spent."""

    user_id: str
    refresh_token: str
    spent: set[str] = field(default_factory=set)
    sessions: list[Session] = field(default_factory=list)
    revoked: bool = False


class Logins:
    """Keep the sessions and grants of one org."""

    def __init__(self, org_id: str, clock: Clock, seed: int) -> None:
        self._org_id = org_id
        self._clock = clock
        self._random = Random(f"isthmus logins {org_id} {seed}")  # noqa: S311 - tokens of a stand-in, worth nothing
        self._sessions: dict[str, Session] = {}
        self._grants: list[Grant] = []
        self.idle = IDLE

    def open(self, user_id: str, grant: Grant | None = None) -> Session:
        """Start a session for this user."""
        token = f"{self._org_id[:15]}!{self._text(96)}"
        session = Session(token, user_id, self._text(22), self._clock.now(), grant)
        self._sessions[token] = session
        if grant is not None:
            grant.sessions.append(session)
        return session

    def grant(self, user_id: str) -> Grant:
        """Record a user's consent; a sixth one for the same user silently revokes the oldest."""
        grant = Grant(user_id, f"5Aep{self._text(80)}")
        self._grants.append(grant)
        alive = [each for each in self._grants if each.user_id == user_id and not each.revoked]
        if len(alive) > MAX_GRANTS:
            _revoke(alive[0])
        return grant

    def refresh(self, refresh_token: str) -> tuple[Session, str]:
        """Trade a refresh token for a new login and the next refresh token.

        The earlier login ends. A spent token revokes everything that its grant ever gave out.
        """
        for grant in self._grants:
            if refresh_token in grant.spent:
                _revoke(grant)
            elif grant.refresh_token == refresh_token and not grant.revoked:
                grant.spent.add(refresh_token)
                grant.refresh_token = f"5Aep{self._text(80)}"
                for session in grant.sessions:
                    session.ended = True
                return self.open(grant.user_id, grant), grant.refresh_token
        raise TokenError("invalid_grant", "expired access/refresh token")

    def find(self, token: str) -> Session:
        """Return the live session of an access token; raises ApiError where there is none."""
        session = self._sessions.get(token)
        now = self._clock.now()
        if session is None or session.ended:
            raise session_expired()
        if now - session.last_used >= self.idle:
            session.ended = True
            raise session_expired()
        session.last_used = now
        return session

    def gave(self, token: str) -> bool:
        """Say whether this is a refresh token that the org gave out, good or spent."""
        return any(token == grant.refresh_token or token in grant.spent for grant in self._grants)

    def revoke(self, token: str) -> None:
        """End the login of an access token, or the grant of a refresh token."""
        if token in self._sessions:
            self._sessions[token].ended = True
            return
        for grant in self._grants:
            if grant.refresh_token == token:
                _revoke(grant)
                return
        raise TokenError("unsupported_token_type", "this token type is not supported")

    def end_all(self) -> None:
        """End every login."""
        for session in self._sessions.values():
            session.ended = True

    def cookie_owner(self, cookie: str) -> str | None:
        """Return the id of the user whose login was given this BrowserId cookie."""
        return next((each.user_id for each in self._sessions.values() if f"BrowserId={each.browser}" in cookie), None)

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))


def bearer(header: str | None) -> str:
    """Return the token of an Authorization header; raises ApiError where there is none."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() not in ("bearer", "oauth") or not token.strip():
        raise ApiError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    return token.strip()


def _revoke(grant: Grant) -> None:
    grant.revoked = True
    for session in grant.sessions:
        session.ended = True
