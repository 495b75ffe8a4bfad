"""What is one tenant made of, and how do tests and demos look into it?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from threading import RLock
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.faults import FaultBoard
from isthmus.plugins.sandbox.journal import Journal
from isthmus.plugins.sandbox.keys import certificate, private_key
from isthmus.plugins.sandbox.message import Json, Reply, Request
from isthmus.plugins.sandbox.people import Enterprise
from isthmus.plugins.sandbox.server import AsgiApp, HttpApp

from .absence_rules import TimeOff
from .changes import Draft
from .dated import Value
from .faults import FAULTS
from .front import Front
from .hosts import alias_of, gateway_of, host_of, tenant_of
from .logins import Logins
from .payments import Payment
from .processes import Desk, Event
from .rates import Buckets
from .refs import WORKER, Things
from .stored import TABLES
from .tokens import TokenEndpoint
from .users import User, load_users
from .view import View
from .vocabulary import register
from .world import Builder, World

if TYPE_CHECKING:
    from .call import Call


class Beginning:
    """What a tenant begins with, made up once and copied as often as somebody begins anew."""

    def __init__(self, home: str, seed: int, opened: datetime) -> None:
        self._made = (home, seed, opened)

    @cached_property
    def _world(self) -> World:
        return Builder(*self._made).build()

    def world(self) -> World:
        """Return a copy."""
        return self._world.copied()


class WorkdayTenant:
    """One tenant: its people (made up when they are first asked for), accounts, events, mishaps and its journal."""

    def __init__(
        self,
        name: str,
        enterprise: Enterprise,
        clock: Clock,
        seed: int,
        machine_time: Callable[[], float],
        beginning: Beginning | None = None,
    ) -> None:
        self.name = name
        self.tenant = tenant_of(name)
        self.alias = alias_of(name)
        self.clock = clock
        self.machine_time = machine_time
        self.lock = RLock()
        self.faults = FaultBoard(FAULTS)
        self.journal = Journal()
        self.random = Random(f"isthmus workday {name} {seed}")  # noqa: S311 - orders of a stand-in's rows
        self.logins = Logins(name, clock, seed)
        self.client_id, self.client_secret = self.logins.register()
        self._granted = {login: self.logins.grant(login, self.client_id) for login in self.users}
        self.buckets = Buckets(clock)
        self._things = Things(self.tenant)
        self.desk = Desk(self)
        self.time_off: list[TimeOff] = []
        self.payments: list[Payment] = []
        self.drafts: dict[str, Draft] = {}
        self.hires: dict[str, Event] = {}
        """The process that hires an applicant, by the Applicant_ID."""
        self.changes: dict[str, dict[str, Value]] = {}
        """What an event changes, by the event's WID."""
        self.agents: dict[str, Mapping[str, Json]] = {}
        self.report_rows: int | None = None
        """How many rows each report has; None leaves it to the data."""
        self.tokens = TokenEndpoint(self)
        self.app: AsgiApp = HttpApp(self)
        self._seed = seed
        self._enterprise = enterprise
        self._beginning = beginning or Beginning(name, seed, clock.now())
        self._front = Front(self)
        self._origin: str | None = None

    def anew(self) -> "WorkdayTenant":
        """Return the tenant as it was in the beginning."""
        return WorkdayTenant(self.name, self._enterprise, self.clock, self._seed, self.machine_time, self._beginning)

    @cached_property
    def world(self) -> World:
        """Return people and organizations, as they were when the sandbox began and as calls changed them since."""
        with self.lock:
            world = self._beginning.world()
            register(self._things, world)
            return world

    @property
    def things(self) -> Things:
        """Return every instance, those of the tenant's data among them."""
        _ = self.world
        return self._things

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`; raises RuntimeError before the sandbox listens."""
        if self._origin is None:
            raise RuntimeError("this tenant does not listen yet; enter the sandbox first: `with Sandbox() as it:`")
        return self._origin

    @property
    def host(self) -> str:
        """Return the host name under which clients behind the gate know the tenant's services."""
        return host_of(self.name)

    @property
    def gateway(self) -> str:
        """Return the host name of the Agent Gateway in the tenant's region."""
        return gateway_of(self.name)

    @property
    def users(self) -> Mapping[str, User]:
        """Return those who have an account, by login."""
        return load_users()

    @property
    def private_key_pem(self) -> str:
        """Return the key that signs JWT bearer assertions: the one thing that the seed does not fix."""
        return private_key(f"workday {self.name}")

    @property
    def certificate(self) -> x509.Certificate:
        """Return the certificate of `private_key_pem`, which is registered for the integration user's messages."""
        return certificate(f"workday {self.name}", f"integration@{self.tenant}")

    @property
    def certificate_pem(self) -> str:
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def listens_on(self, port: int) -> None:
        """Note where the tenant can be reached."""
        self._origin = f"http://127.0.0.1:{port}"

    def password(self, login: str) -> str:
        """Return a user's password."""
        return self.logins.password(login)

    def refresh_token(self, login: str) -> str:
        """Return the refresh token of a new grant of this user to the first API client."""
        return self.logins.grant(self.users[login].login, self.client_id)

    def view(self, user: User) -> View:
        """Return the workers as far as a user may see them."""
        return View(self.world, self.things, user, self.clock.now)

    def wid(self, login: str) -> str:
        """Return the Workday ID of the worker with this login; raises KeyError where there is none."""
        return self.things.of(WORKER, self.world.people[self.world.number_of(login)].number).wid

    @contextmanager
    def completing(self, call: "Call") -> "Iterator[None]":
        """Let events that are started or ended meanwhile complete late, if a fault asks for it."""
        fault, usual = call.takes("delayed_completion"), self.desk.delay
        if fault is not None:
            self.desk.delay = timedelta(seconds=fault.number("seconds", 60))
        try:
            yield
        finally:
            self.desk.delay = usual

    def rows(self, object: str, *, deleted: bool = False) -> list[dict[str, Json]]:  # noqa: ARG002 - none is kept
        """Return what is stored, whatever any user may see; raises KeyError for an unknown object."""
        with self.lock:
            return TABLES[object](self)

    def credentials(self) -> dict[str, object]:
        """Return all that a client needs to log in."""
        logins = {
            login: {
                "username": f"{login}@{self.tenant}",
                "password": self.password(login),
                "refresh_token": self._granted[login],
            }
            for login in self.users
        }
        return {
            "url": self._origin,
            "host": f"https://{self.host}",
            "gateway": f"https://{self.gateway}",
            "tenant": self.tenant,
            "alias": self.alias,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": f"integration@{self.tenant}",
            "password": self.password("integration"),
            "refresh_token": self._granted["integration"],
            "logins": logins,
            "private_key_pem": self.private_key_pem,
            "certificate_pem": self.certificate_pem,
        }

    def handle(self, request: Request) -> Reply:
        """Answer one request, alone: nothing else happens in this tenant meanwhile."""
        with self.lock:
            return self._front.answer(request)
