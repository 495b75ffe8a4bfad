"""Which rows does a text search find?"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError
from .schema import SObject
from .soql import Query, SoqlError, run
from .soql.parse import Parser
from .soql.syntax import Path, Selected, is_aggregate, malformed
from .store import Row
from .terms import MalformedTerm, letters, matcher

MAX_RECORDS: Final = 2_000
_MAX_TERM: Final = 10_000
_FIND: Final = re.compile(r"\s*FIND\s*\{((?:[^\\}]|\\.)*)\}\s*(?:IN\s+(\w+)\s+FIELDS\s*)?", re.IGNORECASE | re.DOTALL)
_GROUPS: Final[Mapping[str, frozenset[str] | None]] = {
    "ALL": None,
    "NAME": frozenset({"Name", "CaseNumber", "Subject"}),
    "EMAIL": frozenset({"Email", "SuppliedEmail", "Username"}),
    "PHONE": frozenset({"Phone", "MobilePhone"}),
    "SIDEBAR": None,
}
_T = TypeVar("_T")
_NO_TERM: Final = "No search term found. The search term must be enclosed in braces."
_BARE_BEFORE: Final = 37
"""From this version on the answer is an object, before it was a list (REST API Developer Guide, "Search")."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, where, and what to show of the findings."""

    term: str
    group: str
    returning: tuple[Query, ...]
    limit: int = MAX_RECORDS
    offset: int = 0


def search(call: Call) -> Reply:
    """Answer `GET /search?q=FIND {...}`."""
    text = call.request.query.get("q", "")
    match = _FIND.match(text)
    if match is None:
        raise ApiError(400, "MALFORMED_SEARCH", _NO_TERM)
    try:
        # blanks in place of the term, whose language is another one, keep the offsets of errors
        returning, limit = _returning(re.sub(r"\S", " ", match.group()) + text[match.end() :])
    except SoqlError as error:
        raise ApiError(400, "MALFORMED_SEARCH", error.render(text)) from None
    return _answer(call, Search(match.group(1), match.group(2) or "ALL", returning, limit))


def parameterized_search(call: Call) -> Reply:
    """Answer `/parameterizedSearch`, with everything in the URL or in a JSON body."""
    return _answer(call, _from_body(call.json) if call.method == "POST" else _from_url(call.request.query))


def _returning(text: str) -> tuple[tuple[Query, ...], int]:
    parser = Parser(text)
    found: tuple[Query, ...] = ()
    if parser.accept("RETURNING"):
        found = parser.listed(lambda: _object(parser))
        if len(found) > 1 and any(each.offset for each in found):
            raise malformed("OFFSET is only allowed where RETURNING names one object")
    while parser.accept("WITH"):
        _option(parser)
    limit = parser.whole_number() if parser.accept("LIMIT") else MAX_RECORDS
    if parser.accept("UPDATE"):
        parser.listed(parser.name)
    parser.expect_end()
    return found, limit


def _object(parser: Parser) -> Query:
    """Read what a search returns of one object: `Contact(Id, Name WHERE ... ORDER BY ... LIMIT 5)`."""
    name = parser.name()
    if not parser.accept_sign("("):
        return Query((Selected(Path(("Id",), name.at)),), name.text, name.at)
    query = parser.clauses(parser.fields(), name, inner=True)
    parser.sign(")")
    _check(query)
    return query


def _check(query: Query) -> None:
    if is_aggregate(query) or any(isinstance(each.expression, Query) for each in query.select):
        raise malformed("RETURNING takes fields only", query.at)


def _option(parser: Parser) -> None:
    """Read a WITH clause that changes no finding; the others need features which these orgs do not have."""
    word = parser.name()
    match word.word:
        case "HIGHLIGHT":
            return
        case "SNIPPET":
            if parser.accept_sign("("):
                parser.name()
                parser.sign("=")
                parser.whole_number()
                parser.sign(")")
        case "SPELL_CORRECTION" | "METADATA":
            parser.sign("=")
            parser.literal()
        case _:
            raise malformed(f"WITH {word.text} is not supported in this org", word.at)


def _from_url(query: Mapping[str, str]) -> Search:
    names = query.get("sobject") or query.get("sObject") or ""
    shared = query.get("fields", "Id")
    default = _count(query.get("defaultLimit"))
    returning = [
        _statement(
            name,
            query.get(f"{name}.fields", shared),
            query.get(f"{name}.where"),
            query.get(f"{name}.orderBy"),
            _count(query.get(f"{name}.limit")) or default,
        )
        for name in (each.strip() for each in names.split(",") if each.strip())
    ]
    return Search(
        query.get("q", ""),
        query.get("in", "ALL"),
        tuple(returning),
        _count(query.get("overallLimit")) or MAX_RECORDS,
        _count(query.get("offset")) or 0,
    )


