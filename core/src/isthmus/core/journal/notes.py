"""Is a signed note, checkpoint or proof genuine? The reading side, apart from what signs.

Formats: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-proof; RFC 9162, 2.1.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = [
    "Checkpoint",
    "NoteInvalid",
    "NoteKey",
    "consistent",
    "included",
    "open_checkpoint",
    "open_note",
    "proven",
]

_ED25519 = 1
_HASH_BYTES = 32
_MOST_NOTE_BYTES = 65_536
_MOST_SIGNATURES = 64
_MOST_PROOF_LINES = 64


class NoteInvalid(ValueError):
    """The note, checkpoint, proof or key is malformed or not genuine; the sentence says which."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A verification key."""

    name: str
    id: bytes
    public: Ed25519PublicKey

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read `name+hex(id)+base64(type, key)`.

        Raises:
            NoteInvalid: it is malformed, its id does not fit, or it is not of type Ed25519.
        """
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3 or not parts[0] or any(map(str.isspace, parts[0])):
            raise NoteInvalid(f"{vkey!r} is no verification key of the form name+id+key")
        name, id, key = parts[0], parts[1], _decoded(parts[2], "a verification key")
        if len(key) != 33 or key[0] != _ED25519:
            raise NoteInvalid(f"the verification key of {name!r} is not of type Ed25519")
        found = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        if found.hex() != id:
            raise NoteInvalid(f"the verification key of {name!r} has id {found.hex()}, not {id!r}")
        return cls(name, found, Ed25519PublicKey.from_public_bytes(key[1:]))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint signs."""

    origin: str
    size: int
    root: bytes


def open_note(note: str, keys: Sequence[NoteKey]) -> str:
    """Return the text of a note that at least one known key signed, and no known key signed wrongly.

    Raises:
        NoteInvalid: it is malformed or not so signed.
    """
    if len(note.encode("utf-8", "replace")) > _MOST_NOTE_BYTES:
        raise NoteInvalid(f"the note is longer than {_MOST_NOTE_BYTES} bytes")
    if any(character < " " and character != "\n" for character in note):
        raise NoteInvalid("the note holds control characters")
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteInvalid("the note has no signatures")
    lines = signatures[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise NoteInvalid(f"the note has more than {_MOST_SIGNATURES} signatures")
    text += "\n"
    # All of them: one good signature does not excuse a known key's bad one.
    good = [line for line in lines if _signed(text, line, keys)]
    if not good:
        raise NoteInvalid("no known key signed the note")
    return text


def open_checkpoint(note: str, keys: Sequence[NoteKey]) -> Checkpoint:
    """Return what a checkpoint signs.

    Raises:
        NoteInvalid: it is malformed or not signed by a known key.
    """
    lines = open_note(note, keys).split("\n")
    if len(lines) < 4 or not lines[0] or "" in lines[3:-1]:
        raise NoteInvalid("the note is no checkpoint")
    origin, size, root = lines[0], lines[1], _decoded(lines[2], "a checkpoint's root")
    if not (size.isascii() and size.isdecimal()) or (size[0] == "0" and size != "0") or len(root) != _HASH_BYTES:
        raise NoteInvalid("the checkpoint's size or root is malformed")
    return Checkpoint(origin, int(size), root)


def proven(proof: str, leaf: bytes, keys: Sequence[NoteKey], *, origin: str) -> int:
    """Check a `.tlog-proof` for an entry's bytes and return the entry's index.

    Raises:
        NoteInvalid: the proof is malformed, its checkpoint not genuine, or the entry is not in the log.
    """
    head, separator, note = proof.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) > _MOST_PROOF_LINES + 3:
        raise NoteInvalid("this is no tlog-proof of version 1")
    del lines[0]
    if lines and lines[0].startswith("extra "):
        del lines[0]
    word, _, number = lines[0].partition(" ") if lines else ("", "", "")
    if word != "index" or not (number.isascii() and number.isdecimal()) or (number[0] == "0" and number != "0"):
        raise NoteInvalid("the proof names no index")
    checkpoint = open_checkpoint(note, keys)
    if checkpoint.origin != origin:
        raise NoteInvalid(f"the proof is of the log {checkpoint.origin!r}, not {origin!r}")
    digest, path = hashlib.sha256(b"\x00" + leaf).digest(), [_decoded(line, "a proof's hash") for line in lines[1:]]
    if not included(int(number), checkpoint.size, digest, path, checkpoint.root):
        raise NoteInvalid(f"entry {number} is not the one under this checkpoint")
    return int(number)


def included(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a leaf's hash is entry `index` of the tree with this size and root (RFC 9162, 2.1.3.2)."""
    if not (_whole(index) and _whole(size)) or index >= size or not len(leaf) == len(root) == _HASH_BYTES:
        return False
    at, last, digest = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            digest = hashlib.sha256(b"\x01" + sibling + digest).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            digest = hashlib.sha256(b"\x01" + digest + sibling).digest()
        at, last = at >> 1, last >> 1
    return last == 0 and digest == root


def consistent(old: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Tell whether the tree of `size` extends the tree of `old` entries (RFC 9162, 2.1.4.2); nothing extends none."""
    if not (_whole(old) and _whole(size)) or not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    hashes = [old_root, *path] if old.bit_count() == 1 else list(path)
    if not hashes:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before = hashlib.sha256(b"\x01" + sibling + before).digest()
            after = hashlib.sha256(b"\x01" + sibling + after).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = hashlib.sha256(b"\x01" + after + sibling).digest()
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _signed(text: str, line: str, keys: Sequence[NoteKey]) -> bool:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not parts[1] or "+" in parts[1]:
        raise NoteInvalid("a signature line is malformed")
    content = _decoded(parts[2], "a signature")
    if len(content) < 5:
        raise NoteInvalid("a signature is too short")
    for key in keys:
        if (key.name, key.id) == (parts[1], content[:4]):
            try:
                key.public.verify(content[4:], text.encode())
            except InvalidSignature:
                raise NoteInvalid(f"the signature of {key.name!r} is wrong") from None
            return True
    return False


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteInvalid(f"{what} is not base64") from None


def _whole(number: object) -> bool:
    return type(number) is int and number >= 0
