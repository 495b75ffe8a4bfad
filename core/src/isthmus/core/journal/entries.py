"""What does one entry of the log say, and in which bytes?"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON
from isthmus.residency import Label

from .sealing import canonical

__all__ = [
    "MAX_LEAF_BYTES",
    "Entry",
    "FieldForm",
    "Kind",
    "Recorded",
    "encode_leaf",
    "parse_leaf",
    "private_part",
    "subjects",
]

LEAF_V1 = b"\x01"
MAX_LEAF_BYTES = 65_535
_LONGEST_TEXT = 1_000


class Kind(StrEnum):
    """What an entry records."""

    INTENT = "intent"
    DECISION = "decision"
    OUTCOME = "outcome"
    APPROVAL = "approval"
    CREDENTIAL = "credential"
    POLICY = "policy"
    ERASE = "erase"
    CHECKPOINT = "checkpoint"
    RESTORE = "restore"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class FieldForm:
    """In which form one field was released, and the rules that decided."""

    field: str
    form: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; what is empty is left out of the leaf, and no field takes a value of a record.

    People and records are named here in clear (`principal`, `on_behalf_of`, `approver`, `record_ids`,
    `argument_digest`): the leaf holds pseudonyms and a salted commitment, the sealed body the originals. `time` is
    read from the journal's clock when None. `policy` maps a policy's name to its digest. `state` is what the entry
    brought about: an intent's, approval's or credential's new state. `version_*` are a system's version tokens.
    `erased` are inclusive ranges of indexes. Texts over 1,000 characters are cut.
    """

    kind: Kind
    attempt: str = ""
    time: datetime | None = None
    principal: str = ""
    agent: str = ""
    on_behalf_of: str = ""
    client: str = ""
    tool: str = ""
    schema_hash: str = ""
    system: str = ""
    connection: str = ""
    object: str = ""
    effects: tuple[str, ...] = ()
    door: str = ""
    zone: str = ""
    consumer: str = ""
    purpose: str = ""
    task: str = ""
    policy: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    decision: str = ""
    state: str = ""
    label_before: Label | None = None
    label_after: Label | None = None
    forms: tuple[FieldForm, ...] = ()
    approval: str = ""
    approver: str = ""
    argument_digest: str = ""
    record_ids: tuple[str, ...] = ()
    version_before: str = ""
    version_after: str = ""
    credential_generation: int | None = None
    upstream_request_ids: tuple[str, ...] = ()
    http_status: int | None = None
    error: str = ""
    attempts: int | None = None
    bytes: int | None = None
    duration_us: int | None = None
    quota_spent: Mapping[str, int] = field(default_factory=dict)
    trace_id: str = ""
    basis: str = ""
    erased: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry read back: its leaf, the sealed names, and the payload; both are empty once erased."""

    index: int
    leaf: Mapping[str, JSON]
    private: Mapping[str, JSON] = field(default_factory=dict)
    payload: Mapping[str, JSON] = field(default_factory=dict)


_TEXTS = (
    *("attempt", "agent", "client", "tool", "schema_hash", "system", "connection", "object", "door", "zone"),
    *("consumer", "purpose", "task", "decision", "state", "approval", "version_before", "version_after", "error"),
    *("trace_id", "basis"),
)
_NUMBERS = ("credential_generation", "http_status", "attempts", "bytes", "duration_us")
_COLLECTIONS = ("effects", "rules", "upstream_request_ids", "erased", "policy")
_read_texts, _read_numbers, _read_collections = (attrgetter(*names) for names in (_TEXTS, _NUMBERS, _COLLECTIONS))
_PEOPLE = ("principal", "on_behalf_of", "approver")


def subjects(entry: Entry) -> set[str]:
    """Return the people and records that an entry names."""
    return {entry.principal, entry.on_behalf_of, entry.approver, *entry.record_ids} - {""}


def private_part(entry: Entry) -> dict[str, JSON]:
    """Return what may not stand in the leaf: names of people and records, and the digest of the arguments."""
    found: dict[str, JSON] = {name: value for name in _PEOPLE if (value := getattr(entry, name))}
    if entry.record_ids:
        found["record_ids"] = entry.record_ids
    if entry.argument_digest:
        found["argument_digest"] = entry.argument_digest
    return found


def encode_leaf(
    entry: Entry, *, index: int, time: datetime, pseudonyms: Mapping[str, str], committed: Mapping[str, str]
) -> bytes:
    """Encode an entry: version byte 0x01, then canonical JSON without floats.

    `pseudonyms` maps each of `subjects(entry)`; `committed` holds the commitments to what is sealed apart.

    Raises:
        InvalidArguments: the leaf would exceed 65,535 bytes.
    """
    leaf: dict[str, object] = {"kind": entry.kind.value, "sequence": index, "time": _stamp(time), **committed}
    for name, text in zip(_TEXTS, _read_texts(entry), strict=True):
        if text:
            leaf[name] = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
    leaf |= {name: items for name, items in zip(_COLLECTIONS, _read_collections(entry), strict=True) if items}
    for name in _PEOPLE:
        if person := getattr(entry, name):
            leaf[name] = pseudonyms[person]
    if entry.record_ids:
        leaf["record_ids"] = [pseudonyms[record] for record in entry.record_ids]
    return _bounded(LEAF_V1 + canonical(leaf | _numbers(entry) | _judged(entry)), entry)


def parse_leaf(leaf: bytes) -> dict[str, JSON]:
    """Read a leaf back into its JSON object."""
    if leaf[:1] != LEAF_V1:
        raise ValueError(f"leaf version {leaf[:1].hex() or 'none'} is not known; a newer isthmus may have written it")
    found: dict[str, JSON] = json.loads(leaf[1:])
    return found


def _numbers(entry: Entry) -> dict[str, object]:
    found: dict[str, object] = {
        name: _whole(name, number)
        for name, number in zip(_NUMBERS, _read_numbers(entry), strict=True)
        if number is not None
    }
    if entry.quota_spent:
        found["quota_spent"] = {name: _whole("quota_spent", spent) for name, spent in entry.quota_spent.items()}
    return found


def _judged(entry: Entry) -> dict[str, object]:
    labels = {"label_before": entry.label_before, "label_after": entry.label_after}
    found: dict[str, object] = {name: label.as_dict() for name, label in labels.items() if label is not None}
    if entry.forms:
        found["forms"] = _grouped(entry.forms)
    return found


def _stamp(time: datetime) -> str:
    utc = time if time.tzinfo is UTC else time.astimezone(UTC)
    return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _whole(name: str, number: int) -> int:
    if type(number) is not int:
        raise TypeError(f"entry field {name!r} takes a whole number, not {number!r}")
    return number


def _grouped(forms: Iterable[FieldForm]) -> list[object]:
    # Wide objects release hundreds of fields alike: one group for each form and set of rules.
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in forms:
        groups.setdefault((each.form, each.rules), []).append(each.field)
    return [{"form": form, "rules": rules, "fields": sorted(names)} for (form, rules), names in sorted(groups.items())]


def _bounded(leaf: bytes, entry: Entry) -> bytes:
    if len(leaf) > MAX_LEAF_BYTES:
        raise InvalidArguments(
            f"the journal entry takes {len(leaf)} bytes of at most {MAX_LEAF_BYTES}; ask for fewer fields or records",
            code="entry_too_long",
            subject=f"agent {entry.agent!r}",
            object=f"{entry.connection}/{entry.object}",
        )
    return leaf
