"""Who has an account, which rows and domains does domain security open to each, and what may each of them start?"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from isthmus.plugins.sandbox.people import staff


def data_text(name: str) -> str:
    """Read one of the package's data files."""
    return files(__package__).joinpath("data", name).read_text("utf-8")


@cache
def data_file(name: str) -> Mapping[str, object]:
    """Read one of the package's TOML files."""
    return tomllib.loads(data_text(name))


@dataclass(frozen=True, slots=True)
class User:
    """One account; `rows` says whom the user sees: everyone, the own organization and those below, or oneself."""

    login: str
    full_name: str
    rows: Literal["all", "organization", "self"]
    domains: frozenset[str]
    starts: frozenset[str]
    worker: bool
    locked: bool


@cache
def load_users() -> Mapping[str, User]:
    """Read the users by login."""
    found = {}
    for data in cast("Sequence[Mapping[str, object]]", data_file("users.toml")["user"]):
        login = str(data["login"])
        person = staff()[login]
        found[login] = User(
            login=login,
            full_name=f"{person.given} {person.family}",
            rows=cast('Literal["all", "organization", "self"]', data["rows"]),
            domains=frozenset(cast("Sequence[str]", data["domains"])),
            starts=frozenset(cast("Sequence[str]", data["starts"])),
            worker=bool(data.get("worker", True)),
            locked=bool(data.get("locked", False)),
        )
    return found
