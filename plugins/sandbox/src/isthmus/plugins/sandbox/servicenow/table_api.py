"""How are rows read and written one at a time and in pages?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus, urlencode

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import bad_body, may_not_query, no_record
from .routes import route
from .schema import TableDefinition
from .store import Row
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call

MOST: Final = 10_000


def read_rows(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a table."""
    table = call.table(arguments[0])
    if not call.access.may("read", table):
        raise may_not_query()
    found = matching(call, table)
    page, headers = paged(call, found, f"/api/now/table/{table.name}")
    visible = [row for row in page if call.access.row("read", table, row)]
    if fault := call.takes("hide_rows"):
        every = int(fault.number("every", 2))
        visible = [row for number, row in enumerate(visible, start=1) if number % every]
    rows: list[Json] = [call.shown.record(table, row, call.style, call.fields) for row in visible]
    return Reply(200, {"result": rows}, headers)


def matching(call: "Call", table: TableDefinition) -> list[Row]:
    """Return the rows that the call's query means, in its order, before any access rule."""
    compiled = call.compile(table, call.query.get("sysparm_query", ""))
    stored = list(call.store.scan(table))
    if call.meets("shuffled_rows"):
        call.instance.random.shuffle(stored)
    rows = compiled.run(stored)
    for name, value in call.query.items():
        if not name.startswith("sysparm_") and name in table.columns:
            rows = [row for row in rows if _is(call, table, name, row, value)]
    return rows


def _is(call: "Call", table: TableDefinition, name: str, row: Row, value: str) -> bool:
    """Say whether a plain `field=value` parameter fits, by value or by what a screen shows."""
    column = table.columns[name]
    if row[name].casefold() == value.casefold():
        return True
    return call.shown.display(call.store.class_of(table.name, row), column, row).casefold() == value.casefold()


def paged(call: "Call", rows: Sequence[Row], path: str) -> tuple[Sequence[Row], dict[str, str]]:
    """Return the rows of the page that is asked for, and the headers that tell of the others."""
    limit = call.number("sysparm_limit", MOST)
    offset = call.number("sysparm_offset", 0)
    headers: dict[str, str] = {}
    if not call.flag("sysparm_no_count"):
        headers["X-Total-Count"] = str(len(rows))
    if not call.flag("sysparm_suppress_pagination_header"):
        link = _link(call, path, limit, offset, len(rows))
        if link:
            headers["Link"] = link
    return rows[offset : offset + limit], headers


def _link(call: "Call", path: str, limit: int, offset: int, total: int) -> str:
    if limit <= 0 or (total <= limit and offset == 0):
        return ""
    last = (total - 1) // limit * limit if total else 0
    places = {"first": 0}
    if offset > 0:
        places["prev"] = max(0, offset - limit)
    if offset + limit < total:
        places["next"] = offset + limit
    places["last"] = last
    origin = call.request.origin
    if fault := call.takes("foreign_link"):
        origin = fault.text("url", "https://elsewhere.example")
    others = {
        name: value for name, value in sorted(call.query.items()) if name not in ("sysparm_offset", "sysparm_limit")
    }
    parts = []
    for relation, place in places.items():
        query = urlencode({**others, "sysparm_limit": limit, "sysparm_offset": place}, quote_via=quote_plus)
        parts.append(f'<{origin}{path}?{query}>;rel="{relation}"')
    return ",".join(parts)


def visible(call: "Call", table: TableDefinition, sys_id: str) -> Row:
    """Return a row that the user may see; raises ApiError, the same one for missing and for hidden rows."""
    row = call.store.get(table.name, sys_id)
    if row is None or not call.access.row("read", table, row):
        raise no_record()
    return row


def read_row(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a row."""
    table = call.table(arguments[0])
    return Reply(200, {"result": _record(call, table, visible(call, table, arguments[1]))})


def create_row(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST on a table."""
    table = call.table(arguments[0])
    row = Writer(call, display=call.flag("sysparm_input_display_value")).insert(table, call.json)
    reply = Reply(201, {"result": _record(call, table, row)})
    reply.headers["Location"] = call.shown.link(table.name, row["sys_id"])
    return reply


def update_row(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer PATCH and PUT on a row."""
    table = call.table(arguments[0])
    row = visible(call, table, arguments[1])
    if not call.request.body:
        raise bad_body("The payload is empty.")
    row = Writer(call, display=call.flag("sysparm_input_display_value")).update(table, row, call.json)
    return Reply(200, {"result": _record(call, table, row)})


def delete_row(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on a row."""
    table = call.table(arguments[0])
    Writer(call).delete(table, visible(call, table, arguments[1]))
    return Reply(204, empty=True)


def _record(call: "Call", table: TableDefinition, row: Row) -> Json:
    return call.shown.record(table, row, call.style, call.fields)


ROUTES: Final = (
    route("GET", "now/table/{}", read_rows),
    route("POST", "now/table/{}", create_row),
    route("GET", "now/table/{}/{}", read_row),
    route("PATCH", "now/table/{}/{}", update_row),
    route("PUT", "now/table/{}/{}", update_row),
    route("DELETE", "now/table/{}/{}", delete_row),
)
