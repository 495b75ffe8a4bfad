"""What do the metadata of a service say in the words of core: objects, fields and actions?

An object is an entity set, named after the alias of its service. What a service offers beside its sets, the alias
alone stands for.
"""

from collections.abc import Iterator, Mapping

from isthmus.connectors.sap.odata.edm import (
    EdmType,
    EntitySet,
    Enumeration,
    Navigation,
    Operation,
    OperationKind,
    Primitive,
    Property,
    Service,
    Structure,
)
from isthmus.connectors.sap.odata.keys import ID, id_field
from isthmus.connectors.sap.odata.values import is_day
from isthmus.connectors.sap.personal import classes_of, country_of, default_fields, is_about_persons, is_long
from isthmus.connectors.sap.schemas import schema_of
from isthmus.core.connector import Action, FieldFacts, FieldType, ObjectFacts, ObjectSummary
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect

__all__ = ["home_of", "object_facts", "operation_of", "operations_at", "summaries"]

_TYPES: Mapping[Primitive, FieldType] = {
    Primitive.BOOLEAN: FieldType.BOOLEAN,
    Primitive.BYTE: FieldType.INTEGER,
    Primitive.SBYTE: FieldType.INTEGER,
    Primitive.INT16: FieldType.INTEGER,
    Primitive.INT32: FieldType.INTEGER,
    Primitive.INT64: FieldType.INTEGER,
    Primitive.DECIMAL: FieldType.NUMBER,
    Primitive.DOUBLE: FieldType.NUMBER,
    Primitive.SINGLE: FieldType.NUMBER,
    Primitive.DATE: FieldType.DATE,
    Primitive.DATE_TIME: FieldType.DATETIME,
    Primitive.DATE_TIME_OFFSET: FieldType.DATETIME,
    Primitive.TIME: FieldType.TIME,
    Primitive.TIME_OF_DAY: FieldType.TIME,
    Primitive.BINARY: FieldType.BINARY,
    Primitive.STREAM: FieldType.BINARY,
    Primitive.UNKNOWN: FieldType.OTHER,
}


def summaries(alias: str, service: Service) -> tuple[ObjectSummary, ...]:
    """List the objects of a service."""
    found = [
        ObjectSummary(f"{alias}.{one.name}", one.label, one.creatable, one.updatable, one.deletable)
        for one in service.sets.values()
        if one.readable or one.creatable
    ]
    own = [ObjectSummary(alias, "what can be called on the service itself")] if _unbound(service) else []
    return (*own, *found)


def object_facts(alias: str, service: Service, object: str) -> ObjectFacts:
    """Describe an object of any letter case; raises NotFound."""
    if object.casefold() == alias.casefold() and _unbound(service):
        actions = tuple(_action(name, one, service) for name, one in _unbound(service).items())
        return ObjectFacts(
            alias, {}, "what can be called on the service itself", createable=False, updateable=False, deletable=False,
            actions=actions,
        )  # fmt: skip
    entity_set = _set_of(alias, service, object)
    if entity_set is None:
        raise NotFound(f"there is no object {object!a}", object=object)
    person = is_about_persons(entity_set)
    country = country_of(entity_set)
    return ObjectFacts(
        name=f"{alias}.{entity_set.name}",
        fields=_fields(alias, entity_set, service, person=person, country=country),
        label=entity_set.label,
        person=person,
        country=country,
        default_fields=default_fields(entity_set),
        searched=_searched(entity_set),
        id_field=id_field(entity_set),
        createable=entity_set.creatable,
        updateable=entity_set.updatable,
        deletable=entity_set.deletable,
        actions=tuple(_action(name, one, service) for name, one in operations_at(alias, service, object).items()),
        children=_children(alias, entity_set, service),
    )


def _children(alias: str, entity_set: EntitySet, service: Service) -> dict[str, str]:
    """Map the navigations along which a new record brings others with it to their objects."""
    if not entity_set.creatable:
        return {}
    found = ((name, service.made_along(entity_set, name)) for name in entity_set.navigations)
    return {name: f"{alias}.{one.name}" for name, one in found if one is not None}


