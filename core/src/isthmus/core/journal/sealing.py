"""Who may read what the journal keeps: sealed bodies, salted commitments and pseudonyms."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from isthmus.core.errors import ConfigurationError
from isthmus.core.keyed import KeyedHash
from isthmus.core.records import JSON

from .errors import JournalUnavailable

__all__ = ["SALT_BYTES", "JournalKeys", "Sealer", "canonical", "commitment", "key_id"]

SALT_BYTES = 32
_KEY_BYTES = 32
_NONCE_BYTES = 12
_SEALED_V1 = b"\x01"
_HEADER_BYTES = 5
_PSEUDONYM_BYTES = 16
_KNOWN_NAMES = 4_096


@dataclass(frozen=True, slots=True)
class JournalKeys:
    """The three keys of one journal: 32 bytes to seal with, 32 bytes for pseudonyms, and the signer's."""

    sealing: bytes = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)
    pseudonyms: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name, key in (("sealing", self.sealing), ("pseudonyms", self.pseudonyms)):
            if len(key) != _KEY_BYTES:
                raise ConfigurationError(f"the journal's {name} key has {len(key)} bytes; it needs {_KEY_BYTES}")


def key_id(key: bytes) -> bytes:
    """Name a key without giving it away: 4 bytes, as in a signed note."""
    return hashlib.sha256(b"isthmus/journal/key-id/v1\0" + key).digest()[:4]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a journal entry; give JSON values")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False, default=_plain
)


def canonical(value: object) -> bytes:
    """Encode JSON the one way that digests are taken over: sorted keys, no spaces, UTF-8."""
    # A lone surrogate has no UTF-8; its backslash form is the JSON escape of the same character.
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def commitment(domain: bytes, salt: bytes, content: bytes) -> str:
    """Commit to content that may be erased later; without the salt it cannot be guessed. Returns hex."""
    return hashlib.sha256(b"isthmus/journal/" + domain + b"/v1\0" + salt + content).hexdigest()


class Sealer:
    """Seal bodies to their place in one journal, and name people and records by pseudonym."""

    def __init__(self, keys: JournalKeys, origin: str, entropy: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._origin = origin
        self._entropy = entropy
        self._cipher = AESGCM(keys.sealing)
        self._header = _SEALED_V1 + key_id(keys.sealing)
        self._drawn, self._used = b"", 0
        self._pseudonyms = KeyedHash(keys.pseudonyms)
        # The same few people call again and again. What is kept here is kept in memory only.
        self.pseudonym = lru_cache(maxsize=_KNOWN_NAMES)(self._named)

    @property
    def origin(self) -> str:
        """Name the log that everything is bound to."""
        return self._origin

    def prepare(self, bodies: int) -> None:
        """Draw the random bytes of a batch at once, and drop what the last one left; only the writer's thread does."""
        self._drawn, self._used = self._entropy(bodies * (SALT_BYTES + _NONCE_BYTES)), 0

    def seal(self, place: str, content: bytes) -> bytes:
        """Encrypt with AES-256-GCM: version, key id, nonce, ciphertext; opens only at the same place."""
        return self._sealed(place, content, self._draw(_NONCE_BYTES))

    def seal_salted(self, place: str, content: bytes) -> tuple[bytes, bytes]:
        """Do what `seal` does; a fresh salt to commit to the content with comes first."""
        drawn = self._draw(SALT_BYTES + _NONCE_BYTES)
        return drawn[:SALT_BYTES], self._sealed(place, content, drawn[SALT_BYTES:])

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made for this place.

        Raises:
            JournalUnavailable: another key sealed it, or its bytes or place were changed.
        """
        if sealed[:_HEADER_BYTES] != self._header:
            raise JournalUnavailable(
                f"{place} was sealed under another key; give the journal the key it was written with",
                code="journal_sealed",
                object=place,
            )
        nonce = sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        try:
            return self._cipher.decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], self._bound(place))
        except InvalidTag as error:
            raise JournalUnavailable(
                f"{place} does not open: its bytes were changed or moved; run `isthmus audit verify`",
                code="journal_sealed",
                object=place,
            ) from error

    def seal_json(self, place: str, value: JSON) -> bytes:
        """Seal the canonical JSON of a value."""
        return self.seal(place, canonical(value))

    def open_json(self, place: str, sealed: bytes | None) -> dict[str, JSON]:
        """Open a sealed JSON object; empty where it was erased."""
        if sealed is None:
            return {}
        found: dict[str, JSON] = json.loads(self.open(place, sealed))
        return found

    def _named(self, value: str) -> str:
        """Name a person or record so that only the key's holder can find it again; empty stays empty. Returns hex."""
        if not value:
            return ""
        return self._pseudonyms.digest(value.encode("utf-8", "backslashreplace"))[:_PSEUDONYM_BYTES].hex()

    def _draw(self, count: int) -> bytes:
        at = self._used
        if at + count > len(self._drawn):
            return self._entropy(count)
        self._used = at + count
        return self._drawn[at : self._used]

    def _sealed(self, place: str, content: bytes, nonce: bytes) -> bytes:
        return self._header + nonce + self._cipher.encrypt(nonce, content, self._bound(place))

    def _bound(self, place: str) -> bytes:
        return f"{self._origin}\0{place}".encode()
