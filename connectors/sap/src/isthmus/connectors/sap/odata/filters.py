"""How does a condition become a $filter, in which each value is one literal and nothing else?

Not equal includes what is missing, as everywhere here: each negation is therefore worked into its comparison. Missing
is null, and for a text also the empty one, since ABAP knows no null.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from isthmus.connectors.sap.odata.edm import EdmType, EntitySet, Enumeration, Primitive, Property, Service, Version
from isthmus.connectors.sap.odata.keys import ID, values_of
from isthmus.connectors.sap.odata.literals import literal
from isthmus.connectors.sap.odata.paths import Located, located
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import (
    JSON,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Negated,
    Operator,
    Value,
    comparisons,
)

__all__ = ["MOST_TERMS", "check_filter", "filter_of"]

MOST_TERMS = 200
"""The most comparisons of one filter: it has to fit into an address."""

_SYMBOLS = frozenset({Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE})
_OPPOSITE = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
    Operator.GT: Operator.LE,
    Operator.GE: Operator.LT,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
    Operator.INCLUDES: Operator.EXCLUDES,
    Operator.EXCLUDES: Operator.INCLUDES,
}
_TEXTS = {Operator.CONTAINS: "contains", Operator.STARTS_WITH: "startswith", Operator.ENDS_WITH: "endswith"}
_RANGE = frozenset({Operator.EQ, Operator.LT, Operator.LE, Operator.GT, Operator.GE})
_TAKES: Mapping[str, frozenset[Operator]] = {
    "SingleValue": frozenset({Operator.EQ}),
    "MultiValue": frozenset({Operator.EQ, Operator.IN}),
    "SingleRange": _RANGE,
    "MultiRange": _RANGE | {Operator.IN},
}
"""Which comparisons a restriction of the Capabilities vocabulary leaves (FilterExpressionType)."""
_ID_TAKES = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN, Operator.GT})
_UNORDERED = frozenset({Primitive.BOOLEAN, Primitive.BINARY, Primitive.GUID})


def filter_of(condition: Condition, entity_set: EntitySet, service: Service) -> str:
    """Write a condition; it is not yet percent-encoded.

    Raises:
        InvalidArguments: OData or this set cannot say it; the sentence names what can be said instead.
    """
    if sum(_weight(one) for one in comparisons(condition)) > MOST_TERMS:
        raise InvalidArguments(f"a condition holds at most {MOST_TERMS} comparisons; ask in several queries")
    return _Writing(entity_set, service).written(condition, negated=False).text


def check_filter(condition: Condition | None, entity_set: EntitySet) -> None:
    """Refuse a query without the condition that its set needs (sap:requires-filter, sap:required-in-filter)."""
    if entity_set.requires_filter and condition is None:
        raise InvalidArguments(
            f"{entity_set.name} is read only with a condition; add one on {', '.join(_filterable(entity_set))}",
            field="where",
        )
    bound = {one.field for one in _always(condition)}
    lacking = [one.name for one in entity_set.properties.values() if one.required_in_filter and one.name not in bound]
    if lacking:
        raise InvalidArguments(
            f"{entity_set.name} is read only with a condition on {', '.join(lacking)}; add one that always holds",
            field=lacking[0],
        )


def _weight(one: Compare | InQuery) -> int:
    return len(one.value) if isinstance(one, Compare) and isinstance(one.value, tuple) else 1


def _filterable(entity_set: EntitySet) -> list[str]:
    return [one.name for one in entity_set.properties.values() if one.filterable][:10]


def _always(condition: Condition | None) -> Iterator[Compare]:
    """Yield the comparisons that hold for every record of the answer."""
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, AllOf):
        for term in condition.terms:
            yield from _always(term)


@dataclass(frozen=True, slots=True)
class _Written:
    """A part of a filter; `joined` is the word that joins its own parts, so that a reader needs no precedence."""

    text: str
    joined: str = ""

    def within(self, word: str) -> str:
        return f"({self.text})" if self.joined and self.joined != word else self.text


@dataclass(frozen=True, slots=True)
class _Writing:
    entity_set: EntitySet
    service: Service

    def written(self, condition: Condition, *, negated: bool) -> _Written:
        match condition:
            case Negated(term):
                return self.written(term, negated=not negated)
            case AllOf(terms) | AnyOf(terms):
                word = "and" if isinstance(condition, AllOf) is not negated else "or"
                if not terms:
                    raise InvalidArguments("a group of conditions is empty; leave it out")
                return _joined(word, [self.written(term, negated=negated) for term in terms])
            case InQuery(field=field):
                raise InvalidArguments(
                    f"OData has no sub-query on {field}; query the other object first, and give its values with 'in'",
                    field=field,
                )
            case Compare():
                return self._compared(condition, negated=negated)

    def _compared(self, one: Compare, *, negated: bool) -> _Written:
        if one.field == ID:
            return self._identified(one, negated=negated)
        place = located(one.field, self.entity_set, self.service)
        property = self._checked(place)
        op = _OPPOSITE.get(one.op, one.op) if negated else one.op
        _check_form(property, op, one.field, negated=negated and one.op in _TEXTS)
        if property.type.collection or (isinstance(property.type.kind, Enumeration) and op not in _SYMBOLS):
            return self._of_many(place, property, op, one)
        if one.value is None:
            return _missing(place.text, property, op, one.field)
        if op in (Operator.IN, Operator.NOT_IN):
            return self._listed(place, property, op, one)
        if isinstance(one.value, tuple):
            raise InvalidArguments(f"{op.value!r} on {one.field} takes one value", field=one.field)
        if op in _TEXTS:
            return self._part_of_text(place, property, one, negated=negated)
        if op not in _SYMBOLS:
            raise InvalidArguments(f"{op.value!r} cannot be said of {one.field}; use eq or in", field=one.field)
        return self._plain(place, property, op, one, missing_too=negated and one.op not in (Operator.EQ, Operator.NE))

    def _identified(self, one: Compare, *, negated: bool) -> _Written:
        """Compare the whole key: with some ids, or with the last one of the page before."""
        op = _OPPOSITE.get(one.op, one.op) if negated else one.op
        ids = one.value if isinstance(one.value, tuple) else (one.value,)
        if op not in _ID_TAKES or not ids or not all(isinstance(id, str) for id in ids):
            raise InvalidArguments(f"{ID} is compared with ids by eq, ne, in and not_in; name a field", field=ID)
        if op is Operator.GT:
            return self._beyond(values_of(str(ids[0]), self.entity_set, self.service))
        equal = op in (Operator.EQ, Operator.IN)
        symbol, inner, outer = (Operator.EQ, "and", "or") if equal else (Operator.NE, "or", "and")
        keys = [values_of(str(id), self.entity_set, self.service) for id in ids]
        return _joined(outer, [_joined(inner, [self._key(key, symbol, told[key]) for key in told]) for told in keys])

    def _beyond(self, told: Mapping[str, JSON]) -> _Written:
        """Say that a key comes after another one, in the order of its properties."""
        branches = []
        names = list(told)
        for at, name in enumerate(names):
            before = [self._key(key, Operator.EQ, told[key]) for key in names[:at]]
            value, op = told[name], Operator.GT
            if value is True:
                continue
            if value is False:
                value, op = True, Operator.EQ
            branches.append(_joined("and", [*before, self._key(name, op, value)]))
        if not branches:
            raise InvalidArguments(f"nothing comes after the last record of {self.entity_set.name}", field=ID)
        return _joined("or", branches)

    def _key(self, name: str, op: Operator, value: JSON) -> _Written:
        property = self.entity_set.properties[name]
        if not property.filterable:
            raise InvalidArguments(
                f"{self.entity_set.name} cannot be filtered by its key {name}; ask for fewer records",
                field=name,
            )
        told = value if isinstance(value, str | int | float | bool) else None
        return _Written(f"{name} {op.value} {self._literal(told, property.type, name)}")

    def _checked(self, place: Located) -> Property:
        if place.leaf is None:
            raise InvalidArguments(f"{place.path} holds records; name one of their fields", field=place.path)
        if place.several is not None:
            raise InvalidArguments(
                f"{place.several.name} leads to many records, so {place.path} cannot be compared; query "
                f"{place.entity_set.name} instead",
                field=place.path,
            )
        if not place.leaf.filterable or not all(one.filterable for one in place.hops):
            raise InvalidArguments(f"{self.entity_set.name} cannot be filtered by {place.path}", field=place.path)
        return place.leaf

    def _plain(self, place: Located, property: Property, op: Operator, one: Compare, *, missing_too: bool) -> _Written:
        kind = property.type.kind
        if op not in (Operator.EQ, Operator.NE) and (kind in _UNORDERED or isinstance(kind, Enumeration)):
            raise InvalidArguments(f"{one.field} has no order; compare it with eq, ne or in", field=one.field)
        value = self._own_key(one.value, place, property)
        found = _Written(f"{place.text} {op.value} {self._literal(value, property.type, one.field)}")
        # A null is unequal to every value (OData 4.01 Part 2, section 5.1.1.1.2), but neither less nor greater.
        if missing_too and (property.type.nullable or place.hops):
            return _joined("or", [found, _Written(f"{place.text} eq null")])
        return found

    def _own_key(self, value: Value, place: Located, property: Property) -> Value:
        """Take an id for the key that it holds: some keys are no id by themselves, such as the empty one."""
        if place.hops or self.entity_set.keys != (property.name,) or not isinstance(value, str):
            return value
        if not value.startswith(f"{property.name}='"):
            return value
        found = values_of(value, self.entity_set, self.service)[property.name]
        return found if isinstance(found, str) else value

    def _listed(self, place: Located, property: Property, op: Operator, one: Compare) -> _Written:
        values = one.value if isinstance(one.value, tuple) else (one.value,)
        if not values:
            raise InvalidArguments(f"{op.value!r} on {one.field} needs at least one value", field=one.field)
        word, symbol = ("or", Operator.EQ) if op is Operator.IN else ("and", Operator.NE)
        parts = [
            _missing(place.text, property, symbol, one.field)
            if value is None
            else self._plain(place, property, symbol, Compare(one.field, symbol, value), missing_too=False)
            for value in dict.fromkeys(values)
        ]
        return _joined(word, parts)

    def _part_of_text(self, place: Located, property: Property, one: Compare, *, negated: bool) -> _Written:
        if property.type.kind is not Primitive.STRING or not isinstance(one.value, str) or not one.value:
            raise InvalidArguments(f"{one.op.value!r} on {one.field} compares texts; use eq", field=one.field)
        text = self._literal(one.value, property.type, one.field)
        if one.op is Operator.CONTAINS and self.service.version is Version.V2:
            call = f"substringof({text},{place.text})"
        else:
            call = f"{_TEXTS[one.op]}({place.text},{text})"
        if not negated:
            return _Written(call)
        found = _Written(f"not {call}")
        return _joined("or", [found, _Written(f"{place.text} eq null")]) if property.type.nullable else found

    def _of_many(self, place: Located, property: Property, op: Operator, one: Compare) -> _Written:
        """Compare what holds several values at once: a collection, or flags."""
        type = property.type
        flags = isinstance(type.kind, Enumeration) and type.kind.flags and not type.collection
        if op in (Operator.IN, Operator.NOT_IN) and not type.collection:
            return self._listed(place, property, op, one)
        if self.service.version is Version.V2 or op not in (Operator.INCLUDES, Operator.EXCLUDES):
            raise InvalidArguments(f"{op.value!r} cannot be said of {one.field} here; leave it out", field=one.field)
        if not flags and not type.collection:
            raise InvalidArguments(f"{one.field} holds one value; compare it with eq or in", field=one.field)
        values = one.value if isinstance(one.value, tuple) else (one.value,)
        if not values:
            raise InvalidArguments(f"{op.value!r} on {one.field} needs at least one value", field=one.field)
        single = EdmType(type.kind)
        texts = [self._literal(value, single, one.field) for value in values]
        if flags:
            held = _joined("or", [_Written(f"{place.text} has {text}") for text in texts])
        else:
            inner = _joined("or", [_Written(f"x eq {text}") for text in texts])
            held = _Written(f"{place.text}/any(x:{inner.text})")
        return held if op is Operator.INCLUDES else _Written(f"not ({held.text})")

    def _literal(self, value: Value, type: EdmType, field: str) -> str:
        if value is None:
            raise InvalidArguments(f"{field} needs a value here", field=field)
        return literal(value, type, self.service.version, field)


def _check_form(property: Property, op: Operator, field: str, *, negated: bool) -> None:
    taken = _TAKES.get(property.filtered_by)
    if taken is not None and (op not in taken or negated):
        words = ", ".join(sorted(taken))
        raise InvalidArguments(f"{field} takes only conditions with {words} ({property.filtered_by})", field=field)


def _missing(path: str, property: Property, op: Operator, field: str) -> _Written:
    """Ask for what is missing, or for what is there."""
    if op not in (Operator.EQ, Operator.NE):
        raise InvalidArguments(f"{op.value!r} on {field} needs a value", field=field)
    parts = [_Written(f"{path} {op.value} null")] if property.type.nullable else []
    if property.type.kind is Primitive.STRING:
        parts.append(_Written(f"{path} {op.value} ''"))
    if not parts:
        raise InvalidArguments(f"{field} always has a value; leave out the comparison with null", field=field)
    return _joined("or" if op is Operator.EQ else "and", parts)


def _joined(word: str, parts: list[_Written]) -> _Written:
    if len(parts) == 1:
        return parts[0]
    return _Written(f" {word} ".join(one.within(word) for one in parts), word)