def operations_at(alias: str, service: Service, object: str) -> Mapping[str, Operation]:
    """Return what can be called on an object, by the names of its actions; none on an object that is not there."""
    if object.casefold() == alias.casefold():
        return _unbound(service)
    entity_set = _set_of(alias, service, object)
    if entity_set is None:
        return {}
    found: dict[str, Operation] = {}
    for one in service.operations_of(entity_set):
        # The address of a function import does not tell the set, so it belongs to one of them.
        elsewhere = (
            one.kind is OperationKind.FUNCTION_IMPORT and home_of(alias, service, one) != f"{alias}.{entity_set.name}"
        )
        if one.available and not elsewhere and (entity_set.keys or not one.for_each):
            # Overloads for one entity and for the whole set may have one name.
            found.setdefault(one.name if one.name not in found else f"{one.name}_all", one)
    return found


def operation_of(alias: str, service: Service, object: str, action: str) -> Operation:
    """Return what an action of an object calls; raises InvalidArguments naming the nearest one."""
    offered = operations_at(alias, service, object)
    if action not in offered:
        raise InvalidArguments(
            f"{object} has no action {action[:80]!a}{nearest(action, list(offered))}", object=object, field="action"
        )
    return offered[action]


def home_of(alias: str, service: Service, operation: Operation) -> str:
    """Return the object that an operation belongs to."""
    bound = (one for one in service.sets.values() if one.type.name == operation.bound_to)
    found = next(bound, None)
    return alias if found is None else f"{alias}.{found.name}"


def _unbound(service: Service) -> dict[str, Operation]:
    return {one.name: one for one in service.operations if not one.bound_to and one.available}


def _set_of(alias: str, service: Service, object: str) -> EntitySet | None:
    head, dot, name = object.partition(".")
    if not dot or head.casefold() != alias.casefold():
        return None
    found = service.sets.get(name)
    wanted = name.casefold()
    return found or next((one for one in service.sets.values() if one.name.casefold() == wanted), None)


def _searched(entity_set: EntitySet) -> tuple[str, ...]:
    """Name the fields that a search may look into: no metadata say which, so all texts."""
    texts = (one.name for one in entity_set.properties.values() if one.type.kind is Primitive.STRING)
    return tuple(texts) if entity_set.searchable else ()


def _fields(
    alias: str, entity_set: EntitySet, service: Service, *, person: bool, country: tuple[str, ...]
) -> dict[str, FieldFacts]:
    links = dict(_links(entity_set, service))
    found: dict[str, FieldFacts] = {}
    if id_field(entity_set) == ID and entity_set.keys:
        found[ID] = FieldFacts(
            ID, FieldType.ID, "the record's id", *_key_classes(entity_set, person=person),
            createable=False, updateable=False, groupable=False, unique=True,
        )  # fmt: skip
    for one in entity_set.properties.values():
        found[one.name] = _field(alias, one, entity_set, links.get(one.name), person=person)
    taken = {one.relationship for one in found.values()}
    for navigation in entity_set.navigations.values():
        target = service.target(navigation)
        if target is not None and navigation.name not in found:
            reached = any(path.startswith(f"{navigation.name}.") for path in country)
            followed = reached or navigation.name not in taken
            found[navigation.name] = _along(alias, navigation, target, followed=followed)
    return found


def _links(entity_set: EntitySet, service: Service) -> Iterator[tuple[str, tuple[Navigation, EntitySet]]]:
    """Yield the properties whose value is the id of a record somewhere else."""
    for one in entity_set.navigations.values():
        target = service.target(one)
        if target is None or one.collection or len(one.constraints) != 1:
            continue
        ((mine, theirs),) = one.constraints
        if id_field(target) == theirs and mine in entity_set.properties and mine not in entity_set.keys:
            yield mine, (one, target)


def _field(
    alias: str, one: Property, entity_set: EntitySet, link: tuple[Navigation, EntitySet] | None, *, person: bool
) -> FieldFacts:
    classes, source = classes_of(one, person=person)
    kind = FieldType.REFERENCE if link else _kind(one, entity_set)
    compared = kind not in (FieldType.OTHER, FieldType.BINARY)
    choices = tuple(one.type.kind.members) if isinstance(one.type.kind, Enumeration) else ()
    return FieldFacts(
        name=one.name,
        type=kind,
        label=one.label,
        note=_note(alias, one, entity_set),
        classes=classes,
        source=source,
        choices=choices,
        restricted=bool(choices),
        references=(f"{alias}.{link[1].name}",) if link else (),
        relationship=link[0].name if link else "",
        createable=one.creatable,
        updateable=one.updatable,
        filterable=one.filterable and compared,
        sortable=one.sortable and compared and not choices,
        groupable=False,
        required=one.required and one.creatable,
        unique=entity_set.keys == (one.name,),
    )


