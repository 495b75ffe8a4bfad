"""Which recorded request is this one? The same, but for values that the cassette has stand-ins for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote

from isthmus.core.cassettes.form import Interaction
from isthmus.core.cassettes.standins import FEW, bare, moment_of
from isthmus.core.cassettes.walking import structure_of
from isthmus.core.records import JSON

__all__ = ["Aliases", "Line", "line_of", "matches"]


@dataclass(frozen=True, slots=True)
class Line:
    """A request as it is compared: its connection, method, path, parameters and body; None is a body not written.

    `stood` are the stand-ins inside its texts, the longest first, `moments` those that its clock gave.
    """

    connection: str
    method: str
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    body: JSON
    written: bool = field(default=True, compare=False)
    stood: tuple[str, ...] = field(default=(), compare=False)
    moments: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def key(self) -> tuple[object, ...]:
        """Return what is the same in all requests that may match."""
        return self.connection, self.method, len(self.path), tuple(name for name, _ in self.query)


def line_of(
    connection: str, method: str, target: str, body: str | None, kind: str = "", *, written: bool = True
) -> Line:
    """Read a request; `target` is path and query."""
    path, _, query = target.partition("?")
    segments = tuple(unquote(one) for one in path.split("/"))
    params = tuple(sorted(parse_qsl(query, keep_blank_values=True)))
    return Line(connection, method, segments, params, structure_of(body or "", kind), written)


def recorded(one: Interaction) -> Line:
    """Read a request of a cassette."""
    target = "/" + one.request.uri.partition("://")[2].partition("/")[2]
    about = one.isthmus
    kind = ", ".join(one.request.headers.get("content-type", []))
    line = line_of(about.connection, one.request.method, target, one.request.body, kind, written=not about.asked)
    stood = tuple(sorted({*about.stood, *about.moments}, key=len, reverse=True))
    return replace(line, stood=stood, moments=frozenset(about.moments))


@dataclass(slots=True)
class Aliases:
    """Which values a replay was given in the place of stand-ins: each always in the place of the same one."""

    texts: frozenset[str]
    numbers: frozenset[int | float]
    _of: dict[str, str] = field(default_factory=dict)
    _is: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stand_ins: Sequence[str | int | float]) -> "Aliases":
        """Begin with nothing but the stand-ins."""
        texts = frozenset(one for one in stand_ins if isinstance(one, str))
        return cls(texts, frozenset(one for one in stand_ins if not isinstance(one, str)))

    def may_be(self, stand_in: str, value: str, new: dict[str, str]) -> bool:
        """Tell whether a value may stand in the place of a stand-in; `new` collects what was not known before."""
        if stand_in == value:
            return True
        told, wanted = bare(value), bare(stand_in)
        if value in self.texts and len(value) > FEW:
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


def matches(asked: Line, kept: Line, aliases: Aliases) -> dict[str, str] | None:
    """Return which values stand in the places of stand-ins if this is the recorded request, else None."""
    found = _Match(kept, aliases)
    pairs = [*zip(asked.path, kept.path, strict=True)]
    pairs += [(mine[1], theirs[1]) for mine, theirs in zip(asked.query, kept.query, strict=True)]
    if not all(found.is_text(mine, theirs) for mine, theirs in pairs):
        return None
    return found.new if not kept.written or found.is_same(asked.body, kept.body) else None


@dataclass(slots=True)
class _Match:
    """One comparison; `new` collects which values stand in the places of stand-ins."""

    kept: Line
    aliases: Aliases
    new: dict[str, str] = field(default_factory=dict)

    def is_same(self, mine: JSON, theirs: JSON) -> bool:
        """Compare JSON."""
        if isinstance(theirs, dict):
            if not isinstance(mine, dict) or mine.keys() != theirs.keys():
                return False
            return all(self.is_same(mine[name], theirs[name]) for name in theirs)
        if isinstance(theirs, list):
            if not isinstance(mine, list) or len(mine) != len(theirs):
                return False
            return all(self.is_same(one, other) for one, other in zip(mine, theirs, strict=True))
        if isinstance(theirs, str):
            return isinstance(mine, str) and self.is_text(mine, theirs)
        if isinstance(theirs, bool) or theirs is None:
            return mine is theirs or (isinstance(theirs, bool) and isinstance(mine, bool))
        return mine == theirs or (theirs in self.aliases.numbers and isinstance(mine, int | float))

    def is_text(self, mine: str, theirs: str) -> bool:
        """Compare texts, which may hold stand-ins."""
        if mine == theirs:
            return True
        if theirs in self.aliases.texts or theirs in self.kept.moments:
            return self._may_be(theirs, mine)
        stand_ins = self._inside(theirs)
        if not stand_ins:
            return False
        pattern = re.compile("|".join(map(re.escape, stand_ins)))
        found = pattern.findall(theirs)
        around = "(.+?)".join(map(re.escape, pattern.split(theirs)))
        values = re.fullmatch(around, mine, re.DOTALL) if found else None
        return values is not None and all(
            self._may_be(one, value) for one, value in zip(found, values.groups(), strict=True)
        )

    def _may_be(self, theirs: str, mine: str) -> bool:
        # A clock tells another time on every run.
        if theirs in self.kept.moments:
            return moment_of(mine) is not None
        return self.aliases.may_be(theirs, mine, self.new)

    def _inside(self, theirs: str) -> list[str]:
        return [one for one in self.kept.stood if one in theirs]
