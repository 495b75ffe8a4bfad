"""What does the metadata document (EDMX) of a service say, in the words of `edm`?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from isthmus.connectors.sap.odata.annotations import (
    Annotations,
    Expression,
    Names,
    Path,
    Terms,
    record,
)
from isthmus.connectors.sap.odata.associations import Associations, navigations_of
from isthmus.connectors.sap.odata.capabilities import (
    COMMUNICATION,
    DEEP_INSERT,
    PERSONAL,
    annotated,
    batches,
    label_of,
    member,
    restricted_along,
    restrictions,
)
from isthmus.connectors.sap.odata.edm import EntitySet, EntityType, Navigation, Property, Service, Version
from isthmus.connectors.sap.odata.operations import Operations
from isthmus.connectors.sap.odata.types import Types
from isthmus.connectors.sap.odata.xml import Element, XmlError, parsed

__all__ = ["MetadataError", "service_of"]

_METADATA = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"
_V4 = re.compile(r"4\.[0-9]+")
_READ = "Org.OData.Capabilities.V1.ReadRestrictions"


class MetadataError(ValueError):
    """A document that is no metadata of a service; the sentence says why."""


def service_of(document: bytes) -> Service:
    """Read a metadata document.

    Entities and document types are refused, and nothing is fetched.

    Raises:
        MetadataError: it is no EDMX of V2 or V4, or not well-formed.
    """
    try:
        root = parsed(document)
    except XmlError as error:
        raise MetadataError(f"the metadata cannot be read: {error}") from None
    version = _version(root)
    schemas = [schema for one in root.all("DataServices") for schema in one.all("Schema")]
    if not schemas:
        raise MetadataError("the metadata hold no schema; give the path of an OData service in settings.services")
    return _Reading(version, schemas, _aliases(root, schemas)).service()


def _version(root: Element) -> Version:
    told = root.get("Version")
    if root.name != "Edmx":
        raise MetadataError(f"the document is no metadata: it begins with {root.name[:40]!a} instead of Edmx")
    return Version.V4 if _V4.fullmatch(told) else Version.V2


def _aliases(root: Element, schemas: Sequence[Element]) -> dict[str, str]:
    found = {
        one.get("Alias"): one.get("Namespace")
        for reference in root.all("Reference")
        for one in reference.all("Include")
    }
    found |= {one.get("Alias"): one.get("Namespace") for one in schemas}
    # Some services write the alias of the standard vocabularies without including them.
    return _USUAL | {alias: namespace for alias, namespace in found.items() if alias and namespace}


_USUAL = {
    "Core": "Org.OData.Core.V1",
    "Capabilities": "Org.OData.Capabilities.V1",
    "Measures": "Org.OData.Measures.V1",
    "Common": "com.sap.vocabularies.Common.v1",
    "PersonalData": "com.sap.vocabularies.PersonalData.v1",
    "Communication": "com.sap.vocabularies.Communication.v1",
}
_USUAL |= {f"SAP__{alias.lower()}": namespace for alias, namespace in _USUAL.items()}
MOST_BASES = 20


@dataclass(slots=True)
class _Reading:
    version: Version
    schemas: Sequence[Element]
    aliases: Mapping[str, str]
    types: Types = field(init=False)
    annotations: Annotations = field(init=False)
    associations: Associations = field(init=False)
    elements: dict[str, tuple[Element, str]] = field(default_factory=dict)
    entities: dict[str, EntityType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = Names(self.aliases)
        self.types, self.annotations = Types(names), Annotations(names)
        self.associations = Associations(self.types)

    def service(self) -> Service:
        self.types.learn(self.schemas)
        self.associations.learn(self.schemas)
        for schema in self.schemas:
            namespace = schema.get("Namespace")
            for one in schema.all("Annotations"):
                self.annotations.add(one)
            for one in schema.all("EntityType", "ComplexType"):
                self.elements[f"{namespace}.{one.get('Name')}"] = (one, namespace)
        structures: dict[str, Mapping[str, Property]] = {}
        for name, (element, _) in self.elements.items():
            if element.name == "EntityType":
                self.entities[name] = self._entity(name)
            else:
                structures[name] = self._inherited(name)[1]
        sets = {one.name: one for one in self._sets()}
        operations = Operations(self.version, self.types, self.annotations, self.entities).of(self.schemas)
        takes = batches(self._of_containers())
        return Service(self.version, sets, self.entities, structures, operations, takes)

    def _of_containers(self) -> Terms:
        """Return what is said of the container of all sets."""
        found: dict[str, Expression] = {}
        for schema in self.schemas:
            for one in schema.all("EntityContainer"):
                found |= self.annotations.of(f"{schema.get('Namespace')}.{one.get('Name')}", one)
        return found

    def _entity(self, name: str) -> EntityType:
        keys, properties, navigations = self._inherited(name)
        element, _ = self.elements[name]
        terms = self.annotations.of(name, element)
        for path in _contact(terms.get(COMMUNICATION + "Contact")):
            if path in properties:
                one = properties[path]
                properties[path] = replace(one, personal=replace(one.personal, personal=True))
        streams = element.get(_METADATA + "HasStream") or element.get("HasStream") or "false"
        return EntityType(
            name=name,
            keys=tuple(key for key in keys if key in properties),
            properties=properties,
            navigations=navigations,
            label=label_of(element, terms),
            has_stream=streams.lower() == "true",
            personal=member(terms.get(PERSONAL + "EntitySemantics")),
        )

    def _inherited(self, name: str) -> tuple[list[str], dict[str, Property], dict[str, Navigation]]:
        """Return keys, properties and navigations of a type, those of its base first."""
        chain: list[str] = []
        while name in self.elements and name not in chain and len(chain) < MOST_BASES:
            chain.append(name)
            element, namespace = self.elements[name]
            name = self.types.qualified(element.get("BaseType"), namespace)
        keys: list[str] = []
        properties: dict[str, Property] = {}
        navigations: dict[str, Navigation] = {}
        for one in reversed(chain):
            element, namespace = self.elements[one]
            for key in element.all("Key"):
                keys += [ref.get("Name") for ref in key.all("PropertyRef")]
            properties |= self._properties(element, one, namespace)
            navigations |= navigations_of(element, namespace, self.types, self.associations)
        return keys, properties, navigations

    def _properties(self, element: Element, owner: str, namespace: str) -> dict[str, Property]:
        found = {}
        for one in element.all("Property"):
            name = one.get("Name")
            terms = self.annotations.of(f"{owner}/{name}", one)
            found[name] = annotated(Property(name, self.types.of(one, namespace)), one, terms)
        return found

    def _sets(self) -> Iterator[EntitySet]:
        for schema in self.schemas:
            namespace = schema.get("Namespace")
            for container in schema.all("EntityContainer"):
                full = f"{namespace}.{container.get('Name')}"
                for one in container.all("EntitySet", "Singleton"):
                    found = self._set(one, namespace, full)
                    if found is not None:
                        yield found

    def _set(self, element: Element, namespace: str, container: str) -> EntitySet | None:
        name, singleton = element.get("Name"), element.name == "Singleton"
        type_name = self.types.qualified(element.get("Type" if singleton else "EntityType", ""), namespace)
        entity = self.entities.get(type_name)
        if entity is None or not name:
            return None
        terms = self.annotations.of(f"{container}/{name}", element)
        whole = {term: told for term, told in self._of_containers().items() if term == DEEP_INSERT}
        told = restrictions(element, {**whole, **terms})
        properties = told.applied(entity.properties, entity.keys)
        along = restricted_along(terms)
        behind = self._behind(element, entity, name, container)
        return EntitySet(
            name=name,
            type=entity,
            properties=properties,
            navigations={
                key: told.along(replace(one, entity_set=behind.get(key, "")), along.get(key, {}))
                for key, one in entity.navigations.items()
            },
            label=label_of(element, terms) or entity.label,
            description=_text(record(terms.get(_READ)).get("Description")),
            creatable=told.creatable and not singleton,
            updatable=told.updatable,
            deletable=told.deletable and not singleton,
            readable=told.readable,
            addressable=told.addressable,
            searchable=told.searchable,
            countable=told.countable,
            topable=told.topable,
            pageable=told.pageable,
            requires_filter=told.requires_filter,
            concurrency=told.concurrency or any(one.concurrency for one in entity.properties.values()),
            updatable_path=told.updatable_path,
            deletable_path=told.deletable_path,
            singleton=singleton,
        )

    def _behind(self, element: Element, entity: EntityType, name: str, container: str) -> dict[str, str]:
        """Return the sets that the navigations of a set lead to."""
        if self.version is Version.V4:
            bound = {
                one.get("Path"): one.get("Target").removeprefix(f"{container}/")
                for one in element.all("NavigationPropertyBinding")
            }
            return {path: target for path, target in bound.items() if "/" not in path and "/" not in target}
        found = {}
        type_element, namespace = self.elements[entity.name]
        for one in type_element.all("NavigationProperty"):
            found[one.get("Name")] = self.associations.set_behind(one, namespace, name)
        return found


def _contact(value: Expression) -> Iterator[str]:
    """Yield the paths of a business card: all of them tell of a person or an organisation."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _contact(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _contact(one)


def _text(value: Expression) -> str:
    return value if isinstance(value, str) else ""
