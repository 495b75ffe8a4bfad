"""What does an org's own metadata say of an object, and which classes follow from it?"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from isthmus.connectors.salesforce import soql
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts, ObjectSummary
from isthmus.core.records import JSON

__all__ = [
    "Classification",
    "classification_text",
    "classifications",
    "object_facts",
    "object_summaries",
    "state_field",
]

Node: TypeAlias = Mapping[str, JSON]

_TYPES = {
    "id": FieldType.ID,
    "reference": FieldType.REFERENCE,
    "boolean": FieldType.BOOLEAN,
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "time": FieldType.TIME,
    "picklist": FieldType.CHOICE,
    "combobox": FieldType.STRING,
    "multipicklist": FieldType.CHOICES,
    "textarea": FieldType.TEXT,
    "base64": FieldType.BINARY,
    "address": FieldType.OTHER,
    "location": FieldType.OTHER,
    "complexvalue": FieldType.OTHER,
    "anyType": FieldType.OTHER,
}


@dataclass(frozen=True, slots=True)
class Classification:
    """What FieldDefinition says of one field."""

    security: str = ""
    compliance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Shipped:
    """The row of the shipped table for one object."""

    person: bool = False
    country: tuple[str, ...] = ()
    state: str | None = None
    default: tuple[str, ...] = ()
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Table:
    objects: Mapping[str, _Shipped]
    system: frozenset[str]
    compliance: Mapping[str, str]
    security: Mapping[str, str]
    states: Mapping[str, str]

    def row(self, name: str, fields: Collection[str]) -> _Shipped:
        """Return what is known of an object; an account of an org with person accounts may be a person."""
        return self.objects.get("PersonAccount" if name == "Account" and _PERSONAL in fields else name, _Shipped())


_PERSONAL = "IsPersonAccount"


def object_facts(described: Node, classified: Mapping[str, Classification]) -> ObjectFacts:
    """Build the facts of an object from its describe answer and its FieldDefinition rows, by field name.

    The shipped table, the compliance group and the security level add up; a field that all of them leave open is
    unclassified, which narrows on objects about people. A custom field without a FieldDefinition row is `unread`: only
    the org could say what it holds, so every flow rule concerns it. Fields that this identity may not see are absent
    from describe, so they are absent here.
    """
    name = _text(described, "name")
    table = _table()
    shipped = table.row(name, {_text(raw, "name") for raw in _nodes(described, "fields")})
    fields = {}
    for raw in _nodes(described, "fields"):
        facts = _field(raw, classified.get(_text(raw, "name")), shipped, table)
        fields[facts.name] = facts
    return ObjectFacts(
        name=name,
        fields=fields,
        label=_text(described, "label"),
        person=shipped.person,
        country=tuple(path for path in shipped.country if "." in path or path in fields),
        default_fields=tuple(one for one in shipped.default if one in fields) or _readable(fields.values()),
        searched=_searched(described),
        version_field="SystemModstamp" if "SystemModstamp" in fields else None,
        owner_field="OwnerId" if "OwnerId" in fields else None,
        state_field=shipped.state if shipped.state in fields else None,
        createable=described.get("createable") is True,
        updateable=described.get("updateable") is True,
        deletable=described.get("deletable") is True,
        children=_children(described),
    )


def _children(described: Node) -> dict[str, str]:
    """Map relationships to the records below; those that the org keeps by itself are left out."""
    found = {}
    for raw in _nodes(described, "childRelationships"):
        name, object = _text(raw, "relationshipName"), _text(raw, "childSObject")
        if name and object and raw.get("deprecatedAndHidden") is not True and not object.endswith(_KEPT_BY_ITSELF):
            found[name] = object
    return found


_KEPT_BY_ITSELF = ("History", "Feed", "Share", "ChangeEvent", "__Tag", "TeamRelation")


def classification_text(object: str) -> str:
    """Ask for the org's own classification of an object's fields; the table takes no LIMIT."""
    entity = soql.FieldRef(("EntityDefinition", "QualifiedApiName"))
    wanted = ("QualifiedApiName", "SecurityClassification", "ComplianceGroup")
    select = soql.Select(
        items=tuple(soql.FieldRef((name,)) for name in wanted),
        object="FieldDefinition",
        where=soql.Comparison(entity, "=", soql.Text(object)),
    )
    return soql.render(select)


def classifications(rows: Iterable[Node]) -> dict[str, Classification]:
    """Read FieldDefinition rows by the names of their fields."""
    return {
        _text(raw, "QualifiedApiName"): Classification(
            _text(raw, "SecurityClassification"),
            tuple(group for group in _text(raw, "ComplianceGroup").split(";") if group),
        )
        for raw in rows
    }


def _searched(described: Node) -> tuple[str, ...]:
    """Name what SOSL's NAME FIELDS may look into: the name field, whatever is called a name, and subjects."""
    found = []
    for raw in _nodes(described, "fields"):
        name = _text(raw, "name")
        if raw.get("nameField") is True or "Name" in name or name == "Subject":
            found.append(name)
    return tuple(found)


