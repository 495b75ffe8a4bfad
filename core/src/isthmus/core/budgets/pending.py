"""What has happened in this process that the shared ledger has not been told yet?"""

from dataclasses import dataclass, field

from isthmus.core.budgets.ledger import Ask, Mark

__all__ = ["Pending"]


@dataclass(slots=True)
class Pending:
    """Counts and signals since the last report.

    `used` are the units spent since then, a guess at the next need. `crowd` is how many requests were in flight here
    when a throttle came. `uncounted` holds, for each unit that counted against no quota, when it was sent.
    """

    process: str
    completed: int = 0
    returned: int = 0
    unleased: int = 0
    used: int = 0
    exhausted: float = 0.0
    throttled: float = 0.0
    crowd: int = 0
    succeeded: bool = False
    mark: Mark | None = None
    uncounted: list[float] = field(default_factory=list)

    @property
    def urgent(self) -> bool:
        """Tell whether other processes should know at once."""
        return bool(self.exhausted or self.throttled)

    def ask(self, *, units: int, extra: int, busy: int, waiting: int, leaving: bool) -> Ask:
        """Put everything into one report."""
        return Ask(
            process=self.process,
            completed=self.completed,
            returned=self.returned,
            unleased=self.unleased,
            units=units,
            extra=extra,
            busy=busy,
            waiting=waiting,
            succeeded=self.succeeded,
            mark=self.mark,
            uncounted=tuple(self.uncounted),
            exhausted=self.exhausted,
            throttled=self.throttled,
            crowd=self.crowd,
            leaving=leaving,
        )

    def forget(self, ask: Ask) -> None:
        """Drop what a report has told; what came in the meantime stays."""
        self.completed -= ask.completed
        self.returned -= ask.returned
        self.unleased -= ask.unleased
        del self.uncounted[: len(ask.uncounted)]
        self.used = 0
        self.succeeded = False
        if self.mark is ask.mark:
            self.mark = None
        if self.exhausted == ask.exhausted:
            self.exhausted = 0.0
        if self.throttled == ask.throttled:
            self.throttled, self.crowd = 0.0, 0
