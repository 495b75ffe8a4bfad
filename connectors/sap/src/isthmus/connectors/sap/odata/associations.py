"""Where do the navigation properties of a type lead, in V2 by associations and in V4 by themselves?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isthmus.connectors.sap.odata.capabilities import flag
from isthmus.connectors.sap.odata.edm import Navigation
from isthmus.connectors.sap.odata.types import Types
from isthmus.connectors.sap.odata.xml import Element

__all__ = ["Associations", "navigations_of"]

_Roles = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Association:
    """The ends of an association by role: type and multiplicity; the pairs of properties that are alike."""

    types: _Roles
    several: Mapping[str, bool]
    dependent: str = ""
    pairs: tuple[tuple[str, str], ...] = ()

    def constraints(self, role: str) -> tuple[tuple[str, str], ...]:
        """Return the pairs as they are seen from one end: first its own property."""
        return self.pairs if role == self.dependent else tuple((theirs, mine) for mine, theirs in self.pairs)


@dataclass(slots=True)
class Associations:
    """The associations of V2, and the sets between which each of them runs."""

    types: Types
    _known: dict[str, _Association] = field(default_factory=dict)
    _sets: dict[str, list[_Roles]] = field(default_factory=dict)

    def learn(self, schemas: Iterable[Element]) -> None:
        """Take the associations of all schemas, and their sets."""
        for schema in schemas:
            namespace = schema.get("Namespace")
            for one in schema.all("Association"):
                self._known[f"{namespace}.{one.get('Name')}"] = self._read(one, namespace)
            for container in schema.all("EntityContainer"):
                for one in container.all("AssociationSet"):
                    roles = {end.get("Role"): end.get("EntitySet") for end in one.all("End")}
                    self._sets.setdefault(self._full(one.get("Association"), namespace), []).append(roles)

    def navigation(self, element: Element, namespace: str) -> Navigation | None:
        """Return where a navigation property of V2 leads; None where its association is missing."""
        known = self._known.get(self._full(element.get("Relationship"), namespace))
        towards = element.get("ToRole")
        if known is None or towards not in known.types:
            return None
        return Navigation(
            name=element.get("Name"),
            target=known.types[towards],
            collection=known.several[towards],
            constraints=known.constraints(element.get("FromRole")),
            creatable=flag(element, "creatable"),
            filterable=flag(element, "filterable"),
            own=not any(known.several.values()),
        )

    def set_behind(self, element: Element, namespace: str, entity_set: str) -> str:
        """Return the set that a navigation property leads to from another set; empty where nothing says it."""
        here, there = element.get("FromRole"), element.get("ToRole")
        for roles in self._sets.get(self._full(element.get("Relationship"), namespace), ()):
            if roles.get(here) == entity_set and here != there:
                return roles.get(there, "")
        return ""

    def _full(self, name: str, namespace: str) -> str:
        full = self.types.names.full(name)
        return full if "." in full else f"{namespace}.{name}"

    def _read(self, element: Element, namespace: str) -> _Association:
        ends = list(element.all("End"))
        types = {end.get("Role"): self.types.qualified(end.get("Type"), namespace) for end in ends}
        several = {end.get("Role"): end.get("Multiplicity") == "*" for end in ends}
        constraint = element.first("ReferentialConstraint")
        if constraint is None:
            return _Association(types, several)
        principal = constraint.first("Principal")
        dependent = constraint.first("Dependent")
        pairs = tuple(zip(_referred(dependent), _referred(principal), strict=False))
        return _Association(types, several, dependent.get("Role") if dependent is not None else "", pairs)


def _referred(element: Element | None) -> list[str]:
    return [] if element is None else [one.get("Name") for one in element.all("PropertyRef")]


def navigations_of(element: Element, namespace: str, types: Types, associations: Associations) -> dict[str, Navigation]:
    """Return the navigation properties that a type declares itself."""
    found = {}
    for one in element.all("NavigationProperty"):
        if one.get("Relationship"):
            navigation = associations.navigation(one, namespace)
        else:
            navigation = _declared(one, namespace, types)
        if navigation is not None:
            found[navigation.name] = navigation
    return found


def _declared(element: Element, namespace: str, types: Types) -> Navigation:
    told = element.get("Type")
    several = told.startswith("Collection(") and told.endswith(")")
    return Navigation(
        name=element.get("Name"),
        target=types.qualified(told[11:-1] if several else told, namespace),
        collection=several,
        constraints=tuple(
            (one.get("Property"), one.get("ReferencedProperty")) for one in element.all("ReferentialConstraint")
        ),
        contained=element.flag("ContainsTarget"),
        own=element.flag("ContainsTarget"),
    )
