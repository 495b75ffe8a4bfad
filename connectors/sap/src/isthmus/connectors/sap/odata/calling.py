"""How is an operation called with its arguments, in each version?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus.connectors.sap.odata.edm import (
    EntitySet,
    Operation,
    OperationKind,
    Parameter,
    Property,
    Service,
    Structure,
)
from isthmus.connectors.sap.odata.keys import address_of, literals_of
from isthmus.connectors.sap.odata.literals import literal
from isthmus.connectors.sap.odata.values import written_value
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["Called", "called"]


@dataclass(frozen=True, slots=True)
class Called:
    """A call below the root of a service: a path template and the literals that fill it, parameters, and a body."""

    method: str
    template: str
    literals: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, JSON] | None = None


def called(
    operation: Operation,
    arguments: Mapping[str, JSON],
    service: Service,
    *,
    entity_set: EntitySet | None = None,
    id: str = "",
) -> Called:
    """Write a call; `entity_set` and `id` name what a bound operation acts on.

    Raises:
        InvalidArguments: an argument is missing, unknown or none of its type.
    """
    _check(operation, arguments)
    if operation.kind is OperationKind.FUNCTION_IMPORT:
        return _imported(operation, arguments, service, entity_set, id)
    template, literals = _place(operation, entity_set, service, id)
    if operation.kind is OperationKind.ACTION:
        body = {name: _body(value, operation.parameters[name], service) for name, value in arguments.items()}
        return Called(operation.method, template, literals, {}, body)
    return _function(operation, arguments, service, template, literals)


def _check(operation: Operation, arguments: Mapping[str, JSON]) -> None:
    if not operation.available:
        raise InvalidArguments(f"{operation.name} cannot be called; use another action", field="action")
    for name in arguments:
        if name not in operation.parameters:
            takes = ", ".join(operation.parameters) or "none"
            raise InvalidArguments(f"{operation.name} has no argument {name!a} (it takes {takes})", field=name)
    for name, one in operation.parameters.items():
        if one.required and arguments.get(name) is None:
            raise InvalidArguments(f"{operation.name} needs {name!a}", field=name)


def _imported(
    operation: Operation, arguments: Mapping[str, JSON], service: Service, entity_set: EntitySet | None, id: str
) -> Called:
    """Write a function import: its arguments are parameters of the address, whatever the method."""
    params = {}
    if operation.keys:
        if entity_set is None:
            raise InvalidArguments(f"{operation.name} acts on one record: give its id", field="id")
        keys = literals_of(id, entity_set, service)
        params = {parameter: keys[key] for parameter, key in operation.keys}
    for name, value in arguments.items():
        if value is not None:
            params[name] = _literal(value, operation.parameters[name], service)
    return Called(operation.method, operation.path, (), params, None)


def _place(
    operation: Operation, entity_set: EntitySet | None, service: Service, id: str
) -> tuple[str, tuple[str, ...]]:
    if not operation.bound_to:
        return operation.path, ()
    if entity_set is None:
        raise InvalidArguments(f"{operation.name} acts on an object: name it", field="object")
    if not operation.for_each:
        return f"{entity_set.name}/{operation.path}", ()
    template, literals = address_of(id, entity_set, service)
    return f"{template}/{operation.path}", literals


def _function(
    operation: Operation, arguments: Mapping[str, JSON], service: Service, template: str, literals: tuple[str, ...]
) -> Called:
    named, values, params = [], [], {}
    for name, value in arguments.items():
        one = operation.parameters[name]
        if isinstance(one.type.kind, Structure) or one.type.collection:
            named.append(f"{name}=@{name}")
            params[f"@{name}"] = json.dumps(_body(value, one, service), ensure_ascii=False, separators=(",", ":"))
        else:
            named.append(f"{name}={{}}")
            values.append(_literal(value, one, service))
    return Called(operation.method, f"{template}({','.join(named)})", (*literals, *values), params, None)


def _literal(value: JSON, parameter: Parameter, service: Service) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise InvalidArguments(f"{parameter.name} takes one value", field=parameter.name)
    return literal(value, parameter.type, service.version, parameter.name)


def _body(value: JSON, parameter: Parameter, service: Service) -> JSON:
    return written_value(value, Property(parameter.name, parameter.type), service)
