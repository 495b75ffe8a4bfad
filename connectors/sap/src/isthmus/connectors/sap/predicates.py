"""Which record does the predicate of an address name?"""

from isthmus.connectors.sap.odata.edm import EntitySet, Service
from isthmus.connectors.sap.odata.keys import id_of, literals_of
from isthmus.connectors.sap.odata.literals import read_literal
from isthmus.core.errors import InvalidArguments

__all__ = ["record_of"]


def record_of(predicate: str, entity_set: EntitySet, service: Service) -> str:
    """Return the id of the record that what stands between the brackets names.

    Raises:
        InvalidArguments: it is not written as the one predicate of a record.
    """
    if len(entity_set.keys) != 1:
        literals_of(predicate, entity_set, service)
        return predicate
    (name,) = entity_set.keys
    told = predicate.removeprefix(f"{name}=")
    value = read_literal(told, entity_set.properties[name].type, service.version, name)
    id = id_of({name: value}, entity_set, service)
    if not id or literals_of(id, entity_set, service)[name] != told:
        raise InvalidArguments("an address names its record in another way than ids are written", field="id")
    return id
