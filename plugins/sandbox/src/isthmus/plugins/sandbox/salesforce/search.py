"""Which rows does a text search find?"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError
from .schema import SObject
from .soql import Query, SoqlError, run
from .soql.parse import Parser
from .soql.syntax import Path, Selected
from .soql.tokens import tokenize
from .store import Row

MAX_RECORDS: Final = 2_000
_FIND: Final = re.compile(r"\s*FIND\s*\{((?:[^\\}]|\\.)*)\}\s*(?:IN\s+(\w+)\s+FIELDS\s*)?", re.IGNORECASE | re.DOTALL)
_GROUPS: Final[Mapping[str, frozenset[str] | None]] = {
    "ALL": None,
    "NAME": frozenset({"Name", "CaseNumber", "Subject"}),
    "EMAIL": frozenset({"Email", "SuppliedEmail", "Username"}),
    "PHONE": frozenset({"Phone", "MobilePhone"}),
}
_WORD: Final = re.compile(r"\w+(?:[.@'-]\w+)*")


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, where, and what to show of the findings."""

    term: str
    group: str
    returning: tuple[Query, ...]
    limit: int


def search(call: Call) -> Reply:
    """Answer `GET /search?q=FIND {...}`."""
    text = call.request.query.get("q", "")
    match = _FIND.match(text)
    if match is None:
        message = "No search term found. The search term must be enclosed in braces."
        raise ApiError(400, "MALFORMED_SEARCH", message)
    rest = text[match.end() :]
    try:
        returning, limit = _returning(rest)
    except SoqlError as error:
        raise ApiError(400, "MALFORMED_SEARCH", error.render(rest)) from None
    return _answer(call, Search(match.group(1), match.group(2) or "ALL", returning, limit))


def parameterized_search(call: Call) -> Reply:
    """Answer `/parameterizedSearch`, with everything in the URL or in a JSON body."""
    return _answer(call, _from_body(call.json) if call.method == "POST" else _from_url(call.request.query))


def _returning(text: str) -> tuple[tuple[Query, ...], int]:
    parser = Parser(tokenize(text))
    found: list[Query] = []
    if parser.accept("RETURNING"):
        found.append(parser.returning())
        while parser.accept_sign(","):
            found.append(parser.returning())
    limit = parser.whole_number() if parser.accept("LIMIT") else MAX_RECORDS
    parser.expect_end()
    return tuple(found), limit


def _from_url(query: Mapping[str, str]) -> Search:
    names = query.get("sobject") or query.get("sObject") or ""
    shared = query.get("fields", "Id")
    default = _count(query.get("defaultLimit"))
    returning = [
        _statement(
            name,
            query.get(f"{name}.fields", shared),
            query.get(f"{name}.where"),
            _count(query.get(f"{name}.limit")) or default,
        )
        for name in (each.strip() for each in names.split(",") if each.strip())
    ]
    return Search(
        query.get("q", ""), query.get("in", "ALL"), tuple(returning), _count(query.get("overallLimit")) or 2000
    )


def _from_body(body: Mapping[str, Json]) -> Search:
    shared = body.get("fields") or ["Id"]
    default = _count(body.get("defaultLimit"))
    returning = []
    for entry in _listed(body.get("sobjects") or [], "sobjects"):
        if not isinstance(entry, Mapping):
            raise ApiError(400, "JSON_PARSER_ERROR", "each of sobjects must be a JSON object")
        fields = ",".join(str(each) for each in _listed(entry.get("fields") or shared, "fields"))
        where = entry.get("where")
        limit = _count(entry.get("limit")) or default
        returning.append(_statement(str(entry.get("name", "")), fields, str(where) if where else None, limit))
    limit = _count(body.get("overallLimit")) or MAX_RECORDS
    return Search(str(body.get("q", "")), str(body.get("in") or "ALL"), tuple(returning), limit)


