"""How can the journal fail, and what is to be done then?"""

from typing import ClassVar

from isthmus.core.errors import Conflict, IsthmusError

__all__ = [
    "ApprovalUnusable",
    "GenerationMoved",
    "IntentOpen",
    "IntentSettled",
    "JournalBusy",
    "JournalUnavailable",
    "KeyUsed",
]


class JournalUnavailable(IsthmusError):
    """Nothing was confirmed, so nothing that needs the record may be sent; the sentence names the remedy."""

    code: ClassVar[str] = "journal_unavailable"


class JournalBusy(JournalUnavailable):
    """The disk is full (`journal_full`) or another program holds the database; repeat the call later."""

    code = "journal_busy"
    retryable = True


class IntentOpen(Conflict):
    """The same write is under way or its outcome is unknown; settle `intent` first."""

    code = "intent_open"

    def __init__(self, sentence: str, *, intent: str, subject: str = "", object: str = "") -> None:
        super().__init__(sentence, subject=subject, object=object)
        self.intent = intent

    def details(self) -> dict[str, object]:
        """Add the intent's id."""
        return super().details() | {"intent": self.intent}


class KeyUsed(IntentOpen):
    """The idempotency key already has an outcome, stored with `intent`."""

    code = "key_used"


class IntentSettled(IntentOpen):
    """The intent already has a final outcome, or is not known at all."""

    code = "intent_settled"


class ApprovalUnusable(Conflict):
    """The approval cannot be decided or used; `reason` says why.

    It is `approval_` and one of unknown, pending, approved, rejected, used, expired, changed.
    """

    code = "approval_unusable"


class GenerationMoved(Conflict):
    """Another process changed the credential's generations in the meantime; read them again."""

    code = "generation_moved"
