"""Does the command line verify, show and sign the log, and never a payload?"""

import sqlite3
from pathlib import Path

import pytest

from .conftest import Shell

QUERY = ("call", "query", "object=Contact", "select=Name,Email", "limit=5", "--client", "desktop-eu")


@pytest.fixture
def log(shell: Shell) -> Path:
    """Make some entries; return the file that holds them."""
    shell.ok(*QUERY)
    return shell.config.parent / "state" / "journal.db"


def change(log: Path, statement: str) -> None:
    with sqlite3.connect(log) as db:
        db.execute(statement)
    db.close()


def test_a_whole_log_is_verified(shell: Shell, log: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text(shell.ok("audit", "checkpoint"))
    assert shell.ok("audit", "verify", "--checkpoint", str(note)).startswith("The log is whole: ")
    report = shell.ok_json("audit", "verify")
    assert report["finding"] == "ok"
    assert report["covered"] == report["size"] > 0


def test_a_changed_entry_is_named(shell: Shell, log: Path) -> None:
    change(log, "UPDATE entries SET leaf = replace(leaf, 'allowed', 'refused') WHERE idx = 3")
    done = shell("audit", "verify")
    assert done.code == 1
    assert done.out.startswith("TAMPERED at entry 3: ")
    report = shell("audit", "verify", "--json").json
    assert (report["finding"], report["index"]) == ("tampered", 3)


def test_a_log_cut_short_is_found_by_a_checkpoint_kept_elsewhere(shell: Shell, log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "older.db"
    with sqlite3.connect(log) as db, sqlite3.connect(copy) as older:
        db.backup(older)
    db.close()
    older.close()
    shell.ok(*QUERY)
    signed = shell.ok_json("audit", "checkpoint")
    note = tmp_path / "note"
    note.write_text(signed["checkpoint"])
    key = signed["verification_key"]
    words = ("audit", "verify", "--journal", str(copy), "--key", key)
    assert shell(*words).code == 0
    assert shell(*words, "--checkpoint", str(note)).code == 1


def test_a_key_kept_elsewhere_needs_no_installation(shell: Shell, log: Path, tmp_path: Path) -> None:
    key = shell.ok_json("audit", "checkpoint")["verification_key"]
    shell.config.unlink()
    shell.ok("audit", "verify", "--journal", str(log), "--key", key)


def test_what_cannot_be_judged_is_unusable(shell: Shell, tmp_path: Path) -> None:
    assert "there is no journal at 'journal.db'" in shell.fails("audit", "verify", code=2)
    note = tmp_path / "note"
    note.write_text("no note")
    shell.ok(*QUERY)
    assert "nothing can be said about the log" in shell.fails("audit", "verify", "--checkpoint", str(note), code=2)


def test_entries_are_shown_without_values_or_names(shell: Shell, log: Path) -> None:
    emails = [one["fields"]["Email"] for one in shell.ok_json(*QUERY)["records"]]
    for words in (("audit", "show"), ("audit", "show", "--json"), ("audit", "show", "--last", "1")):
        text = shell.ok(*words)
        assert "alice" not in text
        assert not [one for one in emails if one and one in text]
    assert "query crm-eu/Contact" in shell.ok("audit", "show")
    assert len(shell.ok_json("audit", "show", "--last", "2")["entries"]) == 2


def test_all_entries_of_one_call_are_shown(shell: Shell, log: Path) -> None:
    attempt = shell.ok_json("audit", "show", "--last", "1")["entries"][0]["attempt"].partition(".")[0]
    found = shell.ok_json("audit", "show", "--attempt", attempt[-8:])["entries"]
    assert {one["attempt"].partition(".")[0] for one in found} == {attempt}
    assert sorted(one["kind"] for one in found) == ["lookup", "lookup", "outcome", "outcome"]
    assert "connection" in shell.ok("audit", "show", "--attempt", attempt)


ERASE = ("--basis", "gdpr-17", "--as", "officer", "--why", "request 17")


def test_entries_about_a_person_are_listed(shell: Shell, log: Path) -> None:
    shell.ok(*QUERY, "--user", "maria")
    about, whole = (
        shell.ok_json("audit", *words)["entries"] for words in (("about", "maria"), ("show", "--last", "99"))
    )
    assert 0 < len(about) < len(whole)
    assert [one for one in about if one not in whole] == []
    assert "maria" not in str(about)
    assert "query" in shell.ok("audit", "about", "maria")
    assert shell.ok("audit", "about", "nobody") == "no entry names it\n"


def test_a_record_is_found_by_the_id_that_an_answer_gave(shell: Shell) -> None:
    ids = [one["id"] for one in shell.ok_json(*QUERY)["records"]]
    shell.ok("call", "get", "object=Contact", f"id={ids[0]}", "fields=Title", "--client", "desktop-eu")
    found = shell.ok_json("audit", "about", ids[0])["entries"]
    assert {(one["kind"], one["tool"]) for one in found} == {("outcome", "get")}
    other = "crm-us" if ids[0].startswith("crm-eu") else "crm-eu"
    assert shell.ok_json("audit", "about", f"{other}~{ids[0].partition('~')[2]}") == {"entries": []}
    assert shell.ok_json("audit", "about", ids[1]) == {"entries": []}


def test_nothing_is_erased_before_it_is_confirmed(shell: Shell, log: Path) -> None:
    found = len(shell.ok_json("audit", "about", "alice")["entries"])
    told = shell.ok("audit", "erase", "alice", *ERASE)
    assert f"{found} entries name it; nothing is erased yet" in told
    assert "--yes" in told
    assert len(shell.ok_json("audit", "about", "alice")["entries"]) == found


def test_a_person_is_erased_and_every_proof_holds(shell: Shell, log: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text(shell.ok("audit", "checkpoint"))
    found = len(shell.ok_json("audit", "about", "alice")["entries"])
    assert shell.ok_json("audit", "erase", "alice", *ERASE, "--yes") == {"found": found, "erased": found}
    assert shell.ok_json("audit", "about", "alice") == {"entries": []}
    report = shell.ok_json("audit", "verify", "--checkpoint", str(note))
    assert (report["finding"], report["erased"]) == ("ok", found)
    tombstone = shell.ok_json("audit", "show", "--last", "1")["entries"][0]
    assert (tombstone["kind"], tombstone["state"], tombstone["basis"]) == ("erase", "erased", "gdpr-17")
    assert "officer" not in str(tombstone)
    with shell.open_journal() as journal:
        told = journal.view().entry(journal.view().size - 1)
    assert (told.private["principal"], told.payload) == ("officer", {"why": "request 17"})


def test_an_erasure_names_its_basis_and_who_orders_it(shell: Shell, log: Path) -> None:
    assert "--basis" in shell.fails("audit", "erase", "alice", "--as", "officer", code=2)
    assert "--as" in shell.fails("audit", "erase", "alice", "--basis", "gdpr-17", code=2)


def test_nobody_is_not_everybody(shell: Shell, log: Path) -> None:
    for nobody in ("", "crm-eu~"):
        assert shell.ok_json("audit", "erase", nobody, *ERASE, "--yes") == {"found": 0, "erased": 0}
    assert shell.ok_json("audit", "about", "alice")["entries"]


def test_an_open_write_is_settled_before_it_is_erased(shell: Shell) -> None:
    shell.ok("call", "create", "object=Case", "values.Subject=x", "key=k-1", "--client", "desktop-eu")
    id = shell.ok_json("audit", "show", "--last", "1")["entries"][0]["attempt"]
    change(shell.config.parent / "state" / "journal.db", f"UPDATE intents SET state = 'open' WHERE id = '{id}'")
    assert "settle it, then erase" in shell.fails("audit", "erase", "alice", *ERASE, "--yes")
    assert shell.ok_json("audit", "about", "alice")["entries"]
