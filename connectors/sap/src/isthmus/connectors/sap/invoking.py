"""How is an operation of a service called, and what does it answer?"""

from collections.abc import Mapping

from isthmus.connectors.sap.odata.answers import result_of
from isthmus.connectors.sap.odata.calling import called
from isthmus.connectors.sap.odata.edm import EntitySet, Operation, Structure
from isthmus.connectors.sap.odata.keys import id_of
from isthmus.connectors.sap.odata.messages import in_entity, messages_of
from isthmus.connectors.sap.odata.values import MEDIA_TYPE
from isthmus.connectors.sap.way import Way
from isthmus.connectors.sap.writing import versioned
from isthmus.core.connector import Invoked
from isthmus.core.http import Response, path
from isthmus.core.records import JSON

__all__ = ["run_operation"]


async def run_operation(way: Way, operation: Operation, object: str, id: str, arguments: Mapping[str, JSON]) -> Invoked:
    """Call an operation with the arguments that it declares; `id` names the record that it acts on, if any."""
    entity_set = way.service.sets.get(object.removeprefix(f"{way.alias}."))
    asked = called(operation, arguments, way.service, entity_set=entity_set, id=id)
    where = path(f"{way.root}/{asked.template}", *asked.literals)
    body = None if asked.body is None else {**asked.body}

    async def send(headers: Mapping[str, str]) -> Response:
        if asked.method == "GET":
            return await way.get(where, asked.params, headers=headers)
        # Some services take arguments for none, and run nevertheless, where no type of a body is named.
        named = {"content-type": MEDIA_TYPE[way.service.version], **headers}
        return await way.write(asked.method, where, body, params=asked.params, headers=named)

    # Some services run what acts on a record on a named version only, even if it changes nothing.
    answer = await versioned(way, object, id, None, send) if operation.for_each else await send({})
    return _invoked(way, operation, answer)


def _invoked(way: Way, operation: Operation, answer: Response) -> Invoked:
    """Read what an operation answers: a value of its type, the records that it names, and messages."""
    told = messages_of(answer)
    raw = answer.json() if answer.body and answer.status != 204 else None
    values: dict[str, JSON] = {}
    if operation.returns is not None:
        values["result"] = result_of(raw, operation.name, operation.returns, way.service)
    found = values.get("result")
    entities = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, Mapping)]
    told += tuple(one for entity in entities for one in in_entity(entity))
    if told:
        values["messages"] = [one.as_json() for one in told]
    home = _home(way, operation)
    ids = [id_of(one, home, way.service) for one in entities] if home is not None else []
    return Invoked(values, tuple(dict.fromkeys(one for one in ids if one)))


def _home(way: Way, operation: Operation) -> EntitySet | None:
    """Return the set that the entities of an answer belong to."""
    kind = operation.returns.kind if operation.returns is not None else None
    if not isinstance(kind, Structure):
        return None
    named = way.service.sets.get(operation.entity_set)
    fitting = [one for one in way.service.sets.values() if one.type.name == kind.name]
    return named if named in fitting else next(iter(fitting), None)
