"""Which bulk jobs does the org hold, and how far are they?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.ids import mint

if TYPE_CHECKING:
    from .classic_jobs import ClassicJob
    from .ingest import IngestJob
    from .query import QueryJob

JOB: Final = "750"
BATCH: Final = "751"
RESULT: Final = "752"


@dataclass(slots=True)
class Progress:
    """When work that was handed over is done.

    Normally that is at once, and the first look says so. `slow_job` holds it back: for a number of looks, or until the
    virtual clock has moved. `fail_after` lets it break off after that many rows.
    """

    looks: int = 0
    until: float | None = None
    fail_after: int | None = None
    message: str = ""

    @classmethod
    def of(cls, call: Call) -> "Progress":
        """Ask the fault board what is to befall the work that this call hands over."""
        faults, found = call.org.faults, cls()
        slow = faults.take("slow_job", call.method, call.request.path)
        if slow is not None and "seconds" in slow.details:
            found.until = call.org.clock() + slow.number("seconds", 0)
        elif slow is not None:
            found.looks = int(slow.number("looks", 2))
        failing = faults.take("fail_job", call.method, call.request.path)
        if failing is not None:
            found.fail_after = int(failing.number("rows", 0))
            found.message = failing.text("message", "InternalServerError : The job was stopped by an unexpected error")
        return found

    @property
    def held(self) -> bool:
        """Say whether the work waits."""
        return self.looks > 0 or self.until is not None

    def look(self, now: float) -> bool:
        """Count one look, and say whether the work's time has come."""
        if self.until is not None:
            return now >= self.until
        if self.looks == 0:
            return True
        self.looks -= 1
        return False


@dataclass(slots=True, kw_only=True)
class Owned:
    """What every job says about itself; `owner` is the call that made it, in whose name it works."""

    id: str
    owner: Call
    created: str
    modified: str

    def touch(self) -> None:
        """Note that the job has just changed."""
        self.modified = stamp(self.owner.org.clock.now())


@dataclass(slots=True)
class Jobs:
    """The bulk jobs of one org; each is seen by the user who made it and by nobody else."""

    pod: str
    ingest: "dict[str, IngestJob]" = field(default_factory=dict)
    query: "dict[str, QueryJob]" = field(default_factory=dict)
    classic: "dict[str, ClassicJob]" = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def next_id(self, prefix: str) -> str:
        """Return a fresh id."""
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return mint(prefix, self.pod, self._numbers[prefix])


JobKind = TypeVar("JobKind", bound=Owned)


def mine(jobs: dict[str, JobKind], call: Call) -> Iterator[JobKind]:
    """Yield the caller's own jobs, oldest first."""
    return (job for job in jobs.values() if job.owner.user_id == call.user_id)


def find(jobs: dict[str, JobKind], call: Call, key: str) -> JobKind | None:
    """Return the caller's own job with this id, of 15 or 18 characters."""
    return next((job for job in mine(jobs, call) if job.id[:15] == key[:15]), None)
