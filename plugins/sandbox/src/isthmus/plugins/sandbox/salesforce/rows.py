"""How are single rows read, made, changed and deleted?"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from isthmus.plugins.sandbox.message import Json, Reply

from . import validate
from .call import Call
from .errors import ApiError, no_such_key, not_found
from .ids import normalise
from .preconditions import require, unchanged
from .schema import Field, SObject
from .store import Row, moment_of


def create(call: Call, name: str) -> Reply:
    """Answer `POST /sobjects/X`."""
    sobject = call.sobject(name)
    return _insert(call, sobject, call.json)


def read(call: Call, name: str, key: str) -> Reply:
    """Answer `GET /sobjects/X/<id>`."""
    sobject = call.sobject(name)
    return _shown(call, sobject, _addressed(call, sobject, key))


def read_by_key(call: Call, name: str, column_name: str, value: str) -> Reply:
    """Answer `GET /sobjects/X/<ExtField>/<value>`."""
    sobject = call.sobject(name)
    rows = _matches(call, sobject, _key_field(call, sobject, column_name), value)
    if not rows:
        raise not_found()
    if len(rows) > 1:
        return _several(call, sobject, rows)
    return _shown(call, sobject, rows[0])


def update(call: Call, name: str, key: str) -> Reply:
    """Answer `PATCH /sobjects/X/<id>`."""
    sobject = call.sobject(name)
    row = _addressed(call, sobject, key)
    _change(call, sobject, row, call.json)
    return Reply(204, empty=True)


def upsert(call: Call, name: str, column_name: str, value: str) -> Reply:
    """Answer `PATCH /sobjects/X/<ExtField>/<value>`: create, change, or name the candidates."""
    sobject = call.sobject(name)
    column = _key_field(call, sobject, column_name)
    if any(each.lower() == column.name.lower() for each in call.json):
        message = f"The {column.name} field should not be specified in the sobject data."
        raise ApiError(400, "INVALID_FIELD", message, [column.name])
    rows = _matches(call, sobject, column, value)
    if len(rows) > 1:
        return _several(call, sobject, rows)
    if rows:
        _change(call, sobject, rows[0], call.json)
        if float(call.version) < 46:
            return Reply(204, empty=True)
        return Reply(200, {"id": rows[0]["Id"], "success": True, "errors": [], "created": False})
    if call.request.query.get("updateOnly", "").lower() == "true" or column.type == "id":
        raise not_found()
    return _insert(call, sobject, {**call.json, column.name: value}, created=True)


def delete(call: Call, name: str, key: str) -> Reply:
    """Answer `DELETE /sobjects/X/<id>`; conditional headers do not count here."""
    sobject = call.sobject(name)
    return _remove(call, sobject, _addressed(call, sobject, key))


def delete_by_key(call: Call, name: str, column_name: str, value: str) -> Reply:
    """Answer `DELETE /sobjects/X/<ExtField>/<value>`."""
    sobject = call.sobject(name)
    rows = _matches(call, sobject, _key_field(call, sobject, column_name), value)
    if not rows:
        raise not_found()
    return _several(call, sobject, rows) if len(rows) > 1 else _remove(call, sobject, rows[0])


def etag(call: Call, sobject: SObject, row: Row) -> str | None:
    """Return the validator of a row: only Account has one."""
    if sobject.name != "Account":
        return None
    revision = call.store[sobject.name].revisions[str(row["Id"])]
    digest = hashlib.sha256(f"{row['Id']} {row['SystemModstamp']} {revision}".encode()).digest()
    return f'"{base64.urlsafe_b64encode(digest[:24]).decode()}--gzip"'


def modified(row: Row) -> datetime:
    """Return when the row last changed."""
    return moment_of(str(row["SystemModstamp"]))


def _addressed(call: Call, sobject: SObject, key: str) -> Row:
    full = normalise(key)
    if full is None:
        raise no_such_key(key)
    row = call.store[sobject.name].rows.get(full)
    if row is None or not call.view.sees(sobject, row):
        raise not_found()
    if row["IsDeleted"]:
        raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
    return row


def _key_field(call: Call, sobject: SObject, name: str) -> Field:
    column = call.view.field(sobject, name)
    if column is None or not column.is_key:
        raise no_such_key(name)
    return column


def _matches(call: Call, sobject: SObject, column: Field, value: str) -> list[Row]:
    wanted = normalise(value) or value if column.type == "id" else value
    return [row for row in call.store[sobject.name].find(column, wanted) if call.view.sees(sobject, row)]


def _several(call: Call, sobject: SObject, rows: list[Row]) -> Reply:
    return Reply(300, [f"{call.base}/sobjects/{sobject.name}/{row['Id']}" for row in rows])


def _shown(call: Call, sobject: SObject, row: Row) -> Reply:
    headers = {"Last-Modified": format_datetime(modified(row), usegmt=True)}
    tag = etag(call, sobject, row)
    if tag is not None:
        headers["ETag"] = tag
    if unchanged(call.request, tag, modified(row)):
        return Reply(304, headers=headers, empty=True)
    path = f"{call.base}/sobjects/{sobject.name}/{row['Id']}"
    body: dict[str, Json] = {"attributes": {"type": sobject.name, "url": path}}
    body.update((column.name, row[column.name]) for column in _wanted(call, sobject))
    return Reply(200, body, headers)


def _wanted(call: Call, sobject: SObject) -> list[Field]:
    names = [name.strip() for name in call.request.query.get("fields", "").split(",") if name.strip()]
    if not names:
        return list(call.view.fields(sobject))
    found: dict[str, Field] = {}
    for name in (*names, "Id"):
        column = call.view.field(sobject, name)
        if column is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        found[column.name] = column
    return list(found.values())


def _insert(call: Call, sobject: SObject, body: Mapping[str, Json], *, created: bool | None = None) -> Reply:
    if not (sobject.createable and call.view.writes):
        message = f"entity type cannot be inserted: {sobject.label}"
        raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])
    found = validate.values(call, sobject, body, None)
    row = call.store.insert(sobject.name, found, call.user_id)
    call.did("created", sobject, row["Id"])
    answer: dict[str, Json] = {"id": row["Id"], "success": True, "errors": []}
    if created is not None:
        answer["created"] = created
    return Reply(201, answer, {"Location": f"{call.base}/sobjects/{sobject.name}/{row['Id']}"})


def _change(call: Call, sobject: SObject, row: Row, body: Mapping[str, Json]) -> None:
    _may_change(call, allowed=sobject.updateable)
    require(call.request, etag(call, sobject, row), modified(row))
    found = validate.values(call, sobject, body, row)
    same_second = call.org.faults.take("same_second", call.method, call.request.path) is not None
    call.store.change(sobject.name, row, found, call.user_id, same_second=same_second)
    call.did("updated", sobject, row["Id"])


def _remove(call: Call, sobject: SObject, row: Row) -> Reply:
    _may_change(call, allowed=sobject.deletable)
    call.store.change(sobject.name, row, {"IsDeleted": True}, call.user_id)
    call.did("deleted", sobject, row["Id"])
    return Reply(204, empty=True)


def _may_change(call: Call, *, allowed: bool) -> None:
    if not (allowed and call.view.writes):
        raise ApiError(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [])
