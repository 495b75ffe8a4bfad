"""Which of the records that an answer has below a new one are those that were sent, and are they all there?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.sap.odata.answers import entities_below, entity_of
from isthmus.connectors.sap.odata.edm import EntitySet, Service
from isthmus.connectors.sap.odata.keys import id_of
from isthmus.connectors.sap.odata.options import entity_options
from isthmus.connectors.sap.odata.values import read_value, same_value
from isthmus.connectors.sap.way import Way
from isthmus.core.records import JSON

__all__ = ["has_below", "holds_below", "ids_below", "read_below"]

Values = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class _Along:
    """The records that were sent along one navigation, and the set that they belong to."""

    name: str
    entity_set: EntitySet
    records: Sequence[Values]


def _sent(values: Values, entity_set: EntitySet, service: Service) -> Iterator[_Along]:
    for name, value in values.items():
        target = service.made_along(entity_set, name)
        if target is not None and name not in entity_set.properties and isinstance(value, list | tuple):
            yield _Along(name, target, [one for one in value if isinstance(one, Mapping)])


def has_below(values: Values, entity_set: EntitySet, service: Service) -> bool:
    """Tell whether the values put records below the one that they are of."""
    return any(True for _ in _sent(values, entity_set, service))


async def read_below(way: Way, entity_set: EntitySet, id: str, values: Values) -> Values:
    """Read a record with all that the values put below it, as the service has them."""
    paths = tuple(_paths(values, entity_set, way.service))
    answer = await way.get(way.entity(entity_set, id), entity_options(paths, entity_set, way.service))
    return entity_of(answer.json(), way.service.version)


def _paths(values: Values, entity_set: EntitySet, service: Service, within: str = "") -> Iterator[str]:
    for along in _sent(values, entity_set, service):
        yield f"{within}{along.name}"
        for one in along.records:
            yield from _paths(one, along.entity_set, service, f"{within}{along.name}.")


def ids_below(
    alias: str, values: Values, stored: Values, entity_set: EntitySet, service: Service
) -> tuple[tuple[str, str], ...] | None:
    """Return object and id of each record that was sent below one, in the order of the values; None if not told."""
    found: list[tuple[str, str]] = []
    for along in _sent(values, entity_set, service):
        rows = _in_order(along, entities_below(stored, along.name) or (), service)
        if rows is None:
            return None
        for one, row in zip(along.records, rows, strict=True):
            id, inner = id_of(row, along.entity_set, service), ids_below(alias, one, row, along.entity_set, service)
            if not id or inner is None:
                return None
            found += [(f"{alias}.{along.entity_set.name}", id), *inner]
    return tuple(found)


def _in_order(along: _Along, rows: Sequence[Values], service: Service) -> Sequence[Values] | None:
    """Match records with rows: by their places where no other row fits better, else where one row alone fits."""
    misfits = [[_misfits(one, row, along.entity_set, service) for row in rows] for one in along.records]
    if len(rows) == len(along.records) and all(line[at] == min(line) for at, line in enumerate(misfits)):
        return rows
    fitting = [[at for at, number in enumerate(line) if not number] for line in misfits]
    chosen = [some[0] for some in fitting if len(some) == 1]
    return [rows[at] for at in chosen] if len(set(chosen)) == len(along.records) else None


def _misfits(sent: Values, stored: Values, entity_set: EntitySet, service: Service) -> int:
    """Count the values that are stored otherwise than they were sent."""
    told = ((value, stored[name], entity_set.properties[name]) for name, value in sent.items()
            if name in stored and name in entity_set.properties)  # fmt: skip
    return sum(not same_value(value, read_value(raw, one, service), one) for value, raw, one in told)


def holds_below(values: Values, stored: Values, entity_set: EntitySet, service: Service) -> bool:
    """Tell whether every record that was sent below one is there with its values; others may be there, too."""
    for along in _sent(values, entity_set, service):
        left = list(entities_below(stored, along.name) or ())
        for one in along.records:
            fits = (row for row in left if _is(one, row, along.entity_set, service))
            found = next(fits, None)
            if found is None:
                return False
            left.remove(found)
    return True


def _is(sent: Values, stored: Values, entity_set: EntitySet, service: Service) -> bool:
    own = [name for name in sent if name in entity_set.properties]
    whole = all(name in stored for name in own) and not _misfits(sent, stored, entity_set, service)
    return whole and holds_below(sent, stored, entity_set, service)
