"""Which rows changed, and which were deleted, within a stretch of time?"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError
from .schema import SObject
from .store import Row, moment_of

_UPDATES: Final = timedelta(days=30)
_DELETIONS: Final = timedelta(days=15)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in whole minutes, and the last moment of it whose changes are all known.

    Changes after that moment may be told or not: whoever asks again from there on misses none and meets some twice.
    """

    start: datetime
    end: datetime
    covered: datetime

    def holds(self, row: Row) -> bool:
        """Say whether a row changed within what is covered."""
        return self.start <= moment_of(str(row["SystemModstamp"])) <= self.end


def updated(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X/updated?start=&end=`: rows made or changed, that are not deleted.

    REST API Developer Guide, "sObject Get Updated"; SOAP API Developer Guide, "getUpdated()".
    """
    sobject, window = _replicated(call, name), _window(call)
    ids: list[Json] = [row["Id"] for row in _rows(call, sobject, window, deleted=False)]
    return Reply(200, {"ids": ids, "latestDateCovered": stamp(window.covered)})


def deleted(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X/deleted?start=&end=`: the deletions of the last 15 days.

    REST API Developer Guide, "sObject Get Deleted"; SOAP API Developer Guide, "getDeleted()".
    """
    sobject, window = _replicated(call, name), _window(call)
    earliest = max(_opened(call), call.org.clock.now() - _DELETIONS)
    records: list[Json] = [
        {"id": row["Id"], "deletedDate": row["SystemModstamp"]}
        for row in _rows(call, sobject, window, deleted=True)
        if moment_of(str(row["SystemModstamp"])) >= earliest
    ]
    covered = {"earliestDateAvailable": stamp(_minute(earliest)), "latestDateCovered": stamp(window.covered)}
    return Reply(200, {"deletedRecords": records, **covered})


def _rows(call: Call, sobject: SObject, window: Window, *, deleted: bool) -> list[Row]:
    return [
        row
        for row in call.store[sobject.name]
        if row["IsDeleted"] is deleted and window.holds(row) and call.view.sees(sobject, row)
    ]


def _replicated(call: Call, name: str) -> SObject:
    sobject = call.sobject(name)
    if not sobject.replicateable:
        message = f"Entity '{sobject.name}' cannot be replicated"
        raise ApiError(400, "INVALID_TYPE_FOR_OPERATION", message)
    return sobject


def _window(call: Call) -> Window:
    """Return the stretch that a request names; the API ignores the seconds of its bounds."""
    start, end = (_bound(call, name) for name in ("start", "end"))
    now = call.org.clock.now()
    if start < _opened(call):
        raise _refused("startDate before org replication enabled date")
    if end - start < _MINUTE:
        raise _refused("endDate must be at least one minute after startDate")
    if start < _minute(now - _UPDATES):
        raise _refused("startDate must be within the last 30 days")
    covered = max(start, min(end, _minute(now)))
    lag = call.org.faults.take("replication_lag", call.method, call.request.path)
    if lag is not None:
        call.mishaps.append("replication_lag")
        end = covered = max(start, min(end, _minute(now - timedelta(minutes=lag.number("minutes", 10)))))
    return Window(start, end, covered)


def _bound(call: Call, name: str) -> datetime:
    try:
        return _minute(_moment(call.request.query.get(name, "")))
    except (ValueError, OverflowError):
        raise _refused("start and end must be dates with a time zone") from None


def _moment(text: str) -> datetime:
    spelled = text.replace("Z", "+00:00").replace(" ", "+")
    padded = spelled if "." in spelled else re.sub(r"([+-]\d{2}:?\d{2})$", r".000\1", spelled)
    return moment_of(padded)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _opened(call: Call) -> datetime:
    """Return since when the org exists."""
    return moment_of(str(call.store["Organization"].rows[call.org.org_id]["CreatedDate"]))


def _refused(message: str) -> ApiError:
    return ApiError(400, "INVALID_REPLICATION_DATE", message)
