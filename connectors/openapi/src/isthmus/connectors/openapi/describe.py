"""What does the document say in the words of core: objects, fields and actions, with their classes?"""

from collections.abc import Iterator

from isthmus.connectors.openapi.document import In, Operation
from isthmus.connectors.openapi.rows import items_of, properties_of
from isthmus.connectors.openapi.schemas import Schema, pointed
from isthmus.connectors.openapi.service import Listed, Service
from isthmus.connectors.openapi.settings import ClassSettings
from isthmus.connectors.openapi.writing import argument_of
from isthmus.core.connector import Action, FieldFacts, FieldType, ObjectFacts, ObjectSummary
from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON

__all__ = ["IF_MATCH", "action_of", "arguments_of", "described_object", "summaries"]

IF_MATCH = "if-match"
UNCLASSIFIED = frozenset({"unclassified"})
DEEPEST = 12
_FORMATS = {
    "date": FieldType.DATE, "date-time": FieldType.DATETIME, "time": FieldType.TIME, "byte": FieldType.BINARY,
    "binary": FieldType.BINARY,
}  # fmt: skip
_TYPES = {"boolean": FieldType.BOOLEAN, "integer": FieldType.INTEGER, "number": FieldType.NUMBER,
          "string": FieldType.STRING}  # fmt: skip


def summaries(service: Service) -> tuple[ObjectSummary, ...]:
    """List the objects, each with what can be called on it and what else the document has there."""
    found = []
    for name, operations in service.objects.items():
        told = [f"{one.id}: {one.summary}".rstrip(": ") for one in operations if one.id in service.listed]
        others = [one.id for one in operations if one.id not in service.listed]
        may = {verb: service.serving(name, verb) is not None for verb in (Verb.CREATE, Verb.UPDATE, Verb.DELETE)}
        found.append(
            ObjectSummary(
                name,
                f"{len(told)} of {len(told) + len(others)} operations may run",
                may[Verb.CREATE],
                may[Verb.UPDATE],
                may[Verb.DELETE],
                tuple(told),
                tuple(others),
            )
        )
    return tuple(sorted(found, key=lambda one: one.name))


def described_object(service: Service, classes: ClassSettings, object: str) -> ObjectFacts:
    """Describe one object; raises NotFound."""
    name = service.object(object)
    query, get, create, update = (
        service.serving(name, verb) for verb in (Verb.QUERY, Verb.GET, Verb.CREATE, Verb.UPDATE)
    )
    fields: dict[str, FieldFacts] = {}
    for one in (query, get, create, update):
        if one is not None:
            for field in _fields(one, classes, create, update):
                fields.setdefault(field.name, field)
    ids = [one.id_field for one in (query, get, create, update) if one is not None and one.id_field]
    listed = [one for one in service.listed.values() if one.object == name]
    return ObjectFacts(
        name=name,
        fields=fields,
        label=name,
        id_field=ids[0] if ids else "id",
        createable=create is not None,
        updateable=update is not None,
        deletable=service.serving(name, Verb.DELETE) is not None,
        actions=tuple(action_of(one, classes) for one in listed if one.settings.verb is None),
        others=tuple(one.id for one in service.objects[name] if one.id not in service.listed),
    )


def arguments_of(one: Listed) -> "dict[str, Schema]":
    """Return the arguments of an action by name; the id of the record it acts on is not among them."""
    record = argument_of(one.operation, In.PATH, one.record) if one.record else None
    return {each.name: each.schema for each in one.operation.arguments if each is not record}


def action_of(one: Listed, classes: ClassSettings) -> Action:
    """Describe an operation as an action."""
    operation, known = one.operation, arguments_of(one)
    words = operation.summary or operation.description.partition("\n")[0]
    return Action(
        name=operation.id,
        description=f"{words[:300]} ({operation.method} {operation.template})".strip(),
        effects=frozenset({one.effect}),
        parameters=known,
        required=tuple(each.name for each in operation.arguments if each.required and each.name in known),
        on_record=bool(one.record),
        to_state=one.settings.to_state,
        state_argument=one.settings.state_argument,
        state=one.settings.state if one.effect is Effect.TRANSITION else "",
        from_state=one.settings.from_state,
        classes=_answer_classes(one, classes),
        answers=_answers(operation),
    )


