"""What is one org made of, and how do tests and demos look into it?"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from threading import RLock
from typing import Final

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.faults import FaultBoard
from isthmus.plugins.sandbox.journal import Journal
from isthmus.plugins.sandbox.keys import private_key
from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.passwords import Passwords
from isthmus.plugins.sandbox.people import Enterprise
from isthmus.plugins.sandbox.server import AsgiApp, HttpApp

from .access import View, load_people
from .approval_desk import ApprovalDesk
from .blobs import Blobs, Limits
from .bulk import Jobs
from .forms import spools
from .front import Front
from .hosts import my_domain
from .logins import Logins
from .oauth import TokenEndpoint
from .queries import Cursors
from .quota import DailyQuota
from .recent import Recent
from .refusals import REFUSALS
from .schema import load_schema
from .seed import Seeder
from .seed_files import FileSeeder
from .store import Row, Store
from .tooling import Tooling

FAULTS: Final[Mapping[str, str]] = {
    "lost_answer": "do what was asked, then close the connection without an answer",
    "expire_session": "end the login whose token the request carries",
    "lock_row": "a write meets a locked row: 400 UNABLE_TO_LOCK_ROW",
    "daily_limit": "403 REQUEST_LIMIT_EXCEEDED of the daily kind; header=False leaves out what is left",
    "concurrent_limit": "403 REQUEST_LIMIT_EXCEEDED of the concurrent kind",
    "server_error": "500 with an empty body; committed=True does what was asked first, `status` and `code` say more",
    "unavailable": "503 SERVER_UNAVAILABLE",
    "slow": "answer only after `seconds` of real time (default 1)",
    "slow_body": "send the head at once and the body in drops over `seconds` of real time (default 1)",
    "gzip_bomb": "do what was asked, then answer with `megabytes` of blanks, compressed (default 65)",
    "edge_throttle": "429 from the edge, no Retry-After",
    "lost_token_answer": "issue or rotate tokens, then close the connection without an answer",
    "token_refused": "400 from the token endpoint with `error` (default invalid_grant)",
    "foreign_next_url": "point nextRecordsUrl at `url`, by default another host",
    "cyclic_paging": "point nextRecordsUrl at the page just read",
    "html_200": "200 with an HTML page instead of JSON; nothing is done",
    "dead_locator": "kill the cursor for ever; error=INVALID_SESSION_ID makes it look like an expired session",
    "slow_job": "a bulk job or batch stays unfinished for `looks` looks (default 2) or `seconds` of virtual time",
    "fail_job": "a bulk job or batch breaks off after `rows` rows (default 0)",
    "replication_lag": "updated and deleted leave out the last `minutes` (default 10), as behind a long transaction",
    "same_second": "an update leaves SystemModstamp where it was, as two quick changes would",
    **{kind: f"{each.told}: {each.status} {each.code}" for kind, each in REFUSALS.items()},
}


_PODS: Final = {"eu": "8d", "us": "5e"}


class SalesforceOrg:
    """One org: its data, users, limits, mishaps and its journal."""

    def __init__(
        self, name: str, enterprise: Enterprise, clock: Clock, seed: int, machine_time: Callable[[], float]
    ) -> None:
        self.name = name
        self.clock = clock
        self.machine_time = machine_time
        self.opened = clock.now()
        self.lock = RLock()
        self.schema = load_schema()
        self.store = Store(self.schema, clock, _PODS[name])
        self.blobs = Blobs()
        self.file_limits = Limits()
        Seeder(self.store, enterprise, name, seed).fill()
        FileSeeder(self.store, self.blobs, self.opened - timedelta(days=40)).fill()
        users = {str(row["Username"]).partition("@")[0]: str(row["Id"]) for row in self.store["User"]}
        self.approvals = ApprovalDesk(self.store, users, self.opened - timedelta(days=2))
        self.org_id = next(iter(self.store["Organization"].rows))
        self.faults = FaultBoard(FAULTS)
        self.journal = Journal()
        self.quota = DailyQuota(clock)
        self.logins = Logins(self.org_id, clock, seed)
        self.random = Random(f"isthmus cursors {name} {seed}")  # noqa: S311 - locators of a stand-in
        self.cursors = Cursors(self.random)
        self.jobs = Jobs(_PODS[name])
        self.recent = Recent()
        self.tooling = Tooling(clock, _PODS[name])
        self.client_id = f"3MVG9{name}.{'%040x' % Random(f'client {name} {seed}').getrandbits(160)}"  # noqa: S311, UP031
        self.client_secret = f"{Random(f'secret {name} {seed}').getrandbits(256):064X}"  # noqa: S311 - a stand-in's
        self.username = f"integration@{name}.kessmar.example"
        self.passwords = Passwords(name, seed)
        self.allows_password_grant = True
        self.tokens = TokenEndpoint(self)
        self.app: AsgiApp = HttpApp(self, spools)
        self._front = Front(self)
        self._origin: str | None = None
        self._views: dict[str, View] = {}
        self._profiles, people = load_people()
        self._people = {f"{person.login}@{name}.kessmar.example": person for person in people}

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`; raises RuntimeError before the sandbox listens."""
        if self._origin is None:
            raise RuntimeError("this org does not listen yet; enter the sandbox first: `with Sandbox() as sandbox:`")
        return self._origin

    @property
    def my_domain(self) -> str:
        """Return the address under which clients behind the gate know the org."""
        return f"https://{my_domain(self.name)}"

    def listens_on(self, port: int) -> None:
        """Note where the org can be reached."""
        self._origin = f"http://127.0.0.1:{port}"

    @property
    def private_key_pem(self) -> str:
        """Return the key that signs JWT bearer assertions: the one thing that the seed does not fix."""
        return private_key(self.client_id)

    @property
    def usernames(self) -> dict[str, str]:
        """Return the username of every login: integration, alice, bob and so on."""
        return {person.login: username for username, person in self._people.items()}

    def owns(self, mark: str) -> bool:
        """Say whether a token, a consumer key or a user name belongs to this org."""
        token = mark.startswith(f"{self.org_id[:15]}!") or self.logins.gave(mark)
        return token or mark == self.client_id or mark.lower() in self._people

    def user(self, username: str) -> Row | None:
        """Return the row of a user."""
        found = self.store["User"].find(self.schema.objects["User"].by_name["username"], username)
        return found[0] if found else None

    def approved(self, user: Row) -> bool:
        """Say whether the user has allowed the connected app."""
        return self._people[str(user["Username"])].approved

    def view(self, user_id: str) -> View:
        """Return the org as this user sees it."""
        if user_id not in self._views:
            person = self._people[str(self.store["User"].rows[user_id]["Username"])]
            self._views[user_id] = View(self.schema, self._profiles[person.profile], user_id, self.store)
        return self._views[user_id]

    def rows(self, object: str, *, deleted: bool = False) -> list[Row]:
        """Return copies of the stored rows, whatever any user may see; raises KeyError for an unknown object."""
        with self.lock:
            return [dict(row) for row in self.store[object] if deleted or not row.get("IsDeleted")]

    def refresh_token(self, username: str) -> str:
        """Let a user consent, as a browser flow would, and return the refresh token; raises KeyError for nobody."""
        with self.lock:
            user = self.user(username)
            if user is None:
                raise KeyError(username)
            return self.logins.grant(str(user["Id"])).refresh_token

    def credentials(self) -> dict[str, object]:
        """Return all that a client needs to log in."""
        secrets = {login: (username, *self.passwords.of(username)) for login, username in self.usernames.items()}
        words = ("username", "password", "security_token")
        return {
            "url": self._origin,
            "my_domain": self.my_domain,
            "org_id": self.org_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": self.username,
            "users": self.usernames,
            "logins": {login: dict(zip(words, values, strict=True)) for login, values in secrets.items()},
            "private_key_pem": self.private_key_pem,
        }

    def close(self) -> None:
        """Remove the files that the org keeps on disk."""
        with self.lock:
            self.blobs.close()

    def handle(self, request: Request) -> Reply:
        """Answer one request, alone: nothing else happens in this org meanwhile."""
        with self.lock:
            return self._front.answer(request)
