"""Which workers, and what of each, does domain security show to a user?"""

from collections.abc import Callable
from datetime import date, datetime
from functools import cached_property

from .dated import Value
from .errors import not_found
from .refs import WORKER, Thing, Things
from .users import User
from .world import Person, World


class View:
    """The workers of a tenant as far as one user may see them."""

    def __init__(self, world: World, things: Things, user: User, now: Callable[[], datetime]) -> None:
        self._world = world
        self._things = things
        self._now = now
        self.user = user

    @property
    def today(self) -> date:
        """Return the day that reads are about unless they say otherwise."""
        return self._now().date()

    @cached_property
    def own(self) -> str:
        """Return the user's own worker; empty where there is none."""
        return self._world.number_of(self.user.login) if self.user.worker else ""

    @cached_property
    def _organizations(self) -> frozenset[str]:
        led = {key for each in self._world.led_by(self.own) for key in self._world.below(each.key)}
        mine = str(self.facts(self.own).get("organization", ""))
        return frozenset(led or {mine})

    def facts(self, number: str, day: date | None = None, moment: datetime | None = None) -> dict[str, Value]:
        """Return what holds of a worker on a day, as typed by a moment; today and now where they are left out."""
        return self._world.history.as_of(number, day or self.today, moment or self._now())

    def sees(self, number: str, day: date | None = None) -> bool:
        """Say whether the worker is there for this user."""
        if self.user.rows == "all" or number == self.own:
            return True
        if self.user.rows == "self":
            return number == self.manager_of(self.own)
        return self.facts(number, day).get("organization") in self._organizations

    def may(self, domain: str, number: str) -> bool:
        """Say whether the user may see values of this domain; of oneself one sees all."""
        return number == self.own != "" or bool(self.user.domains & {"*", domain})

    def manager_of(self, number: str, day: date | None = None) -> str:
        """Return the number of a worker's manager; empty at the top."""
        organization = self._world.organizations.get(str(self.facts(number, day).get("organization", "")))
        while organization is not None:
            if organization.leader and organization.leader != number:
                return organization.leader
            organization = self._world.organizations.get(organization.superior)
        return ""

    def workers(self, day: date | None = None, moment: datetime | None = None) -> list[str]:
        """Return those who work here on a day and whom the user sees, in the order of their numbers."""
        known = sorted(self._world.history.known(moment or self._now()))
        return [each for each in known if self.facts(each, day, moment).get("active") and self.sees(each, day)]

    def thing(self, number: str) -> Thing:
        """Return a worker as an instance."""
        return self._things.of(WORKER, number, self._world.people[number].name)

    def find(self, mark: str) -> Person:
        """Return the worker that an id names, whether active or not; raises Refused for one who is not there."""
        thing = self._things.find(mark, WORKER)
        if thing is None or not self._world.history.entries(thing.key) or not self.sees(thing.key):
            raise not_found()
        return self._world.people[thing.key]
