"""How are the rows of an answer read all at once, each into no more than the fields that were asked for?"""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, TypeAlias, TypeVar, cast, overload

import msgspec

from isthmus.core.http import HEAVIEST, Response
from isthmus.core.records import JSON, Row, Value

__all__ = ["Fields", "Found", "Layout", "Table", "fields_type", "put_back"]

SWELL = 16
"""How many times its length a body may take as structures: a text of a few letters costs the most."""
MOST_TYPES = 256
ENOUGH = 100
"""Rows that say what is usual in a column."""

Scalar: TypeAlias = str | int | float | bool | None
T = TypeVar("T")


class Fields(msgspec.Struct, frozen=True, gc=False):
    """Values by path, in the way of a mapping, without a dictionary to every row; subclasses fix the paths."""

    at: ClassVar[Mapping[str, str]] = {}
    """The attribute that holds a path."""

    def __getitem__(self, path: str) -> Value:
        found: Value = getattr(self, self.at[path])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.at)

    def __len__(self) -> int:
        return len(self.at)

    def __contains__(self, path: object) -> bool:
        return path in self.at

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    __hash__ = None  # type: ignore[assignment]

    def get(self, path: str, default: Value = None) -> Value:
        """Return the value of a path, or the default."""
        return self[path] if path in self.at else default

    def keys(self) -> KeysView[str]:
        """Return the paths."""
        return self.at.keys()

    def values(self) -> ValuesView[Value]:
        """Return the values."""
        return ValuesView(mapping(self))

    def items(self) -> ItemsView[str, Value]:
        """Return paths and values."""
        return ItemsView(mapping(self))


Mapping.register(Fields)


def mapping(fields: Fields) -> Mapping[str, Value]:
    """Return the fields as what they are registered to be; a type-checker cannot know it."""
    return cast("Mapping[str, Value]", fields)


@lru_cache(MOST_TYPES)
def fields_type(paths: tuple[str, ...]) -> type[Fields]:
    """Make the mapping of exactly these paths; its values are given in their order."""
    return _fields_type(paths, dict.fromkeys(paths, Scalar), ())


def _fields_type(
    paths: tuple[str, ...], types: Mapping[str, object], beside: Sequence[tuple[str, str, type]]
) -> type[Fields]:
    at = {path: f"f{number}" for number, path in enumerate(paths)}
    made = msgspec.defstruct(
        "Fields",
        [*((at[path], cast("type", types[path])) for path in paths), *((name, kind) for name, _, kind in beside)],
        bases=(Fields,),
        namespace={"at": at},
        rename={at[path]: path for path in paths} | {name: told for name, told, _ in beside},
        frozen=True,
        gc=False,
    )
    return cast("type[Fields]", made)


@dataclass(frozen=True, slots=True)
class Table(Sequence[Row]):
    """Rows that all have the same paths and hold nothing but texts, numbers, truth values and nothing.

    To connectors' callers it is any sequence of rows; what is done to whole columns makes no row of it. `filled`
    tells that no value is missing in any.
    """

    object: str
    fields: Sequence[Fields]
    at: Mapping[str, str]
    id: str
    version: str
    filled: bool = False

    def __len__(self) -> int:
        return len(self.fields)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> "Table": ...
    def __getitem__(self, place: int | slice) -> "Row | Table":
        if isinstance(place, slice):
            return Table(self.object, self.fields[place], self.at, self.id, self.version, self.filled)
        return self._row(self.fields[place])

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self.fields)

    def at_places(self, places: Sequence[int]) -> "Table":
        """Return some of the rows."""
        if len(places) == len(self.fields):
            return self
        return Table(self.object, [self.fields[at] for at in places], self.at, self.id, self.version, self.filled)

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

    @property
    def ids(self) -> Iterator[str]:
        """Return the id of every row."""
        return cast("Iterator[str]", self.column(self.id))

    @property
    def versions(self) -> Iterable[str | None]:
        """Return the version of every row; None without end where there are none."""
        return cast("Iterator[str | None]", self.column(self.version)) if self.version in self.at else iter(_no, 0)

    def _row(self, fields: Fields) -> Row:
        version = fields.get(self.version)
        found = cast("Mapping[str, JSON]", fields)
        return Row(self.object, cast("str", fields[self.id]), found, cast("str | None", version))