def object_summaries(listed: Node) -> tuple[ObjectSummary, ...]:
    """Read the list of objects, leaving out those that cannot be queried."""
    return tuple(
        ObjectSummary(
            _text(raw, "name"),
            _text(raw, "label"),
            raw.get("createable") is True,
            raw.get("updateable") is True,
            raw.get("deletable") is True,
        )
        for raw in _nodes(listed, "sobjects")
        if raw.get("queryable") is True and _text(raw, "name")
    )


def state_field(object: str) -> str:
    """Return the state field of an object of any letter case, in lower case; empty where the table names none."""
    return _table().states.get(object.casefold(), "")


def _field(raw: Node, told: Classification | None, shipped: _Shipped, table: _Table) -> FieldFacts:
    name = _text(raw, "name")
    kind = _TYPES.get(_text(raw, "type"), FieldType.STRING)
    classes, source = _classes(name, kind, told, shipped, table)
    classes |= _BY_TYPE.get(_text(raw, "type"), frozenset())
    return FieldFacts(
        name=name,
        type=kind,
        label=_text(raw, "label"),
        classes=classes,
        source=source,
        choices=tuple(_text(one, "value") for one in _nodes(raw, "picklistValues") if one.get("active") is not False),
        restricted=raw.get("restrictedPicklist") is True,
        references=_references(raw, table),
        relationship=_text(raw, "relationshipName"),
        createable=raw.get("createable") is True,
        updateable=raw.get("updateable") is True,
        filterable=raw.get("filterable") is True,
        # The org sorts choices by their place in its list and compares them as texts, so pages could not continue.
        sortable=raw.get("sortable") is True and kind not in (FieldType.CHOICE, FieldType.CHOICES),
        groupable=raw.get("groupable") is True,
        required=raw.get("nillable") is False and raw.get("createable") is True and not raw.get("defaultedOnCreate"),
        unique=raw.get("unique") is True,
        external_id=raw.get("externalId") is True,
    )


def _references(raw: Node, table: _Table) -> tuple[str, ...]:
    """Name the objects that a reference may point at, those about people first: they decide how a path is judged."""
    named = [one for one in _list(raw, "referenceTo") if isinstance(one, str)]
    return tuple(sorted(named, key=lambda one: not table.objects.get(one, _Shipped()).person))


def _classes(
    name: str, kind: FieldType, told: Classification | None, shipped: _Shipped, table: _Table
) -> tuple[frozenset[str], str]:
    """Add up what each source says; the name of the strongest source goes with it."""
    found: set[str] = set(shipped.classes.get(name, ()))
    source = "shipped table" if found else "default"
    if told is not None and (told.security or told.compliance):
        found |= {table.compliance.get(group, "unclassified") for group in told.compliance}
        if told.security:
            # An org may add levels of its own; one that nobody mapped must not count as harmless.
            found.add(table.security.get(told.security, "secret"))
        source = "org metadata"
    if not found and (name in table.system or (not shipped.person and kind in _IMPERSONAL)):
        found, source = {"internal"}, "shipped table"
    if told is None and name.endswith(_CUSTOM):
        found.add("unread")
    if kind is FieldType.TEXT:
        found |= {"free_text", "pii"} if shipped.person else {"free_text"}
    return frozenset(found or {"unclassified"}), source


_CUSTOM = ("__c", "__pc")
_BY_TYPE = {"email": frozenset({"pii"}), "encryptedstring": frozenset({"secret"})}
_IMPERSONAL = frozenset(
    {FieldType.ID, FieldType.REFERENCE, FieldType.BOOLEAN, FieldType.INTEGER, FieldType.CHOICE, FieldType.CHOICES}
)


def _readable(fields: Iterable[FieldFacts]) -> tuple[str, ...]:
    """Choose fields for an object that the table does not know: short ones, and not too many."""
    short = [one.name for one in fields if one.type not in (FieldType.TEXT, FieldType.BINARY, FieldType.OTHER)]
    return tuple(short[:20])


@cache
def _table() -> _Table:
    raw = tomllib.loads(files(__package__).joinpath("shipped.toml").read_text(encoding="utf-8"))
    objects = {}
    for name, row in raw["objects"].items():
        classes: dict[str, frozenset[str]] = {}
        for class_ in ("internal", "pii", "financial"):
            for one in row.get(class_, ()):
                classes[one] = classes.get(one, frozenset()) | {class_}
        objects[name] = _Shipped(
            row.get("person", False), tuple(row.get("country", ())), row.get("state"), tuple(row["default"]), classes
        )
    states = {name.casefold(): shipped.state.casefold() for name, shipped in objects.items() if shipped.state}
    return _Table(objects, frozenset(raw["system"]), raw["compliance"], raw["security"], states)


def _text(raw: Node, key: str) -> str:
    found = raw.get(key)
    return found if isinstance(found, str) else ""


def _list(raw: Node, key: str) -> list[JSON]:
    found = raw.get(key)
    return list(found) if isinstance(found, list) else []


def _nodes(raw: Node, key: str) -> list[Node]:
    return [one for one in _list(raw, key) if isinstance(one, Mapping)]
