"""What is remembered of an object: what core asks for, and the service that requests are written by."""

from dataclasses import dataclass, field, fields

from isthmus.connectors.sap.odata.edm import Service
from isthmus.core.connector import ObjectFacts

__all__ = ["ServedFacts", "served"]


@dataclass(frozen=True, slots=True)
class ServedFacts(ObjectFacts):
    """The facts of an entity set with its service, so that both are remembered together."""

    service: Service | None = field(default=None, repr=False, compare=False)


def served(facts: ObjectFacts, service: Service) -> ServedFacts:
    """Put the service beside the facts."""
    told = {one.name: getattr(facts, one.name) for one in fields(facts)}
    return ServedFacts(**(told | {"_spelling": {}}), service=service)
