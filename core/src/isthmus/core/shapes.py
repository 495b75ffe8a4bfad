"""How is JSON with many rows decoded into no more objects than it takes, and how many quotation marks has it then?

Every name and every text takes two. A body with more than what was read needs holds a name twice, or one too many.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, Literal, TypeAlias, cast

import msgspec

from isthmus.core.fields import Fields, Scalar, fields_type, typed_fields
from isthmus.core.records import JSON

__all__ = ["ENOUGH", "MOST_CHOICES", "Inside", "Question", "Read", "Reader"]

ENOUGH = 100
"""Rows that say what is usual in a column."""
MOST_CHOICES = 16
"""Texts that are made once for all rows, where a column holds no others."""
LONGEST_CHOICE = 64
MOST_MISSES = 2
"""How often a column may bring a new choice before it is read as any text."""
DEEPEST = 100
_NESTED = frozenset({dict, list})

Getter: TypeAlias = Callable[[Any], Any]
Inside: TypeAlias = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer should hold: rows of these paths under one name, what may stand beside them, and in every object.

    `types` are those that some paths must have.
    """

    rows: str
    said: tuple[tuple[str, type], ...]
    inside: Inside | None
    paths: tuple[str, ...]
    types: Mapping[str, Any]

    @property
    def readable(self) -> bool:
        """Tell whether no path leads through what another one holds, nor into what every object says of itself."""
        within = {path[:at] for path in self.paths for at, letter in enumerate(path) if letter == "."}
        own = self.inside is not None and any(self.inside[0] in path.split(".") for path in self.paths)
        return not own and within.isdisjoint(self.paths)


@dataclass(frozen=True, slots=True)
class Read:
    """What was decoded: the whole answer, its rows, how many texts they hold, and their marks beside those.

    `always` are paths that hold the same text in every row; `wide` those that may hold values of several parts.
    """

    whole: Any
    fields: Sequence[Fields]
    at: Mapping[str, str]
    texts: int
    marks: int
    always: Mapping[str, str]
    wide: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Usual:
    """What the columns have held so far: texts in every row, one of few texts, now and then several parts."""

    texts: frozenset[str] = frozenset()
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wide: frozenset[str] = frozenset()

    def type(self, path: str, due: Any) -> Any:
        """Return the type that decodes a column with the least work."""
        if path in self.choices:
            return Literal[tuple(sorted(self.choices[path]))]
        return str if path in self.texts else Any if path in self.wide and due is Scalar else due


