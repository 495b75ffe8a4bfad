"""What may this user see and change?"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from isthmus.plugins.sandbox.people import staff

from .schema import Field, Schema, SObject
from .sharing import Sharing
from .store import Row, Store


@dataclass(frozen=True, slots=True)
class Profile:
    """What all users of one kind may see: `hidden` holds `Object.Field` names in lower case.

    `all_files` is the permission "Query All Files", `administers` is "Modify All Data".
    """

    name: str
    hidden: frozenset[str] = frozenset()
    hidden_objects: frozenset[str] = frozenset()
    owner_only: frozenset[str] = frozenset()
    read_only: bool = False
    all_files: bool = False
    administers: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """One user as the data file describes it."""

    alias: str
    login: str
    given: str
    family: str
    profile: str
    approved: bool = True
    active: bool = True
    owns: bool = False


@cache
def load_people() -> tuple[dict[str, Profile], tuple[Person, ...]]:
    """Read the profiles and users from the package's data file."""
    data = tomllib.loads((files(__package__) / "data" / "users.toml").read_text("utf-8"))
    profiles = {
        each["name"]: Profile(
            name=each["name"],
            hidden=frozenset(name.lower() for name in each.get("hidden", ())),
            hidden_objects=frozenset(each.get("hidden_objects", ())),
            owner_only=frozenset(each.get("owner_only", ())),
            read_only=each.get("read_only", False),
            all_files=each.get("all_files", False),
            administers=each.get("administers", False),
        )
        for each in data["profiles"]
    }
    known = {login: {"given": each.given, "family": each.family} for login, each in staff().items()}
    return profiles, tuple(Person(**known.get(each["login"], {}) | each) for each in data["users"])


class View:
    """The schema and rows as one user sees them; without a store, no row is hidden because of another one."""

    def __init__(self, schema: Schema, profile: Profile, user_id: str, store: Store | None = None) -> None:
        self.schema = schema
        self.profile = profile
        self.user_id = user_id
        self._sharing = None if store is None else Sharing(store, self)
        self._fields: dict[str, tuple[Field, ...]] = {}

    def object(self, name: str) -> SObject | None:
        """Return the object of this name if the user may know of it."""
        found = self.schema.find(name)
        return None if found is None or found.name in self.profile.hidden_objects else found

    def fields(self, sobject: SObject) -> tuple[Field, ...]:
        """Return the readable fields in describe order."""
        cached = self._fields.get(sobject.name)
        if cached is None:
            cached = tuple(each for each in sobject.fields if self._shows(sobject, each))
            self._fields[sobject.name] = cached
        return cached

    def field(self, sobject: SObject, name: str) -> Field | None:
        """Return the field of this name if it is readable."""
        found = sobject.by_name.get(name.lower())
        return found if found is not None and self._shows(sobject, found) else None

    def rows_of(self, sobject: SObject, *, named: bool = True) -> Callable[[Row], bool] | None:
        """Return the test that a row of this object must pass, or None where every row is visible.

        Some files are visible only where they are `named`: asked for by their ids.
        """
        if sobject.metadata:
            return self._knows
        shared = None if self._sharing is None else self._sharing.test(sobject, named=named)
        if shared is not None:
            return shared
        if sobject.name not in self.profile.owner_only:
            return None
        user = self.user_id

        def owned(row: Row) -> bool:
            return row["OwnerId"] == user

        return owned

    def sees(self, sobject: SObject, row: Row, *, named: bool = True) -> bool:
        """Say whether sharing lets this row through."""
        test = self.rows_of(sobject, named=named)
        return test is None or test(row)

    @property
    def writes(self) -> bool:
        """Say whether the user may change anything at all."""
        return not self.profile.read_only

    def _knows(self, row: Row) -> bool:
        """Say whether a row about an object or a field tells of something the user may know of."""
        entity = row.get("EntityDefinitionId", row["DurableId"])
        return entity not in self.profile.hidden_objects and str(row["DurableId"]).lower() not in self.profile.hidden

    def _shows(self, sobject: SObject, column: Field) -> bool:
        return f"{sobject.name}.{column.name}".lower() not in self.profile.hidden
