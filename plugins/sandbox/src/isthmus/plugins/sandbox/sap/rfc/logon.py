"""Who may log on, and when is a user locked?"""

import hmac
import struct
from dataclasses import dataclass, field
from typing import Final

from isthmus.plugins.sandbox.passwords import Passwords

from .messages import Message
from .records import CLIENT, PASSWORD, USER

TRIES: Final = 5
"""Wrong passwords in a row after which a user is locked, as `login/fails_to_user_lock` has it from the start."""
_WRONG: Final = "Name or password is incorrect (repeat logon)"
_LOCKED: Final = "Password logon no longer possible - too many failed attempts"
_KEYS: Final = bytes.fromhex(
    "f0ed53b83244f1f876c67959fd4f13a2c15195ec5483c234774943a27de26596"
    "5e5398789a17a33cd383a8b829fbdca555d702778413acddf9b83116610e6dfa"
)
"""What every client mixes into a password, so that it is not in clear on the wire; it keeps nothing secret."""


@dataclass(slots=True)
class Users:
    """The users of a system; `users` are their names, and each one's password follows from the seed."""

    client: str
    passwords: Passwords
    users: frozenset[str]
    failed: dict[str, int] = field(default_factory=dict)

    def password(self, user: str) -> str:
        """Return a user's password."""
        return self.passwords.of(user)[0]

    def locked(self, user: str) -> bool:
        """Tell whether a user is locked."""
        return self.failed.get(user, 0) >= TRIES

    def lock(self, user: str) -> None:
        """Lock a user, as an administrator does."""
        self.failed[user] = TRIES

    def unlock(self, user: str) -> None:
        """Unlock a user."""
        self.failed.pop(user, None)

    def judge(self, message: Message) -> tuple[str, str]:
        """Return the user of a logon and why it is refused, which is empty where it is not."""
        user, client = (message.logon.get(each, b"").decode("latin-1") for each in (USER, CLIENT))
        return self.check(user, unmixed(message.logon.get(PASSWORD, b"")), client)

    def check(self, name: str, given: bytes, client: str) -> tuple[str, str]:
        """Do what `judge` does for a name and a password in plain bytes."""
        user = name.strip().upper()
        if client != self.client:
            return user, f"Client {client[:3]} is not available in this system"
        if user not in self.users:
            return user, _WRONG
        if self.locked(user):
            return user, _LOCKED
        if not hmac.compare_digest(given, self.password(user).encode("latin-1")):
            self.failed[user] = self.failed.get(user, 0) + 1
            return user, _WRONG
        self.unlock(user)
        return user, ""


def unmixed(data: bytes) -> bytes:
    """Return the password behind its seed, which comes first."""
    if len(data) < 4:
        return b""
    (seed,) = struct.unpack_from("<I", data)
    start = (seed >> 5) ^ (seed << 1) ^ seed
    return bytes(
        byte ^ _KEYS[(start + place) % len(_KEYS)] ^ ((place * (place * seed - 1)) & 0xFF)
        for place, byte in enumerate(data[4:])
    )
