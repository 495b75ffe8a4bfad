"""How is a table of a policy or places file read, so that nothing in it is silently ignored?"""

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime

from .countries import UNKNOWN_COUNTRY, normalise_country, spellings


class FlowPolicyError(ValueError):
    """Refuse a policy that could mean something else than its author thinks.

    `key` is the offending word, `where` the place it stands at, `nearest` the right word it resembles, if any.
    """

    def __init__(self, problem: str, *, key: str, where: str, known: Collection[str] = ()) -> None:
        self.key = key
        self.where = where
        self.nearest = _nearest(key, known)
        remedy = ""
        if self.nearest is not None:
            remedy = f"; did you mean {self.nearest!r}?"
        elif 0 < len(known) <= 20:
            remedy = f"; known here: {', '.join(sorted(known))}"
        super().__init__(f"{where}: {problem}{remedy}")


def _nearest(word: str, known: Collection[str]) -> str | None:
    folded = {name.casefold(): name for name in sorted(known)}
    close = difflib.get_close_matches(word.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def parse(source: str | Mapping[str, object], where: str) -> Mapping[str, object]:
    """Parse TOML text; a mapping passes through."""
    if not isinstance(source, str):
        return source
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as exc:
        raise FlowPolicyError(f"not valid TOML: {exc}", key="", where=where) from exc


class Table:
    """One table, whose keys are known beforehand and whose values have one type each."""

    __slots__ = ("_values", "where")

    def __init__(self, values: object, where: str, known: Collection[str] | None) -> None:
        """Open a table; `known=None` admits any key."""
        self.where = where
        self._values = _mapping(values, where)
        for key in self._values:
            if known is not None and key not in known:
                raise FlowPolicyError(f"unknown key {key!r}", key=key, where=where, known=known)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def wrong(self, key: str, expected: str) -> FlowPolicyError:
        """Describe a value that is missing or of the wrong kind."""
        if key not in self._values:
            return FlowPolicyError(f"key {key!r} is missing; expected {expected}", key=key, where=self.where)
        found = self._values[key]
        return FlowPolicyError(f"{key} = {found!r}; expected {expected}", key=key, where=self.where)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text; without a default it must be there and not be blank."""
        if key not in self._values and default is not None:
            return default
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "a text")
        return value

    def number(self, key: str) -> int:
        """Read a whole number."""
        value = self._values.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(key, "a whole number")
        return value

    def day(self, key: str) -> date | None:
        """Read a date, if there is one."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.wrong(key, "a date such as 2026-10-01, without quotes or time")
        return value

    def names(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Read one text or a list of texts; an empty list says nothing and is refused."""
        if key not in self._values and not required:
            return ()
        value = self._values.get(key)
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not found:
            raise self.wrong(key, "a text or a list of texts")
        return tuple(_text(item, self.where, key) for item in found)

    def items(self, key: str) -> list[object]:
        """Read a list of anything."""
        value = self._values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return list(value)

    def value(self, key: str) -> object:
        """Hand out a value as it stands."""
        return self._values[key]

    def table(self, key: str, known: Collection[str] | None) -> "Table":
        """Open a table inside this one; a missing one is empty."""
        return Table(self._values.get(key, {}), key if self.where == TOP else f"{self.where}.{key}", known)


TOP = "top level"


def country(text: str, where: str, key: str) -> str:
    """Read a country that must exist: a policy may not speak of an unknown one."""
    code = normalise_country(text)
    if code == UNKNOWN_COUNTRY:
        known = {*spellings().values(), *spellings()}
        raise FlowPolicyError(f"{key}: unknown country {text!r}", key=text, where=where, known=known)
    return code


def _mapping(values: object, where: str) -> dict[str, object]:
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise FlowPolicyError(f"expected a table, found {values!r}", key="", where=where)
    return dict(values)


def _text(item: object, where: str, key: str) -> str:
    if not isinstance(item, str) or not item.strip():
        raise FlowPolicyError(f"{key} holds {item!r}; expected a text", key=key, where=where)
    return item
