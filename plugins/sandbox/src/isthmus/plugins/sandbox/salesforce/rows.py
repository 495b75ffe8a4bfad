"""How are single rows read, made, changed and deleted?"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime

from isthmus.plugins.sandbox.message import Json, Reply

from . import files, validate
from .approvals import require_unlocked
from .blobs import address
from .call import Call
from .errors import ApiError, no_such_key, not_found
from .ids import normalise
from .preconditions import require, unchanged
from .schema import Field, SObject
from .store import Row, moment_of


def create(call: Call, name: str) -> Reply:
    """Answer `POST /sobjects/X`."""
    sobject = call.sobject(name)
    return _made(call, sobject, insert(call, sobject, call.record))


def read(call: Call, name: str, key: str) -> Reply:
    """Answer `GET /sobjects/X/<id>`."""
    sobject = call.sobject(name)
    return _shown(call, sobject, _addressed(call, sobject, key))


def read_by_key(call: Call, name: str, column_name: str, value: str) -> Reply:
    """Answer `GET /sobjects/X/<ExtField>/<value>`, and `GET /sobjects/X/<id>/<BlobField>` with the bytes of a file."""
    sobject = call.sobject(name)
    body = call.view.field(sobject, value)
    if body is not None and body.type == "base64":
        return files.read(call, sobject, _addressed(call, sobject, column_name), body)
    rows = matches(call, sobject, key_field(call, sobject, column_name), value)
    if not rows:
        raise not_found()
    if len(rows) > 1:
        return _several(call, sobject, rows)
    return _shown(call, sobject, rows[0])


def update(call: Call, name: str, key: str) -> Reply:
    """Answer `PATCH /sobjects/X/<id>`."""
    sobject = call.sobject(name)
    row = _addressed(call, sobject, key)
    change(call, sobject, row, call.record)
    return Reply(204, empty=True)


def upsert(call: Call, name: str, column_name: str, value: str) -> Reply:
    """Answer `PATCH /sobjects/X/<ExtField>/<value>`: create, change, or name the candidates."""
    sobject = call.sobject(name)
    column = key_field(call, sobject, column_name)
    if any(each.lower() == column.name.lower() for each in call.record):
        message = f"The {column.name} field should not be specified in the sobject data."
        raise ApiError(400, "INVALID_FIELD", message, [column.name])
    rows = matches(call, sobject, column, value)
    if len(rows) > 1:
        return _several(call, sobject, rows)
    if rows:
        change(call, sobject, rows[0], call.record)
        if float(call.version) < 46:
            return Reply(204, empty=True)
        return Reply(200, {"id": rows[0]["Id"], "success": True, "errors": [], "created": False})
    if call.request.query.get("updateOnly", "").lower() == "true" or column.type == "id":
        raise not_found()
    return _made(call, sobject, insert(call, sobject, {**call.record, column.name: value}), created=True)


def delete(call: Call, name: str, key: str) -> Reply:
    """Answer `DELETE /sobjects/X/<id>`; conditional headers do not count here."""
    sobject = call.sobject(name)
    remove(call, sobject, _addressed(call, sobject, key))
    return Reply(204, empty=True)


def delete_by_key(call: Call, name: str, column_name: str, value: str) -> Reply:
    """Answer `DELETE /sobjects/X/<ExtField>/<value>`."""
    sobject = call.sobject(name)
    rows = matches(call, sobject, key_field(call, sobject, column_name), value)
    if not rows:
        raise not_found()
    if len(rows) > 1:
        return _several(call, sobject, rows)
    remove(call, sobject, rows[0])
    return Reply(204, empty=True)


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


def key_field(call: Call, sobject: SObject, name: str) -> Field:
    """Return the field by which a URL addresses rows; raises ApiError where it is no key."""
    column = call.view.field(sobject, name)
    if column is None or not column.is_key:
        raise no_such_key(name)
    return column


def matches(call: Call, sobject: SObject, column: Field, value: str) -> list[Row]:
    """Return the rows with this key that the user may see."""
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
    return Reply(200, record(call, sobject, row, _wanted(call, sobject)), headers)


def _wanted(call: Call, sobject: SObject) -> list[Field]:
    names = [name.strip() for name in call.request.query.get("fields", "").split(",") if name.strip()]
    return named_fields(call, sobject, (*names, "Id")) if names else list(call.view.fields(sobject))


def insert(call: Call, sobject: SObject, body: Mapping[str, Json]) -> Row:
    """Make a row; raises ApiError where the org or this user's rights refuse it."""
    if not (sobject.createable and call.view.writes):
        message = f"entity type cannot be inserted: {sobject.label}"
        raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])
    found = files.completed(call, sobject, validate.values(call, sobject, body, None))
    _lock(call)
    if sobject.name == "ContentVersion":
        return files.publish(call, found)
    row = call.store.insert(sobject.name, found, call.user_id)
    call.did("created", sobject, row["Id"])
    return row


