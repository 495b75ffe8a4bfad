"""How is a record made with all that hangs below it, in one request and as a whole or not at all?

REST API Developer Guide, "sObject Tree": at most 200 records, five levels and five kinds of objects.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from isthmus.connectors.salesforce.answers import nodes_of, object_of, strange
from isthmus.connectors.salesforce.encoding import answer
from isthmus.connectors.salesforce.values import flat_values, key_text
from isthmus.core import Record
from isthmus.core.connector import Calls, FactsOf, Key, ObjectFacts, Written
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON

__all__ = ["Tree", "classify_tree", "failed_in", "grown", "has_below", "own_values", "serve_tree"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


def has_below(values: Mapping[str, JSON]) -> bool:
    """Tell whether the values put records below the one that they are of: those are the only objects among them."""
    return any(_is_below(value) for value in values.values())


def own_values(values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the values of the first record alone."""
    return {name: value for name, value in values.items() if not _is_below(value)}


def _is_below(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


class Tree:
    """The body of a request for a tree, and what its answer says of each record."""

    def __init__(self, facts_of: FactsOf) -> None:
        self._facts_of = facts_of
        self._objects: list[str] = []

    async def body(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Mapping[str, JSON]:
        """Write the tree; only its first record bears the key, for it is there with all the others or not at all."""
        return {"records": [await self._node(object, values, key)]}

    async def _node(self, object: str, values: Mapping[str, JSON], key: Key | None) -> dict[str, JSON]:
        facts: ObjectFacts = await self._facts_of(object)
        node: dict[str, JSON] = {"attributes": {"type": facts.name, "referenceId": f"r{len(self._objects)}"}}
        self._objects.append(facts.name)
        own = own_values(values)
        node |= flat_values(own)
        if key is not None:
            node[key.field] = key_text(key)
        for name in (name for name in values if name not in own):
            child = facts.children[name]
            node[name] = {"records": [await self._node(child, one, None) for one in nodes_of(values[name])]}
        return node

    def written(self, response: Response) -> Written:
        """Read the ids: each record is told once, by the reference that it was given."""
        told = {one.get("referenceId"): one.get("id") for one in nodes_of(object_of(response).get("results"))}
        ids = [told.get(f"r{number}") for number in range(len(self._objects))]
        if len(told) != len(ids) or not all(isinstance(one, str) and one for one in ids):
            raise strange()
        made = [(object, str(id)) for object, id in zip(self._objects, ids, strict=True)]
        return Written(made[0][1], created=True, below=tuple(made[1:]))


def grown(body: JSON) -> bool:
    """Tell whether an answer is that of a tree in which all was made."""
    return isinstance(body, Mapping) and body.get("hasErrors") is False and isinstance(body.get("results"), list)


def failed_in(body: JSON) -> JSON:
    """Return the first failure in the answer about a tree, or the body as it is."""
    results = body.get("results") if isinstance(body, Mapping) and body.get("hasErrors") is True else None
    for one in results if isinstance(results, list) else ():
        errors = one.get("errors") if isinstance(one, Mapping) else None
        if isinstance(errors, list) and errors:
            return errors
    return body


async def serve_tree(body: Mapping[str, JSON], object: str, calls: Calls) -> Response:
    """Answer an SDK's request for a tree by a governed create; it has one first record, as a create has."""
    roots = nodes_of(body.get("records"))
    if len(roots) != 1:
        raise InvalidArguments(
            "several trees in one transaction would be several creates, and each is judged, recorded and sent on its "
            "own; send them one by one",
            field="records",
        )
    references: list[str] = []
    made = await calls.call("create", object=object, values=_told(roots[0], references))
    if not isinstance(made, Record) or len(references) != 1 + len(made.below):
        raise strange()
    ids = [made.id, *(id for _, id in made.below)]
    results: list[JSON] = [{"referenceId": one, "id": id} for one, id in zip(references, ids, strict=True)]
    return answer(201, {"hasErrors": False, "results": results})


def _told(node: Mapping[str, JSON], references: list[str]) -> dict[str, JSON]:
    """Read the values of a record and of those below it, and collect what each is called."""
    about = node.get("attributes")
    references.append(str(about.get("referenceId", "")) if isinstance(about, Mapping) else "")
    found: dict[str, JSON] = {}
    for name, value in node.items():
        if isinstance(value, Mapping) and isinstance(value.get("records"), list):
            found[name] = [_told(one, references) for one in nodes_of(value["records"])]
        elif name != "attributes":
            found[name] = value
    return found


def classify_tree(body: JSON, object: str) -> Sequence[RequestClass]:
    """Each record of a tree is a part of its own; empty where one is not what it seems."""
    records = body.get("records") if isinstance(body, Mapping) and body.keys() == {"records"} else None
    found = list(_parts(records)) if isinstance(records, list) and records else []
    if not found or None in found or found[0] != object:
        return ()
    return tuple(RequestClass(Effect.CREATE, name) for name in found if name is not None)


def _parts(records: Sequence[JSON]) -> Iterator[str | None]:
    for one in records:
        values = dict(one) if isinstance(one, Mapping) else {}
        match values.pop("attributes", None):
            case {"type": str(object), "referenceId": str(), **others} if not others and _NAME.fullmatch(object):
                yield object if len({name.casefold() for name in values}) == len(values) else None
                yield from _below(values)
            case _:
                yield None


def _below(values: Mapping[str, JSON]) -> Iterator[str | None]:
    for value in values.values():
        match value:
            case {"records": [_, *_] as records, **others} if not others:
                yield from _parts(records)
            case None | str() | int() | float():
                pass
            case _:
                yield None
