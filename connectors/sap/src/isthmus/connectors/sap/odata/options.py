"""How does a query become the system query options of an address, in each version?

Nothing is percent-encoded here: the options are parameters of a request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from isthmus.connectors.sap.odata.edm import EntitySet, Property, Service, Version
from isthmus.connectors.sap.odata.filters import check_filter, filter_of
from isthmus.connectors.sap.odata.keys import ID
from isthmus.connectors.sap.odata.paths import Located, located
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import AllOf, Compare, Condition, Operator, Order, Query

__all__ = ["Options", "entity_options", "order_of", "query_options", "search_option", "sections"]

Options = dict[str, str]


def query_options(
    query: Query, entity_set: EntitySet, service: Service, *, skip: int = 0, count: bool = False
) -> Options:
    """Write a query: the fields with what identifies a record, the condition, the order with keys last, the limit.

    A set that cannot limit its answers gets no `$top`, and one that cannot count no count.

    Raises:
        InvalidArguments: the set cannot be asked so; the sentence says what it can.
    """
    _check_readable(entity_set)
    check_filter(query.where, entity_set)
    found = entity_options(query.select, entity_set, service)
    if query.where is not None:
        found["$filter"] = filter_of(query.where, entity_set, service)
    order = order_of(query.order_by, entity_set, service)
    if order:
        found["$orderby"] = order
    if entity_set.topable:
        found["$top"] = str(query.limit)
    if skip and not entity_set.pageable:
        raise InvalidArguments(f"{entity_set.name} does not page; add conditions to find fewer records", field="after")
    if skip:
        found["$skip"] = str(skip)
    if count and entity_set.countable:
        found |= {"$inlinecount": "allpages"} if service.version is Version.V2 else {"$count": "true"}
    return found


def _check_readable(entity_set: EntitySet) -> None:
    if entity_set.readable and (entity_set.addressable or not entity_set.keys):
        return
    if not entity_set.readable:
        raise InvalidArguments(f"{entity_set.name} cannot be read", object=entity_set.name)
    raise InvalidArguments(
        f"{entity_set.name} is read only along a navigation from another record; select it there",
        object=entity_set.name,
    )


def entity_options(paths: Iterable[str], entity_set: EntitySet, service: Service) -> Options:
    """Write which fields are asked for: `$select` with the keys, and `$expand` for what navigations lead to."""
    root = _Branch()
    for path in paths:
        if path != ID:
            root.add(located(path, entity_set, service))
    root.keyed(entity_set)
    if service.version is Version.V2:
        selected, expanded = list(root.selected()), list(root.expanded())
        found = {"$format": "json"}
        if selected:
            found["$select"] = ",".join(selected)
        return found | ({"$expand": ",".join(expanded)} if expanded else {})
    return dict(root.parts())


@dataclass(slots=True)
class _Branch:
    """What is asked for of one entity: properties, and what navigations lead to, whole where nothing of it is named."""

    properties: dict[str, None] = field(default_factory=dict)
    branches: dict[str, "_Branch"] = field(default_factory=dict)
    whole: bool = False

    def add(self, place: Located) -> None:
        here = self
        for one in place.hops:
            here = here.branches.setdefault(one.name, _Branch())
        if place.leaf is None:
            here.whole = True
        else:
            here.properties[place.leaf.name] = None

    def keyed(self, entity_set: EntitySet) -> None:
        """Ask for the keys too, wherever single properties are asked for."""
        for key in entity_set.keys:
            self.properties.setdefault(key)

    def selected(self, prefix: str = "") -> Iterable[str]:
        """Yield the paths of `$select` in V2, where it reaches along navigations."""
        for name in self.properties if not self.whole else ():
            yield prefix + name
        if self.whole:
            yield prefix.rstrip("/")
        for name, one in self.branches.items():
            yield from one.selected(f"{prefix}{name}/")

    def expanded(self, prefix: str = "") -> Iterable[str]:
        """Yield the paths of `$expand` in V2: the longest, which stand for those on the way."""
        for name, one in self.branches.items():
            deeper = list(one.expanded(f"{prefix}{name}/"))
            yield from deeper or [prefix + name]

    def parts(self) -> Iterable[tuple[str, str]]:
        """Yield the options of V4, where each navigation has options of its own."""
        if self.properties and not self.whole:
            yield "$select", ",".join(self.properties)
        expanded = []
        for name, one in self.branches.items():
            inner = ";".join(f"{option}={text}" for option, text in one.parts())
            expanded.append(f"{name}({inner})" if inner else name)
        if expanded:
            yield "$expand", ",".join(expanded)


def order_of(orders: Sequence[Order], entity_set: EntitySet, service: Service) -> str:
    """Write sort keys, and the key of the set after them so that pages neither repeat nor skip a record.

    A key that takes neither an order nor a condition is left out: such a set has one page, and no condition leads on.
    """
    found: dict[str, str] = {}
    for one in orders:
        for path in entity_set.keys if one.field == ID else (one.field,):
            if path in entity_set.keys and _is_blind(entity_set.properties[path]):
                continue
            place = located(path, entity_set, service)
            if place.leaf is None or not place.leaf.sortable or place.several is not None:
                raise InvalidArguments(f"{entity_set.name} cannot be sorted by {path}", field=path)
            found.setdefault(place.text, "desc" if one.descending else "asc")
    for key in entity_set.keys:
        if entity_set.properties[key].sortable:
            found.setdefault(key, "asc")
    return ",".join(f"{path} {way}" for path, way in found.items())


def _is_blind(key: Property) -> bool:
    return not key.sortable and not key.filterable


def sections(query: Query, entity_set: EntitySet, service: Service) -> tuple[Query, ...]:
    """Split a query so that missing values come first: OData puts them last in a descending order.

    One section has the records without a value, the other the rest (OData 4.01 Protocol, section 11.2.6.2).
    Raises InvalidArguments where a second sort key would need it.
    """
    descending = [one for one in query.order_by if one.descending and _may_lack(one.field, entity_set, service)]
    if not descending:
        return (query,)
    first = query.order_by[0]
    if descending != [first]:
        other = next(one for one in descending if one is not first)
        raise InvalidArguments(
            f"{other.field} may be empty, and would be sorted last then: sort by it first, or in ascending order",
            field=other.field,
        )
    without, rest = (
        replace(query, where=_both(query.where, Compare(first.field, op, None))) for op in (Operator.EQ, Operator.NE)
    )
    return replace(without, order_by=query.order_by[1:]), rest


def _may_lack(path: str, entity_set: EntitySet, service: Service) -> bool:
    if path == ID:
        return False
    place = located(path, entity_set, service)
    leaf = place.leaf
    if leaf is None or (leaf.name in entity_set.keys and not place.hops):
        return False
    return leaf.type.nullable or bool(place.hops)


def _both(condition: Condition | None, other: Condition) -> Condition:
    return other if condition is None else AllOf((condition, other))


def search_option(text: str, entity_set: EntitySet, service: Service) -> Options:
    """Write words that a record must hold all of; raises InvalidArguments where the set cannot be searched."""
    if not entity_set.searchable:
        raise InvalidArguments(
            f"{entity_set.name} cannot be searched; query it with a condition such as contains", object=entity_set.name
        )
    words = text.split()
    if not words:
        raise InvalidArguments("a search needs a word", field="text")
    if service.version is Version.V2:
        return {"search": " ".join(words)}
    if any('"' in one or "\\" in one for one in words):
        raise InvalidArguments("a search takes words without quotation marks and backslashes", field="text")
    # A word in quotation marks is never an operator such as NOT (OData ABNF, searchPhrase).
    return {"$search": " ".join(f'"{one}"' for one in words)}