def _answers(operation: Operation) -> Schema:
    """Return the schema of an answer as `invoke` gives it; what is no object comes in one."""
    schema = operation.reply.schema
    if not schema:
        return {}
    if properties_of(schema):
        return schema
    inner = {name: one for name, one in schema.items() if name != "$defs"}
    held = "items" if "items" in pointed(schema, schema) else "value"
    found: dict[str, JSON] = {"type": "object", "properties": {held: inner}}
    return {**found, "$defs": schema["$defs"]} if "$defs" in schema else found


def _answer_classes(one: Listed, told: ClassSettings) -> frozenset[str]:
    """Join the classes of all that an operation may answer; one part that nobody classified makes it unclassified."""
    if one.settings.classes is not None:
        return frozenset(one.settings.classes)
    schema = one.operation.reply.schema
    if not one.operation.reply.media:
        return frozenset({"internal"})
    own = _said(one.operation, told)
    found = {each for leaf in _leaves(schema, schema, 0) for each in (_extended(leaf, told) or own or UNCLASSIFIED)}
    return frozenset(found) | own or UNCLASSIFIED


def _leaves(schema: Schema, part: JSON, depth: int) -> Iterator[Schema]:
    """Yield the schema of every property that an answer may have; what is deeper or open is one without a word."""
    known, told = properties_of(schema, part), pointed(schema, part)
    if depth > DEEPEST or (not known and "items" not in told):
        yield told if depth <= DEEPEST else {}
        return
    if "items" in told:
        yield from _leaves(schema, told["items"], depth + 1)
    for one in known.values():
        yield from _leaves(schema, one, depth + 1) if not _says(one) else (one,)


def _says(schema: Schema) -> bool:
    return any(name.startswith("x-") for name in schema)


def _said(operation: Operation, told: ClassSettings) -> frozenset[str]:
    """Return the classes that the words of a description stand for; a word that nobody knows is unclassified."""
    found: set[str] = set()
    for one in told.descriptions:
        _, mark, rest = operation.description.partition(one.after)
        if mark:
            line = " ".join(rest.partition("\n\n")[0].split())
            known = [each for word, classes in one.classes.items() if word in line for each in classes]
            found |= set(known) or UNCLASSIFIED
    return frozenset(found)


def _extended(schema: Schema, told: ClassSettings) -> frozenset[str]:
    found: set[str] = set()
    for name, values in told.extensions.items():
        if name in schema:
            value = schema[name]
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found |= set(values.get(text, values.get("*", ("unclassified",))))
    return frozenset(found)


def _fields(one: Listed, told: ClassSettings, create: Listed | None, update: Listed | None) -> Iterator[FieldFacts]:
    schema = one.operation.reply.schema
    known = dict(properties_of(schema, items_of(schema, one.rows))) if one.operation.reply.media else {}
    sent = dict(one.operation.body.properties or {}) if one.operation.body else {}
    own = frozenset(one.settings.classes or ()) or _said(one.operation, told)
    filters = one.settings.filters
    for name, part in {**sent, **known}.items():
        if "." in name:
            continue
        home = schema if name in known else part
        facts = pointed(home, part)
        classes = _extended({**facts, **part}, told) or own
        kind = _kind(facts)
        choices = tuple(str(each) for each in _choices(facts))
        compared = kind not in (FieldType.OTHER, FieldType.BINARY)
        yield FieldFacts(
            name=name,
            type=kind,
            label=str(facts.get("title") or name),
            note=str(part.get("description") or facts.get("description") or "")[:300],
            classes=classes or UNCLASSIFIED,
            source="document" if classes else "default",
            choices=choices,
            restricted=bool(choices),
            createable=_takes(create, name),
            updateable=_takes(update, name),
            filterable=compared or name in filters,
            sortable=compared,
            groupable=False,
            required=create is not None and create.operation.body is not None and name in create.operation.body.needed,
            unique=name == one.id_field,
        )


def _takes(one: Listed | None, name: str) -> bool:
    return one is not None and one.operation.body is not None and name in (one.operation.body.properties or {})


def _choices(facts: Schema) -> "list[JSON]":
    found = facts.get("enum")
    return [one for one in found if one is not None] if isinstance(found, list) else []


def _kind(facts: Schema) -> FieldType:
    told = facts.get("type")
    kinds = [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, str) and one != "null"]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        return FieldType.OTHER
    if kinds[0] != "string":
        return _TYPES[kinds[0]]
    if _choices(facts):
        return FieldType.CHOICE
    return _FORMATS.get(str(facts.get("format")), FieldType.STRING)
