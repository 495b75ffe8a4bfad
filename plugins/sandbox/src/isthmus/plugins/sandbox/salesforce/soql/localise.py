"""How does FORMAT() write a number or a date for a user's locale?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.salesforce.schema import NUMERIC, Field
from isthmus.plugins.sandbox.salesforce.store import Value


@dataclass(frozen=True, slots=True)
class Locale:
    """Marks, patterns and the corporate currency as a user of this locale sees them."""

    group: str
    point: str
    date: str
    time: str
    currency: str
    first_weekday: int = 0


_LOCALES: Final[Mapping[str, Locale]] = {
    "en_US": Locale(",", ".", "{month}/{day}/{year}", "{date}, {hour12}:{minute} {half}", "${number}", 6),
    "en_GB": Locale(",", ".", "{day:02}/{month:02}/{year}", "{date}, {hour:02}:{minute}", "£{number}"),
    "de_DE": Locale(".", ",", "{day:02}.{month:02}.{year}", "{date}, {hour:02}:{minute}", "{number} €"),
    "fr_FR": Locale("\u202f", ",", "{day:02}/{month:02}/{year}", "{date} {hour:02}:{minute}", "{number} €"),
}


def locale_of(key: Value) -> Locale:
    """Return the locale of a user's `LocaleSidKey`, that of the United States where it is unknown."""
    return _LOCALES.get(str(key), _LOCALES["en_US"])


def formatted(value: Value, field: Field, locale: Locale) -> Value:
    """Write a value as its field's type asks; text stays as it is."""
    if isinstance(value, int | float) and field.type in NUMERIC:
        return _number(value, field, locale)
    if isinstance(value, str) and field.type == "date":
        return _date(value, locale)
    if isinstance(value, str) and field.type == "datetime":
        hour = int(value[11:13])
        return locale.time.format(
            date=_date(value, locale),
            hour=hour,
            hour12=hour % 12 or 12,
            minute=value[14:16],
            half="AM" if hour < 12 else "PM",
        )
    return value


def _date(text: str, locale: Locale) -> str:
    return locale.date.format(year=text[:4], month=int(text[5:7]), day=int(text[8:10]))


def _number(value: float, field: Field, locale: Locale) -> str:
    places = 2 if field.type == "currency" else field.scale
    plain = f"{value:,.{places}f}"
    text = "".join({",": locale.group, ".": locale.point}.get(char, char) for char in plain)
    if field.type == "currency":
        return locale.currency.format(number=text)
    return f"{text}%" if field.type == "percent" else text
