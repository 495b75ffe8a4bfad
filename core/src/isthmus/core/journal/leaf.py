"""In which bytes is an entry kept: the leaf that is hashed, and the body that is sealed beside it?"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter, itemgetter
from types import NoneType
from typing import Any, Final, NoReturn

import msgspec
from msgspec.structs import astuple

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON
from isthmus.residency import Label

from .entries import Entry, FieldForm
from .sealing import canonical

__all__ = ["MAX_LEAF_BYTES", "encode_body", "encode_leaf", "parse_leaf"]

LEAF_V1: Final = b"\x01"
MAX_LEAF_BYTES: Final = 65_535
_LONGEST_TEXT: Final = 1_000


class _Leaf(msgspec.Struct, omit_defaults=True, gc=False):
    """The object in a leaf; canonical JSON wants the keys in this order, and what is empty is left out."""

    agent: str = ""
    approval: str = ""
    approver: str = ""
    arguments: str = ""
    attempt: str = ""
    attempts: int | None = None
    basis: str = ""
    bytes: int | None = None
    client: str = ""
    connection: str = ""
    consumer: str = ""
    credential_generation: int | None = None
    decision: str = ""
    door: str = ""
    duration_us: int | None = None
    effects: tuple[str, ...] = ()
    erased: tuple[tuple[int, int], ...] = ()
    error: str = ""
    forms: msgspec.Raw | tuple[()] = ()
    http_status: int | None = None
    kind: str = ""
    label_after: msgspec.Raw | None = None
    label_before: msgspec.Raw | None = None
    object: str = ""
    on_behalf_of: str = ""
    payload: str = ""
    policy: dict[str, str] = msgspec.field(default_factory=dict)
    principal: str = ""
    purpose: str = ""
    quota_spent: dict[str, int] = msgspec.field(default_factory=dict)
    record_ids: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    schema_hash: str = ""
    sequence: int = -1
    state: str = ""
    system: str = ""
    task: str = ""
    time: datetime | str = ""
    tool: str = ""
    trace_id: str = ""
    upstream_request_ids: tuple[str, ...] = ()
    version_after: str = ""
    version_before: str = ""
    zone: str = ""


class _Private(msgspec.Struct, omit_defaults=True, gc=False):
    """What may not stand in the leaf: names of people and records, and the digest of the arguments."""

    approver: str = ""
    argument_digest: str = ""
    on_behalf_of: str = ""
    principal: str = ""
    record_ids: tuple[str, ...] = ()


class _Body(msgspec.Struct, omit_defaults=True, gc=False):
    payload: msgspec.Raw | None = None
    private: _Private | None = None


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_WHOLE: Final = frozenset((int, NoneType))
_KEYS: Final = _Leaf.__struct_fields__
_NAMED: Final = tuple(map(_KEYS.index, ("approver", "on_behalf_of", "principal")))
_AFTER, _BEFORE, _FORMS, _POLICY, _QUOTA, _RECORDS = map(
    _KEYS.index, ("label_after", "label_before", "forms", "policy", "quota_spent", "record_ids")
)
_ARGUMENTS, _PAYLOAD, _SEQUENCE, _TIME = map(_KEYS.index, ("arguments", "payload", "sequence", "time"))
_CUT: Final = tuple(
    at
    for at, info in enumerate(msgspec.structs.fields(_Leaf))
    if info.type is str and at not in (*_NAMED, _ARGUMENTS, _PAYLOAD)
)
_texts = itemgetter(*_CUT)
_numbers = itemgetter(*map(_KEYS.index, ("attempts", "bytes", "credential_generation", "duration_us", "http_status")))
_private = attrgetter(*_Private.__struct_fields__)


def encode_body(entry: Entry, payload: Mapping[str, JSON] | None) -> bytes:
    """Encode what is sealed apart, as canonical JSON; empty where there is nothing."""
    told = _private(entry)
    private = _Private(*told) if any(told) else None
    if payload is None:
        return _encoded(_Body(None, private)) if private else b""
    return _encoded(_Body(msgspec.Raw(canonical(payload)), private))


def encode_leaf(
    entry: Entry, *, index: int, time: datetime, name: Callable[[str], str], arguments: str = "", payload: str = ""
) -> bytes:
    """Encode an entry: version byte 0x01, then canonical JSON without floats.

    `name` gives people and records their pseudonyms; `arguments` and `payload` are the commitments to what is sealed
    apart.

    Raises:
        InvalidArguments: the leaf would exceed 65,535 bytes.
    """
    told = astuple(entry)
    # An entry's fields are in the leaf's order, the digest of the arguments where their commitment stands.
    values = [*told[:_PAYLOAD], payload, *told[_PAYLOAD : _SEQUENCE - 1], index, *told[_SEQUENCE - 1 :]]
    values[_ARGUMENTS], values[_TIME] = arguments, _moment(time)
    for at in _NAMED:
        values[at] = name(values[at])
    if records := values[_RECORDS]:
        values[_RECORDS] = list(map(name, records))
    before, after = values[_BEFORE], values[_AFTER]
    if before:
        values[_BEFORE] = _label(before)
    if after:
        values[_AFTER] = values[_BEFORE] if after is before else _label(after)
    if forms := values[_FORMS]:
        values[_FORMS] = _forms(forms)
    _as_json(values)
    leaf = LEAF_V1 + _encoded(_Leaf(*values))
    if len(leaf) > _LONGEST_TEXT and len("".join(_texts(values))) > _LONGEST_TEXT:
        for at in _CUT:
            if len(values[at]) > _LONGEST_TEXT:
                values[at] = values[at][: _LONGEST_TEXT - 1] + "…"
        leaf = LEAF_V1 + _encoded(_Leaf(*values))
    return leaf if len(leaf) <= MAX_LEAF_BYTES else _refuse(leaf, entry)


def parse_leaf(leaf: bytes) -> dict[str, JSON]:
    """Read a leaf back into its JSON object."""
    if leaf[:1] != LEAF_V1:
        raise ValueError(f"leaf version {leaf[:1].hex() or 'none'} is not known; a newer isthmus may have written it")
    found: dict[str, JSON] = json.loads(leaf[1:])
    return found


def _as_json(values: list[Any]) -> None:
    """Turn what is left into what the encoder takes; no fractions, which JSON may write in several ways."""
    if type(values[_POLICY]) is not dict:
        values[_POLICY] = dict(values[_POLICY])
    numbers = _numbers(values)
    if quota := values[_QUOTA]:
        values[_QUOTA] = dict(quota)
        numbers += tuple(quota.values())
    if not _WHOLE.issuperset(map(type, numbers)):
        raise TypeError(f"an entry takes whole numbers, not all of {numbers!r}")


def _encoded(part: msgspec.Struct) -> bytes:
    try:
        return _ENCODER.encode(part)
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8; the slower encoder writes its JSON escape.
        return canonical(_told(part))


def _told(part: object) -> object:
    if isinstance(part, msgspec.Raw):
        return json.loads(bytes(part))
    if isinstance(part, datetime):
        return part.isoformat(timespec="microseconds")[:26] + "Z"
    if not isinstance(part, msgspec.Struct):
        return part
    given = ((info, getattr(part, info.name)) for info in msgspec.structs.fields(part))
    return {info.name: _told(value) for info, value in given if value not in (info.default, {})}


def _moment(time: datetime) -> datetime | str:
    utc = time if time.tzinfo is UTC else time.astimezone(UTC)
    # The encoder leaves a fraction out that is zero.
    return utc if utc.microsecond else utc.isoformat(timespec="microseconds")[:26] + "Z"


@lru_cache(maxsize=1_024)
def _label(label: Label) -> msgspec.Raw:
    return msgspec.Raw(canonical(label.as_dict()))


@lru_cache(maxsize=1_024)
def _forms(forms: tuple[FieldForm, ...]) -> msgspec.Raw:
    """Write one group for each form and set of rules: wide objects release hundreds of fields alike."""
    groups: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
    for each in forms:
        groups[each.form, each.rules] = groups.get((each.form, each.rules), frozenset()) | each.fields
    told = [{"fields": sorted(groups[key]), "form": key[0], "rules": key[1]} for key in sorted(groups)]
    return msgspec.Raw(canonical(told))


def _refuse(leaf: bytes, entry: Entry) -> NoReturn:
    raise InvalidArguments(
        f"the journal entry takes {len(leaf)} bytes of at most {MAX_LEAF_BYTES}; ask for fewer fields or records",
        code="entry_too_long",
        subject=f"agent {entry.agent!r}",
        object=f"{entry.connection}/{entry.object}",
    )
