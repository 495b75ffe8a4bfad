"""Which passwords, clients and tokens are good, and whose are they?"""

import hmac
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.passwords import Lockout, Passwords

from .users import User, load_users

_ALPHABET: Final = string.ascii_letters + string.digits + "-_"


@dataclass(slots=True)
class Token:
    """One access token: for a user, given to a client, for areas (a star stands for all)."""

    text: str
    login: str
    client_id: str
    scopes: frozenset[str]
    ends: datetime


class Logins:
    """Keep the users' locks, the bindings (a client's id and its one secret) and the tokens of one landscape.

    Any number of bindings lives at a time: one makes a second, goes over to it, then deletes the first.
    """

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.life = timedelta(minutes=10)
        self.lockout = Lockout(
            Passwords(f"sap {name}", seed), (each.login for each in load_users().values() if each.locked)
        )
        self._clock = clock
        self._name = name
        self._random = Random(f"isthmus sap logins {name} {seed}")  # noqa: S311 - tokens of a stand-in
        self._bindings: dict[str, str] = {}
        self._tokens: dict[str, Token] = {}

    @property
    def bindings(self) -> Mapping[str, str]:
        """Return the secrets of the live bindings by client id, the oldest first."""
        return dict(self._bindings)

    def bind(self) -> tuple[str, str]:
        """Make one more binding and return its client id and secret."""
        number = self._random.getrandbits(128)
        client_id = f"sb-{number:032x}!b{len(self._bindings) + 1}|s4-{self._name}"
        secret = f"{self._text(36)}${self._text(44)}="
        self._bindings[client_id] = secret
        return client_id, secret

    def unbind(self, client_id: str) -> None:
        """Delete a binding; its tokens end. Raises KeyError for an unknown one."""
        del self._bindings[client_id]
        self._tokens = {text: each for text, each in self._tokens.items() if each.client_id != client_id}

    def is_client(self, client_id: str, secret: str) -> bool:
        """Say whether this is the secret of that binding."""
        known = self._bindings.get(client_id)
        return known is not None and hmac.compare_digest(known.encode(), secret.encode())

    def password(self, login: str) -> str:
        """Return a user's password."""
        return self.lockout.password(login)

    def log_on(self, name: str, password: str) -> User | None:
        """Return the user with this name and password; None for a wrong or locked one. Wrong ones are counted."""
        user = load_users().get(name.lower())
        return user if user is not None and self.lockout.opens(user.login, password) else None

    def give(self, login: str, client_id: str, scopes: frozenset[str]) -> Token:
        """Return a new access token."""
        token = Token(self._text(60), login, client_id, scopes, self._clock.now() + self.life)
        self._tokens[token.text] = token
        return token

    def find(self, text: str) -> Token | None:
        """Return an access token that is still good."""
        token = self._tokens.get(text)
        return token if token is not None and token.ends > self._clock.now() else None

    def gave(self, text: str) -> bool:
        """Say whether this landscape gave out the token."""
        return text in self._tokens

    def end(self, text: str) -> None:
        """End an access token."""
        if text in self._tokens:
            self._tokens[text].ends = self._clock.now()

    def end_all(self) -> None:
        """End every token."""
        for token in self._tokens.values():
            token.ends = self._clock.now()

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))
