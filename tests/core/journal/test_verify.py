"""Does the independent check convict every forger it can, and name the entry?"""

import ast
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus.core.journal import Entry, FieldForm, Journal, JournalKeys, Kind
from isthmus.core.journal.verify import Finding, Report, verify
from isthmus.residency import Label

LABEL = Label.of(["internal"], ["DE"], ["sf-eu"], person=False)


def full_entry(kind: Kind, outcome: Callable[..., Entry]) -> Entry:
    return outcome(
        kind=kind,
        principal="integration@acme.example",
        approver="carol@acme.example",
        policy={"cedar": "c" * 64},
        rules=("r1",),
        label_before=LABEL,
        label_after=LABEL,
        forms=(FieldForm(frozenset({"Email"}), "ref", ("home",)),),
        version_before="v1",
        credential_generation=3,
        http_status=200,
        quota_spent={"api": 1},
        erased=((0, 0),) if kind is Kind.ERASE else (),
    )


@pytest.fixture
def written(opened: Callable[..., Journal], outcome: Callable[..., Entry], tmp_path: Path) -> tuple[Path, str, str]:
    """A closed journal with one full entry of each kind, its key and its checkpoint."""
    with opened() as journal:
        for kind in Kind:
            journal.transact_sync(lambda tx, kind=kind: tx.append(full_entry(kind, outcome), {"note": kind.value}))
        note = journal.checkpoint_sync()
        journal.transact_sync(lambda tx: tx.append(outcome()))
        return tmp_path / "journal.db", journal.verification_key, note


def harmed(path: Path, *statements: str) -> Path:
    copy = path.with_name("harmed.db")
    shutil.copy(path, copy)
    db = sqlite3.connect(copy)
    db.execute("PRAGMA synchronous=OFF")
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()
    return copy


def test_an_untouched_journal_is_good(written: tuple[Path, str, str], keys: JournalKeys) -> None:
    path, key, note = written
    size = len(Kind) + 1
    assert verify(path, [key]) == Report(Finding.OK, size=size, covered=size - 1)
    assert verify(path, [key], older=[note], sealing=keys.sealing) == Report(Finding.OK, size=size, covered=size - 1)


def test_an_open_journal_can_be_checked(journal: Journal, tmp_path: Path) -> None:
    journal.transact_sync(lambda tx: tx.append(Entry(kind=Kind.DECISION)))
    assert verify(tmp_path / "journal.db", [journal.verification_key]).size == 1


def test_every_field_of_every_kind_is_under_the_hash(written: tuple[Path, str, str]) -> None:
    path, key, _ = written
    checked = 0
    for index in range(len(Kind)):
        db = sqlite3.connect(path)
        leaf = db.execute("SELECT leaf FROM entries WHERE idx = ?", (index,)).fetchone()[0]
        db.close()
        fields = json.loads(leaf[1:])
        for name in fields:
            changed = fields | {name: [*fields[name], "x"] if isinstance(fields[name], list) else "forged"}
            without = {other: value for other, value in fields.items() if other != name}
            for forged in (changed, without):
                text = json.dumps(forged, sort_keys=True, separators=(",", ":")).encode().hex()
                copy = harmed(path, f"UPDATE entries SET leaf = x'01{text}' WHERE idx = {index}")
                report = verify(copy, [key])
                assert (report.finding, report.index) == (Finding.TAMPERED, index), (name, report)
                checked += 1
    assert checked > 400


