"""What may be done with a set and its properties, where SAP's own attributes and the vocabularies both speak?

Whatever either of them forbids is forbidden. What neither mentions is allowed (SAP Annotations for OData Version 2.0;
OData Capabilities Vocabulary), apart from searching.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from isthmus.connectors.sap.odata.annotations import EMPTY, Expression, Path, Terms, joined, paths, record
from isthmus.connectors.sap.odata.edm import Batches, Navigation, Personal, Property, ValueList
from isthmus.connectors.sap.odata.xml import Element

__all__ = [
    "COMMON",
    "COMMUNICATION",
    "CORE",
    "DEEP_INSERT",
    "PERSONAL",
    "SAP",
    "Restrictions",
    "annotated",
    "batches",
    "flag",
    "label_of",
    "member",
    "restricted_along",
    "restrictions",
]

SAP = "{http://www.sap.com/Protocols/SAPData}"
CAPABILITIES = "Org.OData.Capabilities.V1."
CORE = "Org.OData.Core.V1."
COMMON = "com.sap.vocabularies.Common.v1."
MEASURES = "Org.OData.Measures.V1."
PERSONAL = "com.sap.vocabularies.PersonalData.v1."
COMMUNICATION = "com.sap.vocabularies.Communication.v1."
DEEP_INSERT = CAPABILITIES + "DeepInsertSupport"

_FILTERED_BY = {"single-value": "SingleValue", "multi-value": "MultiValue", "interval": "SingleRange"}


def flag(element: Element, name: str, *, default: bool = True) -> bool:
    """Read one of SAP's own attributes; one that is absent means the default."""
    return element.flag(SAP + name) if SAP + name in element.attributes else default


def label_of(element: Element, terms: Terms) -> str:
    """Return the label of an element, from whichever source has one."""
    return _text(terms.get(COMMON + "Label")) or element.get(SAP + "label")


def annotated(found: Property, element: Element, terms: Terms) -> Property:
    """Return a property with all that is said of it, whichever set it is used in."""
    computed = terms.get(CORE + "Computed") is True or "Read" in member(terms.get(CORE + "Permissions")).split(",")
    control = terms.get(COMMON + "FieldControl")
    fixed = member(control) in ("ReadOnly", "Inapplicable", "Hidden")
    writable = not (computed or fixed)
    return replace(
        found,
        label=label_of(element, terms),
        description=_description(element, terms),
        creatable=flag(element, "creatable") and writable,
        updatable=flag(element, "updatable") and writable and terms.get(CORE + "Immutable") is not True,
        filterable=flag(element, "filterable"),
        sortable=flag(element, "sortable"),
        required=member(control) == "Mandatory",
        required_in_filter=flag(element, "required-in-filter", default=False),
        filtered_by=_FILTERED_BY.get(element.get(SAP + "filter-restriction"), ""),
        unit=_path(terms, MEASURES + "ISOCurrency", MEASURES + "Unit") or element.get(SAP + "unit"),
        text=_path(terms, COMMON + "Text") or element.get(SAP + "text"),
        semantics=_semantics(element, terms),
        display=element.get(SAP + "display-format"),
        control=(control if isinstance(control, Path) else "") or element.get(SAP + "field-control"),
        value_list=_value_list(found.name, element, terms),
        personal=_personal(terms),
        concurrency=element.get("ConcurrencyMode") == "Fixed",
    )


def _description(element: Element, terms: Terms) -> str:
    told = _text(terms.get(COMMON + "QuickInfo")) or _text(terms.get(CORE + "Description"))
    return told or element.get(SAP + "quickinfo")


def _semantics(element: Element, terms: Terms) -> str:
    if terms.get(COMMUNICATION + "IsEmailAddress") is True:
        return "email"
    if terms.get(COMMUNICATION + "IsPhoneNumber") is True:
        return "tel"
    return element.get(SAP + "semantics")


def _value_list(name: str, element: Element, terms: Terms) -> ValueList | None:
    told = record(terms.get(COMMON + "ValueList"))
    source = _text(told.get("CollectionPath"))
    if not source:
        return None
    fixed = terms.get(COMMON + "ValueListWithFixedValues") is True
    parameters = told.get("Parameters")
    for one in parameters if isinstance(parameters, tuple) else ():
        part = record(one)
        if part.get("LocalDataProperty") == name:
            theirs = _text(part.get("ValueListProperty"))
            return ValueList(source, theirs, fixed or element.get(SAP + "value-list") == "fixed-values")
    return None


