"""Does a leaf say everything, the same way each time, and nothing about a person?"""

import hmac
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isthmus.core.errors import InvalidArguments
from isthmus.core.journal import Entry, FieldForm, Journal, JournalKeys, Kind, Transaction
from isthmus.core.journal.leaf import encode_body, encode_leaf, parse_leaf
from isthmus.core.journal.log import MOST_NAMED
from isthmus.core.journal.sealing import Sealer, canonical
from isthmus.core.journal.verify import Finding, verify
from isthmus.residency import Integrity, Label

LABEL = Label.of(["pii"], ["DE"], ["sf-eu"], Integrity.TRUSTED, person=True)
EVERY_FIELD = {
    "attempt": "at-9",
    "time": datetime(2026, 11, 22, 13, tzinfo=UTC),
    "principal": "integration@acme.example",
    "agent": "finance",
    "on_behalf_of": "bob@acme.example",
    "client": "desktop",
    "tool": "delete",
    "schema_hash": "5" * 64,
    "system": "erp",
    "connection": "sap-de",
    "object": "Supplier",
    "effects": ("delete",),
    "door": "odata",
    "zone": "eu-de",
    "consumer": "host-us",
    "purpose": "support",
    "task": "t_1",
    "policy": {"cedar": "c" * 64},
    "rules": ("no-delete",),
    "decision": "deny",
    "state": "unknown",
    "label_before": LABEL,
    "label_after": LABEL,
    "forms": (FieldForm(frozenset({"Email"}), "ref", ("home",)),),
    "approval": "ap-1",
    "approver": "carol@acme.example",
    "argument_digest": "e" * 64,
    "record_ids": ("sap-de/Supplier/1", "sap-de/Supplier/2"),
    "version_before": "v1",
    "version_after": "v2",
    "credential_generation": 0,
    "upstream_request_ids": ("req-1",),
    "http_status": 204,
    "error": "denied",
    "attempts": 2,
    "bytes": 0,
    "duration_us": 17,
    "quota_spent": {"api": 1},
    "trace_id": "f" * 32,
    "basis": "gdpr-17",
    "erased": ((1, 2),),
}


def encode(entry: Entry, index: int = 7) -> bytes:
    return encode_leaf(
        entry,
        index=index,
        time=entry.time or datetime(2026, 11, 22, tzinfo=UTC),
        name=lambda told: told and f"name-{told[:1]}{len(told)}",
    )


def test_the_sample_names_every_field() -> None:
    assert {"kind", *EVERY_FIELD} == set(Entry.__struct_fields__)


@pytest.mark.parametrize("name", EVERY_FIELD)
def test_every_field_is_in_the_hashed_record(journal: Journal, name: str) -> None:
    plain, full = Entry(kind=Kind.OUTCOME), Entry(kind=Kind.OUTCOME, **{name: EVERY_FIELD[name]})
    indexes = [journal.transact_sync(lambda tx, entry=entry: tx.append(entry)) for entry in (plain, full)]
    first, second = (dict(journal.view().entry(index).leaf) for index in indexes)
    del first["sequence"], second["sequence"]
    assert first != second


def test_a_leaf_is_a_version_byte_and_canonical_json() -> None:
    leaf = encode(Entry(kind=Kind.INTENT, agent="triage", http_status=200, policy={"b": "2", "a": "1"}))
    assert leaf == (
        b'\x01{"agent":"triage","http_status":200,"kind":"intent","policy":{"a":"1","b":"2"},"sequence":7,'
        b'"time":"2026-11-22T00:00:00.000000Z"}'
    )


TEXTS = st.sampled_from(["", "%s", "100%", '"', "\\", "\ud800", "a\x00b", "é\U0001f600", "x" * 1_001]) | st.text(
    max_size=9
)


def values_like(value: object) -> st.SearchStrategy[object]:
    if isinstance(value, str):
        return TEXTS
    if isinstance(value, int):
        return st.integers(0, 2**60)
    if isinstance(value, tuple) and isinstance(value[0], str):
        return st.lists(TEXTS, max_size=3).map(tuple)
    return st.just(value)


# Each field is left as it is, or holds anything of its kind.
ENTRIES = st.fixed_dictionaries(
    {"kind": st.sampled_from(Kind)}, optional={name: values_like(value) for name, value in EVERY_FIELD.items()}
).map(lambda fields: Entry(**fields))


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
@example(Entry(kind=Kind.OUTCOME, **EVERY_FIELD))
def test_every_leaf_is_canonical_and_holds_what_the_entry_says(entry: Entry) -> None:
    leaf = encode(entry)
    read = parse_leaf(leaf)
    assert leaf == b"\x01" + canonical(read)
    said = {name for name in Entry.__struct_fields__ if getattr(entry, name) not in ("", None, (), {})}
    assert read.keys() == (said - {"argument_digest"}) | {"sequence", "time"}
    for name in ("agent", "error", "purpose", "tool", "trace_id"):
        assert read.get(name, "") == cut(getattr(entry, name))
    assert read.get("rules", []) == list(entry.rules)
    assert read.get("bytes") == entry.bytes
    assert read.get("policy", {}) == entry.policy


