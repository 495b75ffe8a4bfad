"""What can be read from the journal, and what can be done in one unit of work?"""

from datetime import datetime

from .approvals import ApprovalReads, ApprovalWrites
from .checkpoint import CheckpointReads, CheckpointWrites
from .generations import GenerationReads, GenerationWrites
from .intents import IntentReads, IntentWrites
from .labels import LabelReads, LabelWrites
from .ledger import LedgerReads, LedgerWrites
from .pauses import PauseReads, PauseWrites

__all__ = ["Transaction", "View"]


class View(IntentReads, ApprovalReads, LabelReads, LedgerReads, PauseReads, CheckpointReads):
    """Indexed reads of what is durable; each call sees the newest state."""

    @property
    def generations(self) -> GenerationReads:
        """Read the versions of credentials."""
        return GenerationReads(self._db, self._sealer)


class Transaction(IntentWrites, ApprovalWrites, LabelWrites, LedgerWrites, PauseWrites, CheckpointWrites):
    """All that one unit of work may read and write; it sees its own writes, and is of no use after the unit."""

    @property
    def generations(self) -> GenerationWrites:
        """Read and change the versions of credentials."""
        return GenerationWrites(self._db, self._sealer, self._clock)

    @property
    def now(self) -> datetime:
        """Read the journal's clock."""
        return self._clock()
