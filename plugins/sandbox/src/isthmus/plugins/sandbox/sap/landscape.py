"""What is one landscape made of, and how do tests and demos look into it?"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.faults import FaultBoard
from isthmus.plugins.sandbox.journal import Journal
from isthmus.plugins.sandbox.keys import private_key
from isthmus.plugins.sandbox.message import Json, Reply, Request
from isthmus.plugins.sandbox.people import Enterprise
from isthmus.plugins.sandbox.server import AsgiApp, HttpApp

from .assertions import write_jwt, write_saml
from .cursors import Cursors
from .faults import FAULTS
from .front import Front
from .hosts import host_of
from .logins import Logins
from .schema import Table
from .seed import Beginning
from .sessions import Sessions
from .store import Store
from .trade import APPROVED_FROM, CURRENCIES, price_of
from .users import User, load_users
from .values import Value, shown

if TYPE_CHECKING:
    from .call import Call

_SIDS: Final = {"eu": "KE1", "us": "KU1"}


class SapLandscape:
    """One S/4HANA-like system: its data (made up when it is first asked for), users, sessions, mishaps and journal."""

    client = "100"
    approval_from = APPROVED_FROM

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
        self.sid = _SIDS[name]
        self.currency = CURRENCIES[name]
        self.clock = clock
        self.machine_time = machine_time
        self.lock = RLock()
        self.faults = FaultBoard(FAULTS)
        self.journal = Journal()
        self.random = Random(f"isthmus sap {name} {seed}")  # noqa: S311 - orders and ids of a stand-in's rows
        self.logins = Logins(name, clock, seed)
        self.client_id, self.client_secret = self.logins.bind()
        self.sessions = Sessions(self.sid, self.client, clock, self.random)
        self.cursors = Cursors(clock, self.random)
        self.locks: dict[tuple[str, str], str] = {}
        """Who holds the enqueue lock of a root row, by its table and id."""
        self.page_size: int | None = None
        """How many rows a page has; None leaves it to the services."""
        self.app: AsgiApp = HttpApp(self)
        self.opened = clock.now()
        self._seed = seed
        self._enterprise = enterprise
        self._beginning = beginning or Beginning(name, enterprise, seed, clock.now())
        self._front = Front(self)
        self._origin: str | None = None

    def anew(self) -> "SapLandscape":
        """Return the landscape as it was in the beginning."""
        return SapLandscape(self.name, self._enterprise, self.clock, self._seed, self.machine_time, self._beginning)

    @cached_property
    def store(self) -> Store:
        """Return the landscape's data, as it was when the sandbox began and as calls changed it since."""
        with self.lock:
            return self._beginning.store(self.clock)

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`; raises RuntimeError before the sandbox listens."""
        if self._origin is None:
            raise RuntimeError("this landscape does not listen yet; enter the sandbox first: `with Sandbox() as it:`")
        return self._origin

    @property
    def host(self) -> str:
        """Return the host name under which clients behind the gate know the landscape."""
        return host_of(self.name)

    @property
    def users(self) -> Mapping[str, User]:
        """Return those who may log on, by login."""
        return load_users()

    @property
    def audience(self) -> str:
        """Return whom assertions must be for."""
        return f"https://{self.host}"

    @property
    def private_key_pem(self) -> str:
        """Return the key of the identity provider: the one thing that the seed does not fix."""
        return private_key(f"sap {self.name}")

    def listens_on(self, port: int) -> None:
        """Note where the landscape can be reached."""
        self._origin = f"http://127.0.0.1:{port}"

    def moments(self) -> tuple[float, float]:
        """Return what time it is, by the sandbox's clock and by that of the machine that signs."""
        return self.clock(), self.machine_time()

    def password(self, login: str) -> str:
        """Return a user's password."""
        return self.logins.password(login)

    def saml_assertion(self, login: str) -> str:
        """Return what the identity provider says about a user, as a SAML bearer assertion of five minutes."""
        return write_saml(login, self.private_key_pem, self.machine_time(), self.audience)

    def user_token(self, login: str) -> str:
        """Return what the identity provider says about a user, as a JWT of five minutes."""
        return write_jwt(login, self.private_key_pem, self.machine_time(), self.audience)

    def price(self, product: str) -> Decimal:
        """Return what a product costs."""
        return price_of(product)

    def altered(self, call: "Call", table: Table, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return what is really stored of what was sent: faults lose and alter fields."""
        found = dict(values)
        if lost := call.takes("drop_field"):
            found.pop(lost.text("field", ""), None)
        if fault := call.takes("altered_write"):
            name = fault.text("field", "")
            if name in table.fields:
                found[name] = fault.text("value", "")
        return found

    def owns(self, mark: str, password: str = "") -> bool:
        """Say whether a token, a client id, or a name with its password belongs to this landscape."""
        if password:
            known = mark.lower() in self.users and self.password(mark.lower()) == password
            return known or self.logins.is_client(mark, password)
        return self.logins.gave(mark) or mark in self.logins.bindings

    def rows(self, object: str, *, deleted: bool = False) -> list[dict[str, Json]]:  # noqa: ARG002 - none is kept
        """Return copies of a table's rows as V4 shows them, whatever any user may see; raises KeyError for no table."""
        with self.lock:
            table = self.store.tables[object]
            return [
                {name: shown(field, row[name], 4, exact=True) for name, field in table.fields.items()}
                for row in self.store.scan(object)
            ]

    def credentials(self) -> dict[str, object]:
        """Return all that a client needs to log on."""
        logins = {each: {"username": each.upper(), "password": self.password(each)} for each in self.users}
        return {
            "url": self._origin,
            "host": f"https://{self.host}",
            "sap_client": self.client,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": "INTEGRATION",
            "password": self.password("integration"),
            "logins": logins,
        }

    def handle(self, request: Request) -> Reply:
        """Answer one request, alone: nothing else happens in this landscape meanwhile."""
        with self.lock:
            return self._front.answer(request)