def _kind(one: Property, entity_set: EntitySet) -> FieldType:
    kind = one.type.kind
    if isinstance(kind, Structure) or (one.type.collection and not isinstance(kind, Enumeration)):
        return FieldType.OTHER
    if isinstance(kind, Enumeration):
        return FieldType.CHOICES if kind.flags or one.type.collection else FieldType.CHOICE
    if is_day(one):
        return FieldType.DATE
    if kind is Primitive.STRING and id_field(entity_set) == one.name:
        return FieldType.ID
    return _TYPES.get(kind, FieldType.TEXT if is_long(one) else FieldType.STRING)


def _note(alias: str, one: Property, entity_set: EntitySet) -> str:
    """Say what an agent should know of a field beside its type: its label, its unit, where its values come from."""
    told = [one.label] if one.label.casefold() != one.name.casefold() else []
    if one.description and one.description.casefold() != one.label.casefold():
        told.append(one.description)
    if one.unit:
        told.append(f"in {one.unit}")
    if one.text:
        told.append(f"its text is in {one.text.replace('/', '.')}")
    if one.value_list is not None:
        of = one.value_list.property
        told.append(f"values: {of + ' of ' if of else ''}{alias}.{one.value_list.entity_set}")
    if one.required_in_filter:
        told.append("every query needs a condition on it")
    if one.filtered_by:
        told.append(f"compared by {one.filtered_by}")
    if one.name in entity_set.keys and len(entity_set.keys) > 1:
        told.append("part of the key")
    return "; ".join(part for part in told if part)[:300]


def _key_classes(entity_set: EntitySet, *, person: bool) -> tuple[frozenset[str], str]:
    """Return the classes of an id that is made of several fields: whatever any of them holds."""
    found = [classes_of(entity_set.properties[key], person=person) for key in entity_set.keys]
    joined = frozenset(one for classes, _ in found for one in classes)
    return (joined - {"internal"} or joined), found[0][1]


def _along(alias: str, navigation: Navigation, target: EntitySet, *, followed: bool) -> FieldFacts:
    """Describe what a navigation leads to as a field: a way to fields of other records, and no value itself."""
    about = is_about_persons(target)
    classes = frozenset(one for each in target.properties.values() for one in classes_of(each, person=about)[0])
    classes = classes | {"pii"} if about else classes
    return FieldFacts(
        name=navigation.name,
        type=FieldType.OTHER,
        label=target.label,
        note=_leads(f"{alias}.{target.name}", navigation, followed=followed),
        classes=classes or frozenset({"unclassified"}),
        source="shipped table",
        references=(f"{alias}.{target.name}",),
        relationship=navigation.name if followed else "",
        createable=False,
        updateable=False,
        filterable=False,
        sortable=False,
        groupable=False,
        readable=False,
    )


def _leads(there: str, navigation: Navigation, *, followed: bool) -> str:
    if navigation.collection:
        along = f"; {navigation.name}.<field> lists a field of each" if followed else ""
        return f"records of {there}{along}; query them there for conditions and order"
    return f"a record of {there}" + (f"; its fields are {navigation.name}.<field>" if followed else "")


def _action(name: str, one: Operation, service: Service) -> Action:
    return Action(
        name=name,
        description=f"{one.label or one.name} ({one.kind.value}, {one.method})",
        effects=frozenset({Effect.READ if one.method == "GET" else Effect.EXECUTE}),
        parameters={part.name: schema_of(part.type, service, part.label) for part in one.parameters.values()},
        required=tuple(part.name for part in one.parameters.values() if part.required),
        on_record=one.for_each,
        classes=_result_classes(one.returns, service),
    )


def _result_classes(returns: EdmType | None, service: Service) -> frozenset[str]:
    """Join the classes of what an operation gives back, which may be about a person."""
    if returns is None or not isinstance(returns.kind, Structure):
        return frozenset({"unclassified"})
    sets = [one for one in service.sets.values() if one.type.name == returns.kind.name]
    person = any(is_about_persons(one) for one in sets)
    parts = service.properties_of(returns.kind).values()
    found = frozenset(one for part in parts for one in classes_of(part, person=person)[0])
    return (found | {"pii"} if person else found) or frozenset({"unclassified"})