def cut(text: str) -> str:
    return text if len(text) <= 1_000 else text[:999] + "…"


@pytest.mark.parametrize("text", ["plain", "\ud800"])
@pytest.mark.parametrize("micros", [0, 40])
def test_a_time_is_written_in_utc_with_all_six_digits(micros: int, text: str) -> None:
    noon = datetime(2026, 11, 22, 12, 0, 0, micros, tzinfo=UTC)
    for time in (noon, noon.astimezone(timezone(timedelta(hours=1)))):
        told = parse_leaf(encode(Entry(kind=Kind.INTENT, time=time, object=text)))["time"]
        assert told == f"2026-11-22T12:00:00.{micros:06}Z"


def test_an_empty_payload_is_kept_beside_any_name() -> None:
    entry = Entry(kind=Kind.INTENT, on_behalf_of="\ud800")
    assert encode_body(entry, {}) == b'{"payload":{},"private":{"on_behalf_of":"\\ud800"}}'
    assert encode_body(Entry(kind=Kind.INTENT), {}) == b'{"payload":{}}'
    assert encode_body(Entry(kind=Kind.INTENT), None) == b""


@pytest.mark.parametrize("fields", [{"bytes": 1.0}, {"attempts": True}, {"quota_spent": {"sf-eu": 0.5}}])
def test_a_fraction_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="whole numbers"):
        encode(Entry(kind=Kind.OUTCOME, **fields))


def test_an_index_changes_the_leaf() -> None:
    assert encode(Entry(kind=Kind.INTENT), 1) != encode(Entry(kind=Kind.INTENT), 2)


def test_people_records_and_payloads_stay_out_of_the_leaf(journal: Journal) -> None:
    entry = Entry(kind=Kind.OUTCOME, **EVERY_FIELD)
    index = journal.transact_sync(lambda tx: tx.append(entry, {"values": {"Email": "anna@acme.example"}}))
    read = journal.view().entry(index)
    leaf = json.dumps(dict(read.leaf))
    named = (entry.principal, entry.on_behalf_of, entry.approver, *entry.record_ids)
    for secret in (*named, entry.argument_digest, "anna@acme.example", "Email@"):
        assert secret not in leaf
    assert read.private["on_behalf_of"] == "bob@acme.example"
    assert read.private["record_ids"] == ["sap-de/Supplier/1", "sap-de/Supplier/2"]
    assert read.payload == {"values": {"Email": "anna@acme.example"}}


@given(st.text(min_size=1), st.binary(min_size=32, max_size=32))
def test_a_pseudonym_is_half_an_hmac_under_the_key(name: str, key: bytes) -> None:
    keys = JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=key)
    found = Sealer(keys, "acme.example/isthmus", bytes).pseudonym(name)
    assert found == hmac.digest(key, name.encode(), "sha256").hex()[:32]


def test_equal_arguments_are_committed_to_differently_each_time(
    journal: Journal, outcome: Callable[..., Entry]
) -> None:
    indexes = [journal.transact_sync(lambda tx: tx.append(outcome())) for _ in range(2)]
    first, second = (journal.view().entry(index).leaf["arguments"] for index in indexes)
    assert first != second


def test_every_body_has_a_long_salt_and_a_nonce_of_its_own(
    journal: Journal, outcome: Callable[..., Entry], tmp_path: Path
) -> None:
    def three(tx) -> None:
        for _ in range(3):
            tx.append(outcome())

    journal.transact_sync(three)
    journal.transact_sync(three)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        rows = db.execute("SELECT salt, substr(body, 6, 12) FROM payloads").fetchall()
    assert [(len(salt), len(nonce)) for salt, nonce in rows] == [(32, 12)] * 6
    drawn = [part for row in rows for part in (row[0][:12], row[1])]
    assert len(set(drawn)) == 12


def test_the_same_person_has_the_same_pseudonym(journal: Journal, outcome: Callable[..., Entry]) -> None:
    index = journal.transact_sync(lambda tx: tx.append(outcome()))
    assert journal.view().entry(index).leaf["on_behalf_of"] == journal.view().pseudonym("anna@acme.example")
    assert journal.view().about("anna@acme.example") == (index,)
    assert journal.view().about("sf-eu/Contact/003AA") == (index,)


def test_hostile_texts_are_recorded_and_read_back() -> None:
    for text in ("\ud800", "a\nb\x00", "Ünïcode \U0001f600", '"}{"'):
        assert parse_leaf(encode(Entry(kind=Kind.DECISION, object=text)))["object"] == text


