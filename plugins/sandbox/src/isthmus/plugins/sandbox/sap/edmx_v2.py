"""How is a service described in EDMX 1.0, with sap: annotations and vocabularies?"""

import hashlib
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from .schema import Field, Link, Operation, Service, Table
from .values import edm

_HEAD: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:sap="http://www.sap.com/Protocols/SAPData">'
)
_REFERENCE: Final = (
    "<edmx:Reference Uri=\"/sap/opu/odata/iwfnd/catalogservice;v=2/Vocabularies(TechnicalName='%2FIWBEP%2F{file}',"
    "Version='0001',SAP__Origin='LOCAL')/$value\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">"
    '<edmx:Include Namespace="{namespace}" Alias="{alias}"/></edmx:Reference>'
)
_VOCABULARIES: Final = (
    ("VOC_CAPABILITIES", "Org.OData.Capabilities.V1", "Capabilities"),
    ("VOC_COMMON", "com.sap.vocabularies.Common.v1", "Common"),
    ("VOC_PERSONALDATA", "com.sap.vocabularies.PersonalData.v1", "PersonalData"),
)
_DEFAULTS: Final = {"create": "creatable", "update": "updatable", "delete": "deletable"}


def attributes(**given: object) -> str:
    """Write attributes, an underscore in a name standing for a colon; None is left out."""
    return "".join(
        f" {name.replace('__', ':')}={quoteattr(str(value))}" for name, value in given.items() if value is not None
    )


def write(service: Service) -> str:
    """Return the metadata document."""
    return "".join(_parts(service))


def _parts(service: Service) -> Iterator[str]:
    yield _HEAD
    for file, namespace, alias in _VOCABULARIES:
        yield _REFERENCE.format(file=file, namespace=namespace, alias=alias)
    yield '<edmx:DataServices m:DataServiceVersion="2.0">'
    yield f'<Schema Namespace="{service.namespace}" xml:lang="en" sap:schema-version="1"'
    yield ' xmlns="http://schemas.microsoft.com/ado/2008/09/edm">'
    for table in service.tables.values():
        yield from _type(service, table)
    for operation in service.operations.values():
        yield f'<ComplexType Name="{operation.returns}">' if _first_of(service, operation) else ""
        if _first_of(service, operation):
            yield from (_property(each, nullable=False) for each in operation.result)
            yield "</ComplexType>"
    for table in service.tables.values():
        for _, link in service.links(table):
            yield _association(service, table, link)
    yield from _container(service)
    for table in service.tables.values():
        yield from _restrictions(service, table)
    yield f'<atom:link rel="self" href="{service.path}/$metadata" xmlns:atom="http://www.w3.org/2005/Atom"/>'
    yield "</Schema></edmx:DataServices></edmx:Edmx>"


def _first_of(service: Service, operation: Operation) -> bool:
    return next(each for each in service.operations.values() if each.returns == operation.returns) is operation


def _type(service: Service, table: Table) -> Iterator[str]:
    yield f"<EntityType{attributes(Name=f'{service.set_of(table)}Type', sap__label=table.label)}"
    yield ' sap:content-version="1"><Key>'
    yield from (f'<PropertyRef Name="{name}"/>' for name in table.key)
    yield "</Key>"
    for field in table.fields.values():
        yield _property(field, nullable=field.name not in table.key)
    for name, link in service.links(table):
        role = _role(table, link)
        yield f'<NavigationProperty Name="{name}" Relationship="{service.namespace}.assoc_{role}"'
        yield f' FromRole="FromRole_assoc_{role}" ToRole="ToRole_assoc_{role}"/>'
    yield "</EntityType>"


def _property(field: Field, *, nullable: bool) -> str:
    shows = None
    if field.kind == "date":
        shows = "Date"
    elif field.kind in ("char", "alpha") and ("upper" in field.marks or field.kind == "alpha"):
        shows = "UpperCase"
    creatable = "false" if field.computed else None
    facets = attributes(
        Name=field.name,
        Type=edm(field, 2),
        Nullable=None if nullable else "false",
        MaxLength=field.size or None if field.kind in ("char", "alpha", "numc") else None,
        Precision=_precision(field),
        Scale=field.scale if field.kind == "dec" else None,
    )
    shown = {
        "sap:unit": field.mark("unit") or None,
        "sap:display-format": shows,
        "sap:label": field.label,
        "sap:semantics": field.mark("sem") or None,
        "sap:creatable": creatable,
        "sap:updatable": None if field.writable else "false",
        "sap:sortable": "false" if "nosort" in field.marks else None,
        "sap:filterable": "false" if "nofilter" in field.marks else None,
        "sap:field-control": None,
    }
    return f"<Property{facets}{_raw(shown)}/>"


