"""Which password and security token does a user have, and is a given one right?"""

import hmac
import string
from random import Random
from typing import Final, Literal

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