@pytest.mark.parametrize(
    ("harm", "index"),
    [
        ("DELETE FROM entries WHERE idx = 4", 4),
        ("DELETE FROM entries WHERE idx = 10", None),
        ("UPDATE entries SET idx = 99 WHERE idx = 4", 4),
        ("INSERT INTO entries SELECT 11, leaf, nodes FROM entries WHERE idx = 10", 11),
        ("UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 3) WHERE idx = 4", 4),
        ("UPDATE entries SET leaf = x'02' WHERE idx = 4", 4),
        ("UPDATE entries SET leaf = x'' WHERE idx = 4", 4),
        ("UPDATE entries SET leaf = CAST(x'01' || hex(zeroblob(40000)) AS BLOB) WHERE idx = 4", 4),
        ("UPDATE entries SET nodes = zeroblob(32) WHERE idx = 4", 4),
        ("UPDATE entries SET nodes = CAST(substr(nodes, 1, 32) || zeroblob(64) AS BLOB) WHERE idx = 3", 3),
        ("UPDATE entries SET nodes = substr(nodes, 1, 96) WHERE idx = 7", 7),
        ("UPDATE entries SET nodes = CAST(nodes || zeroblob(32) AS BLOB) WHERE idx = 6", 6),
        ("UPDATE entries SET nodes = x'' WHERE idx = 5", 5),
        ("UPDATE tree SET size = 10", None),
        ("UPDATE tree SET edge = zeroblob(96)", None),
        ("UPDATE checkpoints SET note = replace(note, char(10) || '10', char(10) || '11')", None),
        ("UPDATE checkpoints SET size = 9", None),
        ("DELETE FROM payloads WHERE idx = 4", 4),
        ("INSERT INTO payloads SELECT 4096, salt, body, subjects FROM payloads WHERE idx = 4", None),
    ],
)
def test_harm_is_found_and_placed(written: tuple[Path, str, str], harm: str, index: int | None) -> None:
    path, key, _ = written
    report = verify(harmed(path, harm), [key])
    assert report.finding is Finding.TAMPERED, report
    assert report.what
    assert index is None or report.index == index, report


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE payloads SET body = (SELECT body FROM payloads WHERE idx = 3) WHERE idx = 4",
        "UPDATE payloads SET salt = zeroblob(32) WHERE idx = 4",
        "UPDATE payloads SET body = x'00' WHERE idx = 4",
    ],
)
def test_a_changed_body_is_found_with_the_sealing_key(
    written: tuple[Path, str, str], keys: JournalKeys, harm: str
) -> None:
    path, key, _ = written
    report = verify(harmed(path, harm), [key], sealing=keys.sealing)
    assert (report.finding, report.index) == (Finding.TAMPERED, 4)


def rebuilt(path: Path, leaves: list[bytes]) -> Path:
    """Write a journal that hangs together, as somebody without the signing key could."""
    copy = harmed(path, "DELETE FROM entries", "DELETE FROM payloads WHERE idx >= 10")
    db = sqlite3.connect(copy)
    stack: list[tuple[int, bytes]] = []
    for index, leaf in enumerate(leaves):
        digest, level = hashlib.sha256(b"\x00" + leaf).digest(), 0
        complete = digest
        while stack and stack[-1][0] == level:
            digest, level = hashlib.sha256(b"\x01" + stack.pop()[1] + digest).digest(), level + 1
            complete += digest
        stack.append((level, digest))
        db.execute("INSERT INTO entries VALUES (?, ?, ?)", (index, leaf, complete))
    db.execute("UPDATE tree SET size = ?, edge = ?", (len(leaves), b"".join(digest for _, digest in stack)))
    db.execute("DELETE FROM payloads WHERE idx >= ?", (len(leaves),))
    db.commit()
    db.close()
    return copy


def leaves_of(path: Path) -> list[bytes]:
    db = sqlite3.connect(path)
    found = [leaf for (leaf,) in db.execute("SELECT leaf FROM entries ORDER BY idx")]
    db.close()
    return found


def test_a_forger_who_rebuilds_the_tree_meets_the_checkpoint(written: tuple[Path, str, str]) -> None:
    path, key, _ = written
    leaves = leaves_of(path)
    leaves[4] = leaves[4].replace(b'"allow"', b'"deny"')
    report = verify(rebuilt(path, leaves), [key])
    assert report.finding is Finding.TAMPERED
    assert report.index == 0
    assert "entries 0 to 9" in report.what


