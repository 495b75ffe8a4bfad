"""How are up to 200 rows written, or 2,000 read, in one request?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeVar

from isthmus.plugins.sandbox.message import Json, Reply

from . import rows
from .call import Call
from .composite import flag
from .errors import ApiError
from .ids import normalise
from .schema import Field, SObject
from .store import Row

MAX_ROWS: Final = 200
MAX_READ: Final = 2_000
MAX_CHUNKS: Final = 10

_Given = TypeVar("_Given")


def create(call: Call) -> Reply:
    """Answer `POST /composite/sobjects`."""
    records = _records(call)
    _check_chunks(records)
    return _written(call, records, _create, all_or_none=flag(call.json, "allOrNone"))


def update(call: Call) -> Reply:
    """Answer `PATCH /composite/sobjects`."""
    records = _records(call)
    _check_chunks(records)
    return _written(call, records, _update, all_or_none=flag(call.json, "allOrNone"))


def delete(call: Call) -> Reply:
    """Answer `DELETE /composite/sobjects?ids=`."""
    ids = [each.strip() for each in call.request.query.get("ids", "").split(",") if each.strip()]
    _check_count(len(ids))
    all_or_none = call.request.query.get("allOrNone", "").lower() == "true"
    return _written(call, ids, _delete, all_or_none=all_or_none)


def upsert(call: Call, name: str, column_name: str) -> Reply:
    """Answer `PATCH /composite/sobjects/X/<ExtField>`; without a value in the field `Id`, a row is made."""
    sobject = call.sobject(name)
    column = rows.key_field(call, sobject, column_name)
    records = _records(call)
    twice = _repeated(column, records)

    def write(call: Call, given: Mapping[str, Json]) -> Mapping[str, Json]:
        return _upsert(call, sobject, column, given, twice)

    return _written(call, records, write, all_or_none=flag(call.json, "allOrNone"))


def read(call: Call, name: str) -> Reply:
    """Answer `GET /composite/sobjects/X?ids=&fields=`."""
    query = call.request.query
    return _read(call, name, query.get("ids", "").split(","), query.get("fields", "").split(","))


def retrieve(call: Call, name: str) -> Reply:
    """Answer `POST /composite/sobjects/X` with ids and fields in the body."""
    ids, fields = (call.json.get(each) for each in ("ids", "fields"))
    if not isinstance(ids, list) or not isinstance(fields, list):
        raise ApiError(400, "JSON_PARSER_ERROR", "ids and fields must be arrays")
    return _read(call, name, [str(each) for each in ids], [str(each) for each in fields])


def _read(call: Call, name: str, ids: Sequence[str], fields: Sequence[str]) -> Reply:
    sobject = call.sobject(name)
    names = [each.strip() for each in fields if each.strip()]
    wanted = [each.strip() for each in ids if each.strip()]
    if not names or not wanted:
        raise ApiError(400, "INVALID_INPUT", "ids and fields must be named")
    if len(wanted) > MAX_READ:
        raise ApiError(400, "LIMIT_EXCEEDED", f"At most {MAX_READ} records can be read at once")
    columns = rows.named_fields(call, sobject, (*names, "Id"))
    found: list[Json] = []
    for each in wanted:
        row = call.store[sobject.name].rows.get(normalise(each) or "")
        shown = row is not None and not row["IsDeleted"] and call.view.sees(sobject, row)
        found.append(rows.record(call, sobject, row, columns) if row is not None and shown else None)
    return Reply(200, found)


def _written(
    call: Call, given: Iterable[_Given], write: Callable[[Call, _Given], Mapping[str, Json]], *, all_or_none: bool
) -> Reply:
    """Do the writes in order: 200 whatever becomes of each; with allOrNone one failure takes all of them back."""
    results: list[Mapping[str, Json]] = []
    with call.transaction() as roll_back:
        for each in given:
            try:
                results.append(write(call, each))
            except ApiError as refusal:
                results.append({"success": False, "errors": [refusal.as_row()]})
        if all_or_none and not all(each["success"] for each in results):
            roll_back()
            results = [_ROLLED_BACK if each["success"] else each for each in results]
    return Reply(200, results)


def _create(call: Call, given: Mapping[str, Json]) -> Mapping[str, Json]:
    sobject = _kind(call, given)
    if _id_of(given) is not None:
        raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
    row = rows.insert(call, sobject, _values(given))
    return {"id": row["Id"], "success": True, "errors": []}


def _update(call: Call, given: Mapping[str, Json]) -> Mapping[str, Json]:
    sobject = _kind(call, given)
    key = _id_of(given)
    if key is None:
        raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call", [])
    row = _row(call, sobject, key)
    rows.change(call, sobject, row, _values(given))
    return {"id": row["Id"], "success": True, "errors": []}


def _delete(call: Call, key: str) -> Mapping[str, Json]:
    full = normalise(key)
    if full is None:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {key}", [])
    found = call.store.schema.by_prefix(full[:3])
    sobject = None if found is None else call.view.object(found.name)
    if sobject is None:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    rows.remove(call, sobject, _row(call, sobject, full))
    return {"id": full, "success": True, "errors": []}


def _upsert(
    call: Call, sobject: SObject, column: Field, given: Mapping[str, Json], twice: frozenset[str]
) -> Mapping[str, Json]:
    if _kind(call, given).name != sobject.name:
        raise ApiError(400, "INVALID_TYPE", f"Every record must be of type {sobject.name}", [])
    values = _values(given)
    if column.type == "id":
        key = _id_of(given)
        found = [] if key is None else [_row(call, sobject, key)]
    else:
        found = _by_key(call, sobject, column, given, twice)
        values = {name: value for name, value in values.items() if not found or name.lower() != column.name.lower()}
    if found:
        rows.change(call, sobject, found[0], values)
    row = found[0] if found else rows.insert(call, sobject, values)
    return {"id": row["Id"], "success": True, "errors": [], "created": not found}


def _by_key(call: Call, sobject: SObject, column: Field, given: Mapping[str, Json], twice: frozenset[str]) -> list[Row]:
    value = _value(given, column.name)
    if value is None or value == "":
        raise ApiError(400, "MISSING_ARGUMENT", f"{column.name} not specified", [column.name])
    if _folded(column, value) in twice:
        raise ApiError(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [column.name])
    found = rows.matches(call, sobject, column, str(value))
    if len(found) > 1:
        ids = ", ".join(str(row["Id"]) for row in found)
        message = f"{column.name}: more than one record found for external id field: [{ids}]"
        raise ApiError(400, "DUPLICATE_EXTERNAL_ID", message, [column.name])
    return found


def _repeated(column: Field, records: Sequence[Mapping[str, Json]]) -> frozenset[str]:
    """Return the keys that more than one record of the request carries."""
    keys = [_folded(column, value) for each in records if (value := _value(each, column.name)) is not None]
    return frozenset(key for key in keys if keys.count(key) > 1)


def _folded(column: Field, value: Json) -> str:
    return str(value) if column.case_sensitive else str(value).casefold()


def _row(call: Call, sobject: SObject, key: str) -> Row:
    full = normalise(key)
    if full is None:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {key}", ["Id"])
    row = call.store[sobject.name].rows.get(full)
    if row is None or not call.view.sees(sobject, row):
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if row["IsDeleted"]:
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [])
    return row


def _kind(call: Call, given: Mapping[str, Json]) -> SObject:
    name = _type_of(given)
    if name is None:
        message = "Nested object for polymorphic foreign key must have an attributes field before any other fields."
        raise ApiError(400, "JSON_PARSER_ERROR", message)
    found = call.view.object(name)
    if found is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.", [])
    return found


def _type_of(given: Mapping[str, Json]) -> str | None:
    attributes = given.get("attributes")
    name = attributes.get("type") if isinstance(attributes, Mapping) else None
    return name if isinstance(name, str) else None


def _value(given: Mapping[str, Json], name: str) -> Json:
    return next((value for each, value in given.items() if each.lower() == name.lower()), None)


def _id_of(given: Mapping[str, Json]) -> str | None:
    value = _value(given, "Id")
    return str(value) if value not in (None, "") else None


def _values(given: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in given.items() if name.lower() not in ("id", "attributes")}


def _records(call: Call) -> list[Mapping[str, Json]]:
    given = call.json.get("records")
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be an array of JSON objects")
    _check_count(len(given))
    return [each for each in given if isinstance(each, Mapping)]


def _check_count(count: int) -> None:
    if not 0 < count <= MAX_ROWS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"A collection takes 1 to {MAX_ROWS} records, not {count}")


def _check_chunks(records: Sequence[Mapping[str, Json]]) -> None:
    if sum(1 for _ in groupby(_type_of(each) for each in records)) > MAX_CHUNKS:
        message = f"The records change their type more often than {MAX_CHUNKS} chunks allow; sort them by type"
        raise ApiError(400, "LIMIT_EXCEEDED", message)


_ROLLED_BACK: Final[Mapping[str, Json]] = {
    "success": False,
    "errors": [
        {
            "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "message": "Record rolled back because not all records were valid and the request was using AllOrNone "
            "header",
            "fields": [],
        }
    ],
}
