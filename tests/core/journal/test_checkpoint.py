"""Are checkpoints and proofs what other implementations expect, and does the signer refuse a forked log?"""

import base64
import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isthmus.core.errors import ConfigurationError, NotFound
from isthmus.core.journal import Entry, Journal, JournalKeys, JournalUnavailable, Kind
from isthmus.core.journal.checkpoint import Head, Signer
from isthmus.core.journal.notes import NoteInvalid, NoteKey, open_checkpoint, open_note, proven

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo"
    " Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def append(journal: Journal, count: int) -> None:
    for number in range(count):
        journal.transact_sync(lambda tx, number=number: tx.append(Entry(kind=Kind.DECISION, attempt=f"at-{number}")))


def test_the_published_note_opens() -> None:
    assert open_note(NOTE, [NoteKey.parse(VKEY)]) == "This is an example message.\n"


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("example message", "exemple message"),
        NOTE.replace("Uw2QOkn8", "Uw2QOkn9"),
        NOTE.replace("— ", "- "),
        NOTE.replace("foo Uw", "foo  Uw"),
        NOTE.replace("foo Uw", "foobar Uw"),
        NOTE.removesuffix("\n"),
        NOTE.replace(" is", "\tis"),
        NOTE.split("—", maxsplit=1)[0],
        NOTE + NOTE.splitlines()[2].replace("Uw2QOkn8", "Uw2QOkn9") + "\n",
        NOTE.split("—", maxsplit=1)[0] + "— example.com/foo Uw2QOg==\n",
        "x" * 70_000 + NOTE,
        "",
    ],
)
def test_a_damaged_note_does_not_open(note: str) -> None:
    with pytest.raises(NoteInvalid):
        open_note(note, [NoteKey.parse(VKEY)])


def test_unknown_signers_are_ignored_beside_a_known_one() -> None:
    stranger = f"— witness.example {base64.b64encode(bytes(68)).decode()}\n"
    assert open_note(NOTE + stranger * 15, [NoteKey.parse(VKEY)])
    with pytest.raises(NoteInvalid, match="no known key"):
        open_note(NOTE.split("—", maxsplit=1)[0] + stranger, [NoteKey.parse(VKEY)])


@pytest.mark.parametrize(
    "vkey", ["", "a+b", "example.com/foo+530d903b+" + VKEY.split("+", 2)[2], VKEY + "!", "x y+00+AA"]
)
def test_a_damaged_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteInvalid):
        NoteKey.parse(vkey)


@pytest.mark.parametrize("origin", ["", "evil\n999\nAAAA", "two words", "a+b", "tab\there", "nul\0", "a\u2028b"])
def test_an_origin_that_could_frame_a_checkpoint_is_refused(origin: str, keys: JournalKeys) -> None:
    with pytest.raises(ConfigurationError, match="no key name"):
        Signer(origin, keys.signing)


@pytest.mark.parametrize("size", ["01", "-1", "1.0", "", "+1", "٣", "1 "])
def test_a_size_written_otherwise_is_no_checkpoint(size: str, keys: JournalKeys) -> None:
    signer = Signer("a.example", keys.signing)
    note = signer.sign(Head(5, bytes(32)))
    text = note.split("\n\n")[0].replace("\n5\n", f"\n{size}\n") + "\n"
    id = hashlib.sha256(b"a.example\n\x01" + keys.signing.public_key().public_bytes_raw()).digest()[:4]
    signature = base64.b64encode(id + keys.signing.sign(text.encode())).decode()
    with pytest.raises(NoteInvalid):
        open_checkpoint(f"{text}\n— a.example {signature}\n", [NoteKey.parse(signer.verification_key)])
    assert open_checkpoint(note, [NoteKey.parse(signer.verification_key)]).size == 5


async def test_a_checkpoint_signs_size_and_root(journal: Journal) -> None:
    await journal.transact(lambda tx: tx.append(Entry(kind=Kind.DECISION)))
    found = open_checkpoint(await journal.checkpoint(), [NoteKey.parse(journal.verification_key)])
    assert (found.origin, found.size) == ("acme.example/isthmus", 1)


def test_an_unchanged_log_is_signed_once(journal: Journal) -> None:
    append(journal, 3)
    assert journal.checkpoint_sync() == journal.checkpoint_sync()


def test_an_empty_log_can_be_signed_and_extended(journal: Journal) -> None:
    assert journal.checkpoint_sync().split("\n")[1] == "0"
    append(journal, 1)
    assert journal.checkpoint_sync().split("\n")[1] == "1"


def test_a_proof_convinces_without_the_journal(journal: Journal, tmp_path: Path) -> None:
    append(journal, 9)
    journal.checkpoint_sync()
    append(journal, 4)
    key = NoteKey.parse(journal.verification_key)
    db = sqlite3.connect(tmp_path / "journal.db")
    for index, leaf in db.execute("SELECT idx, leaf FROM entries WHERE idx < 9").fetchall():
        proof = journal.view().prove(index)
        assert proven(proof, leaf, [key], origin="acme.example/isthmus") == index
        with pytest.raises(NoteInvalid, match="not the one"):
            proven(proof, leaf + b" ", [key], origin="acme.example/isthmus")
        with pytest.raises(NoteInvalid, match="of the log"):
            proven(proof, leaf, [key], origin="other.example")
        with pytest.raises(NoteInvalid):
            proven(proof.replace(f"index {index}", f"index 0{index}"), leaf, [key], origin="acme.example/isthmus")
    db.close()


def test_an_entry_no_checkpoint_covers_is_not_proven(journal: Journal) -> None:
    append(journal, 1)
    with pytest.raises(NotFound, match="sign one first"):
        journal.view().prove(0)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE tree SET edge = zeroblob(32 * 3)",
        "UPDATE entries SET nodes = CAST(substr(nodes, 1, 64) || zeroblob(32) AS BLOB) WHERE idx = 3",
        "UPDATE checkpoints SET note = replace(note, char(10) || '5' || char(10), char(10) || '4' || char(10))",
        "UPDATE tree SET size = 4, edge = (SELECT substr(nodes, 65) FROM entries WHERE idx = 3)",
    ],
)
def test_the_signer_refuses_a_log_that_does_not_extend_its_last_checkpoint(
    opened: Callable[..., Journal], tmp_path: Path, harm: str
) -> None:
    with opened() as journal:
        append(journal, 5)
        journal.checkpoint_sync()
        append(journal, 2)
    db = sqlite3.connect(tmp_path / "journal.db")
    db.execute(harm)
    db.commit()
    db.close()
    with opened() as journal, pytest.raises(JournalUnavailable, match="isthmus audit verify") as refused:
        journal.checkpoint_sync()
    assert refused.value.reason == "journal_inconsistent"


def test_the_signer_refuses_a_checkpoint_of_another_key(keys: JournalKeys) -> None:
    other = Signer("a.example", Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    with pytest.raises(JournalUnavailable, match="not signed by this key"):
        Signer("a.example", keys.signing).read_back(other.sign(Head(1, bytes(32))))
