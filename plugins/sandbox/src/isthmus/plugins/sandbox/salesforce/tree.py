"""How are a record and all that hangs below it made in one request?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from . import rows
from .call import Call
from .errors import ApiError
from .schema import SObject

MAX_RECORDS: Final = 200
MAX_DEPTH: Final = 5
MAX_TYPES: Final = 5


@dataclass(frozen=True, slots=True)
class Node:
    """One record to be made and, by the field that points to it, the records below it."""

    reference: str
    sobject: SObject
    values: Mapping[str, Json]
    below: "tuple[tuple[str, Node], ...]"
    depth: int

    def __iter__(self) -> "Iterator[Node]":
        yield self
        for _, child in self.below:
            yield from child


def tree(call: Call, name: str) -> Reply:
    """Answer `POST /composite/tree/X`: all records or none.

    At most 200 records, five levels and five kinds of objects (REST API Developer Guide, "sObject Tree").
    """
    sobject = call.sobject(name)
    roots = [_node(call, each, sobject, 1) for each in _records(call.json)]
    nodes = [node for root in roots for node in root]
    _check_limits(nodes)
    made: list[Json] = []
    try:
        with call.transaction():
            for root in roots:
                _make(call, root, {}, made)
    except _Failed as failure:
        return Reply(400, {"hasErrors": True, "results": [failure.result]})
    return Reply(201, {"hasErrors": False, "results": made})


class _Failed(Exception):
    """The first record that could not be made, and why."""

    def __init__(self, node: Node, refusal: ApiError) -> None:
        super().__init__(refusal.message)
        self.result: Json = {"referenceId": node.reference, "errors": [refusal.as_row()]}


def _make(call: Call, node: Node, parent: Mapping[str, Json], made: list[Json]) -> None:
    try:
        row = rows.insert(call, node.sobject, {**node.values, **parent})
    except ApiError as refusal:
        raise _Failed(node, refusal) from None
    made.append({"referenceId": node.reference, "id": row["Id"]})
    for field, child in node.below:
        _make(call, child, {field: row["Id"]}, made)


def _node(call: Call, given: Json, expected: SObject, depth: int) -> Node:
    record = given if isinstance(given, Mapping) else {}
    attributes = record.get("attributes")
    told = attributes if isinstance(attributes, Mapping) else {}
    kind, reference = told.get("type"), told.get("referenceId")
    if not isinstance(kind, str) or not isinstance(reference, str) or not reference:
        raise ApiError(400, "INVALID_INPUT", "Each record needs attributes with a type and a referenceId")
    if kind.lower() != expected.name.lower():
        raise ApiError(400, "INVALID_INPUT", f"Record {reference} must be of type {expected.name}, not {kind}")
    values: dict[str, Json] = {}
    below: list[tuple[str, Node]] = []
    for name, value in record.items():
        children = value.get("records") if isinstance(value, Mapping) and name != "attributes" else None
        if isinstance(children, list):
            field, child = _relationship(call, expected, name)
            below += [(field, _node(call, each, child, depth + 1)) for each in children]
        else:
            values[name] = value
    return Node(reference, expected, values, tuple(below), depth)


def _relationship(call: Call, parent: SObject, name: str) -> tuple[str, SObject]:
    for child in call.store.schema.children_of(parent.name):
        sobject = call.view.object(child.object)
        if sobject is not None and (child.relationship or "").lower() == name.lower():
            return child.field, sobject
    raise ApiError(400, "INVALID_FIELD", f"No such relation '{name}' on sobject of type {parent.name}")


def _records(body: Mapping[str, Json]) -> list[Json]:
    records = body.get("records")
    if not isinstance(records, list) or not records:
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be an array that is not empty")
    return records


def _check_limits(nodes: list[Node]) -> None:
    for count, most, what in (
        (len(nodes), MAX_RECORDS, "records"),
        (max(node.depth for node in nodes), MAX_DEPTH, "levels"),
        (len({node.sobject.name for node in nodes}), MAX_TYPES, "kinds of objects"),
    ):
        if count > most:
            raise ApiError(400, "LIMIT_EXCEEDED", f"A tree takes at most {most} {what}, not {count}")
    references = [node.reference for node in nodes]
    if len(set(references)) < len(references):
        raise ApiError(400, "INVALID_INPUT", "The referenceId of each record must be unique")
