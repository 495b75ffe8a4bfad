"""What is sent to write a record, and what does the answer say was written?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote

from isthmus.connectors.sap.below import has_below, ids_below, read_below
from isthmus.connectors.sap.faults import VERSION_REQUIRED
from isthmus.connectors.sap.odata.answers import entity_of, etag_of
from isthmus.connectors.sap.odata.edm import EntitySet, Version
from isthmus.connectors.sap.odata.keys import id_of
from isthmus.connectors.sap.odata.messages import notes_of
from isthmus.connectors.sap.odata.values import body_of, read_value, same_value
from isthmus.connectors.sap.predicates import record_of
from isthmus.connectors.sap.reading import read_record
from isthmus.connectors.sap.way import Way
from isthmus.core.connector import Written
from isthmus.core.errors import InvalidArguments, IsthmusError, UpstreamError, VersionConflict
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["change_record", "changed", "create_record", "created", "delete_record", "guarding", "versioned"]


async def create_record(way: Way, object: str, values: Mapping[str, JSON]) -> Written:
    """Create by POST; the answer holds the record as it is stored, or its address."""
    entity_set = way.set_of(object)
    body = body_of(values, entity_set, way.service, creating=True)
    answer = await way.write("POST", way.collection(entity_set), body)
    made, stored = created(way, entity_set, values, answer)
    if not has_below(values, entity_set, way.service):
        return made
    below = ids_below(way.alias, values, stored, entity_set, way.service)
    if below is None:
        below = await _below(way, entity_set, made.id, values)
    return replace(made, below=below)


def created(
    way: Way, entity_set: EntitySet, values: Mapping[str, JSON], answer: Response
) -> tuple[Written, Mapping[str, JSON]]:
    """Read the answer to a create, and the record as far as it holds it; raises UpstreamError where it tells no id."""
    if answer.status == 201 and answer.body:
        stored = entity_of(answer.json(), way.service.version)
        id = id_of(stored, entity_set, way.service)
        if id:
            altered = differing(way, entity_set, values, stored)
            version, notes = etag_of(stored, answer.headers), notes_of(answer, stored)
            return Written(id, created=True, version=version, altered=altered, notes=notes), stored
    where = answer.headers.get("location") or answer.headers.get("odata-entityid", "")
    if answer.status in (201, 204) and where:
        id = _id_at(way, entity_set, where)
        return Written(id, created=True, version=_header_etag(answer), notes=notes_of(answer)), {}
    raise _untold(f"{way.alias}.{entity_set.name}")


async def _below(way: Way, entity_set: EntitySet, id: str, values: Mapping[str, JSON]) -> tuple[tuple[str, str], ...]:
    """Look up the records below a new one; they are there whether this succeeds or not, so it is no failure."""
    try:
        stored = await read_below(way, entity_set, id, values)
    except IsthmusError:
        return ()
    return ids_below(way.alias, values, stored, entity_set, way.service) or ()


async def change_record(way: Way, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
    """Change by MERGE (V2) or PATCH (V4), which leave alone what is not named."""
    entity_set, method = way.set_of(object), "MERGE" if way.service.version is Version.V2 else "PATCH"
    body = body_of(values, entity_set, way.service, creating=False)
    where = way.entity(entity_set, id)
    answer = await versioned(way, object, id, version, lambda headers: way.write(method, where, body, headers=headers))
    return changed(way, entity_set, id, values, answer, guard="server" if version else None)


def changed(
    way: Way, entity_set: EntitySet, id: str, values: Mapping[str, JSON], answer: Response, guard: str | None = None
) -> Written:
    """Read the answer to a change; raises UpstreamError where it is about another record."""
    if answer.status == 204 or not answer.body:
        return Written(id, version=_header_etag(answer), guard=guard, notes=notes_of(answer))
    stored = entity_of(answer.json(), way.service.version)
    if id_of(stored, entity_set, way.service) != id:
        raise _untold(f"{way.alias}.{entity_set.name}")
    altered = differing(way, entity_set, values, stored)
    version, notes = etag_of(stored, answer.headers), notes_of(answer, stored)
    return Written(id, version=version, guard=guard, altered=altered, notes=notes)


async def delete_record(way: Way, object: str, id: str, version: str | None) -> Written:
    """Delete a record, if it still has this version."""
    where = way.entity(way.set_of(object), id)
    answer = await versioned(way, object, id, version, lambda headers: way.write("DELETE", where, headers=headers))
    return Written(id, guard="server" if version else None, notes=notes_of(answer))


async def versioned(
    way: Way, object: str, id: str, version: str | None, send: Callable[[Mapping[str, str]], Awaitable[Response]]
) -> Response:
    """Send a write with the version that it was decided on.

    Where none was named and the service wants one, it is the version that the record has now: to write whatever it
    may be would overwrite the changes of others.
    """
    try:
        return await way.at_record(object, send(guarding(version)))
    except VersionConflict as error:
        if version is not None or error.vendor_code != VERSION_REQUIRED:
            raise
        now = (await read_record(way, object, id, way.set_of(object).keys)).version
        if now is None:
            raise
    return await way.at_record(object, send(guarding(now)))


def differing(way: Way, entity_set: EntitySet, sent: Mapping[str, JSON], stored: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what is stored otherwise than it was sent, as it is now; what an answer leaves out is not told."""
    found: dict[str, JSON] = {}
    for name, value in sent.items():
        property = entity_set.properties.get(name)
        if property is not None and name in stored:
            now = read_value(stored[name], property, way.service)
            if not same_value(value, now, property):
                found[name] = now
    return found


def _untold(object: str) -> UpstreamError:
    return UpstreamError("the service did not say what it wrote", code="unreadable_answer", object=object)


def guarding(version: str | None) -> Mapping[str, str]:
    """Return the header that has the service compare a version; raises InvalidArguments for one that fits all."""
    if version is None:
        return {}
    if version.strip() == "*" or not version.isascii() or not version.isprintable():
        raise InvalidArguments(
            "a version is what a read of the record gave; one that fits every record would overwrite the changes of "
            "others",
            field="version",
        )
    return {"if-match": version}


def _header_etag(answer: Response) -> str | None:
    found = answer.headers.get("etag", "")
    return found if found and found.isascii() and found.isprintable() else None


def _id_at(way: Way, entity_set: EntitySet, where: str) -> str:
    """Read the id off the address of a record, absolute or relative."""
    head, found, last = unquote(where).rpartition(f"{entity_set.name}(")
    if not found or not last.endswith(")") or (head and not head.endswith("/")):
        raise _untold(f"{way.alias}.{entity_set.name}")
    try:
        return record_of(last[:-1], entity_set, way.service)
    except InvalidArguments as error:
        raise _untold(f"{way.alias}.{entity_set.name}") from error
