"""Which property does a dotted field path lead to, and along which navigations?"""

from dataclasses import dataclass

from isthmus.connectors.sap.odata.edm import EntitySet, Navigation, Property, Service
from isthmus.core.errors import InvalidArguments

__all__ = ["Located", "located"]


@dataclass(frozen=True, slots=True)
class Located:
    """The end of a path: a property of `entity_set`, or a navigation as a whole where `leaf` is None."""

    path: str
    hops: tuple[Navigation, ...]
    entity_set: EntitySet
    leaf: Property | None

    @property
    def several(self) -> Navigation | None:
        """Return the first navigation on the way that leads to many, if there is one."""
        return next((one for one in self.hops if one.collection), None)

    @property
    def text(self) -> str:
        """Return the path as an address has it."""
        last = (self.leaf.name,) if self.leaf is not None else ()
        return "/".join((*(one.name for one in self.hops), *last))


def located(path: str, entity_set: EntitySet, service: Service) -> Located:
    """Follow a path; raises InvalidArguments naming the part that is not there."""
    hops: list[Navigation] = []
    here = entity_set
    *names, last = path.split(".")
    for name in names:
        hops.append(_hop(name, here, path))
        here = _behind(hops[-1], service, path)
    leaf = here.properties.get(last)
    if leaf is None:
        hops.append(_hop(last, here, path))
        here = _behind(hops[-1], service, path)
    return Located(path, tuple(hops), here, leaf)


def _hop(name: str, entity_set: EntitySet, path: str) -> Navigation:
    found = entity_set.navigations.get(name)
    if found is None:
        raise InvalidArguments(f"{entity_set.name} has no field {name!a}; describe lists those there are", field=path)
    return found


def _behind(navigation: Navigation, service: Service, path: str) -> EntitySet:
    found = service.target(navigation)
    if found is None:
        raise InvalidArguments(f"{navigation.name} leads to no set of this service; leave it out", field=path)
    return found
