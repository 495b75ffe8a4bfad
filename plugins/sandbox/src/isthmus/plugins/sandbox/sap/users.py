"""Who may log on, and what may each of them see and change?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from isthmus.plugins.sandbox.people import staff

from .schema import Link, Table, data_file
from .store import Key, Row, Store
from .values import Value


@dataclass(frozen=True)
class User:
    """One user; `rows` says by root table which field must hold one of which values."""

    login: str
    full_name: str
    reads: frozenset[str]
    writes: frozenset[str]
    rows: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    approves: bool = False
    locked: bool = False

    @property
    def name(self) -> str:
        """Return the name as the system writes it."""
        return self.login.upper()

    def may_read(self, area: str) -> bool:
        """Say whether the user may use the services of an area."""
        return bool(self.reads & {"*", area})

    def may_write(self, area: str) -> bool:
        """Say whether the user may change what lies in an area."""
        return bool(self.writes & {"*", area})


@cache
def load_users() -> Mapping[str, User]:
    """Read the users by login."""
    found = {}
    for data in cast("Sequence[Mapping[str, object]]", data_file("users.toml")["user"]):
        login = str(data["login"])
        person = staff()[login]
        rules = cast("Mapping[str, Mapping[str, Sequence[str]]]", data.get("rows", {}))
        found[login] = User(
            login=login,
            full_name=f"{person.given} {person.family}",
            reads=frozenset(cast("Sequence[str]", data["reads"])),
            writes=frozenset(cast("Sequence[str]", data["writes"])),
            rows={table: {name: frozenset(each) for name, each in rule.items()} for table, rule in rules.items()},
            approves=bool(data.get("approves", False)),
            locked=bool(data.get("locked", False)),
        )
    return found


class View:
    """The rows of a landscape as far as one user may see them."""

    def __init__(self, store: Store, user: User) -> None:
        self.store = store
        self._user = user

    def sees(self, table: Table, row: Row) -> bool:
        """Say whether the user may see a row: the rules for its root hold for all its parts."""
        if not self._user.rows:
            return True
        root, above = self.store.root_of(table, row)
        return all(above[name] in allowed for name, allowed in self._user.rows.get(root.name, {}).items())

    def scan(self, table: Table) -> Iterator[Row]:
        """Return the rows of a table."""
        return (row for row in self.store.scan(table.name) if self.sees(table, row))

    def get(self, table: Table, key: Key) -> Row | None:
        """Return the row with a key."""
        row = self.store.get(table.name, key)
        return row if row is not None and self.sees(table, row) else None

    def follow(self, link: Link, row: Row) -> list[Row]:
        """Return the rows behind a link."""
        table = self.store.tables[link.table]
        return [each for each in self.store.follow(link, row) if self.sees(table, each)]

    def first(self, table: Table, **wanted: Value) -> Row | None:
        """Return the first row whose fields hold these values."""
        return next((row for row in self.store.find(table.name, **wanted) if self.sees(table, row)), None)