def _from_body(body: Mapping[str, Json]) -> Search:
    shared = body.get("fields") or ["Id"]
    default = _count(body.get("defaultLimit"))
    returning = []
    for entry in _listed(body.get("sobjects") or [], "sobjects"):
        if not isinstance(entry, Mapping):
            raise ApiError(400, "JSON_PARSER_ERROR", "each of sobjects must be a JSON object")
        fields = ",".join(str(each) for each in _listed(entry.get("fields") or shared, "fields"))
        where, order = (str(value) if (value := entry.get(key)) else None for key in ("where", "orderBy"))
        limit = _count(entry.get("limit")) or default
        returning.append(_statement(str(entry.get("name", "")), fields, where, order, limit))
    limit = _count(body.get("overallLimit")) or MAX_RECORDS
    offset = _count(body.get("offset")) or 0
    return Search(str(body.get("q", "")), str(body.get("in") or "ALL"), tuple(returning), limit, offset)


def _listed(value: Json, name: str) -> Sequence[Json]:
    if not isinstance(value, list):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name} must be a list")
    return value


def _count(value: Json) -> int | None:
    if value is None:
        return None
    if not (str(value).isascii() and str(value).isdigit()):
        raise ApiError(400, "MALFORMED_SEARCH", f"a limit must be a whole number, not {value}")
    return int(str(value))


def _statement(name: str, fields: str, where: str | None, order: str | None, limit: int | None) -> Query:
    query = Query((), name, 0, limit=limit)
    query = replace(query, select=_read(fields, Parser.fields))
    if where:
        query = replace(query, where=_read(where, Parser.condition))
    if order:
        query = replace(query, order_by=_read(order, Parser.orders))
    try:
        _check(query)
    except SoqlError as error:
        raise ApiError(400, "MALFORMED_SEARCH", error.message) from None
    return query


def _read(text: str, read: Callable[[Parser], _T]) -> _T:
    try:
        parser = Parser(text)
        found = read(parser)
        parser.expect_end()
    except SoqlError as error:
        raise ApiError(400, "MALFORMED_SEARCH", error.render(text)) from None
    return found


def _answer(call: Call, wanted: Search) -> Reply:
    plain = letters(wanted.term)
    if not wanted.term.strip():
        raise ApiError(400, "MALFORMED_SEARCH", _NO_TERM)
    if len(plain) < 2:
        message = f"search term must be longer than one character: {wanted.term.strip()}"
        raise ApiError(400, "MALFORMED_SEARCH", message)
    group = wanted.group.upper().removesuffix(" FIELDS")
    if group not in _GROUPS:
        raise ApiError(400, "MALFORMED_SEARCH", f"unknown search group: {wanted.group}")
    try:
        matches = matcher(wanted.term)
    except MalformedTerm as error:
        raise ApiError(400, "MALFORMED_SEARCH", str(error)) from None
    found: list[Json] = []
    for statement in wanted.returning or _everything(call):
        found += _hits(call, statement, matches, _GROUPS[group])
    if len(wanted.term) > _MAX_TERM:
        found = []
    found = found[wanted.offset : wanted.offset + min(wanted.limit, MAX_RECORDS)]
    return Reply(200, found if float(call.version) < _BARE_BEFORE else {"searchRecords": found})


def _everything(call: Call) -> list[Query]:
    known = [each for each in call.store.schema.objects.values() if each.search and call.view.object(each.name)]
    return [Query((Selected(Path(("Id",), 0)),), each.name, 0) for each in known]


def _hits(
    call: Call, statement: Query, matches: Callable[..., bool], group: frozenset[str] | None
) -> list[Mapping[str, Json]]:
    sobject = call.view.object(statement.object)
    if sobject is None or not sobject.search:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{statement.object}' is not supported in a search")
    names = _searched(call, sobject, group)
    try:
        results = run(replace(statement, limit=None, offset=0), call.store, call.view)
    except SoqlError as error:
        raise ApiError(400, error.code, error.message) from None

    def hit(row: Row) -> bool:
        return matches(*(str(row[name]) for name in names if row[name] is not None))

    end = None if statement.limit is None else statement.offset + statement.limit
    rows = [row for row in results.rows if hit(row)][statement.offset : end]
    return [results.render(row, call.base) for row in rows]


def _searched(call: Call, sobject: SObject, group: frozenset[str] | None) -> list[str]:
    visible = {column.name for column in call.view.fields(sobject)}
    return [name for name in sobject.search if name in visible and (group is None or name in group)]
