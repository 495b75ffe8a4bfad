"""How is a query answered page by page?"""

import re
import string
from dataclasses import dataclass, field
from random import Random
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError, session_expired
from .logins import Session
from .soql import Query, Results, SoqlError, columns, parse_query, run

PAGE: Final = 2_000
MAX_CURSORS: Final = 10
_LOCATOR: Final = re.compile(r"(0r8\w{15})-(\d+)")
_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(slots=True)
class Cursor:
    """An answer that did not fit in one page; only the login that asked may read on.

    The rest of a parent's children is a cursor of its own, which lives as long as its statement's `root`.
    """

    session: Session
    results: Results
    size: int
    root: str = ""
    dead: bool = False


@dataclass(slots=True)
class Cursors:
    """The open cursors of one org; an eleventh one of a user closes that user's oldest."""

    random: Random
    _open: dict[str, Cursor] = field(default_factory=dict)

    def add(self, cursor: Cursor) -> str:
        """Keep a cursor and return its name."""
        if not cursor.root:
            self._make_room(cursor.session.user_id)
        name = "0r8" + "".join(self.random.choices(_ALPHABET, k=15))
        self._open[name] = cursor
        return name

    def _make_room(self, user_id: str) -> None:
        mine = [name for name, each in self._open.items() if each.session.user_id == user_id and not each.root]
        closed = set(mine[: max(len(mine) - MAX_CURSORS + 1, 0)])
        if closed:
            kept = {name: each for name, each in self._open.items() if not closed & {name, each.root}}
            self._open = kept

    def find(self, name: str, session: Session) -> Cursor:
        """Return a cursor of this login; raises ApiError for any other."""
        cursor = self._open.get(name)
        if cursor is None:
            raise _no_locator()
        if cursor.dead or cursor.session.ended:
            raise session_expired()
        if cursor.session is not session:
            raise _no_locator()
        return cursor

    def kill(self, name: str, *, quietly: bool) -> None:
        """Let a cursor fail for ever: as unknown, or `quietly` as an expired session however often one logs in."""
        if quietly and name in self._open:
            self._open[name].dead = True
        else:
            self._open.pop(name, None)


def _no_locator() -> ApiError:
    return ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def query(call: Call) -> Reply:
    """Answer `GET /query?q=`."""
    return _first_page(call, include_deleted=False)


def query_all(call: Call) -> Reply:
    """Answer `GET /queryAll?q=`: deleted rows count too."""
    return _first_page(call, include_deleted=True)


def query_more(call: Call, locator: str) -> Reply:
    """Answer `GET /query/<locator>`; a `q` beside it is ignored."""
    match = _LOCATOR.fullmatch(locator)
    if match is None:
        raise _no_locator()
    fault = call.org.faults.take("dead_locator", call.method, call.request.path)
    if fault is not None:
        quietly = fault.text("error", "INVALID_QUERY_LOCATOR") == "INVALID_SESSION_ID"
        call.org.cursors.kill(match.group(1), quietly=quietly)
    cursor = call.org.cursors.find(match.group(1), call.session)
    return _page(call, cursor, match.group(1), int(match.group(2)))


def _first_page(call: Call, *, include_deleted: bool) -> Reply:
    text = call.request.query.get("q")
    if text is None:
        raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
    try:
        statement = _statement(text)
        if call.request.query.get("columns", "").lower() == "true":
            return Reply(200, columns(statement, call.store, call.view))
        results = run(statement, call.store, call.view, include_deleted=include_deleted)
    except SoqlError as error:
        raise ApiError(400, error.code, error.render(text)) from None
    _leave_traces(call, results)
    cursor = Cursor(call.session, results, _page_size(call))
    name = call.org.cursors.add(cursor) if len(results.rows) > cursor.size else ""
    return _page(call, cursor, name, 0)


def _statement(text: str) -> Query:
    statement = parse_query(text)
    if statement.all_rows:
        raise SoqlError("MALFORMED_QUERY", "ALL ROWS not allowed in this context")
    return statement


def _leave_traces(call: Call, results: Results) -> None:
    for clause in results.update:
        action = "locked" if clause == "UPDATE" else "viewed"
        for row in results.rows:
            call.did(action, results.sobject, row["Id"])


def _page_size(call: Call) -> int:
    match = re.search(r"batchSize\s*=\s*(\d+)", call.request.headers.get("sforce-query-options", ""), re.IGNORECASE)
    return PAGE if match is None else min(max(int(match.group(1)), 200), PAGE)


def _page(call: Call, cursor: Cursor, name: str, start: int) -> Reply:
    rows = cursor.results.rows
    end = start + cursor.size
    body: dict[str, Json] = {"totalSize": cursor.results.total, "done": end >= len(rows)}
    if end < len(rows):
        body["nextRecordsUrl"] = _next_url(call, name, start, end)
    root = cursor.root or name

    def more(rest: Results, given: int) -> str:
        nonlocal root
        child = call.org.cursors.add(Cursor(call.session, rest, PAGE, root))
        root = root or child
        return f"{call.base}/query/{child}-{given}"

    body["records"] = [cursor.results.render(row, call.base, more) for row in rows[start:end]]
    return Reply(200, body)


def _next_url(call: Call, name: str, start: int, end: int) -> str:
    faults, path = call.org.faults, call.request.path
    fault = faults.take("foreign_next_url", call.method, path)
    if fault is not None:
        return fault.text("url", f"https://crm.foreign.example{call.base}/query/{name}-{end}")
    if faults.take("cyclic_paging", call.method, path) is not None:
        return f"{call.base}/query/{name}-{start}"
    return f"{call.base}/query/{name}-{end}"