def _no() -> None:
    return None


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
    rows, with their types; `inside` the object that a row may not lack, of whose texts nothing is made.
    """

    rows: str
    id: str
    version: str
    said: tuple[tuple[str, type], ...]
    inside: tuple[str, tuple[str, ...]] | None = None

    def read(self, answer: Response, object: str, paths: tuple[str, ...]) -> Found | None:
        """Read the rows of an answer; None for one that must be read with care, or that looks another way.

        Whatever it returns is what `Response.json` would have found. Nothing in the body was passed over: every name
        and every text takes two quotation marks, and as many as what was read needs are all there are. So no name
        came twice, and none was there that was not asked for.
        """
        body = answer.body
        if self.id not in paths or (self.inside and self.inside[0] in paths) or not answer.is_plain_json:
            return None
        if len(body) > HEAVIEST // SWELL and answer.weight > HEAVIEST:
            return None
        read = _reader(self, paths).read(body)
        if read is None:
            return None
        whole, texts, marks = read
        fields: list[Fields] = whole.rows
        said = {name: value for name, _ in self.said if (value := getattr(whole, f"said_{name}")) is not msgspec.UNSET}
        beside = 2 + sum(4 if isinstance(value, str) else 2 for value in said.values())
        if _marks(body) != beside + len(fields) * marks + 2 * texts:
            return None
        filled = texts == len(fields) * len(paths)
        return Found(Table(object, fields, whole.at, self.id, self.version, filled), said)


class _Reader:
    """Reads one layout for the paths of one query, and remembers which of them held a text in every row so far.

    Those are read as texts and nothing else: none of their values needs to be looked at to know what it is.
    """

    def __init__(self, layout: Layout, paths: tuple[str, ...]) -> None:
        self._layout = layout
        self._paths = paths
        self._plain = self._shape = _Shape(layout, paths, frozenset())
        self._learnt = False

    def read(self, body: bytes) -> tuple[Any, int, int] | None:
        """Return the answer, how many of its values are texts, and the marks that a row takes beside them."""
        shape = self._shape
        whole = shape.decode(body)
        if whole is None and shape is not self._plain:
            usual, shape = shape.texts, self._plain
            whole = shape.decode(body)
            if whole is not None:
                self._learn(usual & _all_texts(whole.rows, self._paths))
        if whole is None:
            return None
        if not self._learnt and len(whole.rows) >= ENOUGH:
            self._learn(_all_texts(whole.rows, self._paths))
        return whole, shape.count(whole.rows), shape.marks

    def _learn(self, texts: frozenset[str]) -> None:
        self._learnt = True
        self._shape = _Shape(self._layout, self._paths, texts) if texts else self._plain


@lru_cache(MOST_TYPES)
def _reader(layout: Layout, paths: tuple[str, ...]) -> _Reader:
    return _Reader(layout, paths)


def _all_texts(rows: Sequence[Fields], paths: Sequence[str]) -> frozenset[str]:
    return frozenset(path for path in paths if all(type(one[path]) is str for one in rows))


class _Shape:
    """How an answer is read; `marks` are those of a row's names and of what is inside it."""

    def __init__(self, layout: Layout, paths: tuple[str, ...], texts: frozenset[str]) -> None:
        types: dict[str, object] = dict.fromkeys(paths, Scalar)
        types |= {layout.id: str} | ({layout.version: str | None} if layout.version in types else {})
        types |= dict.fromkeys(texts, str)
        inside, self.marks = [], 2 * len(paths)
        if layout.inside is not None:
            name, parts = layout.inside
            inside.append(("inside", name, _inside(parts)))
            self.marks += 2 + 4 * len(parts)
        kind = _fields_type(paths, types, inside)
        said = {f"said_{name}": name for name, _ in layout.said}
        self.texts = texts
        self.whole = msgspec.defstruct(
            "Whole",
            [
                ("rows", list[kind]),  # type: ignore[valid-type]
                *((f"said_{name}", told | msgspec.UnsetType, msgspec.UNSET) for name, told in layout.said),
            ],
            namespace={"at": kind.at},
            rename={"rows": layout.rows} | said,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(self.whole)
        self._loose = [attrgetter(at) for path, at in kind.at.items() if path not in texts]

    def decode(self, body: bytes) -> Any:
        """Decode an answer; None for one that looks another way."""
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None

    def count(self, rows: Sequence[Fields]) -> int:
        """Count the values that are texts."""
        loose = sum([list(map(type, map(get, rows))).count(str) for get in self._loose])
        return loose + len(rows) * len(self.texts)


def _inside(parts: Sequence[str]) -> type:
    rename = {f"t{number}": part for number, part in enumerate(parts)}
    return msgspec.defstruct("Inside", [(name, str) for name in rename], rename=rename, gc=False)


def _marks(body: bytes) -> int:
    """Count the quotation marks that begin or end a text; -1 where that takes more than counting."""
    if b"\\" not in body:
        return body.count(b'"')
    return -1 if b"\\\\" in body else body.count(b'"') - body.count(b'\\"')