class Reader:
    """Reads the answers to one question, and remembers what their columns held.

    What was always a text is read as nothing else, so that none of its values need be looked at to know what it is.
    What was always one of few texts is made once for all rows.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._plain = self._shape = _Shape(question, _Usual())
        self._missed: dict[str, int] = {}
        self._learnt = False

    @cached_property
    def _widest(self) -> "_Shape":
        return _Shape(self._question, _Usual(wide=frozenset(self._question.paths)))

    def read(self, body: bytes) -> Read | None:
        """Decode an answer; None for one that looks another way."""
        # Another thread may change what is usual meanwhile: this answer is read by one shape.
        shape, plain = self._shape, self._plain
        whole = shape.decode(body)
        if whole is None and shape is not plain:
            shape, usual = plain, shape.usual
            if (whole := shape.decode(body)) is not None:
                self._shape = _Shape(self._question, self._narrowed(usual, shape, whole))
        if whole is None:
            shape = self._widest
            if (whole := shape.decode(body)) is not None:
                self._widen(shape, whole)
        if whole is None:
            return None
        if not self._learnt and len(whole.rows) >= ENOUGH:
            self._learnt = True
            self._shape = _Shape(self._question, shape.found(whole))
        return shape.read(whole)

    def _widen(self, shape: "_Shape", whole: Any) -> None:
        """Remember which columns hold values of several parts; what is usual in the others is learnt anew."""
        wide = shape.found(whole).wide | self._plain.usual.wide
        self._plain = self._shape = _Shape(self._question, _Usual(wide=wide))
        self._learnt = False

    def _narrowed(self, usual: _Usual, shape: "_Shape", whole: Any) -> _Usual:
        """Keep of what was usual what is so here, too."""
        here = shape.found(whole)
        joined = {path: self._joined(path, known, here) for path, known in usual.choices.items()}
        choices = {path: some for path, some in joined.items() if some}
        return _Usual(usual.texts & here.texts, choices, usual.wide)

    def _joined(self, path: str, known: frozenset[str], here: _Usual) -> frozenset[str]:
        """Add the choices of a column that were not known; none are left of one that keeps bringing others."""
        found = here.choices.get(path, frozenset())
        if found and found <= known:
            return known
        self._missed[path] = self._missed.get(path, 0) + 1
        few = found and len(known | found) <= MOST_CHOICES and self._missed[path] <= MOST_MISSES
        return known | found if few else frozenset()


class _Shape:
    """How an answer is decoded, given what is usual in it."""

    def __init__(self, question: Question, usual: _Usual) -> None:
        self.usual = usual
        self._inside = question.inside[0] if question.inside else ""
        self._root = root = _Node("", question.paths, question, usual)
        self._straight = not (root.nodes or usual.wide)
        self._fields = root.kind if self._straight else fields_type(question.paths)
        self._at: Mapping[str, str] = self._fields.at
        self._loose = [get for path, get in root.leaves.items() if path not in usual.texts]
        few = {path: next(iter(some)) for path, some in usual.choices.items() if len(some) == 1}
        self._always = {path: text for path, text in few.items() if path in root.leaves}
        said = {f"said_{name}": name for name, _ in question.said}
        kind = msgspec.defstruct(
            "Whole",
            [
                ("rows", list[root.kind]),  # type: ignore[name-defined]
                *((f"said_{name}", told | msgspec.UnsetType, msgspec.UNSET) for name, told in question.said),
            ],
            rename={"rows": question.rows} | said,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, body: bytes) -> Any:
        """Decode an answer; None for one that looks another way."""
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None

    def read(self, whole: Any) -> Read | None:
        """Say what was decoded; None where values of several parts go too deep."""
        rows = whole.rows
        if self._straight:
            loose = sum([list(map(type, map(get, rows))).count(str) for get in self._loose])
            texts = loose + len(rows) * (len(self._at) - len(self._loose))
            return Read(whole, rows, self._at, texts, len(rows) * self._root.marks, self._always, frozenset())
        columns: dict[str, Sequence[JSON]] = {}
        wide, texts, marks = set[str](), 0, 0
        for node, ones in self._root.spread(rows):
            present = len(ones) - sum([one is None for one in ones])
            marks += present * node.marks
            for path, get in node.leaves.items():
                values = columns[path] = node.values(get, ones, present)
                kinds = [] if path in self.usual.texts else list(map(type, values))
                if path not in self.usual.wide or _NESTED.isdisjoint(kinds):
                    texts += kinds.count(str) if kinds else present
                    continue
                inner = _marks_of(values, self._inside)
                if inner is None:
                    return None
                marks += inner
                wide.add(path)
        fields = list(map(cast("Any", self._fields), *[columns[path] for path in self._at]))
        return Read(whole, fields, self._at, texts, marks, self._always, frozenset(wide))

    def found(self, whole: Any) -> _Usual:
        """Look what the columns hold."""
        texts, choices, wide = set(), {}, set()
        for node, ones in self._root.spread(whole.rows):
            there = [one for one in ones if one is not None]
            for path, get in (node.leaves | node.inner).items():
                kinds = set(map(type, map(get, there)))
                if kinds & _NESTED:
                    wide.add(path)
                elif kinds == {str}:
                    texts.add(path)
                    some = frozenset(map(get, there))
                    if len(some) <= MOST_CHOICES and all(len(text) <= LONGEST_CHOICE for text in some):
                        choices[path] = some
        return _Usual(frozenset(texts), choices, frozenset(wide))


class _Node:
    """One object of an answer: a row, or what a row says of a related record."""

    def __init__(self, prefix: str, paths: Sequence[str], question: Question, usual: _Usual) -> None:
        own = [path for path in paths if "." not in path[len(prefix) :]]
        related: dict[str, list[str]] = {}
        for path in paths:
            if path not in own:
                related.setdefault(path[len(prefix) :].partition(".")[0], []).append(path)
        types = {path: usual.type(path, question.types.get(path, Scalar)) for path in own}
        below = [_Node(f"{prefix}{name}.", some, question, usual) for name, some in related.items()]
        beside: list[tuple[str, str, Any]] = [
            (f"n{at}", name, node.kind | None) for at, (name, node) in enumerate(zip(related, below, strict=True))
        ]
        self.marks = 2 * (len(own) + len(beside))
        self.inner: dict[str, Getter] = {}
        if question.inside is not None:
            name, parts = question.inside
            beside.append(("inside", name, _inside(f"{prefix}{name}.", parts, usual)))
            self.marks += 2 + 4 * len(parts)
            self.inner = {f"{prefix}{name}.{part}": attrgetter(f"inside.t{at}") for at, part in enumerate(parts)}
        self.kind: type[Fields] = typed_fields(tuple(own), types, beside, len(prefix))
        self.leaves: dict[str, Getter] = {path: attrgetter(at) for path, at in self.kind.at.items()}
        self.nodes: list[tuple[_Node, Getter]] = [(node, attrgetter(f"n{at}")) for at, node in enumerate(below)]

    def spread(self, ones: Sequence[Any]) -> Iterator[tuple["_Node", Sequence[Any]]]:
        """Return this object and those below it in every row; None where a row has none."""
        yield self, ones
        for node, get in self.nodes:
            yield from node.spread([None if one is None else get(one) for one in ones])

    @staticmethod
    def values(get: Getter, ones: Sequence[Any], present: int) -> Sequence[JSON]:
        """Return one value a row."""
        return list(map(get, ones)) if present == len(ones) else [None if one is None else get(one) for one in ones]


def _inside(prefix: str, parts: Sequence[str], usual: _Usual) -> type:
    rename = {f"t{at}": part for at, part in enumerate(parts)}
    types = [usual.type(f"{prefix}{part}", str) for part in parts]
    return msgspec.defstruct("Inside", list(zip(rename, types, strict=True)), rename=rename, gc=False)


def _marks_of(values: Sequence[JSON], inside: str) -> int | None:
    """Count the marks of values of any depth; None where they go too deep, or tell of a related record."""
    marks, level = 0, list(values)
    for _ in range(DEEPEST):
        marks += 2 * list(map(type, level)).count(str)
        nested = [one for one in level if type(one) in _NESTED]
        objects = [one for one in nested if type(one) is dict]
        if any(inside in one for one in objects):
            return None
        marks += 2 * sum(map(len, objects))
        lists = [one for one in nested if type(one) is list]
        level = list(chain.from_iterable([*map(dict.values, objects), *lists]))
        if not level:
            return marks
    return None
