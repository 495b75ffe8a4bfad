"""How is an answer read: its records, where the rest of them is, how many there are, and which version each has?"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.sap.odata.edm import (
    EdmType,
    EntitySet,
    Navigation,
    Primitive,
    Property,
    Service,
    Structure,
    Version,
)
from isthmus.connectors.sap.odata.keys import ID, id_of
from isthmus.connectors.sap.odata.paths import Located, located
from isthmus.connectors.sap.odata.values import read_value
from isthmus.connectors.sap.personal import country_of
from isthmus.core.errors import UpstreamError
from isthmus.core.records import JSON, Row

__all__ = ["Entities", "Rows", "entities_below", "entities_of", "entity_of", "etag_of", "result_of", "strange"]

Entity = Mapping[str, JSON]
Reading = Callable[[JSON], JSON]

_COUNT = re.compile(r"[0-9]{1,12}")
_AS_IT_IS = frozenset(
    {Primitive.STRING, Primitive.BOOLEAN, Primitive.GUID, Primitive.DATE, Primitive.TIME_OF_DAY, Primitive.DURATION}
)
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Entities:
    """One page of an answer; `following` is the address of the next, as the service wrote it, or None."""

    entities: Sequence[Entity]
    following: str | None = None
    count: int | None = None
    delta: str | None = None


def entities_of(body: JSON, version: Version) -> Entities:
    """Read an answer about many entities; raises UpstreamError for one of another shape."""
    if version is Version.V2:
        page = body.get("d") if isinstance(body, Mapping) else None
        if isinstance(page, list):
            return Entities(_entities(page))
        if not isinstance(page, Mapping):
            raise strange()
        found = _entities(page.get("results"))
        return Entities(found, _text(page.get("__next")), _count(page.get("__count")), _text(page.get("__delta")))
    if not isinstance(body, Mapping):
        raise strange()
    return Entities(
        _entities(body.get("value")),
        _text(_control(body, "nextLink")),
        _count(_control(body, "count")),
        _text(_control(body, "deltaLink")),
    )


def entity_of(body: JSON, version: Version) -> Entity:
    """Read an answer about one entity; raises UpstreamError for one of another shape."""
    found = body.get("d") if version is Version.V2 and isinstance(body, Mapping) else body
    if version is Version.V2 and isinstance(found, Mapping) and isinstance(found.get("results"), Mapping):
        found = found["results"]
    # An error that came with a good status is no entity.
    if not isinstance(found, Mapping) or "error" in found:
        raise strange()
    return found


def etag_of(entity: Entity, headers: Mapping[str, str] | None = None) -> str | None:
    """Return the version of an entity, as the service wants it back in If-Match."""
    metadata = entity.get("__metadata")
    found = metadata.get("etag") if isinstance(metadata, Mapping) else _control(entity, "etag")
    return _text(found) or (headers or {}).get("etag") or None


class Rows:
    """Reads the entities of one set into rows of these paths."""

    def __init__(self, object: str, entity_set: EntitySet, service: Service, paths: Sequence[str]) -> None:
        self._object = object
        self._set = entity_set
        self._service = service
        places = [located(path, entity_set, service) for path in paths if path != ID]
        self._reading = [(one.path, *self._reader(one)) for one in places if not one.hops and one.leaf is not None]
        self._reached = [(one.path, one.hops[0].name, self._reacher(one)) for one in places if one.hops]
        self._with_id = ID in paths

    def row(self, entity: Entity, headers: Mapping[str, str] | None = None) -> Row:
        """Read one entity; what is missing from it is None. Raises UpstreamError where it cannot be told apart."""
        id = id_of(entity, self._set, self._service)
        if not id and self._set.keys:
            raise strange()
        values: dict[str, JSON] = {ID: id} if self._with_id else {}
        for path, name, read in self._reading:
            raw = entity.get(name)
            values[path] = raw if raw is None or read is None else read(raw)
        for path, name, reach in self._reached:
            values[path] = None if entity.get(name) is None else reach(entity)
        return Row(self._object, id, values, etag_of(entity, headers))

    def rows(self, entities: Sequence[Entity]) -> list[Row]:
        """Read many entities."""
        return [self.row(one) for one in entities]

    def _reader(self, place: Located) -> tuple[str, Reading | None]:
        service, leaf = self._service, place.leaf
        if leaf is None:
            raise strange()
        plain = leaf.type.kind in _AS_IT_IS and not leaf.type.collection
        return leaf.name, None if plain else lambda raw: read_value(raw, leaf, service)

    def _reacher(self, place: Located) -> Callable[[Entity], JSON]:
        """Return what reads a field of other records: of many a list in their order, so that fields stay together."""
        service, leaf, behind = self._service, place.leaf, place.entity_set
        several, labels = place.several is not None, _labels(place, self._set, service)

        def reach(entity: Entity) -> JSON:
            found = _behind(entity, place.hops)
            if found is None and labels:
                return None
            if found is None:
                raise _partial(f"{self._object}.{place.path}")
            if leaf is None:
                inner: list[JSON] = [nested(one, behind, service) for one in found if one]
                return inner if several else next(iter(inner), None)
            values = [read_value(one.get(leaf.name), leaf, service) for one in found]
            if not several:
                return values[0]
            return _told(values) if labels else values

        return reach


def _labels(place: Located, entity_set: EntitySet, service: Service) -> bool:
    """Tell whether a path is one by which a record on its way tells whose it is."""
    here: EntitySet | None = entity_set
    steps = place.path.split(".")
    for at, hop in enumerate(place.hops):
        if here is None or ".".join(steps[at:]) in country_of(here):
            return here is not None
        here = service.target(hop)
    return steps[-1] in country_of(place.entity_set)


def nested(entity: Entity, entity_set: EntitySet, service: Service, depth: int = 0) -> dict[str, JSON]:
    """Read an entity that came along with another, with what came along with it."""
    found = {
        name: read_value(entity[name], one, service) for name, one in entity_set.properties.items() if name in entity
    }
    for name, one in entity_set.navigations.items():
        target = service.target(one)
        if name in entity and target is not None and depth < DEEPEST and not _deferred(entity[name]):
            inner = [nested(part, target, service, depth + 1) for part in _records(entity[name])]
            found[name] = inner if one.collection else next(iter(inner), None)
    return found


def result_of(body: JSON, name: str, returns: EdmType | None, service: Service) -> JSON:
    """Read what an operation gave back: a value, a structure or a list of either; None where it gives nothing."""
    if returns is None or body is None:
        return None
    raw: JSON = body
    if service.version is Version.V2:
        raw = body.get("d") if isinstance(body, Mapping) else None
        if isinstance(raw, Mapping) and set(raw) == {name}:
            raw = raw[name]
        if isinstance(raw, Mapping) and "value" in raw and not _structured(returns):
            # Some adapters of V4 services leave a single value in the frame that it has there.
            raw = raw["value"]
    elif isinstance(body, Mapping) and "value" in body and (returns.collection or not _structured(returns)):
        raw = body["value"]
    if returns.collection:
        raw = raw.get("results", raw) if isinstance(raw, Mapping) else raw
        if not isinstance(raw, list):
            raise strange()
    elif _structured(returns) and not isinstance(raw, Mapping):
        raise strange()
    return read_value(raw, Property(name, returns), service)


def _structured(type: EdmType) -> bool:
    return isinstance(type.kind, Structure)


def strange() -> UpstreamError:
    """Say that an answer is not used."""
    return UpstreamError(
        "the service answered with JSON of another shape than OData has, or about something else; it was not used",
        code="unreadable_answer",
    )


def _entities(found: JSON) -> Sequence[Entity]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise strange()
    return found


def _records(raw: JSON) -> list[Entity]:
    """Return the entities that came along a navigation: one, some or none."""
    if isinstance(raw, Mapping):
        raw = raw["results"] if isinstance(raw.get("results"), list) else [raw]
    return [one for one in raw if isinstance(one, Mapping)] if isinstance(raw, list) else []


def entities_below(entity: Entity, name: str) -> Sequence[Entity] | None:
    """Return the entities that an answer has along a navigation; None where it leaves them out, or tells only some."""
    raw = entity.get(name)
    if raw is None or _deferred(raw):
        return None
    more = raw.get("__next") if isinstance(raw, Mapping) else entity.get(f"{name}@odata.nextLink")
    return None if more else _records(raw)


def _behind(entity: Entity, hops: Sequence[Navigation]) -> list[Entity] | None:
    """Follow navigations; None where the answer has not all that they lead to. What leads to nothing is empty."""
    found = [entity]
    for hop in hops:
        further = list[Entity]()
        for one in found:
            raw = one.get(hop.name)
            if not hop.collection:
                further += ([] if _deferred(raw) else _records(raw)[:1]) or [{}]
            elif raw is not None:
                below = entities_below(one, hop.name)
                if below is None:
                    return None
                further += below
        found = further
    return found


def _partial(path: str) -> UpstreamError:
    return UpstreamError(
        f"the service gave only some of the records that {path} is about; leave it out, and query these records "
        "themselves",
        code="partial_answer",
        object=path,
    )


def _deferred(raw: JSON) -> bool:
    return isinstance(raw, Mapping) and "__deferred" in raw


def _told(values: Sequence[JSON]) -> JSON:
    """Return the one value that all records have, else all of them: several countries are not one."""
    distinct = [one for at, one in enumerate(values) if one not in values[:at]]
    return distinct[0] if len(distinct) == 1 else distinct or None


def _control(body: Entity, name: str) -> JSON:
    """Return a control information; 4.01 may leave out the prefix."""
    found = body.get(f"@odata.{name}")
    return body.get(f"@{name}") if found is None else found


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: JSON) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _COUNT.fullmatch(value) else None
