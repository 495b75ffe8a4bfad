"""How does a job get done, and what is said where it does not?"""

from collections.abc import Mapping

from isthmus.connectors.salesforce.answers import object_of, strange
from isthmus.connectors.salesforce.faults import fault_of
from isthmus.connectors.salesforce.ids import is_id
from isthmus.connectors.salesforce.reader import Reader
from isthmus.core.errors import UpstreamError, UpstreamRejected
from isthmus.core.http import Http, Response
from isthmus.core.records import JSON

__all__ = ["CSV", "ENDED", "GONE", "check_complete", "count_of", "ended", "job_id", "look", "lost"]

CSV = "text/csv"
ENDED = ("JobComplete", "Failed", "Aborted")
GONE = (400, 404)
"""Statuses of a job that is not there any more, or that has nothing to give."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
ENOUGH = 2.0
"""Seconds that must be left after a pause for a look to be of use."""


async def ended(org: Reader, kind: str, job: str) -> Mapping[str, JSON] | None:
    """Look at a job with growing pauses until it has ended; None where this call's time does not suffice."""
    where, pause = org.path("/jobs/{}/{}", kind, job), FIRST_PAUSE
    while True:
        answer = await org.get(where, passing=GONE)
        if answer.status in GONE:
            raise lost(answer)
        told = object_of(answer)
        if look(told) in ENDED:
            return told
        if not await _paused(org.http, pause):
            return None
        pause = min(2 * pause, LONGEST_PAUSE)


def look(told: Mapping[str, JSON]) -> str:
    """Return the state that a job says it is in."""
    state = told.get("state")
    if state not in (*ENDED, "Open", "UploadComplete", "InProgress"):
        raise strange()
    return str(state)


def check_complete(told: Mapping[str, JSON], job: str) -> None:
    """Raise UpstreamRejected where a job failed or was stopped."""
    state = look(told)
    if state != "JobComplete":
        raise UpstreamRejected(
            f"the org's job {job} ended as {state!r} and what it did up to there is not used; begin anew, with a "
            "narrower condition where the job took too long",
            code="job_failed",
            vendor_text=str(told.get("errorMessage") or ""),
            vendor_code=state,
        )


async def _paused(http: Http, seconds: float) -> bool:
    """Wait so that there is time for one more look."""
    return seconds + ENOUGH < http.scope.deadline.remaining() and await http.pause(seconds)


def lost(answer: Response) -> UpstreamError:
    """Return what to say where the org holds nothing more under the name of a job."""
    fault = fault_of(answer)
    return UpstreamRejected(
        "the org no longer holds the rest of the export: its job, or the place in its results, is gone. Begin the "
        "export anew, without `after`",
        code="export_lost",
        vendor_text=fault.text if fault else "",
        vendor_code=fault.code if fault else "",
    )


def job_id(answer: Response) -> str:
    """Return the id of a job that was just made."""
    found = object_of(answer).get("id")
    if not isinstance(found, str) or not is_id(found):
        raise strange()
    return found


def count_of(told: Mapping[str, JSON], name: str) -> int:
    """Return one of the numbers that a job tells of itself."""
    found = told.get(name)
    if not isinstance(found, int) or found < 0:
        raise strange()
    return found
