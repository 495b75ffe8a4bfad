"""How is the log's size and root signed, and an entry proven to be in it?

Formats: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint and https://c2sp.org/tlog-proof.
"""

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isthmus.core.errors import ConfigurationError, NotFound

from .errors import JournalUnavailable
from .instants import micros
from .log import LogReads, LogWrites
from .tree import EMPTY_ROOT, Growth, consistency_proof, inclusion_proof, verify_consistency

__all__ = ["CheckpointReads", "CheckpointWrites", "Signer"]

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class Head:
    """A size of the log and its root."""

    size: int
    root: bytes


class Signer:
    """Sign and check the checkpoints of one origin with one Ed25519 key."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        if not origin or "+" in origin or any(_forbidden(character) for character in origin):
            raise ConfigurationError(
                f"journal origin {origin!r} is no key name: use a URL without scheme, free of spaces, '+' and control"
                " characters, such as 'acme.example/isthmus'"
            )
        self._origin = origin
        self._key = key
        self._public = key.public_key().public_bytes_raw()
        self._id = hashlib.sha256(origin.encode() + b"\n" + _ED25519 + self._public).digest()[:_KEY_ID_BYTES]

    @property
    def verification_key(self) -> str:
        """Return the vkey that verifiers need: `name+hex(id)+base64(type, key)`."""
        return f"{self._origin}+{self._id.hex()}+{_base64(_ED25519 + self._public)}"

    def sign(self, head: Head) -> str:
        """Write the checkpoint of a head as a signed note."""
        text = f"{self._origin}\n{head.size}\n{_base64(head.root)}\n"
        signature = self._id + self._key.sign(text.encode())
        return f"{text}\n— {self._origin} {_base64(signature)}\n"

    def read_back(self, note: str) -> Head:
        """Check a checkpoint of our own and return what it signed.

        Raises:
            JournalUnavailable: it was changed, or signed by another key.
        """
        try:
            text, _, line = note.rpartition(f"\n\n— {self._origin} ")
            signature = base64.b64decode(line.removesuffix("\n"), validate=True)
            self._key.public_key().verify(signature.removeprefix(self._id), f"{text}\n".encode())
            size, root = text.removeprefix(f"{self._origin}\n").split("\n")
            return Head(int(size), base64.b64decode(root, validate=True))
        except (InvalidSignature, ValueError) as error:
            raise JournalUnavailable(
                f"the last checkpoint of {self._origin!r} was not signed by this key, or was changed; give the journal"
                " the key it was signed with, and run `isthmus audit verify`",
                code="journal_inconsistent",
                object=self._origin,
            ) from error


class CheckpointReads(LogReads):
    """Read signed checkpoints, and prove entries against them."""

    def checkpoint(self) -> str | None:
        """Return the newest signed checkpoint."""
        row = self._db.execute("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()
        return row[0] if row else None

    def prove(self, index: int) -> str:
        """Write the `.tlog-proof` of an entry against the newest checkpoint.

        Raises:
            NotFound: no signed checkpoint covers the entry yet.
        """
        row = self._db.execute("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()
        if row is None or not 0 <= index < row[0]:
            raise NotFound(
                f"no checkpoint covers entry {index}; sign one first if the entry exists", object=f"entry {index}"
            )
        size, note = row
        siblings = [_base64(found) for found in inclusion_proof(self.node, index, size)]
        return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *siblings, "", note])


class CheckpointWrites(CheckpointReads, LogWrites):
    """Sign checkpoints; the transaction makes sure that one process signs at a time."""

    def sign_checkpoint(self, signer: Signer) -> str:
        """Sign the size and root that were durable before this batch; the same size is signed once.

        Raises:
            JournalUnavailable: the log is no extension of what was signed last; nothing is signed.
        """
        size, edge = self._durable
        head, last = Head(size, Growth(size, edge).root), self.checkpoint()
        if last is not None:
            before = signer.read_back(last)
            if not self._extends(before, head):
                raise JournalUnavailable(
                    f"the journal of {self._sealer.origin!r} with {head.size} entries does not extend its checkpoint of"
                    f" {before.size}: entries were changed or lost; run `isthmus audit verify` and restore a backup",
                    code="journal_inconsistent",
                    object=self._sealer.origin,
                )
            if before.size == head.size:
                return last
        note = signer.sign(head)
        self._db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (head.size, note, micros(self._clock())))
        return note

    def _extends(self, before: Head, head: Head) -> bool:
        if before.size > head.size:
            return False
        if before.size == 0:
            return before.root == EMPTY_ROOT
        proof: Sequence[bytes] = consistency_proof(self.node, before.size, head.size)
        return verify_consistency(before.size, before.root, head.size, head.root, proof)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _forbidden(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