def test_a_long_text_is_cut_so_that_a_refusal_can_be_recorded() -> None:
    read = parse_leaf(encode(Entry(kind=Kind.DECISION, object="x" * 100_000)))
    assert read["object"] == "x" * 999 + "…"


def test_fields_released_alike_are_grouped() -> None:
    forms = (FieldForm(frozenset(f"Field_{number}__c" for number in range(half, half + 400)), "clear", ("r1",))
             for half in (0, 400))  # fmt: skip
    leaf = encode(Entry(kind=Kind.OUTCOME, forms=(*forms, FieldForm(frozenset({"Email"}), "drop", ("r2",)))))
    groups = parse_leaf(leaf)["forms"]
    assert [(group["form"], len(group["fields"])) for group in groups] == [("clear", 800), ("drop", 1)]
    assert len(leaf) < 16_000


def test_an_entry_over_the_limit_is_refused_and_leaves_no_trace(journal: Journal) -> None:
    with pytest.raises(InvalidArguments, match="at most 65535") as refused:
        journal.transact_sync(lambda tx: tx.append(Entry(kind=Kind.OUTCOME, rules=tuple(["r" * 1_000] * 66))))
    assert refused.value.reason == "entry_too_long"
    assert journal.view().size == 0


def test_an_entry_that_fails_inside_a_unit_leaves_no_half(journal: Journal) -> None:
    def refuse_then_record(tx) -> int:
        with pytest.raises(InvalidArguments):
            tx.append(Entry(kind=Kind.OUTCOME, on_behalf_of="anna", rules=tuple(["r" * 1_000] * 66)), {"note": 1})
        return tx.append(Entry(kind=Kind.DECISION, on_behalf_of="bob", error="entry_too_long"), {"note": 2})

    assert journal.transact_sync(refuse_then_record) == 0
    assert journal.view().entry(0).payload == {"note": 2}
    assert journal.view().about("anna") == ()


def test_names_that_are_spelled_into_one_another_are_recorded(journal: Journal) -> None:
    entry = Entry(kind=Kind.DECISION, record_ids=("\ud800", "\\ud800", "x", "x"))
    index = journal.transact_sync(lambda tx: tx.append(entry))
    assert len(journal.view().entry(index).leaf["record_ids"]) == 4


def test_numbers_that_are_not_whole_are_refused() -> None:
    for number in (1.5, True):
        with pytest.raises(TypeError, match="whole number"):
            encode(Entry(kind=Kind.OUTCOME, bytes=number))


def test_an_unknown_leaf_version_is_named() -> None:
    with pytest.raises(ValueError, match="leaf version 02"):
        parse_leaf(b"\x02{}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_canonical_json_reads_back_and_ignores_order(value: object) -> None:
    encoded = canonical(value)
    assert json.loads(encoded) == value
    if isinstance(value, dict):
        assert canonical(dict(reversed(value.items()))) == encoded


def test_keys_never_show(keys: JournalKeys) -> None:
    assert "s" * 8 not in repr(keys)
    assert "p" * 8 not in repr(keys)


def test_more_records_than_a_leaf_has_room_for_go_on_in_entries_behind_it(
    opened: Callable[..., Journal], outcome: Callable[..., Entry], keys: JournalKeys, tmp_path: Path
) -> None:
    names = tuple(f"{number:018d}" for number in range(2 * MOST_NAMED + 1))
    with opened() as journal:
        journal.transact_sync(lambda tx: tx.append(outcome()))
        index = journal.transact_sync(lambda tx: tx.append(outcome(record_ids=names), {"note": "all"}))
        note = journal.checkpoint_sync()
        view = journal.view()
        found = list(view.entries(index, view.size))
        key = journal.verification_key
        assert [one.leaf.get("decision") for one in found] == ["allow", "continued", "continued"]
        assert len({str(one.leaf[name]) for one in found for name in ("attempt",)}) == 1
        assert tuple(name for one in found for name in one.private["record_ids"]) == names
        assert {one.leaf["state"] for one in found} == {"happened"}
        assert [bool(one.payload) for one in found] == [True, False, False]
        gone = journal.transact_sync(lambda tx: tx.erase(names[-1], who="dpo", why="asked", basis="GDPR 17"))
        assert gone == (index + 2,)
    report = verify(tmp_path / "journal.db", [key], older=[note], sealing=keys.sealing)
    assert (report.finding, report.size, report.covered) == (Finding.OK, 5, 4)
    assert report.erased == 1


def test_entries_that_go_on_are_there_as_a_whole_or_not_at_all(journal: Journal, outcome: Callable[..., Entry]) -> None:
    names = (*(f"{number:018d}" for number in range(MOST_NAMED)), "one more")

    def work(transaction: Transaction) -> None:
        transaction.append(outcome(record_ids=names))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.transact_sync(work)
    assert journal.view().size == 0
