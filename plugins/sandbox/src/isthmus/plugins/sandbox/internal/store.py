"""What does the service know: sites, doors, people and badges?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.people import staff

Row: TypeAlias = dict[str, Json]

_SITES: Final = {
    "eu": (("HAM", "Hamburg", "DE"), ("LEJ", "Leipzig", "DE"), ("MUC", "München", "DE"), ("LYS", "Lyon", "FR"),
           ("LON", "London", "GB")),
    "us": (("CMH", "Columbus", "US"), ("NYC", "New York", "US"), ("SEA", "Seattle", "US")),
}  # fmt: skip
_WORK: Final[Mapping[str, tuple[str, str]]] = {
    "alice": ("DE", "HAM"), "bob": ("FR", "LYS"), "carol": ("GB", "LON"), "dave": ("US", "CMH"),
    "erin": ("DE", "LEJ"), "frank": ("FR", "LYS"), "greta": ("DE", "MUC"), "henri": ("FR", "LYS"),
}  # fmt: skip
"""Where the enterprise's own people work: country and site."""
_DOORS: Final = ("main", "garage", "lab", "server-room")


@dataclass
class Store:
    """The rows of one service; `versions` counts the changes of each badge."""

    sites: tuple[Row, ...]
    doors: tuple[Row, ...]
    people: tuple[Row, ...]
    badges: dict[str, Row] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    opened: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    @classmethod
    def begin(cls, home: str, seed: int) -> "Store":
        """Make up the first state."""
        sites = tuple[Row, ...]({"id": code, "name": name, "country": country} for code, name, country in _SITES[home])
        doors = tuple[Row, ...](
            {"id": f"{site['id']}-{door}", "site": site["id"], "secured": door in ("lab", "server-room")}
            for site in sites
            for door in _DOORS
        )
        here = {str(one["id"]) for one in sites}
        working = [login for login, (_, site) in _WORK.items() if site in here]
        people = tuple[Row, ...](
            {"id": login, "name": f"{staff()[login].given} {staff()[login].family}", "country": _WORK[login][0]}
            for login in working
        )
        found = cls(sites, doors, people)
        random = Random(f"isthmus badges {home} {seed}")  # noqa: S311 - numbers of a stand-in
        for one in people:
            told = {"holder": one["id"], "holderName": one["name"], "country": one["country"]}
            found.issue({**told, "site": _WORK[str(one["id"])][1], "validFrom": "2026-01-01"}, random)
        return found

    def issue(self, values: Mapping[str, Json], random: Random) -> Row:
        """Make a badge."""
        id = f"B-{1000 + len(self.versions) + 1}"
        pin = f"{random.randrange(10_000):04d}"
        self.badges[id] = {"id": id, **values, "status": "active", "pin": pin}
        self.versions[id] = 1
        return self.badges[id]

    def changed(self, id: str, values: Mapping[str, Json]) -> Row:
        """Change a badge."""
        self.badges[id] |= values
        self.versions[id] += 1
        return self.badges[id]
