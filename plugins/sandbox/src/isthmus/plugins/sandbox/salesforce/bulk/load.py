"""What becomes of each row that a job loads?"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from isthmus.plugins.sandbox.journal import Effect
from isthmus.plugins.sandbox.message import Json, Reply, Request
from isthmus.plugins.sandbox.salesforce import rows
from isthmus.plugins.sandbox.salesforce.access import View
from isthmus.plugins.sandbox.salesforce.call import Call
from isthmus.plugins.sandbox.salesforce.errors import ApiError
from isthmus.plugins.sandbox.salesforce.ids import normalise
from isthmus.plugins.sandbox.salesforce.schema import SObject

Record: TypeAlias = Mapping[str, Json]

OPERATIONS: Final = ("insert", "update", "upsert", "delete", "hardDelete")
_VERSION: Final = "60.0"
"""Rows pass through the REST resources as they are in this version, whatever version the job speaks."""

_CODES: Final = {"JSON_PARSER_ERROR": "INVALID_TYPE_ON_FIELD_IN_RECORD"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: `id` is empty where there is none, `error` None where it went well."""

    id: str
    created: bool = False
    error: ApiError | None = None

    @property
    def error_text(self) -> str:
        """Return the error as result files show it: code, message, fields and two dashes."""
        if self.error is None:
            return ""
        fields = ", ".join(self.error.fields or ())
        return f"{self.error.code}:{self.error.message}:{fields + ' ' if fields else ''}--"


class Loader:
    """Carry out one operation on rows of one object, as the user whose job it is; `key` is for upserts."""

    def __init__(self, call: Call, sobject: SObject, operation: str, key: str | None) -> None:
        self._call = call
        self._sobject = sobject
        self._key = key or "Id"
        self._step: Callable[[Record], Outcome] = {
            "insert": self._insert,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
            "hardDelete": self._purge,
        }[operation]

    def load(self, record: Record) -> Outcome:
        """Load one row; a refusal is its outcome."""
        call = self._call
        path = f"{call.base}/sobjects/{self._sobject.name}"
        if call.org.faults.take("lock_row", call.method, path) is not None:
            message = "unable to obtain exclusive access to this record or 1 records"
            return Outcome(_given(record, "Id")[0], error=ApiError(400, "UNABLE_TO_LOCK_ROW", message))
        try:
            return self._step(record)
        except ApiError as error:
            return Outcome(_given(record, "Id")[0], error=_as_row_error(error))

    def _insert(self, record: Record) -> Outcome:
        reply = rows.create(self._request("POST", record), self._sobject.name)
        return Outcome(_id_of(reply), created=True)

    def _update(self, record: Record) -> Outcome:
        key, values = self._addressed(record)
        rows.update(self._request("PATCH", values), self._sobject.name, key)
        return Outcome(key)

    def _upsert(self, record: Record) -> Outcome:
        value, values = _given(record, self._key)
        if self._key.lower() == "id":
            return self._update(record) if value else self._insert(values)
        if not value:
            raise ApiError(400, "MISSING_ARGUMENT", f"{self._key} not specified", [])
        reply = rows.upsert(self._request("PATCH", values), self._sobject.name, self._key, value)
        if reply.status == 300:
            found = ", ".join(str(each).rpartition("/")[2] for each in cast("Sequence[str]", reply.body))
            message = f"{self._key}: more than one record found for external id field: [{found}]"
            raise ApiError(400, "DUPLICATE_EXTERNAL_ID", message, [])
        return Outcome(_id_of(reply), created=reply.status == 201)

    def _delete(self, record: Record) -> Outcome:
        key, _ = self._addressed(record)
        rows.delete(self._request("DELETE", {}), self._sobject.name, key)
        return Outcome(key)

    def _purge(self, record: Record) -> Outcome:
        """Delete a row past the recycle bin: no queryAll ever shows it again."""
        outcome = self._delete(record)
        self._call.store[self._sobject.name].drop(outcome.id)
        self._call.did("purged", self._sobject, outcome.id)
        return outcome

    def _addressed(self, record: Record) -> tuple[str, Record]:
        given, values = _given(record, "Id")
        if not given:
            raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call", [])
        key = normalise(given)
        if key is None:
            raise ApiError(400, "MALFORMED_ID", f"bad id {given}", ["Id"])
        return key, values

    def _request(self, method: str, values: Record) -> Call:
        call = self._call
        path = f"/services/data/v{_VERSION}/sobjects/{self._sobject.name}"
        body = json.dumps(values).encode()
        request = Request(method, path, path, "", {"content-type": "application/json"}, body, call.request.scheme)
        return Call(call.org, request, method, _VERSION, call.session, call.view, call.effects)


def from_cells(header: Sequence[str], row: Sequence[str]) -> Record:
    """Return a CSV row as a record: empty cells say nothing, `#N/A` empties a field, dots lead to a parent's key."""
    record: dict[str, Json] = {}
    for name, text in zip(header, row, strict=True):
        value = None if text == "#N/A" else text
        if text == "":
            continue
        relationship, dot, field = name.rpartition(".")
        if dot:
            record[relationship.rpartition(":")[2]] = {field: value}
        else:
            record[name] = value
    return record


def unknown_column(view: View, sobject: SObject, header: Sequence[str]) -> str | None:
    """Return the first column that the user knows no field for."""
    for name in header:
        relationship, dot, _ = name.rpartition(".")
        if dot:
            reference = sobject.by_relationship.get(relationship.rpartition(":")[2].lower())
            found = reference is not None and view.field(sobject, reference.name) is not None
        else:
            found = view.field(sobject, name) is not None
        if not found:
            return name
    return None


def as_user(call: Call, owner: Call, effects: list[Effect]) -> Call:
    """Return a call in the name of a job's owner that notes its effects with the request at hand."""
    return Call(owner.org, call.request, call.method, owner.version, owner.session, owner.view, effects)


def _given(record: Record, name: str) -> tuple[str, Record]:
    """Return the value under a name in any spelling of its letters' case, and the rest."""
    value, rest = "", dict[str, Json]()
    for each, found in record.items():
        if each.lower() == name.lower():
            value = "" if found is None else str(found)
        else:
            rest[each] = found
    return value, rest


def _id_of(reply: Reply) -> str:
    return str(cast("Mapping[str, Json]", reply.body)["id"])


def _as_row_error(error: ApiError) -> ApiError:
    if error.code == "NOT_FOUND":
        return ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    return ApiError(400, _CODES.get(error.code, error.code), error.message, error.fields)
