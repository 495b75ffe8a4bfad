"""What do the annotations of a schema say, by their target and term?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from isthmus.connectors.sap.odata.xml import Element

__all__ = ["EMPTY", "Annotations", "Expression", "Names", "Path", "Terms", "paths", "record"]

_KEPT = ("Org.OData.", "com.sap.vocabularies.")
"""Vocabularies that say what data mean and what may be done with them; those about screens are left out."""
_LEFT_OUT = ("com.sap.vocabularies.UI.", "com.sap.vocabularies.Analytics.")


class Path(str):
    """A path to a property or navigation, where an expression is not a constant."""

    __slots__ = ()


Expression: TypeAlias = "bool | str | tuple[Expression, ...] | Mapping[str, Expression] | None"
Terms: TypeAlias = Mapping[str, Expression]

EMPTY: Terms = MappingProxyType({})


class Names:
    """Turns an alias of a namespace into the namespace."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases

    def full(self, name: str) -> str:
        """Return a qualified name with the alias of its namespace, if it has one, spelled out."""
        head, dot, last = name.rpartition(".")
        return f"{self._aliases.get(head, head)}.{last}" if dot else name

    def target(self, text: str) -> str:
        """Return the target of annotations with every qualified name in it spelled out."""
        path, bracket, rest = text.partition("(")
        types, _, after = rest.partition(")")
        head, *others = path.split("/")
        found = "/".join((self.full(head), *others))
        return f"{found}({','.join(map(self._typed, types.split(',')))}){after}" if bracket else found

    def _typed(self, name: str) -> str:
        if name.startswith("Collection(") and name.endswith(")"):
            return f"Collection({self.full(name[11:-1])})"
        return self.full(name)


@dataclass(slots=True)
class Annotations:
    """The annotations of all schemas of a service by target and full term, without those that have a qualifier."""

    names: Names
    _by_target: dict[str, dict[str, Expression]] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        """Take what an Annotations element says."""
        target = element.get("Target")
        if element.get("Qualifier") or not target:
            return
        found = self._by_target.setdefault(self.names.target(target), {})
        for term, told in self._read(element):
            # Some services say one term of one target many times, a part of it each time.
            found[term] = joined(found[term], told) if term in found else told

    def of(self, target: str, element: Element | None = None) -> Terms:
        """Return what is said of a target, both by itself and inside its element."""
        found: Terms = self._by_target.get(target, EMPTY)
        within = dict(self._read(element)) if element is not None else {}
        return {**found, **within} if within else found

    def _read(self, element: Element) -> Iterator[tuple[str, Expression]]:
        for one in element.all("Annotation"):
            term = self.names.full(one.get("Term"))
            if term.startswith(_KEPT) and not term.startswith(_LEFT_OUT) and not one.get("Qualifier"):
                yield term, _expression(one)


_CONSTANTS = (
    "String",
    "EnumMember",
    "Int",
    "Decimal",
    "Float",
    "Date",
    "DateTimeOffset",
    "Guid",
    "Duration",
    "TimeOfDay",
)
_PATHS = ("Path", "PropertyPath", "NavigationPropertyPath", "AnnotationPath", "ModelElementPath", "AnyPropertyPath")
DEEPEST = 40


def _expression(element: Element, depth: int = 0) -> Expression:
    """Read the value of an annotation or of a part of one; a term without a value is true."""
    if "Bool" in element.attributes:
        return element.flag("Bool")
    for name in _CONSTANTS:
        if name in element.attributes:
            return element.get(name)
    for name in _PATHS:
        if name in element.attributes:
            return Path(element.get(name))
    inner = next((one for one in element.children if one.name != "Annotation"), None)
    return True if inner is None else _inner(inner, depth)


def _inner(element: Element, depth: int) -> Expression:
    name, text = element.name, element.text
    if depth > DEEPEST:
        return None
    if name == "Record":
        parts = element.all("PropertyValue")
        return {one.get("Property"): _expression(one, depth + 1) for one in parts}
    if name == "Collection":
        return tuple(_inner(one, depth + 1) for one in element.children)
    if name == "Bool":
        return text.lower() == "true"
    if name in _CONSTANTS:
        return text
    # What is computed (If, Apply and their like) is not known before a record is.
    return Path(text) if name in _PATHS else None


def joined(before: Expression, now: Expression) -> Expression:
    """Return what two values of one term say together; what either of them denies is denied."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return {**before, **{name: joined(before[name], one) if name in before else one for name, one in now.items()}}
    if isinstance(before, tuple) and isinstance(now, tuple):
        return before + now
    return before if before is False else now


def record(value: Expression) -> Mapping[str, Expression]:
    """Return a record; an empty one for anything else."""
    return value if isinstance(value, Mapping) else EMPTY


def paths(value: Expression) -> frozenset[str]:
    """Return the paths of a collection; some services write them as texts."""
    return frozenset(one for one in value if isinstance(one, str) and one) if isinstance(value, tuple) else frozenset()