def _listed(value: Json, name: str) -> Sequence[Json]:
    if not isinstance(value, list):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name} must be a list")
    return value


def _count(value: Json) -> int | None:
    if value is None:
        return None
    if not str(value).isdigit():
        raise ApiError(400, "MALFORMED_SEARCH", f"a limit must be a whole number, not {value}")
    return int(str(value))


def _statement(name: str, fields: str, where: str | None, limit: int | None) -> Query:
    try:
        parser = Parser(tokenize(fields))
        select = parser.fields()
        parser.expect_end()
        condition = None
        if where:
            parser = Parser(tokenize(where))
            condition = parser.condition()
            parser.expect_end()
    except SoqlError as error:
        raise ApiError(400, "MALFORMED_SEARCH", error.render(where or fields)) from None
    return Query(select, name, 0, where=condition, limit=limit)


def _answer(call: Call, wanted: Search) -> Reply:
    plain = wanted.term.replace("\\", "").strip()
    if len(plain) < 2:
        message = "search term must be longer than one character" if plain else "No search term found."
        raise ApiError(400, "MALFORMED_SEARCH", f"{message}: {plain}" if plain else message)
    group = wanted.group.upper().removesuffix(" FIELDS")
    if group not in _GROUPS:
        raise ApiError(400, "MALFORMED_SEARCH", f"unknown search group: {wanted.group}")
    matches = matcher(wanted.term)
    found: list[Json] = []
    for statement in wanted.returning or _everything(call):
        found += _hits(call, statement, matches, _GROUPS[group])
    return Reply(200, {"searchRecords": found[: wanted.limit]})


def _everything(call: Call) -> list[Query]:
    known = [each for each in call.store.schema.objects.values() if each.search and call.view.object(each.name)]
    return [Query((Selected(Path(("Id",), 0)),), each.name, 0) for each in known]


def _hits(
    call: Call, statement: Query, matches: Callable[[str], bool], group: frozenset[str] | None
) -> list[Mapping[str, Json]]:
    sobject = call.view.object(statement.object)
    if sobject is None or not sobject.search:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{statement.object}' is not supported in a search")
    names = _searched(call, sobject, group)
    try:
        unlimited = Query(statement.select, statement.object, 0, where=statement.where, order_by=statement.order_by)
        results = run(unlimited, call.store, call.view)
    except SoqlError as error:
        raise ApiError(400, error.code, error.message) from None

    def hit(row: Row) -> bool:
        return any(matches(str(row[name])) for name in names if row[name] is not None)

    rows = [row for row in results.rows if hit(row)][: statement.limit]
    return [results.render(row, call.base) for row in rows]


def _searched(call: Call, sobject: SObject, group: frozenset[str] | None) -> list[str]:
    visible = {column.name for column in call.view.fields(sobject)}
    return [name for name in sobject.search if name in visible and (group is None or name in group)]


def matcher(term: str) -> Callable[[str], bool]:
    r"""Return the test for a search term.

    All words must occur, alternatives are joined by OR; `*` stands for any letters, `?` for one; a backslash makes the
    reserved character behind it plain.
    """
    alternatives = [_words(part) for part in re.split(r"\s+OR\s+", term)]

    def matches(text: str) -> bool:
        folded = text.casefold()
        words = [folded, *_WORD.findall(folded), *re.findall(r"\w+", folded)]
        return any(all(any(word.fullmatch(each) for each in words) for word in part) for part in alternatives)

    return matches


def _words(text: str) -> list[re.Pattern[str]]:
    found = []
    for quoted, word in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.sub(r"\s+AND\s+", " ", text)):
        parts = re.findall(r"\\.|.", quoted or word, re.DOTALL)
        expression = "".join(_WILD.get(part) or re.escape(part[-1].casefold()) for part in parts)
        found.append(re.compile(f".*{expression}.*" if quoted else expression, re.DOTALL))
    return found


_WILD: Final = {"*": ".*", "?": "."}
