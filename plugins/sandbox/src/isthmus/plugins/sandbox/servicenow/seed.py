"""Which rows does an instance hold when it opens?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import Final, cast

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.passwords import Passwords
from isthmus.plugins.sandbox.people import Company, Enterprise, Human

from .definitions import Definitions
from .people import Person, load_people
from .schema import data_file, load_schema
from .store import Row, Store
from .work import Work

_BY: Final = "admin"
_PLACES: Final = {
    "eu": {"time_zone": "Europe/Berlin", "date_format": "dd-MM-yyyy", "country": "DE", "language": "de"},
    "us": {"time_zone": "America/New_York", "date_format": "MM-dd-yyyy", "country": "US", "language": "en"},
}
_INDEXED: Final = (
    ("sys_user", "user_name"), ("sys_user_grmember", "user"), ("sys_user_has_role", "user"),
    ("sys_group_has_role", "group"), ("sys_script", "collection"), ("sys_properties", "name"),
    ("sys_dictionary", "name"), ("sys_glide_object", "name"), ("sys_db_object", "name"),
    ("sys_attachment", "table_sys_id"), ("sys_rate_limit_rules", "active"), ("sysapproval_approver", "sysapproval"),
)  # fmt: skip


class Beginning:
    """What an instance begins with, made up once and copied as often as somebody begins anew."""

    def __init__(self, home: str, enterprise: Enterprise, seed: int, opened: datetime) -> None:
        self.passwords = Passwords(f"servicenow {home}", seed)
        self._home = home
        self._enterprise = enterprise
        self._seed = seed
        self._opened = opened

    @cached_property
    def _store(self) -> Store:
        store = Store(load_schema(), Clock(self._opened), f"{self._home} {self._seed}")
        Seeder(store, self._enterprise, self._home, self._seed, self.passwords).fill()
        return store

    def store(self, clock: Clock) -> Store:
        """Return a copy that reads this clock."""
        return self._store.copied(clock)


class Seeder:
    """Fill one instance with its share of the enterprise."""

    def __init__(self, store: Store, enterprise: Enterprise, home: str, seed: int, passwords: Passwords) -> None:
        self._store = store
        self._enterprise = enterprise
        self._home = home
        self._passwords = passwords
        self._random = Random(f"isthmus servicenow {home} {seed}")  # noqa: S311 - made-up rows, no secret
        self._start = store.clock.now()
        self._roles: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self._locations: dict[tuple[str, str], str] = {}
        self._companies: dict[int, str] = {}
        self._contacts: list[Row] = []

    def fill(self) -> None:
        """Make all rows."""
        made = self._start - timedelta(days=900)
        for table, column in _INDEXED:
            self._store.index(table, column)
        definitions = Definitions(self._store, made)
        definitions.fill()
        definitions.classify()
        self._staff()
        self._groups()
        for company in self._enterprise.companies:
            if company.home == self._home:
                self._company(company)
        for human in self._enterprise.humans:
            if human.home == self._home:
                self._contact(human)
        Work(self._store, self._random, self._users, self._contacts).fill()

    def _insert(self, table: str, values: Mapping[str, str], at: datetime | None = None) -> Row:
        return self._store.insert(table, values, _BY, at or self._start - timedelta(days=800))

    def _role(self, name: str) -> str:
        if name not in self._roles:
            known = cast("Mapping[str, str]", data_file("work.toml")["roles"])
            values = {"name": name, "sys_name": name, "sys_id": known.get(name, "")}
            self._roles[name] = self._insert("sys_user_role", values)["sys_id"]
        return self._roles[name]

    def _staff(self) -> None:
        departments = {row["name"]: row["sys_id"] for row in self._store.find("cmn_department")}
        firm = self._store.first("core_company", name="Kessmar")
        for number, person in enumerate(load_people()):
            values = self._user(person, number)
            values["department"] = departments[person.department]
            values["company"] = firm["sys_id"] if firm else ""
            row = self._insert("sys_user", values)
            self._users[person.login] = row["sys_id"]
            for role in person.roles:
                self._insert("sys_user_has_role", {"user": row["sys_id"], "role": self._role(role)})
        for row in list(self._store.find("cmn_department")):
            head = self._users["natasha.ingram" if row["name"] == "Finance" else "greta"]
            self._store.change("cmn_department", row, {"dept_head": head}, _BY, same_second=True)

    def _user(self, person: Person, number: int) -> dict[str, str]:
        place = _PLACES[self._home]
        return {
            "sys_id": person.sys_id,
            "user_name": person.login,
            "first_name": person.given,
            "last_name": person.family,
            "name": f"{person.given} {person.family}",
            "email": person.email or f"{person.login}@{self._home}.kessmar.example",
            "title": person.title,
            "active": str(person.active).lower(),
            "user_password": self._passwords.of(f"{person.login}@")[0] if person.logs_in else "",
            "phone": f"+49 30 23125 {number:03d}" if self._home == "eu" else f"+1 (555) 555-01{number:02d}",
            "mobile_phone": f"+44 7700 900{number:03d}" if person.mobile else "",
            "home_phone": f"+33 1 99 00 00 {number:02d}" if person.mobile else "",
            "country": place["country"],
            "preferred_language": place["language"],
            "time_zone": place["time_zone"],
            "date_format": "" if person.login == "admin" else place["date_format"],
            "web_service_access_only": str(person.integration).lower(),
            "employee_number": f"K{number:05d}",
        }

    def _groups(self) -> None:
        for name, each in cast("Mapping[str, Mapping[str, object]]", data_file("work.toml")["groups"]).items():
            values = {"name": name, "manager": self._users[str(each["manager"])]}
            group = self._insert("sys_user_group", values)["sys_id"]
            for member in cast("Sequence[str]", each["members"]):
                self._insert("sys_user_grmember", {"user": self._users[member], "group": group})
            for role in cast("Sequence[str]", each["roles"]):
                self._insert("sys_group_has_role", {"group": group, "role": self._role(role)})

    def _company(self, company: Company) -> None:
        values = {
            "name": company.name,
            "customer": "true",
            "street": company.street,
            "city": company.city,
            "state": company.state,
            "zip": company.postal_code,
            "country": company.country_name,
            "phone": company.phone,
            "website": f"https://{company.domain}",
            "u_industry": company.industry,
            "num_employees": str(company.employees),
            "revenue_per_year": str(company.revenue),
        }
        self._companies[company.number] = self._insert("core_company", values, self._before(700))["sys_id"]

    def _contact(self, human: Human) -> None:
        location = self._location(human)
        values = {
            "user_name": human.email,
            "introduction": human.salutation,
            "first_name": human.given,
            "last_name": human.family,
            "name": f"{human.given} {human.family}",
            "email": human.email,
            "title": human.title,
            "phone": human.phone,
            "street": human.street,
            "city": human.city,
            "state": human.state,
            "zip": human.postal_code,
            "country": human.country,
            "location": location,
            "account": self._companies.get(human.company, ""),
            "company": self._companies.get(human.company, ""),
            "time_zone": _PLACES[self._home]["time_zone"],
            "u_date_of_birth": human.born.isoformat(),
            "u_national_id": human.national_id,
            "u_diagnosis": human.diagnosis or "",
            "u_hobby": human.hobby,
        }
        self._contacts.append(self._insert("customer_contact", values, self._before(600)))

    def _location(self, human: Human) -> str:
        """Return the place of a contact: its country is empty where nobody ever wrote it down."""
        key = (human.city, human.country)
        if key not in self._locations:
            name = f"{human.city}, {human.country_name}" if human.country_name else human.city
            values = {"name": name, "full_name": name, "city": human.city, "zip": human.postal_code}
            row = self._insert("cmn_location", {**values, "state": human.state, "country": human.country_name or ""})
            self._locations[key] = row["sys_id"]
        return self._locations[key]

    def _before(self, most_days: int) -> datetime:
        return self._start - timedelta(days=1, minutes=self._random.randrange(most_days * 24 * 60))
