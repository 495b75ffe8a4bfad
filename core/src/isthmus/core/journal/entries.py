"""What does one entry of the log say?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from isthmus.core.records import JSON
from isthmus.residency import Label

__all__ = ["Entry", "FieldForm", "Kind", "Recorded"]


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


class FieldForm(msgspec.Struct, frozen=True, gc=False):
    """In which form some fields were released, and the rules that decided."""

    fields: frozenset[str]
    form: str
    rules: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry; what is empty is left out of the leaf, and no field takes a value of a record.

    People and records are named here in clear (`principal`, `on_behalf_of`, `approver`, `record_ids`,
    `argument_digest`): the leaf holds pseudonyms and a salted commitment, the sealed body the originals. `time` is
    read from the journal's clock when None. `policy` maps a policy's name to its digest. `state` is what the entry
    brought about: an intent's, approval's or credential's new state. `version_*` are a system's version tokens.
    `erased` are inclusive ranges of indexes. Texts over 1,000 characters are cut. The fields stand in the leaf's order.
    """

    agent: str = ""
    approval: str = ""
    approver: str = ""
    argument_digest: str = ""
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
    forms: tuple[FieldForm, ...] = ()
    http_status: int | None = None
    kind: Kind
    label_after: Label | None = None
    label_before: Label | None = None
    object: str = ""
    on_behalf_of: str = ""
    policy: Mapping[str, str] = msgspec.field(default_factory=dict)
    principal: str = ""
    purpose: str = ""
    quota_spent: Mapping[str, int] = msgspec.field(default_factory=dict)
    record_ids: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    schema_hash: str = ""
    state: str = ""
    system: str = ""
    task: str = ""
    time: datetime | None = None
    tool: str = ""
    trace_id: str = ""
    upstream_request_ids: tuple[str, ...] = ()
    version_after: str = ""
    version_before: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry read back: its leaf, the sealed names, and the payload; both are empty once erased."""

    index: int
    leaf: Mapping[str, JSON]
    private: Mapping[str, JSON] = field(default_factory=dict)
    payload: Mapping[str, JSON] = field(default_factory=dict)
