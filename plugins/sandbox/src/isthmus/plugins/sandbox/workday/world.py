"""Who works in a tenant when it opens, in which organizations, and how did that come about?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Final, cast

from isthmus.plugins.sandbox.people import Human, staff, workforce

from .dated import History, Value
from .users import data_file

FIRST_NUMBER: Final = 21_001
DEADLINES: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Person:
    """What of a worker does not depend on a day; `number` is the Employee_ID, `login` is empty without an account."""

    number: str
    given: str
    family: str
    email: str
    phone: str | None
    born: date
    national_id: str
    street: str
    city: str
    state: str
    postal_code: str
    country: str
    login: str = ""

    @property
    def name(self) -> str:
        """Return the name as it is shown."""
        return f"{self.given} {self.family}"


@dataclass(frozen=True, slots=True)
class Applicant:
    """A pre-hire: somebody who was offered a job and does not work here; `number` is the Applicant_ID."""

    number: str
    given: str
    family: str
    country: str
    city: str
    born: date

    @property
    def name(self) -> str:
        """Return the name as it is shown."""
        return f"{self.given} {self.family}"

    @property
    def email(self) -> str:
        """Return the private address."""
        return f"{self.given}.{self.family}@post.example".lower()


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization; `kind` is the Organization_Type_ID, `leader` a worker's number, `superior` a key or empty."""

    key: str
    name: str
    code: str
    kind: str
    leader: str = ""
    superior: str = ""


