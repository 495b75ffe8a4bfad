"""Which stored value does a field path or a row function of a statement name?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.salesforce.access import View
from isthmus.plugins.sandbox.salesforce.schema import Field, SObject
from isthmus.plugins.sandbox.salesforce.store import Row, Store, Value

from .parse import AGGREGATES, DATE_PARTS
from .syntax import Call, Operand, Path, SoqlError

Getter: TypeAlias = Callable[[Row], Value]
Hop: TypeAlias = Callable[[Row], Row | None]

_HINT: Final = "Please reference your WSDL or the describe call for the appropriate names."
_MAX_HOPS: Final = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A value of a row: where it stands in the answer, how it is typed and how it is fetched."""

    names: tuple[str, ...]
    field: Field
    get: Getter


class Resolver:
    """Look up the names of one statement as one user may."""

    def __init__(self, store: Store, view: View, sobject: SObject, alias: str | None) -> None:
        self.store = store
        self.view = view
        self.sobject = sobject
        self._own_names = {sobject.name.lower(), *([alias.lower()] if alias else [])}

    def operand(self, operand: Operand) -> Column:
        """Return the column of a path, or of a function that works on one row."""
        if isinstance(operand, Path):
            return self.column(operand)
        if operand.function in AGGREGATES or operand.argument is None:
            raise SoqlError("MALFORMED_QUERY", f"aggregate function {operand.function} not allowed here", operand.at)
        return _applied(operand, self.column(operand.argument))

    def column(self, path: Path) -> Column:
        """Return the column of a path such as `Account.Owner.Name`."""
        parts = path.parts
        if len(parts) > 1 and parts[0].lower() in self._own_names:
            parts = parts[1:]
        if len(parts) - 1 > _MAX_HOPS:
            raise SoqlError("MALFORMED_QUERY", "SOQL relationships may not span more than five parents", path.at)
        sobject, names = self.sobject, list[str]()
        hops: list[Hop] = []
        for place, part in enumerate(parts[:-1]):
            reference = self._reference(sobject, part, path)
            names.append(str(reference.relationship))
            if len(reference.refers) > 1:
                return self._polymorphic(reference, parts[place + 1 :], names, hops, path)
            sobject = self.store.schema.objects[reference.refers[0]]
            hops.append(self._hop(reference.name, sobject))
        column = self.view.field(sobject, parts[-1])
        if column is None:
            raise no_such_column(parts[-1], sobject.name, path.at)
        return Column((*names, column.name), column, _getter(hops, column.name))

    def _reference(self, sobject: SObject, part: str, path: Path) -> Field:
        reference = sobject.by_relationship.get(part.lower())
        if reference is None or self.view.field(sobject, reference.name) is None:
            message = (
                f"Didn't understand relationship '{part}' in field path. If you are attempting to use a custom "
                f"relationship, be sure to append the '__r' after the custom relationship name. {_HINT}"
            )
            raise SoqlError("INVALID_FIELD", message, path.at)
        if any(self.view.object(name) is None for name in reference.refers):
            raise SoqlError("INVALID_FIELD", f"Didn't understand relationship '{part}' in field path.", path.at)
        return reference

    def _hop(self, key: str, target: SObject) -> Hop:
        rows = self.store[target.name].rows
        visible = self.view.rows_of(target)

        def step(row: Row) -> Row | None:
            found = rows.get(str(row[key]))
            if found is None or found.get("IsDeleted"):
                return None
            return found if visible is None or visible(found) else None

        return step

    def _polymorphic(
        self, reference: Field, rest: tuple[str, ...], names: list[str], hops: list[Hop], path: Path
    ) -> Column:
        field = {"id": _ID, "name": _NAME, "type": _TYPE}.get(rest[0].lower())
        if len(rest) > 1 or field is None:
            raise no_such_column(rest[0], "Name", path.at)
        hops = [*hops, self._any_hop(reference.name)]
        return Column((*names, field.name), field, _getter(hops, field.name))

    def _any_hop(self, key: str) -> Hop:
        def step(row: Row) -> Row | None:
            value = str(row[key])
            target = self.store.schema.by_prefix(value[:3])
            found = self.store[target.name].rows.get(value) if target else None
            if target is None or found is None or not self.view.sees(target, found):
                return None
            return {"Id": found["Id"], "Name": found[target.name_field], "Type": target.name}

        return step


_ID: Final = Field("Id", "ID", "id", 18)
_NAME: Final = Field("Name", "Name", "string", 255)
_TYPE: Final = Field("Type", "Type", "string", 40)


def no_such_column(name: str, entity: str, at: int | None = None) -> SoqlError:
    """Say that a field does not exist, or is hidden from this user, which looks the same."""
    message = (
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append "
        f"the '__c' after the custom field name. {_HINT}"
    )
    return SoqlError("INVALID_FIELD", message, at)


def no_such_object(name: str, at: int | None = None) -> SoqlError:
    """Say that an object does not exist, or is hidden from this user, which looks the same."""
    message = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the "
        f"'__c' after the entity name. {_HINT}"
    )
    return SoqlError("INVALID_TYPE", message, at)


def _getter(hops: list[Hop], name: str) -> Getter:
    if not hops:
        return lambda row: row[name]

    def walk(row: Row) -> Value:
        current: Row | None = row
        for hop in hops:
            if current is None:
                return None
            current = hop(current)
        return None if current is None else current[name]

    return walk


def _applied(call: Call, column: Column) -> Column:
    """Return the column that a row function makes of another."""
    if call.function not in DATE_PARTS:
        return column
    if column.field.type not in ("date", "datetime"):
        raise SoqlError("MALFORMED_QUERY", f"{call.function} needs a date or datetime field", call.at)
    kind, cut = _PARTS[call.function]
    inner = column.get

    def get(row: Row) -> Value:
        value = inner(row)
        return None if value is None else cut(str(value))

    return Column(column.names, Field(column.field.name, column.field.label, kind), get)


_PARTS: Final[Mapping[str, tuple[str, Callable[[str], Value]]]] = {
    "CALENDAR_YEAR": ("int", lambda value: int(value[:4])),
    "CALENDAR_MONTH": ("int", lambda value: int(value[5:7])),
    "DAY_IN_MONTH": ("int", lambda value: int(value[8:10])),
    "DAY_ONLY": ("date", lambda value: value[:10]),
}
