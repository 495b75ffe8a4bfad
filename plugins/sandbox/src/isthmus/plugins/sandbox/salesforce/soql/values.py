"""What is one value of a row: where it stands in the answer, how it is typed and how it is fetched?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.salesforce.schema import Field
from isthmus.plugins.sandbox.salesforce.store import Row, Value

from .syntax import SoqlError

Getter: TypeAlias = Callable[[Row], Value]

_HINT: Final = "Please reference your WSDL or the describe call for the appropriate names."


@dataclass(frozen=True, slots=True)
class Column:
    """A value of a row; `references` are the reference fields on the way to it, one for each parent in `names`."""

    names: tuple[str, ...]
    field: Field
    get: Getter
    references: tuple[Field, ...] = ()


def no_such_column(name: str, entity: str, at: int | None = None) -> SoqlError:
    """Say that a field does not exist, or is hidden from this user, which looks the same."""
    message = (
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append "
        f"the '__c' after the custom field name. {_HINT}"
    )
    return SoqlError("INVALID_FIELD", message, at)


def no_such_relationship(name: str, at: int) -> SoqlError:
    """Say that a parent does not exist, or is hidden from this user, which looks the same."""
    message = (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, "
        f"be sure to append the '__r' after the custom relationship name. {_HINT}"
    )
    return SoqlError("INVALID_FIELD", message, at)


def no_such_object(name: str, at: int | None = None) -> SoqlError:
    """Say that an object does not exist, or is hidden from this user, which looks the same."""
    message = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the "
        f"'__c' after the entity name. {_HINT}"
    )
    return SoqlError("INVALID_TYPE", message, at)
