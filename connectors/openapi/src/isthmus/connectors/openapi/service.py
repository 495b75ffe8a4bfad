"""Which operations of the document may run, as what, and on which objects?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jsonschema_rs

from isthmus.connectors.openapi.document import Document, In, Operation, Style
from isthmus.connectors.openapi.reading import read_document
from isthmus.connectors.openapi.rows import id_field_of, rows_path_of
from isthmus.connectors.openapi.settings import OpenApiSettings, OperationSettings
from isthmus.connectors.openapi.text import MOST_BYTES, read_text
from isthmus.core.errors import ConfigurationError, NotFound
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect, Verb

__all__ = ["Listed", "Service", "load_service", "object_of"]

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """One operation that may run: what it says, and what the operator says of it.

    `record` is the path parameter with the id of the record that it acts on, empty where it acts on none. `rows` is
    where the rows lie in an answer, `id_field` what tells a row's id; both count only where it serves a verb.
    """

    operation: Operation
    settings: OperationSettings
    object: str
    record: str = ""
    rows: tuple[str, ...] = ()
    id_field: str = ""

    @property
    def effect(self) -> Effect:
        """Return what it does."""
        return self.settings.does


@dataclass(frozen=True)
class Service:
    """A document and what may be done with it."""

    name: str
    document: Document
    listed: Mapping[str, Listed]

    @cached_property
    def objects(self) -> Mapping[str, tuple[Operation, ...]]:
        """Return every operation of the document by its object."""
        found: dict[str, tuple[Operation, ...]] = {}
        for one in self.document.operations.values():
            name = self.listed[one.id].object if one.id in self.listed else object_of(one)
            found[name] = (*found.get(name, ()), one)
        return found

    @cached_property
    def _spelling(self) -> Mapping[str, str]:
        return {name.casefold(): name for name in self.objects}

    def object(self, name: str) -> str:
        """Return the spelling of an object; raises NotFound."""
        found = self._spelling.get(name.casefold())
        if found is None:
            raise NotFound(f"there is no object {name[:80]!a}{nearest(name, self.objects)}", object=name[:80])
        return found

    def serving(self, object: str, verb: Verb) -> Listed | None:
        """Return the operation that serves a verb on an object."""
        return self._serving.get((object.casefold(), verb))

    @cached_property
    def _serving(self) -> Mapping[tuple[str, Verb], Listed]:
        return {
            (one.object.casefold(), one.settings.verb): one
            for one in self.listed.values()
            if one.settings.verb is not None
        }


def object_of(operation: Operation) -> str:
    """Name the object of an operation by its first tag, else by the resource that its path begins with."""
    fixed = (part for part in operation.template.split("/") if part and "{" not in part)
    named = _ODD.sub("_", operation.tags[0] if operation.tags else next(fixed, "service")).strip("_.-")
    return named[:100] if named[:1].isalpha() else f"object_{named}"[:100]


def load_service(name: str, settings: OpenApiSettings) -> Service:
    """Read the document and check what is said of its operations; raises ConfigurationError naming the setting."""
    folder = settings.document.parent
    beside = {one: read_text(_bytes(name, folder / one, "beside"), one) for one in settings.beside}
    text = read_text(_bytes(name, settings.document, "document"), settings.document.name)
    document = read_document(settings.document.name, text, beside)
    listed = {id: _listed(name, document, id, one) for id, one in settings.operations.items()}
    for one in _doubled(listed):
        raise _wrong(name, one, "verb", f"another operation serves {one.settings.verb} on {one.object!a} already")
    return Service(name, document, listed)


def _bytes(name: str, path: Path, setting: str) -> bytes:
    place = f"connections.{name}.settings.{setting}"
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{place}: cannot read {path.name!a}: {error.strerror}", object=name) from error


def _doubled(listed: Mapping[str, Listed]) -> Iterator[Listed]:
    seen = set[tuple[str, Verb]]()
    for one in listed.values():
        if one.settings.verb is not None:
            key = (one.object.casefold(), one.settings.verb)
            if key in seen:
                yield one
            seen.add(key)


def _listed(name: str, document: Document, id: str, told: OperationSettings) -> Listed:
    operation = document.operations.get(id)
    if operation is None:
        raise ConfigurationError(
            f"connections.{name}.settings.operations.{id}: the document has no such operation"
            f"{nearest(id, document.operations)}",
            object=name,
        )
    object = told.object or object_of(operation)
    one = Listed(operation, told, object)
    if operation.problem:
        raise _wrong(name, one, "", f"it cannot be called: {operation.problem}")
    for argument in operation.arguments:
        try:
            jsonschema_rs.Draft202012Validator(dict(argument.schema))
        except ValueError as error:
            raise _wrong(name, one, "", f"the schema of {argument.name!a} is none") from error
    if told.verb is None:
        return Listed(operation, told, object, _record(name, one, told.record))
    return _row(name, one)


def _row(name: str, one: Listed) -> Listed:
    """Read where an operation that serves a verb has its rows and ids."""
    told, operation = one.settings, one.operation
    rows = tuple(told.rows.split(".")) if told.rows else () if told.rows == "" else None
    if rows is None:
        rows = rows_path_of(operation.reply.schema) if told.verb is Verb.QUERY else ()
        if rows is None:
            raise _wrong(name, one, "rows", "the document does not show where its rows lie; give their dotted path")
    last = operation.path_names[-1:] if told.verb in (Verb.GET, Verb.UPDATE, Verb.DELETE) else ()
    record = _record(name, one, told.record or "".join(last))
    if told.verb in (Verb.GET, Verb.UPDATE, Verb.DELETE) and not record:
        raise _wrong(name, one, "record", "no path parameter holds the id of the record")
    open_arguments = [
        each.name
        for each in operation.arguments
        if each.required and each.place is not In.BODY and each.target != record
    ]
    if open_arguments:
        raise _wrong(name, one, "verb", f"it needs {open_arguments[0]!a}, which this verb has no place for")
    id_field = told.id_field or id_field_of(operation.reply.schema, rows, record)
    if told.verb is not Verb.DELETE and not id_field:
        raise _wrong(name, one, "id_field", "say which field of a row holds its id")
    return Listed(operation, told, one.object, record, rows, id_field)


def _record(name: str, one: Listed, record: str) -> str:
    if record and record not in one.operation.path_names:
        known = ", ".join(one.operation.path_names) or "none"
        raise _wrong(name, one, "record", f"{record!a} is none of its path parameters ({known})")
    parameter = one.operation.parameter(In.PATH, record)
    if parameter is not None and parameter.style is not Style.SIMPLE:
        raise _wrong(name, one, "record", f"{record!a} is written in the style {parameter.style.value!a}, as no id is")
    return record


def _wrong(name: str, one: Listed, setting: str, why: str) -> ConfigurationError:
    place = f"connections.{name}.settings.operations.{one.operation.id}" + (f".{setting}" if setting else "")
    return ConfigurationError(f"{place}: {why}", object=name)