def _personal(terms: Terms) -> Personal:
    return Personal(
        member(terms.get(PERSONAL + "FieldSemantics")),
        terms.get(PERSONAL + "IsPotentiallyPersonal", False) is not False,
        terms.get(PERSONAL + "IsPotentiallySensitive", False) is not False,
    )


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What a set restricts: each tells of the whole set, or of properties of it by name."""

    creatable: bool
    updatable: bool
    deletable: bool
    readable: bool
    addressable: bool
    searchable: bool
    countable: bool
    topable: bool
    pageable: bool
    requires_filter: bool
    concurrency: bool
    updatable_path: str
    deletable_path: str
    filterable: bool
    sortable: bool
    not_creatable: frozenset[str]
    not_updatable: frozenset[str]
    not_filterable: frozenset[str]
    not_sortable: frozenset[str]
    required: frozenset[str]
    required_in_filter: frozenset[str]
    filtered_by: Mapping[str, str]
    not_creatable_along: frozenset[str]
    deep: bool

    def applied(self, properties: Mapping[str, Property], keys: Collection[str]) -> dict[str, Property]:
        """Return the properties as this set lets them be used; a key never changes."""
        return {name: self._property(one, key=name in keys) for name, one in properties.items()}

    def _property(self, one: Property, *, key: bool) -> Property:
        name = one.name
        found = replace(
            one,
            creatable=one.creatable and name not in self.not_creatable,
            updatable=one.updatable and not key and name not in self.not_updatable,
            filterable=one.filterable and self.filterable and name not in self.not_filterable,
            sortable=one.sortable and self.sortable and name not in self.not_sortable,
            required=one.required or name in self.required,
            required_in_filter=one.required_in_filter or name in self.required_in_filter,
            filtered_by=self.filtered_by.get(name, one.filtered_by),
        )
        # A set of which nothing is said shares the property of its type.
        return one if found == one else found

    def along(self, navigation: Navigation, told: Terms = EMPTY) -> Navigation:
        """Return a navigation with what the set says of it."""
        name = navigation.name
        creatable = navigation.creatable and self.deep and name not in self.not_creatable_along
        insertable = record(told.get("InsertRestrictions")).get("Insertable")
        filterable = record(told.get("FilterRestrictions")).get("Filterable")
        return replace(
            navigation,
            creatable=creatable and insertable is not False,
            own=navigation.own or insertable is True,
            filterable=navigation.filterable and filterable is not False and name not in self.not_filterable,
        )


def restrictions(element: Element, terms: Terms) -> Restrictions:
    """Read what a set's element and its annotations restrict."""
    insert, update, delete, filters, sorts, reads = (
        record(terms.get(f"{CAPABILITIES}{one}Restrictions"))
        for one in ("Insert", "Update", "Delete", "Filter", "Sort", "Read")
    )
    updatable, deletable = update.get("Updatable"), delete.get("Deletable")
    searchable = record(terms.get(CAPABILITIES + "SearchRestrictions")).get("Searchable")
    countable = record(terms.get(CAPABILITIES + "CountRestrictions")).get("Countable")
    return Restrictions(
        creatable=flag(element, "creatable") and insert.get("Insertable") is not False,
        updatable=flag(element, "updatable") and updatable is not False,
        deletable=flag(element, "deletable") and deletable is not False,
        readable=reads.get("Readable") is not False,
        addressable=flag(element, "addressable"),
        searchable=(flag(element, "searchable", default=False) or searchable is True) and searchable is not False,
        countable=flag(element, "countable") and countable is not False,
        topable=flag(element, "topable") and terms.get(CAPABILITIES + "TopSupported") is not False,
        pageable=flag(element, "pageable") and terms.get(CAPABILITIES + "SkipSupported") is not False,
        requires_filter=flag(element, "requires-filter", default=False) or filters.get("RequiresFilter") is True,
        concurrency=terms.get(CORE + "OptimisticConcurrency") is not None,
        updatable_path=(updatable if isinstance(updatable, Path) else "") or element.get(SAP + "updatable-path"),
        deletable_path=(deletable if isinstance(deletable, Path) else "") or element.get(SAP + "deletable-path"),
        filterable=filters.get("Filterable") is not False,
        sortable=sorts.get("Sortable") is not False,
        not_creatable=paths(insert.get("NonInsertableProperties")),
        not_updatable=paths(update.get("NonUpdatableProperties")),
        not_filterable=paths(filters.get("NonFilterableProperties")),
        not_sortable=paths(sorts.get("NonSortableProperties")),
        required=paths(insert.get("RequiredProperties")),
        required_in_filter=paths(filters.get("RequiredProperties")),
        filtered_by=_expressions(filters.get("FilterExpressionRestrictions")),
        not_creatable_along=paths(insert.get("NonInsertableNavigationProperties")),
        deep=record(terms.get(DEEP_INSERT)).get("Supported") is not False,
    )


def batches(terms: Terms) -> Batches:
    """Read what a service says of batches, in the annotations of its container."""
    told = record(terms.get(CAPABILITIES + "BatchSupport"))
    # The older term is a flag alone.
    allowed = told.get("Supported") is not False and terms.get(CAPABILITIES + "BatchSupported") is not False
    if not allowed:
        return Batches.NONE
    formats = told.get("SupportedFormats")
    named = {_text(one).partition(";")[0].strip() for one in formats} if isinstance(formats, tuple) else set()
    return Batches.JSON if "application/json" in named else Batches.MULTIPART


def restricted_along(terms: Terms) -> Mapping[str, Terms]:
    """Return what a set says of its navigations, by their names."""
    told = record(terms.get(CAPABILITIES + "NavigationRestrictions")).get("RestrictedProperties")
    found: dict[str, Terms] = {}
    for one in map(record, told if isinstance(told, tuple) else ()):
        name = _text(one.get("NavigationProperty"))
        found[name] = record(joined(found[name], one)) if name in found else one
    return found


def _expressions(value: Expression) -> dict[str, str]:
    parts = [record(one) for one in value] if isinstance(value, tuple) else []
    return {_text(one.get("Property")): _text(one.get("AllowedExpressions")) for one in parts}


def _path(terms: Terms, *names: str) -> str:
    return next((told for one in names if isinstance(told := terms.get(one), Path)), "")


def _text(value: Expression) -> str:
    return value if isinstance(value, str) else ""


def member(value: Expression) -> str:
    """Return a member of an enumeration without the name of its type; several are joined by commas."""
    if not isinstance(value, str) or isinstance(value, Path):
        return ""
    return ",".join(one.rpartition("/")[2] for one in value.split())
