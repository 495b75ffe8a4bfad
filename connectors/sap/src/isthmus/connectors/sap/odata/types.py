"""Which type does a name in a schema stand for?"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from isthmus.connectors.sap.odata.annotations import Names
from isthmus.connectors.sap.odata.edm import EdmType, Enumeration, Kind, Primitive, Structure
from isthmus.connectors.sap.odata.xml import Element

__all__ = ["Types"]

_PRIMITIVES: Mapping[str, Primitive] = {one.value: one for one in Primitive}
_COLLECTION = re.compile(r"Collection\((.+)\)")


@dataclass(slots=True)
class Types:
    """The types of all schemas of a service; a name without a namespace means one of its own schema, or of any."""

    names: Names
    enumerations: dict[str, Enumeration] = field(default_factory=dict)
    definitions: dict[str, EdmType] = field(default_factory=dict)
    structures: set[str] = field(default_factory=set)

    def learn(self, schemas: Iterable[Element]) -> None:
        """Take the names of all types, and what enumerations and type definitions mean."""
        for schema in schemas:
            namespace = schema.get("Namespace")
            for one in schema.all("EntityType", "ComplexType"):
                self.structures.add(f"{namespace}.{one.get('Name')}")
            for one in schema.all("EnumType"):
                name = f"{namespace}.{one.get('Name')}"
                flags = one.flag("IsFlags")
                self.enumerations[name] = Enumeration(name, _members(one, flags=flags), flags)
            for one in schema.all("TypeDefinition"):
                under = _PRIMITIVES.get(one.get("UnderlyingType"), Primitive.UNKNOWN)
                self.definitions[f"{namespace}.{one.get('Name')}"] = _facets(EdmType(under), one)

    def qualified(self, name: str, namespace: str) -> str:
        """Return the full name of a type that a schema mentions."""
        full = self.names.full(name)
        if not name or full.startswith("Edm.") or self._known(full):
            return full
        own = f"{namespace}.{name}"
        if "." in name or self._known(own):
            return own if "." not in name else full
        return next((one for one in sorted(self.structures) if one.rpartition(".")[2] == name), own)

    def of(self, element: Element, namespace: str, *, attribute: str = "Type") -> EdmType:
        """Return the type that an element names, with the facets that it adds."""
        return self.named(element.get(attribute), namespace, element)

    def named(self, name: str, namespace: str, element: Element | None = None) -> EdmType:
        """Return the type of this name, with the facets of an element."""
        several = _COLLECTION.fullmatch(name)
        full = self.qualified(several[1] if several else name, namespace)
        definition = self.definitions.get(full)
        found = definition if definition is not None else EdmType(self._kind(full))
        found = replace(found, collection=several is not None)
        return found if element is None else _facets(found, element)

    def _kind(self, full: str) -> Kind:
        if full in self.enumerations:
            return self.enumerations[full]
        if full in self.structures:
            return Structure(full)
        return _PRIMITIVES.get(full, Primitive.UNKNOWN)

    def _known(self, full: str) -> bool:
        return full in self.structures or full in self.enumerations or full in self.definitions


def _members(element: Element, *, flags: bool) -> dict[str, int]:
    """Number the members; one without a value follows the one before it (CSDL 4.01, section 10.3)."""
    found: dict[str, int] = {}
    coming = 1 if flags else 0
    for one in element.all("Member"):
        told = one.get("Value")
        value = int(told) if re.fullmatch(r"-?[0-9]{1,19}", told) else coming
        found[one.get("Name")] = value
        coming = value * 2 if flags else value + 1
    return found


def _facets(found: EdmType, element: Element) -> EdmType:
    return replace(
        found,
        nullable=element.get("Nullable", "true").lower() == "true" and found.nullable,
        max_length=_number(element, "MaxLength", found.max_length),
        precision=_number(element, "Precision", found.precision),
        scale=_number(element, "Scale", found.scale),
    )


def _number(element: Element, name: str, inherited: int | None) -> int | None:
    """Read a facet; a word such as Max or variable sets no bound."""
    if name not in element.attributes:
        return inherited
    told = element.get(name)
    return int(told) if re.fullmatch(r"[0-9]{1,9}", told) else None
