"""Which recorded request is this one? The same, but for values that the cassette has stand-ins for."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from isthmus.core.cassettes.finding import Finder
from isthmus.core.cassettes.form import Interaction
from isthmus.core.records import JSON

__all__ = ["Aliases", "Line", "line_of", "matches"]

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A request as it is compared: its connection, method, path, parameters and body; None is a body not written."""

    connection: str
    method: str
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    body: JSON
    written: bool = True

    @property
    def key(self) -> tuple[object, ...]:
        """Return what is the same in all requests that may match."""
        return self.connection, self.method, len(self.path), tuple(name for name, _ in self.query)


def line_of(connection: str, method: str, target: str, body: str | None, *, written: bool = True) -> Line:
    """Read a request; `target` is path and query."""
    path, _, query = target.partition("?")
    segments = tuple(unquote(one) for one in path.split("/"))
    return Line(
        connection, method, segments, tuple(sorted(parse_qsl(query, keep_blank_values=True))), _read(body), written
    )


def recorded(one: Interaction) -> Line:
    """Read a request of a cassette."""
    target = "/" + one.request.uri.partition("://")[2].partition("/")[2]
    about = one.isthmus
    return line_of(about.connection, one.request.method, target, one.request.body, written=not about.asked)


def _read(body: str | None) -> JSON:
    if not body:
        return None
    try:
        found: JSON = json.loads(body)
    except ValueError:
        return body
    return found


@dataclass(slots=True)
class Aliases:
    """Which values a replay was given in the place of stand-ins: each always in the place of the same one."""

    stand_ins: Finder
    texts: frozenset[str]
    numbers: frozenset[int | float]
    _of: dict[str, str] = field(default_factory=dict)
    _is: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stand_ins: Sequence[str | int | float]) -> "Aliases":
        """Begin with nothing but the stand-ins."""
        texts = frozenset(one for one in stand_ins if isinstance(one, str))
        finder = Finder()
        finder.add(texts)
        return cls(finder, texts, frozenset(one for one in stand_ins if not isinstance(one, str)))

    def may_be(self, stand_in: str, value: str, new: dict[str, str]) -> bool:
        """Tell whether a value may stand in the place of a stand-in; `new` collects what was not known before."""
        if stand_in == value:
            return True
        told, wanted = _bare(value), _bare(stand_in)
        if value in self.texts:
            return False
        known = new.get(wanted) or self._of.get(wanted)
        taken = self._is.get(told)
        if known is None and taken is None and told not in new.values():
            new[wanted] = told
            return True
        return known == told

    def learn(self, new: Mapping[str, str]) -> None:
        """Remember what a match has shown."""
        self._of |= new
        self._is |= {value: stand_in for stand_in, value in new.items()}


def _bare(text: str) -> str:
    """Return a text without what languages escape."""
    return " ".join(_WORD.findall(text)).casefold()


def matches(asked: Line, kept: Line, aliases: Aliases) -> dict[str, str] | None:
    """Return which values stand in the places of stand-ins if this is the recorded request, else None."""
    new: dict[str, str] = {}
    pairs = [*zip(asked.path, kept.path, strict=True)]
    pairs += [(mine[1], theirs[1]) for mine, theirs in zip(asked.query, kept.query, strict=True)]
    if not all(_text(mine, theirs, aliases, new) for mine, theirs in pairs):
        return None
    if kept.written and not _alike(asked.body, kept.body, aliases, new):
        return None
    return new


def _alike(mine: JSON, theirs: JSON, aliases: Aliases, new: dict[str, str]) -> bool:
    if isinstance(theirs, dict):
        if not isinstance(mine, dict) or mine.keys() != theirs.keys():
            return False
        return all(_alike(mine[name], theirs[name], aliases, new) for name in theirs)
    if isinstance(theirs, list):
        if not isinstance(mine, list) or len(mine) != len(theirs):
            return False
        return all(_alike(one, other, aliases, new) for one, other in zip(mine, theirs, strict=True))
    if isinstance(theirs, str):
        return isinstance(mine, str) and _text(mine, theirs, aliases, new)
    if isinstance(theirs, bool) or theirs is None:
        return mine is theirs or (isinstance(theirs, bool) and isinstance(mine, bool))
    return mine == theirs or (theirs in aliases.numbers and isinstance(mine, int | float))


def _text(mine: str, theirs: str, aliases: Aliases, new: dict[str, str]) -> bool:
    if mine == theirs:
        return True
    if theirs in aliases.texts:
        return aliases.may_be(theirs, mine, new)
    stand_ins = [found.value for found in aliases.stand_ins.find(theirs)]
    found = re.fullmatch("".join(_pattern(theirs, aliases)), mine, re.DOTALL) if stand_ins else None
    if found is None:
        return False
    return all(aliases.may_be(one, value, new) for one, value in zip(stand_ins, found.groups(), strict=True))


def _pattern(theirs: str, aliases: Aliases) -> Iterator[str]:
    end = 0
    for found in aliases.stand_ins.find(theirs):
        yield re.escape(theirs[end : found.start])
        yield "(.+?)"
        end = found.end
    yield re.escape(theirs[end:])
