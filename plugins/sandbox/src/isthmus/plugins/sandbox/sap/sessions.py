"""Which CSRF token goes with which session, and for how long?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final
from urllib.parse import unquote

from isthmus.plugins.sandbox.clock import Clock

LIFE: Final = timedelta(minutes=30)
"""How long a session lives without being used."""


@dataclass(slots=True)
class Session:
    """One HTTP session: the value of its cookie, its user and its CSRF token."""

    key: str
    login: str
    token: str
    used: datetime


class Sessions:
    """Keep the sessions of one landscape; `names` are those that its session cookie may have."""

    def __init__(self, sid: str, client: str, clock: Clock, random: Random) -> None:
        self.names = (f"SAP_SESSIONID_{sid}_{client}", f"sap-XSRF_{sid}_{client}")
        self.cookie = self.names[0]
        self._clock = clock
        self._random = random
        self._sessions: dict[str, Session] = {}
        self._owners: dict[str, str] = {}

    def begin(self, login: str) -> Session:
        """Return a new session with a new token."""
        key, token = (f"{self._random.getrandbits(bits):0{bits // 4}X}" for bits in (176, 96))
        session = Session(f"{key}%3d", login, f"{token}==", self._clock.now())
        self._sessions[unquote(session.key)] = session
        self._owners[unquote(session.key)] = login
        return session

    def find(self, cookies: str) -> Session | None:
        """Return the session that a Cookie header names while it lives, and use it."""
        key = self._key(cookies)
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.used + LIFE <= self._clock.now():
            del self._sessions[key]
            return None
        session.used = self._clock.now()
        return session

    def end(self, cookies: str) -> None:
        """End the session that a Cookie header names."""
        self._sessions.pop(self._key(cookies), None)

    def end_all(self) -> None:
        """End all sessions."""
        self._sessions.clear()

    def owner(self, cookies: str) -> str | None:
        """Return the login of the user whose session cookie this is, or was."""
        return self._owners.get(self._key(cookies))

    def _key(self, cookies: str) -> str:
        for part in cookies.split(";"):
            name, _, value = part.strip().partition("=")
            if name in self.names:
                return unquote(value)
        return ""