def _precision(field: Field) -> int | None:
    if field.kind == "dec":
        return field.size
    return {"date": 0, "time": 0, "stamp": 3}.get(field.kind)


def _raw(given: dict[str, str | None]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in given.items() if value is not None)


def _role(table: Table, link: Link) -> str:
    return hashlib.sha256(f"{table.name} {link.name}".encode()).hexdigest()[:32].upper()


def _association(service: Service, table: Table, link: Link) -> str:
    role, many = _role(table, link), "*" if link.many else "0..1"
    ours, theirs = service.type_of(table), service.type_of(link.table)
    return (
        f'<Association Name="assoc_{role}" sap:content-version="1">'
        f'<End Type="{ours}" Multiplicity="{"1" if link.many else "*"}" Role="FromRole_assoc_{role}"/>'
        f'<End Type="{theirs}" Multiplicity="{many}" Role="ToRole_assoc_{role}"/></Association>'
    )


def _container(service: Service) -> Iterator[str]:
    yield f'<EntityContainer Name="{service.namespace}_Entities" m:IsDefaultEntityContainer="true"'
    yield ' sap:message-scope-supported="true" sap:supported-formats="json">'
    for table in service.tables.values():
        denied = {f"sap:{word}": "false" for verb, word in _DEFAULTS.items() if verb in table.denied}
        yield f'<EntitySet Name="{service.set_of(table)}" EntityType="{service.type_of(table)}"'
        yield _raw({**denied, "sap:searchable": "true" if table.searchable else None, "sap:content-version": "1"})
        yield "/>"
    for table in service.tables.values():
        for _, link in service.links(table):
            role = _role(table, link)
            yield f'<AssociationSet Name="assoc_{role}" Association="{service.namespace}.assoc_{role}"'
            yield ' sap:creatable="false" sap:updatable="false" sap:deletable="false" sap:content-version="1">'
            yield f'<End EntitySet="{service.set_of(table)}" Role="FromRole_assoc_{role}"/>'
            yield f'<End EntitySet="{service.set_of(link.table)}" Role="ToRole_assoc_{role}"/></AssociationSet>'
    for operation in service.operations.values():
        yield from _import(service, operation)
    yield "</EntityContainer>"


def _import(service: Service, operation: Operation) -> Iterator[str]:
    method = "GET" if operation.reads else "POST"
    yield f'<FunctionImport Name="{operation.name}" ReturnType="{service.namespace}.{operation.returns}"'
    yield f' m:HttpMethod="{method}" sap:action-for="{service.type_of(operation.on)}">'
    for field in operation.parameters:
        size = field.size if field.kind in ("char", "alpha", "numc") else None
        yield f"<Parameter{attributes(Name=field.name, Type=edm(field, 2), Mode='In', MaxLength=size)}/>"
    yield "</FunctionImport>"


def _restrictions(service: Service, table: Table) -> Iterator[str]:
    """Write what the vocabularies say about an entity set: what sap: says too, and which parts are made with it."""
    unfiltered = [each.name for each in table.fields.values() if "nofilter" in each.marks]
    parts = [name for name, link in service.links(table) if link.owns]
    if not unfiltered and not parts:
        return
    yield f'<Annotations Target="{service.namespace}.{service.namespace}_Entities/{service.set_of(table)}"'
    yield ' xmlns="http://docs.oasis-open.org/odata/ns/edm">'
    if unfiltered:
        paths = "".join(f"<PropertyPath>{name}</PropertyPath>" for name in unfiltered)
        yield '<Annotation Term="Capabilities.FilterRestrictions"><Record>'
        yield '<PropertyValue Property="NonFilterableProperties">'
        yield f"<Collection>{paths}</Collection></PropertyValue></Record></Annotation>"
    if parts:
        yield '<Annotation Term="Capabilities.NavigationRestrictions"><Record>'
        yield '<PropertyValue Property="RestrictedProperties"><Collection>'
        for name in parts:
            yield f'<Record><PropertyValue Property="NavigationProperty" NavigationPropertyPath="{name}"/>'
            yield '<PropertyValue Property="InsertRestrictions"><Record>'
            yield '<PropertyValue Property="Insertable" Bool="true"/></Record></PropertyValue></Record>'
        yield "</Collection></PropertyValue></Record></Annotation>"
    yield "</Annotations>"
