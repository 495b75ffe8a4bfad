"""How is a service described in EDMX 4.0, with vocabularies?"""

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from .edmx_v2 import attributes
from .schema import Field, Link, Operation, Service, Table
from .values import edm

_REFERENCE: Final = (
    '<edmx:Reference Uri="/sap/opu/odata4/iwfnd/config/default/iwfnd/catalog/0002/Vocabularies'
    "(TechnicalName='%2FIWBEP%2F{file}',Version='0001',SAP__Origin='')/$value\">"
    '<edmx:Include Namespace="{namespace}" Alias="{alias}"/></edmx:Reference>'
)
_VOCABULARIES: Final = (
    ("VOC_CAPABILITIES", "Org.OData.Capabilities.V1", "SAP__capabilities"),
    ("VOC_COMMON", "com.sap.vocabularies.Common.v1", "SAP__common"),
    ("VOC_CORE", "Org.OData.Core.V1", "SAP__core"),
    ("VOC_MEASURES", "Org.OData.Measures.V1", "SAP__measures"),
    ("VOC_COMMUNICATION", "com.sap.vocabularies.Communication.v1", "SAP__communication"),
    ("VOC_PERSONALDATA", "com.sap.vocabularies.PersonalData.v1", "SAP__PersonalData"),
)
_MEANINGS: Final = {
    "sem=email": "SAP__communication.IsEmailAddress",
    "sem=tel": "SAP__communication.IsPhoneNumber",
    "personal": "SAP__PersonalData.IsPotentiallyPersonal",
    "sensitive": "SAP__PersonalData.IsPotentiallySensitive",
}
_VERBS: Final = {
    "create": ("Insert", "Insertable"),
    "update": ("Update", "Updatable"),
    "delete": ("Delete", "Deletable"),
}


def write(service: Service) -> str:
    """Return the metadata document."""
    return "".join(_parts(service))


def _parts(service: Service) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
    for file, namespace, alias in _VOCABULARIES:
        yield _REFERENCE.format(file=file, namespace=namespace, alias=alias)
    yield f'<edmx:DataServices><Schema Namespace="{service.namespace}" Alias="SAP__self"'
    yield ' xmlns="http://docs.oasis-open.org/odata/ns/edm">'
    for table in service.tables.values():
        yield from _type(service, table)
    yield _MESSAGE
    for operation in service.operations.values():
        yield from _operation(service, operation)
    yield '<EntityContainer Name="Container">'
    for table in service.tables.values():
        yield f'<EntitySet Name="{service.set_of(table)}" EntityType="{service.type_of(table)}">'
        for name, link in service.links(table):
            yield f'<NavigationPropertyBinding Path="{name}" Target="{service.set_of(link.table)}"/>'
        yield "</EntitySet>"
    yield "</EntityContainer>"
    if service.json_batches:
        yield _BATCHES
    for table in service.tables.values():
        yield from _set_annotations(service, table)
        yield from _property_annotations(service, table)
    for operation in service.operations.values():
        yield from _availability(service, operation)
    yield "</Schema></edmx:DataServices></edmx:Edmx>"


_MESSAGE: Final = (
    '<ComplexType Name="SAP__Message"><Property Name="code" Type="Edm.String" Nullable="false"/>'
    '<Property Name="message" Type="Edm.String" Nullable="false"/><Property Name="target" Type="Edm.String"/>'
    '<Property Name="additionalTargets" Type="Collection(Edm.String)" Nullable="false"/>'
    '<Property Name="transition" Type="Edm.Boolean" Nullable="false"/>'
    '<Property Name="numericSeverity" Type="Edm.Byte" Nullable="false"/>'
    '<Property Name="longtextUrl" Type="Edm.String"/></ComplexType>'
)


_BATCHES: Final = (
    '<Annotations Target="SAP__self.Container"><Annotation Term="SAP__capabilities.BatchSupport"><Record>'
    '<PropertyValue Property="Supported" Bool="true"/><PropertyValue Property="SupportedFormats"><Collection>'
    "<String>multipart/mixed</String><String>application/json</String></Collection></PropertyValue></Record>"
    "</Annotation></Annotations>"
)


def _type(service: Service, table: Table) -> Iterator[str]:
    yield f'<EntityType Name="{service.set_of(table)}Type"><Key>'
    yield from (f'<PropertyRef Name="{name}"/>' for name in table.key)
    yield "</Key>"
    for field in table.fields.values():
        yield _property(field, nullable=field.name not in table.key and field.kind in ("date", "time", "stamp", "guid"))
    if table.etag == "self":
        yield '<Property Name="SAP__Messages" Type="Collection(SAP__self.SAP__Message)" Nullable="false"/>'
    for name, link in service.links(table):
        yield from _navigation(service, name, link)
    yield "</EntityType>"


def _property(field: Field, *, nullable: bool, element: str = "Property") -> str:
    texts = field.kind in ("char", "alpha", "numc")
    given = attributes(
        Name=field.name,
        Type=edm(field, 4),
        Nullable=None if nullable else "false",
        MaxLength=field.size or None if texts else None,
        Precision=field.size if field.kind == "dec" else 3 if field.kind == "stamp" else None,
        Scale=field.scale if field.kind == "dec" else None,
    )
    return f"<{element}{given}/>"


