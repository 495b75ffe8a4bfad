"""How does one start the whole sandbox?"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Self

from .clock import START, Clock
from .people import HOMES, build
from .salesforce import SalesforceOrg
from .server import HttpApp, ServerThread


class Sandbox:
    """Serve one made-up enterprise on loopback until the context ends.

    `ports` fixes the port of an org by its name, others are free ones; `start` is where the virtual clock begins.
    `machine_time` is what the signers of JWT assertions tell the time by (seconds since 1970); nothing else reads it.
    """

    def __init__(
        self,
        seed: int = 7,
        *,
        ports: Mapping[str, int] | None = None,
        accounts: int = 2_000,
        contacts: int = 10_000,
        start: datetime = START,
        machine_time: Callable[[], float] = time.time,
    ) -> None:
        self.seed = seed
        self.clock = Clock(start)
        self._enterprise = build(seed, accounts, contacts)
        self._machine_time = machine_time
        self.salesforce: Mapping[str, SalesforceOrg] = self._orgs()
        self._fronts = {name: HttpApp(org) for name, org in self.salesforce.items()}
        self._server = ServerThread(self._fronts, ports or {})

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._announce()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def reset(self) -> None:
        """Go back to the first state: rows, logins, limits, faults, journals and clock; ports and credentials stay."""
        self.clock.reset()
        self.salesforce = self._orgs()
        for name, org in self.salesforce.items():
            self._fronts[name].handler = org
        self._announce()

    def credentials(self) -> dict[str, object]:
        """Return urls and credentials of every org as plain values."""
        return {"seed": self.seed, "salesforce": {name: org.credentials() for name, org in self.salesforce.items()}}

    def _orgs(self) -> Mapping[str, SalesforceOrg]:
        orgs = {
            home: SalesforceOrg(home, self._enterprise, self.clock, self.seed, self._machine_time) for home in HOMES
        }
        return MappingProxyType(orgs)

    def _announce(self) -> None:
        for name, port in self._server.ports.items():
            self.salesforce[name].listens_on(port)
