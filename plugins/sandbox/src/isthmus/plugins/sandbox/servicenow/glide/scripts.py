"""What do the bits of server script stand for that a query may hold?"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from isthmus.plugins.sandbox.servicenow.store import written
from isthmus.plugins.sandbox.servicenow.viewer import Viewer

from .invalid import Invalid

_CALL: Final = re.compile(r"(?:gs\.)?(\w+)\((.*)\)")
_PERIOD: Final = re.compile(r"(beginningOf|endOf)(\w+)")
_COUNT: Final = re.compile(r"-?[0-9]{1,6}")
_LAST: Final = re.compile(r"Last(\d{1,6})(Minutes|Hours|Days|Months)")
_AGO: Final = re.compile(r"(minutes|hours|days|weeks|months|quarters|years)Ago(Start|End)?")


def evaluate(text: str, viewer: Viewer, now: datetime) -> str:
    """Return what a script such as `gs.getUserID()` gives; several values are parted by commas.

    Raises:
        Invalid: the sandbox does not know the script.
    """
    match = _CALL.fullmatch(text.strip().removesuffix(";"))
    if match is None:
        raise Invalid(text)
    name, arguments = match[1], [each.strip().strip("'\"") for each in match[2].split(",")]
    if name in _OF_THE_USER:
        return _OF_THE_USER[name](viewer)
    local = now.astimezone(viewer.zone)
    found = _moment(name, arguments, local)
    return written(found.astimezone(UTC))


_OF_THE_USER: Final[Mapping[str, Callable[[Viewer], str]]] = {
    "getUserID": lambda viewer: viewer.user_id,
    "getUserName": lambda viewer: viewer.user_name,
    "getMyGroups": lambda viewer: ",".join(viewer.groups),
}


def _moment(name: str, arguments: list[str], now: datetime) -> datetime:
    if name in ("now", "nowDateTime"):
        return now
    if name == "dateGenerate":
        return _generated(arguments, now)
    if match := _AGO.fullmatch(name):
        moment = shifted(now, match[1].removesuffix("s"), -_number(arguments[0]))
        return _edge(moment, match[2])
    if match := _PERIOD.fullmatch(name):
        begins, ends = period(match[2], now)
        return begins if match[1] == "beginningOf" else ends
    raise Invalid(name)


def _edge(moment: datetime, which: str | None) -> datetime:
    if which is None:
        return moment
    start = midnight(moment)
    return start if which == "Start" else start + timedelta(days=1, seconds=-1)


def _generated(arguments: list[str], now: datetime) -> datetime:
    day, time = (*arguments, "start")[:2]
    clock = {"start": "00:00:00", "end": "23:59:59"}.get(time, time)
    try:
        return datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=now.tzinfo)
    except ValueError:
        raise Invalid(day) from None


def _number(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise Invalid(text)
    return int(text)


def midnight(moment: datetime) -> datetime:
    """Return the beginning of the day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def shifted(moment: datetime, unit: str, count: int) -> datetime:
    """Return the moment so many units later; raises Invalid for an unknown unit, or beyond the calendar."""
    try:
        return _shifted(moment, unit, count)
    except (OverflowError, ValueError):
        raise Invalid(f"{unit} {count}") from None


def _shifted(moment: datetime, unit: str, count: int) -> datetime:
    seconds = {"minute": 60, "hour": 3_600, "day": 86_400, "dayofweek": 86_400, "week": 604_800}.get(unit)
    if seconds is not None:
        return moment + timedelta(seconds=seconds * count)
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months is None:
        raise Invalid(unit)
    total = moment.year * 12 + moment.month - 1 + months * count
    year, month = divmod(total, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, 28))


def period(name: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and last second of Today, LastWeek, ThisMonth, Last30Days and so on; raises Invalid."""
    today = midnight(now)
    if match := _LAST.fullmatch(name):
        count, unit = int(match[1]), match[2].lower().removesuffix("s")
        begins = shifted(now if unit in ("minute", "hour") else today, unit, -count)
        return begins, now if unit in ("minute", "hour") else today + timedelta(days=1, seconds=-1)
    days = {"Today": 0, "Yesterday": -1, "Tomorrow": 1}
    if name in days:
        begins = today + timedelta(days=days[name])
        return begins, begins + timedelta(days=1, seconds=-1)
    which, unit = next(
        ((each, name[len(each) :]) for each in ("This", "Last", "Next") if name.startswith(each)), ("", "")
    )
    starts = {
        "Week": today - timedelta(days=today.weekday()),
        "Month": today.replace(day=1),
        "Quarter": today.replace(day=1, month=(today.month - 1) // 3 * 3 + 1),
        "Year": today.replace(day=1, month=1),
    }
    if unit not in starts:
        raise Invalid(name)
    begins = shifted(starts[unit], unit.lower(), {"This": 0, "Last": -1, "Next": 1}[which])
    return begins, shifted(begins, unit.lower(), 1) - timedelta(seconds=1)
