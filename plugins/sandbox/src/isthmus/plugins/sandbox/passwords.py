"""Which password and security token does a user have, is a given one right, and whom did wrong ones lock?"""

import hmac
import string
from collections.abc import Iterable
from random import Random
from typing import Final, Literal

MOST_WRONG: Final = 5
"""How many wrong passwords in a row lock a user."""

_ALPHABET: Final = string.ascii_letters + string.digits

Verdict = Literal["right", "token missing", "wrong"]


class Passwords:
    """Make up passwords that the seed fixes; alice's holds signs that a client must escape in XML and in forms."""

    def __init__(self, name: str, seed: int) -> None:
        self._origin = f"isthmus passwords {name} {seed}"
        self.trusts_network = False
        """Whether every caller counts as inside the company's network, where no security token is asked for."""

    def of(self, username: str) -> tuple[str, str]:
        """Return a user's password and security token."""
        random = Random(f"{self._origin} {username}")  # noqa: S311 - passwords of a stand-in, worth nothing
        password, token = ("".join(random.choices(_ALPHABET, k=length)) for length in (12, 24))
        return f"{password}&<+%" if username.startswith("alice@") else password, token

    def judge(self, username: str, given: str) -> Verdict:
        """Judge a password with the security token behind it, as API logins send it."""
        password, token = self.of(username)
        if hmac.compare_digest(given.encode(), (password + token).encode()):
            return "right"
        if not hmac.compare_digest(given.encode(), password.encode()):
            return "wrong"
        return "right" if self.trusts_network else "token missing"


class Lockout:
    """Lock a user after too many wrong passwords in a row; `locked` are the logins of those who are."""

    def __init__(self, passwords: Passwords, locked: Iterable[str] = ()) -> None:
        self.locked = set(locked)
        self._passwords = passwords
        self._wrong: dict[str, int] = {}

    def password(self, login: str) -> str:
        """Return a user's password."""
        return self._passwords.of(f"{login}@")[0]

    def opens(self, login: str, given: str) -> bool:
        """Tell whether a password lets a user in; a locked one has none that does. Wrong ones are counted."""
        if login in self.locked:
            return False
        if hmac.compare_digest(self.password(login).encode(), given.encode()):
            self._wrong.pop(login, None)
            return True
        self._wrong[login] = self._wrong.get(login, 0) + 1
        if self._wrong[login] >= MOST_WRONG:
            self.locked.add(login)
        return False

    def unlock(self, login: str) -> None:
        """Unlock a user, as an administrator does; raises KeyError where no such user is locked."""
        self.locked.remove(login)
        self._wrong.pop(login, None)