class World:
    """The people, the organizations and the history of one tenant."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.people: dict[str, Person] = {}
        self.organizations: dict[str, Organization] = {}
        self.applicants: dict[str, Applicant] = {}
        self.history = History()

    def copied(self) -> "World":
        """Return a copy."""
        other = World(self.home)
        other.people = dict(self.people)
        other.organizations = dict(self.organizations)
        other.applicants = dict(self.applicants)
        other.history = self.history.copied()
        return other

    def number_of(self, login: str) -> str:
        """Return the number of the worker with this login; empty where there is none."""
        return next((each.number for each in self.people.values() if login and each.login == login), "")

    def led_by(self, number: str) -> list[Organization]:
        """Return the organizations that a worker leads."""
        return [each for each in self.organizations.values() if each.leader == number]

    def below(self, key: str) -> set[str]:
        """Return an organization and all below it."""
        found = {key}
        while True:
            more = {each.key for each in self.organizations.values() if each.superior in found} - found
            if not more:
                return found
            found |= more


class Builder:
    """Make up one tenant."""

    def __init__(self, home: str, seed: int, opened: datetime) -> None:
        self._world = World(home)
        self._random = Random(f"isthmus workday {home} {seed}")  # noqa: S311 - made-up people, no secret
        self._opened = opened
        self._seed = seed
        self._data = data_file("organization.toml")
        place = cast("Mapping[str, Mapping[str, object]]", self._data["homes"])[home]
        self._company = cast("Sequence[str]", place["company"])
        self._region = cast("Sequence[str]", place["region"])
        self._currency = str(place["currency"])

    def build(self) -> World:
        """Return the tenant."""
        self._staff()
        hired = [self._human(each) for each in workforce(self._seed) if each.home == self._world.home]
        self._organizations(hired)
        self._turns_of_events(hired)
        for row in cast("Mapping[str, Sequence[Sequence[str]]]", self._data["applicants"])[self._world.home]:
            number, given, family, country, city, born = row
            self._world.applicants[number] = Applicant(number, given, family, country, city, date.fromisoformat(born))
        return self._world

    def _number(self) -> str:
        return str(FIRST_NUMBER + len(self._world.people))

    def _staff(self) -> None:
        for row in cast("Sequence[Sequence[str]]", self._data["staff"]):
            login, organization, title, profile, center, country, city, born, hired, pay = row
            known = staff()[login]
            position = len(self._world.people)
            email, phone = f"{login}@kessmar.example", f"+49 30 23125 {position:03d}" if position else None
            postal_code, state = cast("Mapping[str, Sequence[str]]", self._data["cities"])[city]
            birth, street = date.fromisoformat(born), f"Hopfenmarkt {position + 1}"
            number = self._number()
            person = Person(
                number,
                known.given,
                known.family,
                email,
                phone,
                birth,
                "",
                street,
                city,
                state,
                postal_code,
                country,
                login,
            )
            self._world.people[number] = person
            self._hire(person, date.fromisoformat(hired), title, profile, organization, center, Decimal(pay))

    def _human(self, human: Human) -> Person:
        organization, center = cast("Mapping[str, Sequence[str]]", self._data["departments"])[human.department]
        person = Person(
            self._number(),
            human.given,
            human.family,
            human.email,
            human.phone if self._random.random() < 0.8 else None,
            human.born,
            human.national_id,
            human.street,
            human.city,
            human.state,
            human.postal_code,
            human.country,
        )
        self._world.people[person.number] = person
        day = self._opened.date() - timedelta(days=self._random.randrange(200, 5_000))
        pay = Decimal(self._random.randrange(28, 120) * 1_000)
        self._hire(person, day, human.title, human.title.replace(" ", "_"), organization, center, pay)
        return person

    def _hire(
        self, person: Person, day: date, title: str, profile: str, organization: str, center: str, pay: Decimal
    ) -> None:
        values: dict[str, Value] = {
            "active": True,
            "hired": day,
            "title": title,
            "profile": profile,
            "organization": organization,
            "cost_center": center,
            "company": self._company[0],
            "location": f"{person.city.replace(' ', '_')}_site" if person.country else "Remote",
            "position": f"P-{int(person.number) - FIRST_NUMBER + 1:05d}",
            "pay": pay,
            "currency": self._currency,
        }
        entered = min(self._moment(day) - DEADLINES, self._opened - timedelta(days=10))
        self._world.history.add(person.number, day, entered, values)

    def _moment(self, day: date) -> datetime:
        return datetime.combine(day, time(9), self._opened.tzinfo)

    def _organizations(self, hired: Sequence[Person]) -> None:
        organizations = self._world.organizations
        for key, name, code, superior, login, _ in cast("Sequence[Sequence[str]]", self._data["supervisory"]):
            leader = self._world.number_of(login) or self._promoted(key, superior, hired)
            organizations[key] = Organization(key, name, code, "Supervisory", leader, superior)
        for key, name in cast("Sequence[Sequence[str]]", self._data["cost_centers"]):
            organizations[key] = Organization(key, name, key, "Cost_Center")
        for kind, (key, name) in (("Company", self._company), ("Region", self._region)):
            organizations[key] = Organization(key, name, key, kind)

    def _promoted(self, organization: str, superior: str, hired: Sequence[Person]) -> str:
        """Return the first worker of an organization, who leads it since the hire and so belongs to the one above."""
        history = self._world.history
        number = next(
            each.number for each in hired if history.entries(each.number)[0].values["organization"] == organization
        )
        first = history.entries(number)[0]
        history.add(number, first.effective, first.entered, {"organization": superior, "profile": "Manager"})
        return number

    def _turns_of_events(self, hired: Sequence[Person]) -> None:
        """Let some leave, some move, one be hired in a month; and let some of it be typed late, or wrong at first."""
        history, today, day = self._world.history, self._opened.date(), timedelta(days=1)
        erin = self._world.number_of("erin")
        history.add(erin, today - 90 * day, self._opened - 92 * day, {"active": False, "left": today - 90 * day})
        simple = [each for each in hired if not self._world.led_by(each.number)]
        future, late, wrong, soon = simple[-1], simple[-2], simple[-3], simple[-4]
        first = history.entries(future.number)[0]
        start = today + 30 * day
        values = {**first.values, "hired": start}
        history.forget(future.number)
        history.add(future.number, start, self._opened - 10 * day, values)
        history.add(
            late.number, today - 60 * day, self._opened - 5 * day, {"title": "Team Lead", "pay": Decimal(64_000)}
        )
        mistake = history.add(wrong.number, today - 40 * day, self._opened - 41 * day, {"title": "Head of Nothing"})
        right: dict[str, Value] = {"title": "Head of Planning"}
        history.add(wrong.number, today - 40 * day, self._opened - 20 * day, right, corrects=mistake.id)
        history.add(soon.number, today + 10 * day, self._opened - 3 * day, {"title": "Senior Buyer"})
        for each in simple[10:40:6]:
            since = timedelta(days=self._random.randrange(30, 190))
            title = f"Senior {history.entries(each.number)[0].values['title']}"
            history.add(each.number, today - since, self._opened - since, {"title": title})