def test_a_tail_cut_below_a_checkpoint_is_found(written: tuple[Path, str, str]) -> None:
    path, key, _ = written
    report = verify(rebuilt(path, leaves_of(path)[:7]), [key])
    assert (report.finding, report.index) == (Finding.TAMPERED, 7)
    assert "covers 10" in report.what


def test_a_tail_cut_with_its_checkpoints_is_found_by_a_copy_kept_elsewhere(written: tuple[Path, str, str]) -> None:
    path, key, note = written
    cut = rebuilt(path, leaves_of(path)[:7])
    db = sqlite3.connect(cut)
    db.execute("DELETE FROM checkpoints")
    db.commit()
    db.close()
    assert verify(cut, [key]).finding is Finding.OK, "without a copy nothing can tell"
    assert verify(cut, [key], older=[note]).finding is Finding.TAMPERED


def test_an_older_copy_of_everything_is_found_by_a_newer_checkpoint(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    with opened() as journal:
        journal.transact_sync(lambda tx: tx.append(Entry(kind=Kind.DECISION)))
        journal.checkpoint_sync()
    shutil.copy(tmp_path / "journal.db", tmp_path / "older.db")
    with opened() as journal:
        journal.transact_sync(lambda tx: tx.append(Entry(kind=Kind.DECISION)))
        newer, key = journal.checkpoint_sync(), journal.verification_key
    assert verify(tmp_path / "older.db", [key]).finding is Finding.OK
    assert verify(tmp_path / "older.db", [key], older=[newer]).finding is Finding.TAMPERED


def test_flipped_bits_are_found_or_harmless(written: tuple[Path, str, str]) -> None:
    path, key, _ = written
    content, good, copy = path.read_bytes(), leaves_of(path), path.with_name("flipped.db")
    for offset in range(0, len(content), 499):
        copy.write_bytes(content[:offset] + bytes([content[offset] ^ 0x10]) + content[offset + 1 :])
        if verify(copy, [key]).finding is Finding.OK:
            assert leaves_of(copy) == good, f"the bit at {offset} changed an entry unseen"


def test_bad_input_is_unusable_and_says_why(written: tuple[Path, str, str], tmp_path: Path, keys: JournalKeys) -> None:
    path, key, _ = written
    (tmp_path / "text.db").write_text("not a database " * 100)
    for report, word in [
        (verify(tmp_path / "none.db", [key]), "no journal"),
        (verify(tmp_path / "text.db", [key]), "cannot be read"),
        (verify(path, []), "no verification key"),
        (verify(path, ["nonsense"]), "no verification key of the form"),
        (verify(path, [key], older=["nonsense"]), "no signatures"),
        (verify(path, [key], sealing=b"x" * 32), "sealing key given"),
        (verify(harmed(path, "UPDATE schema SET version = 99"), [key]), "version 99"),
        (verify(harmed(path, "UPDATE facts SET value = 'x.example' WHERE name = 'origin'"), [key]), "x.example"),
    ]:
        assert report.finding is Finding.UNUSABLE, report
        assert word in report.what


def test_a_journal_on_a_read_only_file_system_can_be_checked(written: tuple[Path, str, str], tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        shutil.copy(written[0], folder)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        assert verify(folder / written[0].name, [written[1]]).finding is Finding.OK
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_check_shares_no_code_with_the_writer() -> None:
    folder = Path(sys.modules[verify.__module__].__file__).parent
    imported = set()
    for name in ("verify.py", "notes.py"):
        for node in ast.walk(ast.parse((folder / name).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("isthmus")):
                imported.add((node.level, node.module))
    assert imported == {(1, "notes")}


def test_another_key_does_not_verify_the_stored_checkpoints(written: tuple[Path, str, str]) -> None:
    other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    assert verify(written[0], [other]).finding is Finding.TAMPERED
