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


_TEXTS = frozenset(
    (
        *("attempt", "agent", "client", "tool", "schema_hash", "system", "connection", "object", "door", "zone"),
        *("consumer", "purpose", "task", "decision", "state", "approval", "version_before", "version_after", "error"),
        *("trace_id", "basis"),
    )
)
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
        values[_RECORDS] = [pseudonyms[record] for record in records]
    values[_ARGUMENTS], values[_PAYLOAD] = committed.get("arguments"), committed.get("payload")
    values[_SEQUENCE], values[_TIME] = index, time
    # An empty value is left out, but not a zero.
    parts = [key + write(value) for (key, write), value in zip(_FIELDS, values, strict=True) if value or value == 0]
    # A lone surrogate has no UTF-8; its backslash form is the JSON escape of the same character.
    leaf = LEAF_V1 + ("{" + ",".join(parts) + "}").encode("utf-8", "backslashreplace")
    return leaf if len(leaf) <= MAX_LEAF_BYTES else _refuse(leaf, entry)


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


def _policies(policy: Mapping[str, str]) -> str:
    return _named_texts(tuple(policy.items()))


@lru_cache(maxsize=64)
def _named_texts(items: tuple[tuple[str, str], ...]) -> str:
    return canonical(dict(items)).decode()


@lru_cache(maxsize=1024)
def _label(label: Label) -> str:
    return canonical(label.as_dict()).decode()


def _forms(forms: Iterable[FieldForm]) -> str:
    # Wide objects release hundreds of fields alike: one group for each form and set of rules.
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in forms:
        key = each.form, each.rules
        if key in groups:
            groups[key].append(each.field)
        else:
            groups[key] = [each.field]
    written = (
        f'{{"fields":{_texts(sorted(names))},"form":{quoted(form)},"rules":{_texts(rules)}}}'
        for (form, rules), names in sorted(groups.items())
    )
    return "[" + ",".join(written) + "]"


def _json(value: object) -> str:
    return canonical(value).decode()


def _writers() -> dict[str, tuple[str, Callable[..., str]]]:
    """Map each key of a leaf to the field it is read from and what writes it."""
    found: dict[str, tuple[str, Callable[..., str]]] = {name: (name, _text) for name in _TEXTS}
    found |= dict.fromkeys(("effects", "rules", "upstream_request_ids", "record_ids"), ("", _texts))
    found |= dict.fromkeys(("credential_generation", "http_status", "attempts", "bytes", "duration_us"), ("", _whole))
    found |= dict.fromkeys(("label_before", "label_after"), ("", _label)) | dict.fromkeys(_PEOPLE, ("", quoted))
    found |= {"policy": ("", _policies), "forms": ("", _forms), "quota_spent": ("", _spent), "erased": ("", _json)}
    # What append puts in is read from any field.
    found |= dict.fromkeys(("arguments", "payload"), ("kind", quoted))
    found |= {"kind": ("", quoted), "time": ("", _stamp), "sequence": ("kind", _whole)}
    return {name: (source or name, write) for name, (source, write) in sorted(found.items())}


_WRITERS = _writers()
_KEYS = list(_WRITERS)
_FIELDS = [(f'"{name}":', write) for name, (_, write) in _WRITERS.items()]
_read = attrgetter(*(source for source, _ in _WRITERS.values()))
_NAMED = [_KEYS.index(name) for name in _PEOPLE]
_RECORDS, _ARGUMENTS, _PAYLOAD, _SEQUENCE, _TIME = map(
    _KEYS.index, ("record_ids", "arguments", "payload", "sequence", "time")
)


def _refuse(leaf: bytes, entry: Entry) -> NoReturn:
    raise InvalidArguments(
        f"the journal entry takes {len(leaf)} bytes of at most {MAX_LEAF_BYTES}; ask for fewer fields or records",
        code="entry_too_long",
        subject=f"agent {entry.agent!r}",
        object=f"{entry.connection}/{entry.object}",
    )
