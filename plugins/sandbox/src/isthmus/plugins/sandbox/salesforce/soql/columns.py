"""Which stored value does a field path or a row function of a statement name?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.salesforce.access import View
from isthmus.plugins.sandbox.salesforce.schema import Field, SObject
from isthmus.plugins.sandbox.salesforce.store import Row, Store

from .functions import applied
from .localise import Locale, locale_of
from .syntax import AGGREGATES, Operand, Path, malformed
from .values import Column, Getter, no_such_column, no_such_relationship

Hop: TypeAlias = Callable[[Row], Row | None]
Locate: TypeAlias = Callable[[Row], tuple[SObject, Row] | None]

_MAX_HOPS: Final = 5


@dataclass(frozen=True, slots=True)
class Parent:
    """A way from a row up to one of its ancestors; the last of `references` is the field that holds its id."""

    names: tuple[str, ...]
    references: tuple[Field, ...]
    hops: tuple[Hop, ...]
    targets: tuple[SObject, ...]

    @property
    def polymorphic(self) -> bool:
        """Say whether the ancestor may be of several objects."""
        return bool(self.references) and len(self.references[-1].refers) > 1


class Resolver:
    """Look up the names of one statement as one user may; `deleted` parents are seen only by queryAll."""

    def __init__(
        self,
        store: Store,
        view: View,
        sobject: SObject,
        alias: str | None = None,
        joined: tuple[tuple[str, Path], ...] = (),
        *,
        deleted: bool = False,
    ) -> None:
        self.store = store
        self.view = view
        self.sobject = sobject
        self._deleted = deleted
        self.own_names = {sobject.name.lower(), *([alias.lower()] if alias else [])}
        self._joined: dict[str, tuple[str, ...]] = {}
        for name, path in joined:
            self._joined[name.lower()] = self._driven(path)

    def _driven(self, path: Path) -> tuple[str, ...]:
        """Return the parts of a further name in FROM, which must lead to a parent of the statement's object."""
        parts = self.own(path).parts
        if len(path.parts) == 1:
            message = (
                "A driving SObject type has already been set, all other entity types in the FROM clause must be "
                f"relationships to the initial object. The driving object is {self.sobject.name}."
            )
            raise malformed(message, path.at)
        self.parent(Path((*parts, "Id"), path.at))
        return parts

    def own(self, path: Path) -> Path:
        """Return the path without the statement's own name in front, with the aliases of parents spelled out."""
        first, *rest = path.parts
        if rest and first.lower() in self._joined:
            return Path((*self._joined[first.lower()], *rest), path.at)
        return Path(tuple(rest), path.at) if rest and first.lower() in self.own_names else path

    @property
    def locale(self) -> Locale:
        """Return the user's locale; the stores of other APIs hold no users."""
        users = self.store.tables.get("User")
        user = users.rows.get(self.view.user_id) if users else None
        return locale_of(user["LocaleSidKey"] if user else None)

    def operand(self, operand: Operand) -> Column:
        """Return the column of a path, or of a function that works on one row."""
        if isinstance(operand, Path):
            return self.column(operand)
        if operand.function in AGGREGATES or operand.function == "GROUPING":
            raise malformed(f"aggregate function {operand.name} not allowed here", operand.at)
        return applied(operand, self.operand, self.locale)

    def column(self, path: Path) -> Column:
        """Return the column of a path such as `Account.Owner.Name`."""
        return self.absolute(self.own(path))

    def absolute(self, path: Path) -> Column:
        """Return the column of a path without aliases."""
        name = path.parts[-1]
        parent = self.parent(path)
        if parent.polymorphic:
            return self._of_any(parent, path)
        [sobject] = parent.targets
        field = self.view.field(sobject, name)
        if field is None:
            raise no_such_column(name, sobject.name, path.at)
        return Column((*parent.names, field.name), field, _getter(parent.hops, field.name), parent.references)

    def parent(self, path: Path) -> Parent:
        """Return the way to the ancestor whose field a path ends in."""
        parts = path.parts[:-1]
        if len(parts) > _MAX_HOPS:
            raise malformed("SOQL relationships may not span more than five parents", path.at)
        found = Parent((), (), (), (self.sobject,))
        for part in parts:
            if found.polymorphic:
                raise no_such_relationship(part, path.at)
            [sobject] = found.targets
            reference = sobject.by_relationship.get(part.lower())
            if reference is None or self.view.field(sobject, reference.name) is None:
                raise no_such_relationship(part, path.at)
            targets = tuple(known for name in reference.refers if (known := self.view.object(name)) is not None)
            if not targets:
                raise no_such_relationship(part, path.at)
            hops = found.hops if len(reference.refers) > 1 else (*found.hops, self._hop(reference.name, targets[0]))
            names = (*found.names, str(reference.relationship))
            found = Parent(names, (*found.references, reference), hops, targets)
        return found

    def locate(self, parent: Parent) -> Locate:
        """Return how an ancestor that may be of several objects is found: which object, which row."""
        key = parent.references[-1].name
        steps = {target.prefix: (target, self._hop(key, target)) for target in parent.targets}
        walk = _walker(parent.hops)

        def locate(row: Row) -> tuple[SObject, Row] | None:
            last = walk(row)
            found = steps.get(str(last[key])[:3]) if last is not None else None
            if last is None or found is None:
                return None
            target, hop = found
            there = hop(last)
            return None if there is None else (target, there)

        return locate

    def _hop(self, key: str, target: SObject) -> Hop:
        rows = self.store[target.name].rows
        visible = self.view.rows_of(target)
        deleted = self._deleted

        def step(row: Row) -> Row | None:
            found = rows.get(str(row[key]))
            if found is None or (found.get("IsDeleted") and not deleted):
                return None
            return found if visible is None or visible(found) else None

        return step

    def _of_any(self, parent: Parent, path: Path) -> Column:
        """Return a column that the objects of a polymorphic parent share; where one lacks it, the value is null."""
        field = _NAME.get(path.parts[-1].lower())
        if field is None:
            raise no_such_column(path.parts[-1], "Name", path.at)
        names = {target.name: self._shared(target, field.name) for target in parent.targets}
        locate = self.locate(parent)

        def get(row: Row) -> str | None:
            found = locate(row)
            if found is None:
                return None
            target, there = found
            if field.name == "Type":
                return target.name
            name = names[target.name]
            value = there.get(name) if name else None
            return None if value is None else str(value)

        return Column((*parent.names, field.name), field, get, parent.references)

    def _shared(self, target: SObject, name: str) -> str | None:
        field = self.view.field(target, target.name_field if name == "Name" else name)
        return None if field is None else field.name


_NAME: Final[Mapping[str, Field]] = {
    each.name.lower(): each
    for each in (
        Field("Id", "ID", "id", 18),
        Field("Name", "Name", "string", 255),
        Field("Type", "Type", "picklist", 40),
        *(Field(name, name, "string", 255) for name in ("FirstName", "LastName", "Title", "Alias", "Username")),
        Field("Email", "Email", "email", 80),
        Field("Phone", "Phone", "phone", 40),
    )
}
"""The fields of Name, which stands for a parent of any object (Object Reference, "Name")."""


def _walker(hops: tuple[Hop, ...]) -> Hop:
    def walk(row: Row) -> Row | None:
        current: Row | None = row
        for hop in hops:
            if current is None:
                return None
            current = hop(current)
        return current

    return walk


def _getter(hops: tuple[Hop, ...], name: str) -> Getter:
    if not hops:
        return lambda row: row[name]
    walk = _walker(hops)
    return lambda row: None if (last := walk(row)) is None else last[name]