def change(call: Call, sobject: SObject, row: Row, body: Mapping[str, Json]) -> None:
    """Change a row; raises ApiError where the org, a condition or this user's rights refuse it."""
    _may_change(call, allowed=sobject.updateable)
    require_unlocked(call, row)
    require(call.request, etag(call, sobject, row), modified(row))
    found = files.completed(call, sobject, validate.values(call, sobject, body, row))
    _lock(call)
    call.store.change(sobject.name, row, found, call.user_id, same_second=call.meets("same_second"))
    call.did("updated", sobject, row["Id"])
    files.share_name(call, sobject, row, found)


def remove(call: Call, sobject: SObject, row: Row) -> None:
    """Delete a row; raises ApiError where this user's rights refuse it."""
    _may_change(call, allowed=sobject.deletable)
    require_unlocked(call, row)
    _lock(call)
    call.store.change(sobject.name, row, {"IsDeleted": True}, call.user_id)
    call.did("deleted", sobject, row["Id"])
    _remove_below(call, sobject, row)


def _remove_below(call: Call, sobject: SObject, parent: Row) -> None:
    """Delete the rows that go with their parent, and those that go with them."""
    for child in call.store.schema.children_of(sobject.name):
        below = call.store.schema.objects[child.object]
        rows = call.store[below.name].find(below.by_name[child.field.lower()], str(parent["Id"]))
        for row in rows if child.cascade else ():
            call.store.change(below.name, row, {"IsDeleted": True}, call.user_id)
            call.did("deleted", below, row["Id"])
            _remove_below(call, below, row)


def record(call: Call, sobject: SObject, row: Row, columns: Iterable[Field]) -> Mapping[str, Json]:
    """Write a row as the API does."""
    attributes: Mapping[str, Json] = {
        "type": sobject.name,
        "url": f"{call.base}/sobjects/{sobject.name}/{row['Id']}",
    }
    return {
        "attributes": attributes,
        **{
            each.name: address(each, row[each.name], attributes) if each.type == "base64" else row[each.name]
            for each in columns
        },
    }


def named_fields(call: Call, sobject: SObject, names: Iterable[str]) -> list[Field]:
    """Return the fields of these names; raises ApiError for one that the user does not know."""
    found: dict[str, Field] = {}
    for name in names:
        column = call.view.field(sobject, name)
        if column is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        found[column.name] = column
    return list(found.values())


def _made(call: Call, sobject: SObject, row: Row, *, created: bool | None = None) -> Reply:
    answer: dict[str, Json] = {"id": row["Id"], "success": True, "errors": []}
    if created is not None:
        answer["created"] = created
    return Reply(201, answer, {"Location": f"{call.base}/sobjects/{sobject.name}/{row['Id']}"})


def _may_change(call: Call, *, allowed: bool) -> None:
    if not (allowed and call.view.writes):
        raise ApiError(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [])


def _lock(call: Call) -> None:
    if call.meets("lock_row"):
        raise ApiError(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records", [])
