"""Who may log in here, and with which roles?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, cast
from zoneinfo import ZoneInfo

from isthmus.plugins.sandbox.people import staff

from .schema import data_file
from .store import Row, Store
from .viewer import Viewer

_FORMS: Final = {"dd": "%d", "MM": "%m", "yyyy": "%Y", "HH": "%H", "mm": "%M", "ss": "%S"}


@dataclass(frozen=True, slots=True)
class Person:
    """One user as the data files describe it."""

    login: str
    given: str
    family: str
    roles: tuple[str, ...]
    sys_id: str = ""
    email: str = ""
    title: str = ""
    department: str = "IT"
    active: bool = True
    mobile: bool = False
    integration: bool = False
    logs_in: bool = True


@cache
def load_people() -> tuple[Person, ...]:
    """Read the users from the package's data file and from the staff that all systems share."""
    data, known = data_file("users.toml"), staff()
    people = []
    for each in cast("Sequence[Mapping[str, str]]", data["user"]):
        login = each["login"]
        person = Person(
            login=login,
            given=known[login].given if login in known else each["given"],
            family=known[login].family if login in known else each["family"],
            roles=tuple(each["roles"]),
            sys_id=each.get("sys_id", ""),
            email=each.get("email", ""),
            title=each["title"],
            department=each.get("department", "IT"),
            active=bool(each.get("active", True)),
            mobile=bool(each.get("mobile", False)),
            integration=bool(each.get("integration", False)),
        )
        people.append(person)
    services = cast("Mapping[str, list[str]]", data["services"])
    for name in services["names"]:
        given = name.partition(".")[2].capitalize()
        roles = tuple(services["roles"])
        people.append(Person(name, given, "Service", roles, title="Service account", integration=True, logs_in=False))
    return tuple(people)


def viewer_of(store: Store, user: Row) -> Viewer:
    """Return a user with the roles that the user and the user's groups have."""
    user_id = user["sys_id"]
    groups = tuple(each["group"] for each in store.find("sys_user_grmember", user=user_id))
    given = [each["role"] for each in store.find("sys_user_has_role", user=user_id)]
    given += [each["role"] for group in groups for each in store.find("sys_group_has_role", group=group)]
    names = (store.get("sys_user_role", each) for each in given)
    return Viewer(
        user_id=user_id,
        user_name=user["user_name"],
        roles=frozenset(each["name"] for each in names if each),
        groups=groups,
        zone=ZoneInfo(user["time_zone"] or "UTC"),
        date_form=_form(user["date_format"] or "yyyy-MM-dd") + " " + _form(user["time_format"] or "HH:mm:ss"),
    )


def _form(text: str) -> str:
    for theirs, ours in _FORMS.items():
        text = text.replace(theirs, ours)
    return text
