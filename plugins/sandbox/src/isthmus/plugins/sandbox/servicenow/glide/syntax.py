"""What does an encoded query say, before anybody asks whether its fields exist?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

OPERATORS: Final = (
    "GT_OR_EQUALS_FIELD", "LT_OR_EQUALS_FIELD", "DOES NOT CONTAIN", "EMPTYSTRING", "CHANGESFROM", "ISNOTEMPTY",
    "INSTANCEOF", "RELATIVEGT", "RELATIVEGE", "RELATIVELT", "RELATIVELE", "RELATIVEEE", "STARTSWITH", "VALCHANGES",
    "CHANGESTO", "ENDSWITH", "CONTAINS", "NOT LIKE", "MORETHAN", "LESSTHAN", "DATEPART", "GT_FIELD", "LT_FIELD",
    "ANYTHING", "NOTLIKE", "BETWEEN", "ISEMPTY", "DYNAMIC", "NSAMEAS", "SAMEAS", "NOT IN", "NOTON", "LIKE", "ON", "IN",
    "!=", "<=", ">=", "!*", "=", "<", ">", "*", "%",
)  # fmt: skip
_CONDITION: Final = re.compile(rf"([a-z0-9_.]+)({'|'.join(map(re.escape, OPERATORS))})(.*)", re.DOTALL)
_TEXT: Final = re.compile(r"(123TEXTQUERY321|123TEXTINDEXGROUP321)=(.*)", re.DOTALL)
_JOIN: Final = re.compile(r"JOIN(\w+)\.(\w+)=(\w+)\.(\w+)!(.*)", re.DOTALL)
_RELATED: Final = re.compile(r"RLQUERY(\w+)\.([\w.]+),(>=|<=|!=|>|<|=)([0-9]{1,9})(,m2m)?")
_INNER: Final = re.compile(r"([a-z0-9_.]+)SUBQUERY([a-z0-9_]+),(\w+)(?:,(.*))?", re.DOTALL)
_DEEPEST: Final = 20
_ENDS_A_JOIN: Final = ("NQ", "JOIN", "RLQUERY", "ORDERBY", "GROUPBY")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: field, operator and value as they were sent."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Join:
    """Rows whose `column` is found in another table's column, in a row that fits the inner query."""

    table: str
    column: str
    other: str
    other_column: str
    inner: "Query"


@dataclass(frozen=True, slots=True)
class Related:
    """Rows to which so many rows of another table belong that fit the inner query."""

    table: str
    column: str
    operator: str
    number: int
    inner: "Query"


@dataclass(frozen=True, slots=True)
class Inner:
    """Rows whose field is among the values of another table's column."""

    field: str
    column: str
    table: str
    inner: "Query"


Term: TypeAlias = Condition | Join | Related | Inner
Group: TypeAlias = tuple[tuple[Term, ...], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Groups of alternatives: one group must hold, in it one of each tuple. `broken` holds what cannot be read."""

    groups: tuple[Group, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    group_by: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    depth: int
    groups: list[list[list[Term]]] = field(default_factory=lambda: [[]])
    order: list[tuple[str, bool]] = field(default_factory=list)
    group_by: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, term: Term | None, text: str, *, alternative: bool = False) -> None:
        if term is None:
            self.broken.append(text)
        elif alternative and self.groups[-1]:
            self.groups[-1][-1].append(term)
        else:
            self.groups[-1].append([term])

    def skip(self, *, alternative: bool) -> None:
        """Keep the place of a condition that is ignored, so that what is or-ed to it stays apart from its neighbour."""
        if not alternative:
            self.groups[-1].append([])


def parse(text: str) -> Query:
    """Read an encoded query; nothing in it is an error, what cannot be read is only noted."""
    return _read(text.split("^"), 0)


def _read(parts: Sequence[str], depth: int) -> Query:
    if depth > _DEEPEST:
        return Query(broken=tuple(parts))
    draft, place = _Draft(depth), 0
    while place < len(parts):
        part = parts[place]
        place += 1
        if part.startswith("NQ"):
            draft.groups.append([])
            part = part[2:]
        if part in ("", "EQ"):
            continue
        if part.startswith(("ORDERBY", "GROUPBY")):
            _note_order(draft, part)
            continue
        alternative = part.startswith("OR")
        part = part[2:] if alternative else part
        if part.startswith("JOIN"):
            place = _join(draft, parts, place, part)
        elif part.startswith("RLQUERY"):
            place = _related(draft, parts, place, part, alternative=alternative)
        elif _INNER.fullmatch(part):
            place = _inner(draft, parts, place, part, alternative=alternative)
        else:
            term = condition(part)
            if term is None:
                draft.skip(alternative=alternative)
            draft.add(term, part, alternative=alternative)
    groups = tuple(tuple(tuple(each) for each in group) for group in draft.groups)
    return Query(groups, tuple(draft.order), tuple(draft.group_by), tuple(draft.broken))


def condition(text: str) -> Condition | None:
    """Read one condition, or return None where it is none."""
    match = _TEXT.fullmatch(text)
    if match:
        return Condition(match[1], "=", match[2])
    match = _CONDITION.fullmatch(text)
    return Condition(match[1], match[2], match[3]) if match else None


def _note_order(draft: _Draft, part: str) -> None:
    if part.startswith("GROUPBY"):
        draft.group_by += [each for each in part[7:].split(",") if each]
    elif part.startswith("ORDERBYDESC"):
        draft.order.append((part[11:], True))
    else:
        draft.order.append((part[7:], False))


def _join(draft: _Draft, parts: Sequence[str], place: int, part: str) -> int:
    end = place
    while end < len(parts) and not parts[end].startswith(_ENDS_A_JOIN):
        end += 1
    match = _JOIN.fullmatch(part)
    inner = _read([match[5], *parts[place:end]], draft.depth + 1) if match else None
    draft.add(Join(match[1], match[2], match[3], match[4], inner) if match and inner else None, part)
    return end


def _related(draft: _Draft, parts: Sequence[str], place: int, part: str, *, alternative: bool) -> int:
    end = _closing(parts, place, "RLQUERY", "ENDRLQUERY")
    match = _RELATED.fullmatch(part)
    inner = _read(parts[place:end], draft.depth + 1)
    term = Related(match[1], match[2], match[3], int(match[4]), inner) if match else None
    draft.add(term, part, alternative=alternative)
    return end + 1


def _inner(draft: _Draft, parts: Sequence[str], place: int, part: str, *, alternative: bool) -> int:
    end = _closing(parts, place, "", "ENDSUBQUERY")
    match = _INNER.fullmatch(part)
    if match:
        inner = _read([match[4] or "", *parts[place:end]], draft.depth + 1)
        draft.add(Inner(match[1], match[2], match[3], inner), part, alternative=alternative)
    return end + 1


def _closing(parts: Sequence[str], place: int, opening: str, closing: str) -> int:
    depth = 1
    for at in range(place, len(parts)):
        if parts[at] == closing:
            depth -= 1
        elif opening and parts[at].startswith(opening):
            depth += 1
        if depth == 0:
            return at
    return len(parts)


def rendered(terms: Iterable[Condition]) -> str:
    """Write conditions that must all hold."""
    return "^".join(f"{each.field}{each.operator}{each.value}" for each in terms)
