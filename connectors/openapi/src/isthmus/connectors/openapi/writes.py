"""How is a record made, changed or deleted by the operation that serves the verb?"""

from collections.abc import Mapping

from isthmus.connectors.openapi.describe import IF_MATCH
from isthmus.connectors.openapi.document import In
from isthmus.connectors.openapi.reads import given, guards, version_of
from isthmus.connectors.openapi.rows import at_path, items_of, properties_of
from isthmus.connectors.openapi.service import Listed
from isthmus.connectors.openapi.writing import argument_of, send, write
from isthmus.core.connector import Written
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Http, Response
from isthmus.core.records import JSON

__all__ = ["change_record", "create_record", "delete_record"]


async def create_record(http: Http, base: str, listed: Listed, values: Mapping[str, JSON], key: str) -> Written:
    """Create one record; its id is in the answer, or ends the address of the new record."""
    answer = await send(http, write(listed.operation, base, _sent(listed, values), key))
    made = _body(listed, answer)
    id = made.get(listed.id_field)
    if isinstance(id, bool) or not isinstance(id, str | int):
        id = answer.headers.get("location", "").partition("?")[0].rstrip("/").rpartition("/")[2]
    return Written(str(id), created=True, version=version_of(answer), altered=_altered(listed, values, made))


async def change_record(
    http: Http, base: str, listed: Listed, id: str, values: Mapping[str, JSON], version: str | None
) -> Written:
    """Change one record; the service compares the version where the operation takes it."""
    told = {**_sent(listed, values), **given(listed, id), **_guard(listed, version)}
    answer = await send(http, write(listed.operation, base, told))
    guard = "server" if version and guards(listed) else None
    altered = _altered(listed, values, _body(listed, answer))
    return Written(id, version=version_of(answer), guard=guard, altered=altered)


async def delete_record(http: Http, base: str, listed: Listed, id: str, version: str | None) -> Written:
    """Delete one record."""
    await send(http, write(listed.operation, base, {**given(listed, id), **_guard(listed, version)}))
    return Written(id, guard="server" if version and guards(listed) else None)


def _sent(listed: Listed, values: Mapping[str, JSON]) -> "dict[str, JSON]":
    found: dict[str, JSON] = {}
    for name, value in values.items():
        argument = argument_of(listed.operation, In.BODY, name)
        if argument is None:
            raise InvalidArguments(f"{listed.object}.{name[:80]} cannot be written", object=listed.object, field=name)
        found[argument.name] = value
    return found


def _guard(listed: Listed, version: str | None) -> "dict[str, JSON]":
    if version is None:
        return {}
    argument = next(
        (one for one in listed.operation.arguments if one.place is In.HEADER and one.target.lower() == IF_MATCH), None
    )
    if argument is None:
        return {}
    return {argument.name: version}


def _body(listed: Listed, answer: Response) -> Mapping[str, JSON]:
    found = at_path(answer.json(), listed.rows) if answer.body and answer.is_json else None
    return found if isinstance(found, Mapping) else {}


def _altered(listed: Listed, sent: Mapping[str, JSON], made: Mapping[str, JSON]) -> "dict[str, JSON]":
    schema = listed.operation.reply.schema
    known = properties_of(schema, items_of(schema, listed.rows))
    return {
        name: made[name]
        for name, value in sent.items()
        if name in known and name in made and made[name] != value and not isinstance(value, dict | list)
    }
