"""How are the rows of an answer read all at once, each into no more than the fields that were asked for?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import TypeVar, cast, overload

import msgspec

from isthmus.core.fields import MOST_TYPES, Fields, fields_type
from isthmus.core.http import HEAVIEST, Response
from isthmus.core.records import JSON, Row
from isthmus.core.shapes import Inside, Question, Reader

__all__ = ["Fields", "Found", "Layout", "Table", "fields_type", "put_back"]

SWELL = 16
"""How many times its length a body may take as structures: a text of a few letters costs the most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table(Sequence[Row]):
    """Rows that all have the same paths.

    To connectors' callers it is any sequence of rows; what is done to whole columns makes no row of it. `filled`
    tells that no value is missing in any; `always` holds what is the same text in every row, as far as that is known;
    only the paths of `wide` may hold values of several parts.
    """

    object: str
    fields: Sequence[Fields]
    at: Mapping[str, str]
    id: str
    version: str
    filled: bool = False
    always: Mapping[str, str] = field(default_factory=dict)
    wide: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.fields)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> "Table": ...
    def __getitem__(self, place: int | slice) -> "Row | Table":
        if isinstance(place, slice):
            return replace(self, fields=self.fields[place])
        return self._row(self.fields[place])

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self.fields)

    def at_places(self, places: Sequence[int]) -> "Table":
        """Return some of the rows."""
        if len(places) == len(self.fields):
            return self
        return replace(self, fields=[self.fields[at] for at in places])

    def empty(self) -> frozenset[str]:
        """Name the paths that hold nothing in any row."""
        if self.filled:
            return frozenset()
        first = self.fields[0]
        return frozenset(
            path for path in self.at if first[path] is None and all(value is None for value in self.column(path))
        )

    def column(self, path: str) -> Iterator[JSON]:
        """Return the values of one path, which must be one of `at`."""
        return map(attrgetter(self.at[path]), self.fields)

    def scalars(self, path: str) -> Iterator[JSON]:
        """Return the values of one path, and None for those of several parts."""
        values = self.column(path)
        return (None if isinstance(one, dict | list) else one for one in values) if path in self.wide else values

    @property
    def ids(self) -> Iterator[str]:
        """Return the id of every row."""
        return cast("Iterator[str]", self.column(self.id))

    @property
    def versions(self) -> Iterable[str | None]:
        """Return the version of every row; without end where it is the same in all, or none has one."""
        if self.version in self.always or self.version not in self.at:
            return repeat(self.always.get(self.version))
        return cast("Iterator[str | None]", self.column(self.version))

    def _row(self, fields: Fields) -> Row:
        version = fields.get(self.version)
        found = cast("Mapping[str, JSON]", fields)
        return Row(self.object, cast("str", fields[self.id]), found, cast("str | None", version))


def put_back(parts: Sequence[Sequence[T]], places: Sequence[Sequence[int]]) -> Sequence[T]:
    """Return what was taken apart by place in one order again."""
    if len(parts) == 1:
        return parts[0]
    found = {at: one for part, some in zip(parts, places, strict=True) for at, one in zip(some, part, strict=True)}
    return [found[at] for at in range(len(found))]


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer holds: the rows, and by name what was said beside them."""

    rows: Table
    said: Mapping[str, JSON]


@dataclass(frozen=True)
class Layout:
    """What an answer with many rows looks like: the rows under one name, what is said beside them and in each row.

    `id` and `version` name paths; the first holds a text in every row. `said` are the names that may stand beside the
    rows, with their types; `inside` the object that no row may lack, nor a related record in it, and the texts there.
    """

    rows: str
    id: str
    version: str
    said: tuple[tuple[str, type], ...]
    inside: Inside | None = None

    def read(self, answer: Response, object: str, paths: tuple[str, ...]) -> Found | None:
        """Read the rows of an answer; None for one that must be read with care, or that looks another way.

        Whatever it returns is what `Response.json` would have found. Nothing in the body was passed over: every name
        and every text takes two quotation marks, and as many as what was read needs are all there are. So no name
        came twice, and none was there that was not asked for.
        """
        body, reader = answer.body, _reader(self, paths)
        if reader is None or not answer.is_plain_json:
            return None
        if len(body) > HEAVIEST // SWELL and answer.weight > HEAVIEST:
            return None
        read = reader.read(body)
        if read is None:
            return None
        told = {name: getattr(read.whole, f"said_{name}") for name, _ in self.said}
        said = {name: value for name, value in told.items() if value is not msgspec.UNSET}
        beside = 2 + sum(4 if isinstance(value, str) else 2 for value in said.values())
        if _marks(body) != beside + read.marks + 2 * read.texts:
            return None
        filled = read.texts == len(read.fields) * len(paths)
        rows = Table(object, read.fields, read.at, self.id, self.version, filled, read.always, read.wide)
        return Found(rows, said)


@lru_cache(MOST_TYPES)
def _reader(layout: Layout, paths: tuple[str, ...]) -> Reader | None:
    types = {layout.id: str} | ({layout.version: str | None} if layout.version in paths else {})
    question = Question(layout.rows, layout.said, layout.inside, paths, types)
    return Reader(question) if layout.id in paths and question.readable else None


def _marks(body: bytes) -> int:
    """Count the quotation marks that begin or end a text; -1 where that takes more than counting."""
    if b"\\" not in body:
        return body.count(b'"')
    return -1 if b"\\\\" in body else body.count(b'"') - body.count(b'\\"')
