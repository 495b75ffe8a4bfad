"""Which rows does a bulk query give out, and under which columns?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.errors import ApiError
from isthmus.plugins.sandbox.salesforce.schema import SObject
from isthmus.plugins.sandbox.salesforce.soql import SoqlError, parse_query, run
from isthmus.plugins.sandbox.salesforce.store import moment_of

_SELECT: Final = re.compile(r"\s*SELECT\s+(.*?)\s+FROM\s", re.IGNORECASE | re.DOTALL)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")


@dataclass(frozen=True, slots=True)
class Extract:
    """The answer to a bulk query: the records as a REST query would give them."""

    object: str
    soql: str
    records: Sequence[Mapping[str, Json]]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return header and rows for CSV; raises ApiError where a record does not fit into one line."""
        flat = [dict(_flat(record)) for record in self.records]
        spelled = {name.lower(): name for record in flat for name in record}
        header = [spelled.get(item.lower(), item) for item in self._items(flat)]
        return header, [[_text(record.get(name)) for name in header] for record in flat]

    def with_milliseconds(self) -> list[Json]:
        """Return the records as JSON jobs of the older API do: points in time count milliseconds since 1970."""
        return [_milliseconds(record) for record in self.records]

    def _items(self, flat: Sequence[Mapping[str, Json]]) -> list[str]:
        """Return what was selected, in order; an object's own name or alias before a field does not count."""
        match = _SELECT.match(self.soql)
        items = [item.strip() for item in match[1].split(",")] if match else []
        known = {name.lower() for record in flat for name in record}
        if any(item.lower().startswith(("fields(", "typeof ")) for item in items):
            return list(flat[0]) if flat else items
        return [item if item.lower() in known else _bare(item, self.object, self.soql) for item in items]


def extract(call: Call, soql: str, *, include_deleted: bool) -> Extract:
    """Run a bulk query as the calling user; raises ApiError where REST would, and for what bulk jobs do not take."""
    try:
        results = run(parse_query(soql), call.store, call.view, include_deleted=include_deleted)
    except SoqlError as error:
        raise ApiError(400, error.code, error.render(soql)) from None
    records = [results.render(row, call.base) for row in results.rows]
    grouped = any(cast("Mapping[str, Json]", each["attributes"])["type"] == "AggregateResult" for each in records)
    if grouped or (results.total > 0 and not records):
        raise ApiError(400, "FEATURENOTENABLED", "Aggregate functions are not supported in Bulk Query")
    if records and any(_is_file(results.sobject, name) for name in records[0]):
        raise ApiError(400, "FEATURENOTENABLED", "Binary fields are not supported in Bulk Query")
    if any("records" in value for record in records for value in record.values() if isinstance(value, Mapping)):
        raise ApiError(400, "FEATURENOTENABLED", "Aggregate Relationships not supported in Bulk Query")
    return Extract(results.sobject.name, soql, records)


def _is_file(sobject: SObject, name: str) -> bool:
    column = sobject.by_name.get(name.lower())
    return column is not None and column.type == "base64"


def _bare(item: str, name: str, soql: str) -> str:
    first, dot, rest = item.partition(".")
    alias = re.search(rf"\sFROM\s+{re.escape(name)}\s+(?:AS\s+)?(\w+)", soql, re.IGNORECASE)
    own = {name.lower(), alias[1].lower() if alias else ""}
    return rest if dot and first.lower() in own else item


def _flat(record: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, Json]]:
    for name, value in record.items():
        if name == "attributes":
            continue
        if not isinstance(value, Mapping):
            yield prefix + name, value
        elif "attributes" in value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            raise ApiError(400, "FEATURENOTENABLED", "Selecting compound data not supported in Bulk Query")


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _milliseconds(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: each if name == "attributes" else _milliseconds(each) for name, each in value.items()}
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return int(moment_of(value).timestamp() * 1000)
    return value
