"""How is a value sealed at rest, and where does the key come from?

A sealed value is `v1`, the key's id (8 bytes), a nonce (12 bytes) and AES-256-GCM ciphertext. The master key never
seals anything itself: HKDF-SHA256 (RFC 5869) derives one sub-key for each purpose and zone.
"""

import base64
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from isthmus.core.credentials.files import read_private, read_service_credential
from isthmus.core.credentials.keyrings import SERVICE, Keyring, read_keyring, system_keyring, write_keyring
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.store import NamedSecrets
from isthmus.core.errors import ConfigurationError

__all__ = ["Purpose", "SealingKey", "load_sealing_key", "signing_key"]

ACCOUNT = "sealing-key"
SETTING = "sealing_key"
VERSION = b"v1"
KEY_BYTES = 32
ID_BYTES = 8
NONCE_BYTES = 12
HEADER = len(VERSION) + ID_BYTES


class Purpose(StrEnum):
    """What a sub-key is for; keys of different purposes and zones never open each other's values."""

    SEALING = "sealing"
    PSEUDONYMS = "pseudonyms"
    REFS = "refs"
    CURSORS = "cursors"
    APPROVALS = "approvals"


class SealingKey:
    """A master key that seals, and the older ones that still open what they sealed.

    Its text form is one url-safe base64 key of 32 bytes a line, the one in use first: to rotate, put a new line on top.
    """

    def __init__(self, text: Secret, *, random: Callable[[int], bytes] = os.urandom) -> None:
        keys = [_decode(line) for line in text.reveal().split()]
        if not keys:
            raise _malformed()
        self._random = random
        self._masters = {_key_id(key): key for key in reversed(keys)}
        self._current = _key_id(keys[0])
        self._derived: dict[tuple[bytes, str, str], bytes] = {}

    @staticmethod
    def generate(random: Callable[[int], bytes] = os.urandom) -> Secret:
        """Return the text form of a fresh key."""
        return Secret(base64.urlsafe_b64encode(random(KEY_BYTES)).decode())

    def __repr__(self) -> str:
        return f"SealingKey({self.key_id})"

    @property
    def key_id(self) -> str:
        """Name the key in use, in hexadecimal; it tells nothing about the key."""
        return self._current.hex()

    def subkey(self, purpose: Purpose, zone: str) -> bytes:
        """Return the 32-byte key of one purpose in one zone, from the master key in use."""
        return self._subkey(self._current, purpose, zone)

    def seal(self, value: bytes, *, zone: str, context: tuple[str, ...], purpose: Purpose = Purpose.SEALING) -> bytes:
        """Encrypt a value so that it opens only under the same purpose, zone and context."""
        header = VERSION + self._current
        nonce = self._random(NONCE_BYTES)
        sealed = AESGCM(self.subkey(purpose, zone)).encrypt(nonce, value, header + _unambiguous(*context))
        return header + nonce + sealed

    def open(self, sealed: bytes, *, zone: str, context: tuple[str, ...], purpose: Purpose = Purpose.SEALING) -> bytes:
        """Decrypt a value; raises ConfigurationError where its key is missing or it was sealed for something else."""
        header, nonce = sealed[:HEADER], sealed[HEADER : HEADER + NONCE_BYTES]
        key_id = header[len(VERSION) :]
        if not header.startswith(VERSION) or len(nonce) < NONCE_BYTES:
            raise ConfigurationError("a sealed value is damaged; restore it from a backup or set it again")
        if key_id not in self._masters:
            raise ConfigurationError(
                f"a value was sealed with key {key_id.hex()}, which is not there; "
                f"add that key below {self.key_id} in the sealing key, or set the value again",
                object=key_id.hex(),
            )
        try:
            subkey = self._subkey(key_id, purpose, zone)
            return AESGCM(subkey).decrypt(nonce, sealed[HEADER + NONCE_BYTES :], header + _unambiguous(*context))
        except InvalidTag:
            raise ConfigurationError(
                "a sealed value was changed or moved; restore it from a backup or set it again"
            ) from None

    def _subkey(self, key_id: bytes, purpose: Purpose, zone: str) -> bytes:
        found = self._derived.get((key_id, purpose, zone))
        if found is None:
            found = _derive(self._masters[key_id], "subkey", purpose, zone)
            self._derived[key_id, purpose, zone] = found
        return found


def load_sealing_key(
    setting: str,
    *,
    state: Path,
    environ: Mapping[str, str],
    keyring: Keyring | None = None,
) -> SealingKey:
    """Return the key that the setting names: `credential:<name>`, `file:<path>` or `keyring`.

    Only `keyring` creates a key on first use; `state` is the folder whose lock keeps two processes from both doing so.
    Raises ConfigurationError with the remedy where the key cannot be had safely.
    """
    scheme, _, rest = setting.partition(":")
    if scheme == "credential":
        return SealingKey(Secret(read_service_credential(rest, environ.get("CREDENTIALS_DIRECTORY"), setting=SETTING)))
    if scheme == "file" and rest:
        return SealingKey(Secret(read_private(Path(rest).expanduser(), setting=SETTING)))
    if setting == "keyring":
        return _from_keyring(system_keyring(keyring), state)
    raise ConfigurationError(
        f'{SETTING}: {setting!r} is none of "keyring", "credential:<name>", "file:<path>"; write one of them',
        object=SETTING,
    )


def signing_key(secrets: NamedSecrets, zone: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key of a zone: generated once, kept as a sealed row."""
    name = f"isthmus.signing.{zone}"
    found = secrets.secret(name)
    if found is None:
        fresh = Ed25519PrivateKey.generate().private_bytes_raw()
        # Where another process was quicker, its key is the key.
        found = secrets.add_secret(name, Secret(base64.b64encode(fresh).decode()))
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(found.reveal()))


def _from_keyring(backend: Keyring, state: Path) -> SealingKey:
    found = read_keyring(backend, SERVICE, ACCOUNT)
    if found is None:
        with _alone(state):
            found = read_keyring(backend, SERVICE, ACCOUNT)
            if found is None:
                write_keyring(backend, SERVICE, ACCOUNT, SealingKey.generate().reveal())
                # Read back: a keyring that forgets would lose whatever is sealed next.
                found = read_keyring(backend, SERVICE, ACCOUNT)
    if found is None:
        raise ConfigurationError(
            'the OS keyring did not keep the sealing key; set sealing_key = "file:<path>"', object="keyring"
        )
    return SealingKey(Secret(found))


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold a lock of the state folder; SQLite's, as it is the same on every platform."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(state / "sealing.lock", timeout=60, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def _derive(master: bytes, *info: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=_unambiguous("isthmus", *info)).derive(master)


def _key_id(master: bytes) -> bytes:
    return _derive(master, "id")[:ID_BYTES]


def _unambiguous(*parts: str) -> bytes:
    """Join so that no two different lists of parts give the same bytes."""
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def _decode(line: str) -> bytes:
    try:
        key = base64.b64decode(line, altchars=b"-_", validate=True)
    except ValueError:
        raise _malformed() from None
    if len(key) != KEY_BYTES:
        raise _malformed()
    return key


def _malformed() -> ConfigurationError:
    return ConfigurationError(
        f"{SETTING}: the key is not {KEY_BYTES} bytes of url-safe base64; make one with "
        "`openssl rand -base64 32 | tr '+/' '-_'`",
        object=SETTING,
    )
