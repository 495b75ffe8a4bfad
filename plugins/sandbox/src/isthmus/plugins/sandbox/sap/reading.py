"""How are rows read: one, some, a page of many, or a property?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlencode

from isthmus.plugins.sandbox.message import Json, Reply

from . import atom
from .errors import Refused, bad
from .keys import address, etag
from .odata.evaluate import Compiler
from .odata.options import Options, read_options
from .order import arranged
from .resolve import Target
from .schema import Table
from .shown import Shown
from .store import Row
from .values import outer, shown

if TYPE_CHECKING:
    from .call import Call


def read(call: "Call", target: Target, path: str) -> Reply:
    """Answer GET on what a path below the root leads to; raises Refused and Malformed."""
    if target.many:
        return _collection(call, target, path)
    if target.row is None:
        raise bad("This resource cannot be read")
    if target.field:
        return _property(call, target, target.row)
    return _entity(call, target.table, target.row, path)


def _entity(call: "Call", table: Table, row: Row, path: str) -> Reply:
    options = read_options(call.query, call.service, table)
    mark = etag(call.store, table, row, call.version)
    headers = {"ETag": mark} if mark else {}
    if mark and call.request.headers.get("if-none-match", "") in (mark, "*"):
        return Reply(304, empty=True, headers=headers)
    body = entity(call, table, row, options, path)
    if atom.wanted(call):
        shown_row = cast("Mapping[str, Json]", body["d"])
        return Reply(200, atom.entry(call, table, shown_row), {**headers, **call.said()}, atom.ENTRY)
    return call.reply(200, body, headers)


def entity(call: "Call", table: Table, row: Row, options: Options, path: str = "") -> dict[str, Json]:
    """Return one row in the envelope of the version."""
    found = shower(call).entity(table, row, options)
    if call.version == 2:
        return {"d": found}
    return {"@odata.context": f"{_up(path)}$metadata#{call.service.set_of(table)}{_listed(options)}/$entity", **found}


def shower(call: "Call") -> Shown:
    """Return what writes rows; a fault leaves out the zeros at the end of decimals."""
    return Shown(call, zeros=call.takes("bare_decimals") is None)


def _up(path: str) -> str:
    """Return how to get from a resource to the service's root: links are relative to the context."""
    return "../" * path.strip("/").count("/")


def _listed(options: Options) -> str:
    if options.select is None and not options.expand:
        return ""
    return "(" + ",".join([*sorted(options.select or ()), *(f"{name}()" for name in options.expand)]) + ")"


def _property(call: "Call", target: Target, row: Row) -> Reply:
    field = target.table.fields[target.field]
    value = row[target.field]
    written = shown(field, value, call.version, exact=call.exact)
    if target.tail == "$value":
        if value is None:
            return Reply(204, empty=True) if call.version == 4 else Reply(404, empty=True)
        text = outer(field, value) if isinstance(value, str) else str(value).lower() if value is True else str(value)
        return Reply(200, text.encode(), media_type="text/plain;charset=utf-8")
    if call.version == 2:
        return call.reply(200, {"d": {target.field: written}})
    where = f"../$metadata#{address(call.service, target.table, row)}/{target.field}"
    return call.reply(200, {"@odata.context": where, "value": written})


def _collection(call: "Call", target: Target, path: str) -> Reply:
    table = target.table
    options = read_options(call.query, call.service, table)
    if options.search and not table.searchable:
        raise bad(f"Search is not supported by '{call.service.set_of(table)}'")
    rows = call.view.scan(table) if target.rows is None else target.rows
    found = arranged(Compiler(call.service, call.view), table, rows, options)
    if call.takes("shuffled_rows") and not options.orderby:
        call.landscape.random.shuffle(found)
    if target.tail == "$count":
        return Reply(200, str(len(found)).encode(), media_type="text/plain;charset=utf-8")
    start, end = _span(call, options, len(found))
    page = _page_size(call)
    shown_rows = found[start : min(start + page, end)]
    token = ""
    if start + page < end:
        token = call.landscape.cursors.open(call.user.login, path, start + page, end)
    return _listing(call, table, options, (shown_rows, len(found), token, path))


def _span(call: "Call", options: Options, count: int) -> tuple[int, int]:
    """Return where the page starts and where everything asked for ends."""
    token = call.query.get("$skiptoken")
    if token is None:
        end = count if options.top is None else options.skip + options.top
        return options.skip, min(end, count)
    if call.takes("expired_skiptoken"):
        call.landscape.cursors.forget(token)
    found = call.landscape.cursors.find(token, call.user.login)
    if found is None:
        status = 410 if call.version == 4 else 400
        raise Refused(status, "/IWBEP/CM_MGW_RT/123", "The skiptoken is invalid or has expired; start again")
    return found[0], min(found[1], count)


def _page_size(call: "Call") -> int:
    page = call.landscape.page_size or call.service.page
    for part in call.request.headers.get("prefer", "").split(","):
        name, _, size = part.strip().partition("=")
        if name in ("odata.maxpagesize", "maxpagesize") and size.isdecimal() and int(size) > 0:
            page = min(page, int(size))
    return page


def _listing(call: "Call", table: Table, options: Options, page: tuple[list[Row], int, str, str]) -> Reply:
    rows, count, token, path = page
    show = shower(call)
    entries: list[Json] = [show.entity(table, row, options) for row in rows]
    link = _next(call, path, token) if token else ""
    if call.version == 2:
        if call.takes("bare_array"):
            return call.reply(200, {"d": entries})
        body: dict[str, Json] = {"results": entries}
        body |= {"__count": str(count)} if options.count else {}
        body |= {"__next": link} if link else {}
        if atom.wanted(call):
            return Reply(200, atom.feed(call, table, body), call.said(), atom.FEED)
        return call.reply(200, {"d": body})
    context = f"{_up(path)}$metadata#{call.service.set_of(table)}{_listed(options)}"
    found: dict[str, Json] = {"@odata.context": context}
    found |= {"@odata.count": count} if options.count else {}
    found["value"] = entries
    return call.reply(200, {**found, "@odata.nextLink": link} if link else found)


def _next(call: "Call", path: str, token: str) -> str:
    kept: Mapping[str, str] = {name: value for name, value in call.query.items() if name not in ("$skiptoken", "$skip")}
    query = urlencode({**kept, "$skiptoken": token}, quote_via=quote, safe="$,'()/")
    if fault := call.takes("foreign_next"):
        return f"{fault.text('url', 'http://localhost:8000')}{call.service.path}/{path}?{query}"
    return f"{call.root}{path}?{query}" if call.version == 2 else f"{path}?{query}"
