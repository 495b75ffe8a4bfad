"""When does a condition on a date hold?"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from isthmus.plugins.sandbox.servicenow.store import Row, read, written

from .asked import Asked, Test, within
from .invalid import Invalid
from .paths import resolve
from .scripts import midnight, period, shifted

_COUNT: Final = re.compile(r"[0-9]{1,6}")


def on(asked: Asked) -> Test:
    """Hold on a day or in a named period."""
    name, *bounds = asked.value.split("@")
    if len(bounds) == 2:
        return within(asked, asked.text(bounds[0]), asked.text(bounds[1]))
    local = asked.now.astimezone(asked.viewer.zone)
    words = "".join(word[:1].upper() + word[1:] for word in name.split())
    try:
        begins, ends = period(words, local)
    except Invalid:
        begins = _day(name, local)
        ends = begins + timedelta(days=1, seconds=-1)
    return within(asked, written(begins.astimezone(UTC)), written(ends.astimezone(UTC)))


def _day(text: str, local: datetime) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=local.tzinfo)
    except ValueError:
        raise Invalid(text) from None


def not_on(asked: Asked) -> Test:
    """Hold on every other day."""
    same = on(asked)
    return lambda row: not same(row)


def relative(name: str) -> Callable[[Asked], Test]:
    """Hold before or after a moment that is some units ago or ahead; EE is the same day."""

    def make(asked: Asked) -> Test:
        parts = asked.value.strip("@").split("@")
        if len(parts) != 3 or parts[1] not in ("ago", "ahead") or not _COUNT.fullmatch(parts[2]):
            raise Invalid(asked.value)
        count = int(parts[2]) * (-1 if parts[1] == "ago" else 1)
        moment = shifted(asked.now, parts[0], count)
        if name == "EE":
            begins = midnight(moment.astimezone(asked.viewer.zone))
            ends = begins + timedelta(days=1, seconds=-1)
            return within(asked, written(begins.astimezone(UTC)), written(ends.astimezone(UTC)))
        compare, bound, plain = _BOUNDS[name], written(moment), asked.read
        return lambda row: plain(row) != "" and compare(plain(row), bound)

    return make


_BOUNDS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}


def apart(*, more: bool) -> Callable[[Asked], Test]:
    """Compare two dates of a row: `opened_atMORETHANclosed_at@hour@before@3`."""

    def make(asked: Asked) -> Test:
        name, *rest = asked.value.split("@")
        if len(rest) != 3 or rest[1] not in ("before", "after") or not _COUNT.fullmatch(rest[2]):
            raise Invalid(asked.value)
        other = resolve(asked.store, asked.table, name).reader(asked.store)
        unit, sign, plain = rest[0], -1 if rest[1] == "before" else 1, asked.read
        epoch = datetime(2000, 1, 1, tzinfo=UTC)
        distance = shifted(epoch, unit, int(rest[2])) - epoch

        def test(row: Row) -> bool:
            one, two = plain(row), other(row)
            if not one or not two:
                return False
            gap = (read(one) - read(two)) * sign
            return gap > distance if more else timedelta() <= gap < distance

        return test

    return make


def date_part(asked: Asked) -> Test:
    """Hold on Mondays, in July and so on."""
    _, at, script = asked.value.partition("@")
    inside = script[script.find("(") + 1 : script.rfind(")")]
    parts = [each.strip().strip("'\"").lower() for each in inside.split(",")]
    if not at or len(parts) != 3 or parts[0] not in _PARTS or parts[2].upper() not in _PART_COMPARES:
        raise Invalid(asked.value)
    of, compare = _PARTS[parts[0]], _PART_COMPARES[parts[2].upper()]
    wanted, plain, zone = _part_number(parts[1]), asked.read, asked.viewer.zone
    return lambda row: plain(row) != "" and compare(of(read(plain(row)).astimezone(zone)), wanted)


_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTS: Final[Mapping[str, Callable[[datetime], int]]] = {
    "dayofweek": lambda moment: moment.weekday(),
    "month": lambda moment: moment.month - 1,
    "year": lambda moment: moment.year,
    "hour": lambda moment: moment.hour,
    "quarter": lambda moment: (moment.month - 1) // 3,
}
_PART_COMPARES: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "EE": operator.eq,
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}


def _part_number(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text[:3] in _MONTHS:
        return _MONTHS.index(text[:3])
    if not _COUNT.fullmatch(text):
        raise Invalid(text)
    return int(text)
