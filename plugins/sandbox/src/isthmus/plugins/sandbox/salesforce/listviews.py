"""Which lists of an object's rows does the org offer, and what is in one?"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError, not_found
from .ids import mint, normalise
from .schema import Field, SObject
from .store import Row, Value, moment_of

_PREFIX: Final = "00B"
_DEFAULT_SIZE: Final = 25
_MOST: Final = 2_000
_HIDDEN: Final = ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp")
_ORDERS: Final[Mapping[str, tuple[str, str]]] = {
    "phone": ("9-0", "0-9"),
    "picklist": ("Low to High", "High to Low"),
    "datetime": ("New to Old", "Old to New"),
    "date": ("New to Old", "Old to New"),
}


@dataclass(frozen=True, slots=True)
class ListView:
    """One list: of all rows of an object, or only of those that the asking user owns."""

    id: str
    sobject: SObject
    mine: bool

    @property
    def label(self) -> str:
        """Return what people call the list."""
        return f"{'My' if self.mine else 'All'} {self.sobject.label_plural}"


def list_views(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X/listviews`."""
    sobject = call.sobject(name)
    views: list[Json] = [_brief(call, each) for each in _of(call, sobject)]
    told: dict[str, Json] = {"done": True, "listviews": views, "nextRecordsUrl": None, "size": len(views)}
    return Reply(200, {**told, "sobjectType": sobject.name})


def list_view(call: Call, name: str, key: str) -> Reply:
    """Answer `GET /sobjects/X/listviews/<id>`."""
    return Reply(200, _brief(call, _found(call, name, key)))


def describe(call: Call, name: str, key: str) -> Reply:
    """Answer `GET /sobjects/X/listviews/<id>/describe`."""
    view = _found(call, name, key)
    shown = [each.name for each in _columns(call, view.sobject)]
    select = f"SELECT {', '.join(shown)} FROM {view.sobject.name}"  # noqa: S608 - names of the schema
    body: dict[str, Json] = {
        "columns": _headings(call, view.sobject),
        "id": view.id,
        "orderBy": [{"fieldNameOrPath": shown[0], "nullsPosition": "first", "sortDirection": "ascending"}],
        "query": f"{select} ORDER BY {shown[0]} ASC NULLS FIRST, Id ASC",
        "scope": "mine" if view.mine else "everything",
        "sobjectType": view.sobject.name,
        "whereCondition": {"conditions": [], "conjunction": "and"},
    }
    return Reply(200, body)


def results(call: Call, name: str, key: str) -> Reply:
    """Answer `GET /sobjects/X/listviews/<id>/results?limit=&offset=`."""
    view = _found(call, name, key)
    columns = _columns(call, view.sobject)
    rows = sorted(
        (row for row in call.store[view.sobject.name] if _listed(call, view, row)),
        key=lambda row: (str(row[columns[0].name] or ""), str(row["Id"])),
    )
    limit, offset = (_number(call, *each) for each in (("limit", _DEFAULT_SIZE), ("offset", 0)))
    page = rows[offset : offset + min(limit, _MOST)]
    body: dict[str, Json] = {
        "columns": _headings(call, view.sobject),
        "developerName": view.label.replace(" ", ""),
        "done": offset + len(page) >= len(rows),
        "id": view.id,
        "label": view.label,
        "records": [{"columns": [_cell(each, row[each.name]) for each in columns]} for row in page],
        "size": len(page),
    }
    return Reply(200, body)


def _of(call: Call, sobject: SObject) -> list[ListView]:
    if "listviews" not in sobject.links:
        return []
    place = 2 * list(call.store.schema.objects).index(sobject.name)
    ids = [mint(_PREFIX, call.store.pod, place + number) for number in (1, 2)]
    owned = "ownerid" in sobject.by_name
    return [ListView(key, sobject, mine) for key, mine in zip(ids, (False, True), strict=True) if owned or not mine]


def _found(call: Call, name: str, key: str) -> ListView:
    for each in _of(call, call.sobject(name)):
        if each.id == normalise(key):
            return each
    raise not_found()


def _brief(call: Call, view: ListView) -> Mapping[str, Json]:
    path = f"{call.base}/sobjects/{view.sobject.name}/listviews/{view.id}"
    return {
        "describeUrl": f"{path}/describe",
        "developerName": view.label.replace(" ", ""),
        "id": view.id,
        "label": view.label,
        "resultsUrl": f"{path}/results",
        "soqlCompatible": True,
        "url": path,
    }


def _columns(call: Call, sobject: SObject) -> list[Field]:
    names = dict.fromkeys((sobject.name_field, *sobject.search, *_HIDDEN))
    return [column for name in names if (column := call.view.field(sobject, name)) is not None]


def _headings(call: Call, sobject: SObject) -> list[Json]:
    return [_heading(sobject, each) for each in _columns(call, sobject)]


def _heading(sobject: SObject, column: Field) -> Mapping[str, Json]:
    hidden = column.name in _HIDDEN
    down, up = (None, None) if hidden else _ORDERS.get(column.type, ("Z-A", "A-Z"))
    first = column.name == sobject.name_field
    return {
        "ascendingLabel": down,
        "descendingLabel": up,
        "fieldNameOrPath": column.name,
        "hidden": hidden,
        "label": column.label,
        "selectListItem": f"toLabel({column.name})" if column.type == "picklist" else column.name,
        "sortDirection": "ascending" if first else None,
        "sortIndex": 0 if first else None,
        "sortable": column.sortable and not hidden,
        "type": column.type,
    }


def _listed(call: Call, view: ListView, row: Row) -> bool:
    owned = not view.mine or row["OwnerId"] == call.user_id
    return owned and not row["IsDeleted"] and call.view.sees(view.sobject, row)


def _cell(column: Field, value: Value) -> Mapping[str, Json]:
    """Write a value as list views do: as text, a time the way people in the GMT zone read it."""
    if value is None:
        return {"fieldNameOrPath": column.name, "value": None}
    if column.type == "datetime":
        weekday, day, month, year, time, zone = format_datetime(moment_of(str(value)), usegmt=True).split()
        return {"fieldNameOrPath": column.name, "value": f"{weekday[:3]} {month} {day} {time} {zone} {year}"}
    return {"fieldNameOrPath": column.name, "value": str(value).lower() if isinstance(value, bool) else str(value)}


def _number(call: Call, name: str, default: int) -> int:
    text = call.request.query.get(name, str(default))
    if not text.isdecimal():
        raise ApiError(400, "INVALID_QUERY_PARAMETER", f"{name} must be a number")
    return int(text)
