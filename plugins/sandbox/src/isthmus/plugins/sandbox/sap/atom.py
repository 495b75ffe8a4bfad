"""How does OData V2 look as Atom, which is what a client gets that does not ask for JSON?"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from isthmus.plugins.sandbox.message import Json

from .schema import Field, Table
from .values import edm, to_the_second

if TYPE_CHECKING:
    from .call import Call

FEED: Final = "application/atom+xml;type=feed;charset=utf-8"
ENTRY: Final = "application/atom+xml;type=entry;charset=utf-8"
_NAMES: Final = (
    ' xmlns="http://www.w3.org/2005/Atom" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)
_RELATED: Final = "http://schemas.microsoft.com/ado/2007/08/dataservices/related/"
_SCHEME: Final = "http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"
_HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>'


def wanted(call: "Call") -> bool:
    """Say whether the client gets Atom: in V2 everybody does who names JSON neither in Accept nor in $format."""
    if call.version != 2:
        return False
    return "json" not in call.request.headers.get("accept", "") and call.query.get("$format") != "json"


def feed(call: "Call", table: Table, body: Mapping[str, Json]) -> bytes:
    """Return a page of rows, given as it would stand below `d` in JSON."""
    return "".join(_feed(call, table, body, _HEAD, _NAMES)).encode()


def entry(call: "Call", table: Table, row: Mapping[str, Json]) -> bytes:
    """Return one row, given as it would stand below `d` in JSON."""
    return "".join(_entry(call, table, row, _HEAD, _NAMES)).encode()


def _feed(call: "Call", table: Table, body: Mapping[str, Json], head: str, names: str) -> Iterator[str]:
    yield f"{head}<feed{names}><id>{call.root}{call.service.set_of(table)}</id>"
    yield f'<title type="text">{call.service.set_of(table)}</title><updated>{_now(call)}</updated>'
    if "__count" in body:
        yield f"<m:count>{body['__count']}</m:count>"
    rows = body["results"]
    for row in rows if isinstance(rows, list) else []:
        yield from _entry(call, table, row, "", "")
    if "__next" in body:
        yield f'<link rel="next" href={quoteattr(str(body["__next"]))}/>'
    yield "</feed>"


def _entry(call: "Call", table: Table, row: Mapping[str, Json], head: str, names: str) -> Iterator[str]:
    about = row["__metadata"]
    assert isinstance(about, Mapping)  # noqa: S101 - what writes rows puts it there
    mark = f" m:etag={quoteattr(str(about['etag']))}" if "etag" in about else ""
    yield f"{head}<entry{mark}{names}><id>{escape(str(about['id']))}</id>"
    yield f"<updated>{_now(call)}</updated>"
    yield f'<category term="{about["type"]}" scheme="{_SCHEME}"/>'
    for name, link in call.service.links(table):
        if name in row:
            kind = "feed" if link.many else "entry"
            target = quoteattr(f"{about['uri']}/{name}")
            yield f'<link href={target} rel="{_RELATED}{name}" type="application/atom+xml;type={kind}"'
            yield from _linked(call, call.service.tables[link.table], row[name])
    yield '<content type="application/xml"><m:properties>'
    yield from (_property(field, row[name]) for name, field in table.fields.items() if name in row)
    yield "</m:properties></content></entry>"


def _linked(call: "Call", table: Table, below: Json) -> Iterator[str]:
    if isinstance(below, Mapping) and "__deferred" in below:
        yield "/>"
        return
    yield "><m:inline>"
    if isinstance(below, Mapping) and "results" in below:
        yield from _feed(call, table, below, "", "")
    elif isinstance(below, Mapping):
        yield from _entry(call, table, below, "", "")
    yield "</m:inline></link>"


def _property(field: Field, value: Json) -> str:
    kind = edm(field, 2)
    typed = "" if kind == "Edm.String" else f' m:type="{kind}"'
    if value is None:
        return f'<d:{field.name}{typed} m:null="true"/>'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text.startswith("/Date("):
        text = _moment(text, zone="Z" if field.kind == "stamp" else "")
    return f"<d:{field.name}{typed}>{escape(text)}</d:{field.name}>"


def _moment(text: str, zone: str) -> str:
    ticks = int(text.removeprefix("/Date(").partition("+")[0].rstrip(")/"))
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ticks)
    return to_the_second(at) + zone


def _now(call: "Call") -> str:
    return call.landscape.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
