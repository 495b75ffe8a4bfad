"""What is one instance made of, and how do tests and demos look into it?"""

from collections.abc import Callable, Mapping
from functools import cached_property
from random import Random
from threading import RLock

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.faults import FaultBoard
from isthmus.plugins.sandbox.journal import Journal
from isthmus.plugins.sandbox.keys import private_key
from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.people import Enterprise
from isthmus.plugins.sandbox.server import AsgiApp, HttpApp

from .faults import FAULTS
from .front import Front
from .hosts import host_of
from .logins import Logins
from .people import load_people
from .rates import Rates
from .seed import Beginning
from .store import Row, Store
from .tokens import TokenEndpoint


class ServiceNowInstance:
    """One instance: its data (made up when it is first asked for), users, limits, mishaps and its journal."""

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
        self.clock = clock
        self.machine_time = machine_time
        self.lock = RLock()
        self.faults = FaultBoard(FAULTS)
        self.journal = Journal()
        self.random = Random(f"isthmus servicenow {name} {seed}")  # noqa: S311 - orders of a stand-in's rows
        self.client_id = f"{Random(f'snow client {name} {seed}').getrandbits(128):032x}"  # noqa: S311
        self.client_secret = f"{Random(f'snow secret {name} {seed}').getrandbits(160):040x}"  # noqa: S311 - a stand-in's
        self.logins = Logins(name, clock, seed, self.client_id, self.client_secret)
        self.tokens = TokenEndpoint(self)
        self.tiny: dict[str, Mapping[str, str]] = {}
        self.files: dict[str, bytes] = {}
        self.app: AsgiApp = HttpApp(self)
        self._seed = seed
        self._enterprise = enterprise
        self._beginning = beginning or Beginning(name, enterprise, seed, clock.now())
        self._front = Front(self)
        self._origin: str | None = None

    def anew(self) -> "ServiceNowInstance":
        """Return the instance as it was in the beginning."""
        return ServiceNowInstance(
            self.name, self._enterprise, self.clock, self._seed, self.machine_time, self._beginning
        )

    @cached_property
    def store(self) -> Store:
        """Return the instance's data, as it was when the sandbox began and as calls changed it since."""
        with self.lock:
            return self._beginning.store(self.clock)

    @cached_property
    def rates(self) -> Rates:
        """Return what counts calls by the rate rules."""
        return Rates(self.store, self.clock)

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`; raises RuntimeError before the sandbox listens."""
        if self._origin is None:
            raise RuntimeError("this instance does not listen yet; enter the sandbox first: `with Sandbox() as it:`")
        return self._origin

    @property
    def host(self) -> str:
        """Return the host name under which clients behind the gate know the instance."""
        return host_of(self.name)

    def listens_on(self, port: int) -> None:
        """Note where the instance can be reached."""
        self._origin = f"http://127.0.0.1:{port}"

    @property
    def private_key_pem(self) -> str:
        """Return the key that signs JWT bearer assertions: the one thing that the seed does not fix."""
        return private_key(self.client_id)

    def property(self, name: str) -> str:
        """Return a system property; one that nobody set is empty."""
        row = self.store.first("sys_properties", name=name)
        return row["value"] if row else ""

    def user(self, user_name: str) -> Row | None:
        """Return the row of a user; names are the same in any case."""
        return self.store.first("sys_user", user_name=user_name) or self.store.first(
            "sys_user", user_name=user_name.lower()
        )

    def log_in(self, user_name: str, password: str) -> Row | None:
        """Return the user whose password this is; None for a wrong one, and for those who cannot log in."""
        user = self.user(user_name)
        right = user is not None and password != "" and user["user_password"] == password
        return user if right and user is not None and user["active"] == "true" else None

    def key_owner(self, key: str) -> Row | None:
        """Return the user of an API key."""
        found = next((each.login for each in load_people() if key and self.api_key(each.login) == key), "")
        return self.user(found) if found else None

    def password(self, login: str) -> str:
        """Return the password that a login begins with."""
        return self._beginning.passwords.of(f"{login}@")[0]

    def api_key(self, login: str) -> str:
        """Return the key that a login may send in x-sn-apikey."""
        return f"now_{self._beginning.passwords.of(f'key {login}')[1]}"

    def owns(self, mark: str, password: str = "") -> bool:
        """Say whether a token, a client id, an API key, or a name with its password belongs to this instance."""
        if password:
            return self.logins.clients.get(mark) == password or self.log_in(mark, password) is not None
        return self.logins.gave(mark) or mark in self.logins.clients or self.key_owner(mark) is not None

    def rows(self, object: str, *, deleted: bool = False) -> list[Row]:  # noqa: ARG002 - nothing deleted is kept
        """Return copies of the rows that a table shows, whatever any user may see; raises KeyError for no table."""
        with self.lock:
            return [dict(row) for row in self.store.scan(self.store.schema[object])]

    def credentials(self) -> dict[str, object]:
        """Return all that a client needs to log in."""
        people = [each.login for each in load_people() if each.logs_in]
        logins = {
            login: {"username": login, "password": self.password(login), "api_key": self.api_key(login)}
            for login in people
        }
        return {
            "url": self._origin,
            "instance": f"https://{self.host}",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": "integration",
            "logins": logins,
            "private_key_pem": self.private_key_pem,
        }

    def handle(self, request: Request) -> Reply:
        """Answer one request, alone: nothing else happens in this instance meanwhile."""
        with self.lock:
            return self._front.answer(request)
