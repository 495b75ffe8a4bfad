"""Which operations does a service offer: function imports of V2, functions and actions of V4?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from isthmus.connectors.sap.odata.annotations import Annotations, Path, Terms
from isthmus.connectors.sap.odata.capabilities import CORE, SAP, label_of
from isthmus.connectors.sap.odata.edm import (
    EdmType,
    EntityType,
    Operation,
    OperationKind,
    Parameter,
    Structure,
    Version,
)
from isthmus.connectors.sap.odata.types import Types
from isthmus.connectors.sap.odata.xml import Element

__all__ = ["Operations"]

_METHOD = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}HttpMethod"


@dataclass(frozen=True, slots=True)
class Operations:
    """Reads the operations of all schemas; `entities` are their entity types by full name."""

    version: Version
    types: Types
    annotations: Annotations
    entities: Mapping[str, EntityType]

    def of(self, schemas: Iterable[Element]) -> tuple[Operation, ...]:
        """Return what can be called; overloads that are bound to different types stand side by side."""
        schemas = list(schemas)
        found = self._imports(schemas) if self.version is Version.V2 else self._declared(schemas)
        return tuple({(one.path, one.bound_to): one for one in found if one.name}.values())

    def _imports(self, schemas: Iterable[Element]) -> Iterator[Operation]:
        for schema in schemas:
            namespace = schema.get("Namespace")
            for container in schema.all("EntityContainer"):
                for one in container.all("FunctionImport"):
                    target = f"{namespace}.{container.get('Name')}/{one.get('Name')}"
                    yield self._import(one, namespace, self.annotations.of(target, one))

    def _import(self, element: Element, namespace: str, terms: Terms) -> Operation:
        name = element.get("Name")
        parameters = {
            one.get("Name"): self._parameter(one, namespace, label_of(one, {}), named=True)
            for one in element.all("Parameter")
            if one.get("Mode", "In") != "Out"
        }
        method = element.get(_METHOD) or ("GET" if element.get("IsSideEffecting") == "false" else "POST")
        for_type = self.types.qualified(element.get(SAP + "action-for"), namespace)
        entity = self.entities.get(for_type)
        keys = entity.keys if entity is not None else ()
        bound = entity is not None and bool(keys) and all(key in parameters for key in keys)
        told = element.get("ReturnType")
        return Operation(
            name=name,
            path=name,
            kind=OperationKind.FUNCTION_IMPORT,
            method=method.upper(),
            parameters={key: one for key, one in parameters.items() if not (bound and key in keys)},
            returns=self.types.named(told, namespace) if told else None,
            entity_set=element.get("EntitySet"),
            bound_to=for_type if entity is not None else "",
            for_each=bound,
            keys=tuple((key, key) for key in keys) if bound else (),
            label=label_of(element, terms),
            # A query string has no way to write a structure.
            available=not any(isinstance(one.type.kind, Structure) for one in parameters.values()),
            applicable_path=element.get(SAP + "applicable-path"),
        )

    def _declared(self, schemas: list[Element]) -> Iterator[Operation]:
        imports = self._imported(schemas)
        for schema in schemas:
            namespace = schema.get("Namespace")
            for one in schema.all("Action", "Function"):
                full = f"{namespace}.{one.get('Name')}"
                if one.flag("IsBound"):
                    yield self._operation(one, namespace, full, "")
                for name, entity_set in imports.get(full, ()):
                    if one.flag("IsBound") is False:
                        yield self._operation(one, namespace, name, entity_set)

    def _imported(self, schemas: Iterable[Element]) -> dict[str, list[tuple[str, str]]]:
        """Return the imports of each unbound operation: without one it cannot be called."""
        found: dict[str, list[tuple[str, str]]] = {}
        for schema in schemas:
            for container in schema.all("EntityContainer"):
                for one in container.all("ActionImport", "FunctionImport"):
                    full = self.types.names.full(one.get("Action") or one.get("Function") or "")
                    found.setdefault(full, []).append((one.get("Name"), one.get("EntitySet")))
        return found

    def _operation(self, element: Element, namespace: str, path: str, entity_set: str) -> Operation:
        given = list(element.all("Parameter"))
        bound = element.flag("IsBound")
        binding = given.pop(0) if bound and given else None
        to = self.types.of(binding, namespace) if binding is not None else None
        full = f"{namespace}.{element.get('Name')}"
        terms = self._terms(full, binding, to, element)
        action = element.name == "Action"
        parameters = {}
        for one in given:
            said = self._terms(full, binding, to, one, f"/{one.get('Name')}")
            optional = CORE + "OptionalParameter" in said
            found = self._parameter(one, namespace, label_of(one, said), named=not action, optional=optional)
            parameters[found.name] = found
        returns = element.first("ReturnType")
        available = terms.get(CORE + "OperationAvailable", True)
        return Operation(
            name=element.get("Name") if bound else path,
            path=path,
            kind=OperationKind.ACTION if action else OperationKind.FUNCTION,
            method="POST" if action else "GET",
            parameters=parameters,
            returns=self.types.of(returns, namespace) if returns is not None else None,
            entity_set=entity_set,
            bound_to=to.kind.name if to is not None and isinstance(to.kind, Structure) else "",
            for_each=to is not None and not to.collection,
            label=label_of(element, terms),
            available=available is not False,
            applicable_path=_within(available, binding) if isinstance(available, Path) else "",
        )

    def _parameter(
        self, element: Element, namespace: str, label: str, *, named: bool, optional: bool = False
    ) -> Parameter:
        """Read a parameter; an action takes null for one that is left out (OData 4.01 Protocol, section 11.5.5.1)."""
        found = self.types.of(element, namespace)
        # In V2 a parameter is nullable only where that is said.
        left_out = element.get("Nullable", "false" if self.version is Version.V2 else "true").lower() == "true"
        required = not optional and not (left_out and (self.version is Version.V2 or not named))
        return Parameter(element.get("Name"), found, label, required)

    def _terms(self, full: str, binding: Element | None, to: EdmType | None, element: Element, part: str = "") -> Terms:
        """Return what is said of all overloads of an operation, and of this one."""
        own = ""
        if binding is not None and to is not None and isinstance(to.kind, Structure):
            own = f"Collection({to.kind.name})" if to.collection else to.kind.name
        overload = self.annotations.of(f"{full}({own}){part}", element)
        return {**self.annotations.of(f"{full}{part}"), **overload}


def _within(path: str, binding: Element | None) -> str:
    """Return a path from the entity that the operation is bound to."""
    head, slash, rest = path.partition("/")
    return rest if slash and binding is not None and head == binding.get("Name") else path
