"""What does one entry of the log say, and in which bytes?"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NoReturn

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON
from isthmus.residency import Label

from .sealing import canonical, quoted

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


_SHARED = (
    *("agent", "basis", "client", "connection", "consumer", "decision", "door", "effects", "kind", "object"),
    *("purpose", "rules", "schema_hash", "state", "system", "task", "tool", "zone"),
)
_TEXTS = ("approval", "attempt", "error", "trace_id", "version_after", "version_before")
_NUMBERS = ("attempts", "bytes", "credential_generation", "duration_us", "http_status")
_PEOPLE = ("approver", "on_behalf_of", "principal")


def subjects(entry: Entry) -> set[str]:
    """Return the people and records that an entry names."""
    return {entry.principal, entry.on_behalf_of, entry.approver, *entry.record_ids} - {""}


def private_part(entry: Entry) -> str:
    """Encode what may not stand in the leaf: names of people and records, and the digest of the arguments.

    The text is canonical JSON, empty where there is nothing.
    """
    parts = [f'"approver":{quoted(entry.approver)}'] if entry.approver else []
    if entry.argument_digest:
        parts.append(f'"argument_digest":{quoted(entry.argument_digest)}')
    if entry.on_behalf_of:
        parts.append(f'"on_behalf_of":{quoted(entry.on_behalf_of)}')
    if entry.principal:
        parts.append(f'"principal":{quoted(entry.principal)}')
    if entry.record_ids:
        parts.append(f'"record_ids":{_texts(entry.record_ids)}')
    return "{" + ",".join(parts) + "}" if parts else ""


def encode_leaf(
    entry: Entry, *, index: int, time: datetime, pseudonyms: Mapping[str, str], committed: Mapping[str, str]
) -> bytes:
    """Encode an entry: version byte 0x01, then canonical JSON without floats.

    `pseudonyms` maps each of `subjects(entry)`; `committed` holds the commitments to what is sealed apart.

    Raises:
        InvalidArguments: the leaf would exceed 65,535 bytes.
    """
    values = list(_read(entry))
    for at in _NAMED:
        if name := values[at]:
            values[at] = pseudonyms[name]
    if records := values[_RECORDS]:
        values[_RECORDS] = [record and pseudonyms[record] for record in records]
    values[_ARGUMENTS], values[_PAYLOAD] = committed.get("arguments"), committed.get("payload")
    values[_SEQUENCE], values[_TIME] = index, time
    # An empty value is left out, but not a zero: only numbers compare equal to it.
    slots = [
        key + write(value) if value or value == 0 else "" for (key, write), value in zip(_OWN, values, strict=True)
    ]
    # A lone surrogate has no UTF-8; its backslash form is the JSON escape of the same character.
    text = _shared(_read_shared(entry), tuple(entry.policy.items())) % tuple(slots)
    leaf = b"%b{%b}" % (LEAF_V1, text.encode("utf-8", "backslashreplace")[1:])
    return leaf if len(leaf) <= MAX_LEAF_BYTES else _refuse(leaf, entry)


@lru_cache(maxsize=1024)
def _shared(told: tuple[str | tuple[str, ...], ...], policy: tuple[tuple[str, str], ...]) -> str:
    """Write what many calls have in common, with a place for each key that is a call's own; commas go before."""
    found = {
        name: f',"{name}":{_text(value) if isinstance(value, str) else _texts(value)}'
        for name, value in zip(_SHARED, told, strict=True)
        if value
    }
    if policy:
        found["policy"] = f',"policy":{canonical(dict(policy)).decode()}'
    found = {name: text.replace("%", "%%") for name, text in found.items()} | dict.fromkeys(_WRITERS, "%s")
    return "".join(found[name] for name in sorted(found))


def parse_leaf(leaf: bytes) -> dict[str, JSON]:
    """Read a leaf back into its JSON object."""
    if leaf[:1] != LEAF_V1:
        raise ValueError(f"leaf version {leaf[:1].hex() or 'none'} is not known; a newer isthmus may have written it")
    found: dict[str, JSON] = json.loads(leaf[1:])
    return found


def _text(text: str) -> str:
    return quoted(text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…")


def _texts(texts: Iterable[str]) -> str:
    return "[" + ",".join(map(quoted, texts)) + "]"


def _stamp(time: datetime) -> str:
    utc = time if time.tzinfo is UTC else time.astimezone(UTC)
    return '"' + utc.isoformat(timespec="microseconds")[:26] + 'Z"'


def _whole(number: int) -> str:
    if type(number) is not int:
        raise TypeError(f"an entry takes whole numbers, not {number!r}")
    return str(number)


def _spent(quota: Mapping[str, int]) -> str:
    return "{" + ",".join(f"{quoted(name)}:{_whole(quota[name])}" for name in sorted(quota)) + "}"


@lru_cache(maxsize=1024)
def _label(label: Label) -> str:
    return canonical(label.as_dict()).decode()


def _forms(forms: Iterable[FieldForm]) -> str:
    # Wide objects release hundreds of fields alike: one group for each form and set of rules.
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    last: FieldForm | None = None
    for each in forms:
        if last is None or each.rules is not last.rules or each.form is not last.form:
            last, names = each, groups.setdefault((each.form, each.rules), [])
        names.append(each.field)
    return "[" + ",".join(_group(*key, tuple(names)) for key, names in sorted(groups.items())) + "]"


@lru_cache(maxsize=1024)
def _group(form: str, rules: tuple[str, ...], names: tuple[str, ...]) -> str:
    return f'{{"fields":{_texts(sorted(names))},"form":{quoted(form)},"rules":{_texts(rules)}}}'


def _json(value: object) -> str:
    return canonical(value).decode()


_WRITERS: dict[str, Callable[..., str]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_NUMBERS, _whole),
    **dict.fromkeys(_PEOPLE, quoted),
    **dict.fromkeys(("record_ids", "upstream_request_ids"), _texts),
    **dict.fromkeys(("label_after", "label_before"), _label),
    "erased": _json,
    "forms": _forms,
    "quota_spent": _spent,
    "arguments": quoted,
    "payload": quoted,
    "sequence": _whole,
    "time": _stamp,
}
_KEYS = sorted(_WRITERS)
_OWN = [(f',"{name}":', _WRITERS[name]) for name in _KEYS]
# What the entry itself does not hold is read from any field, and put in afterwards.
_read = attrgetter(*(name if name in Entry.__slots__ else "time" for name in _KEYS))
_read_shared = attrgetter(*_SHARED)
_NAMED = [_KEYS.index(name) for name in _PEOPLE]
_RECORDS, _ARGUMENTS, _PAYLOAD, _SEQUENCE, _TIME = (
    _KEYS.index(name) for name in ("record_ids", "arguments", "payload", "sequence", "time")
)


def _refuse(leaf: bytes, entry: Entry) -> NoReturn:
    raise InvalidArguments(
        f"the journal entry takes {len(leaf)} bytes of at most {MAX_LEAF_BYTES}; ask for fewer fields or records",
        code="entry_too_long",
        subject=f"agent {entry.agent!r}",
        object=f"{entry.connection}/{entry.object}",
    )