def _navigation(service: Service, name: str, link: Link) -> Iterator[str]:
    target = service.type_of(link.table)
    kind = f"Collection({target})" if link.many else target
    yield f'<NavigationProperty Name="{name}" Type="{kind}"'
    yield "" if link.many else ' Nullable="true"'
    partner = next(
        (other for other, back in service.links(service.tables[link.table]) if link.owns and back.kind == "one"), None
    )
    yield attributes(Partner=partner)
    if not link.owns:
        yield "/>"
        return
    yield '><OnDelete Action="Cascade"/></NavigationProperty>'


def _operation(service: Service, operation: Operation) -> Iterator[str]:
    element = "Function" if operation.reads else "Action"
    yield f'<{element} Name="{operation.name}" IsBound="true"'
    table = operation.returns in service.tables
    yield f"{attributes(EntitySetPath='_it' if table else None)}>"
    yield f'<Parameter Name="_it" Type="{service.type_of(operation.on)}" Nullable="false"/>'
    for field in operation.parameters:
        yield _property(field, nullable=False, element="Parameter")
    if table:
        yield f'<ReturnType Type="{service.type_of(operation.returns)}" Nullable="false"/>'
    else:
        [result] = operation.result
        facets = attributes(Precision=result.size, Scale=result.scale) if result.kind == "dec" else ""
        yield f'<ReturnType Type="{edm(result, 4)}" Nullable="false"{facets}/>'
    yield f"</{element}>"


def _set_annotations(service: Service, table: Table) -> Iterator[str]:
    yield f'<Annotations Target="SAP__self.Container/{service.set_of(table)}">'
    for verb, (term, word) in _VERBS.items():
        if verb in table.denied:
            yield _record(f"SAP__capabilities.{term}Restrictions", f'<PropertyValue Property="{word}" Bool="false"/>')
    unfiltered = [each.name for each in table.fields.values() if "nofilter" in each.marks]
    unsorted = [each.name for each in table.fields.values() if "nosort" in each.marks]
    if unfiltered:
        yield _record("SAP__capabilities.FilterRestrictions", _paths("NonFilterableProperties", unfiltered))
    if unsorted:
        yield _record("SAP__capabilities.SortRestrictions", _paths("NonSortableProperties", unsorted))
    required = [each.name for each in table.fields.values() if "must" in each.marks]
    if required and "create" not in table.denied:
        yield _record("SAP__capabilities.InsertRestrictions", _paths("RequiredProperties", required))
    searchable = f'<PropertyValue Property="Searchable" Bool="{str(table.searchable).lower()}"/>'
    yield _record("SAP__capabilities.SearchRestrictions", searchable)
    yield '<Annotation Term="SAP__capabilities.FilterFunctions"><Collection>'
    yield from (f"<String>{name}</String>" for name in ("eq", "ne", "gt", "ge", "lt", "le", "and", "or", "contains"))
    yield from (f"<String>{name}</String>" for name in ("startswith", "endswith", "any", "all", "in"))
    yield "</Collection></Annotation>"
    if table.etag == "self":
        mark = "LastChangeDateTime" if "LastChangeDateTime" in table.fields else table.key[0]
        yield '<Annotation Term="SAP__core.OptimisticConcurrency"><Collection>'
        yield f"<PropertyPath>{mark}</PropertyPath></Collection></Annotation>"
    elif table.etag == "root":
        yield '<Annotation Term="SAP__core.OptimisticConcurrency"><Collection/></Annotation>'
    yield "</Annotations>"


def _record(term: str, inside: str) -> str:
    return f'<Annotation Term="{term}"><Record>{inside}</Record></Annotation>'


def _paths(name: str, listed: list[str]) -> str:
    paths = "".join(f"<PropertyPath>{each}</PropertyPath>" for each in listed)
    return f'<PropertyValue Property="{name}"><Collection>{paths}</Collection></PropertyValue>'


def _property_annotations(service: Service, table: Table) -> Iterator[str]:
    yield f'<Annotations Target="SAP__self.{service.set_of(table)}Type">'
    yield f'<Annotation Term="SAP__common.Label" String="{escape(table.label)}"/></Annotations>'
    for field in table.fields.values():
        yield f'<Annotations Target="SAP__self.{service.set_of(table)}Type/{field.name}">'
        yield f'<Annotation Term="SAP__common.Label" String="{escape(field.label)}"/>'
        if field.computed:
            yield '<Annotation Term="SAP__core.Computed" Bool="true"/>'
        elif "once" in field.marks or field.name in table.key:
            yield '<Annotation Term="SAP__core.Immutable" Bool="true"/>'
        if "must" in field.marks:
            yield '<Annotation Term="SAP__common.FieldControl"'
            yield ' EnumMember="SAP__common.FieldControlType/Mandatory"/>'
        if "upper" in field.marks or field.kind == "alpha":
            yield '<Annotation Term="SAP__common.IsUpperCase" Bool="true"/>'
        if unit := field.mark("unit"):
            is_money = table.fields[unit].mark("sem") == "currency-code" if unit in table.fields else False
            term = "ISOCurrency" if is_money else "Unit"
            yield f'<Annotation Term="SAP__measures.{term}" Path="{unit}"/>'
        yield from (
            f'<Annotation Term="{term}" Bool="true"/>' for mark, term in _MEANINGS.items() if mark in field.marks
        )
        yield "</Annotations>"


def _availability(service: Service, operation: Operation) -> Iterator[str]:
    if not operation.reads:
        yield f'<Annotations Target="SAP__self.{operation.name}({service.type_of(operation.on)})">'
        yield '<Annotation Term="SAP__core.OperationAvailable" Bool="true"/></Annotations>'
