"""Keep the one append-only record of what was intended, decided and done, and prove it was not changed."""

from .approvals import Approval, ApprovalState
from .entries import Entry, FieldForm, Kind, Recorded
from .errors import (
    ApprovalUnusable,
    GenerationMoved,
    IntentOpen,
    IntentSettled,
    JournalBusy,
    JournalUnavailable,
    KeyUsed,
)
from .generations import Generation, GenerationState
from .instants import utcnow
from .intents import Intent, IntentState
from .journal import Journal, JournalReader
from .ledger import Attempt, AttemptState, Usage
from .pauses import Pause, Paused, Scope
from .sealing import JournalKeys
from .transaction import Transaction, View

__all__ = [
    "Approval",
    "ApprovalState",
    "ApprovalUnusable",
    "Attempt",
    "AttemptState",
    "Entry",
    "FieldForm",
    "Generation",
    "GenerationMoved",
    "GenerationState",
    "Intent",
    "IntentOpen",
    "IntentSettled",
    "IntentState",
    "Journal",
    "JournalBusy",
    "JournalKeys",
    "JournalReader",
    "JournalUnavailable",
    "KeyUsed",
    "Kind",
    "Pause",
    "Paused",
    "Recorded",
    "Scope",
    "Transaction",
    "Usage",
    "View",
    "utcnow",
]
