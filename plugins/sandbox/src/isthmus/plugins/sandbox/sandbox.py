"""How does one start the whole sandbox?"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from .certificates import Authority
from .clock import START, Clock
from .gate import MAX_HEAD, Asked, Gate
from .internal import AccessService
from .people import HOMES, build
from .salesforce import SalesforceOrg, Switch, spools
from .sap import LandscapeSwitch, SapLandscape
from .sap.rfc import RfcEndpoint, SoapService
from .server import HttpApp, ServerThread
from .servicenow import InstanceSwitch, ServiceNowInstance
from .switchboard import Switchboard
from .workday import TenantSwitch, WorkdayTenant

_TLS: Final = "tls"
_GATE: Final = "gate"
_RFC: Final = "sap-rfc"
_SOAP: Final = "sap-soap"


class Sandbox:
    """Serve one made-up enterprise on loopback until the context ends.

    Each org, instance, landscape, tenant and internal service has an HTTP port of its own; one TLS port serves those of
    vendors under the vendors' names, and a gate (an HTTP proxy) leads clients there that know no other address. `ports`
    fixes a port by the org's name (`eu`), the instance's (`servicenow-eu`), the landscape's (`sap-eu`), the tenant's
    (`workday-eu`), the internal service's (`access-eu`), `tls`, `gate`, `sap-rfc` or `sap-soap`, others are free ones;
    `start` is where the virtual clock begins.
    `machine_time` is what the signers of JWT assertions and the checkers of certificates tell the time by (seconds
    since 1970); nothing else reads it.
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
        self.servicenow: Mapping[str, ServiceNowInstance] = self._instances()
        self.sap: Mapping[str, SapLandscape] = self._landscapes()
        self.workday: Mapping[str, WorkdayTenant] = self._tenants()
        self.access: Mapping[str, AccessService] = self._services()
        self.sap_rfc = RfcEndpoint(seed)
        self._fronts = {name: HttpApp(system, spools) for name, system in self._systems().items()}
        self._switch = HttpApp(self._switchboard(), spools)
        self._ports: Mapping[str, int] = ports or {}
        self._gate = Gate()
        self._authority = Authority(machine_time())
        self._server: ServerThread | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(self._authority)
            self._server = ServerThread(
                {**self._fronts, _TLS: self._switch, _SOAP: HttpApp(SoapService(self.sap_rfc))},
                self._ports,
                tls={_TLS: self._authority.context},
                streams={_GATE: self._gate, _RFC: self.sap_rfc},
                head=MAX_HEAD,
            )
            opened.enter_context(self._server)
            self._open = opened.pop_all()
        self._gate.tls_port = self.tls_port
        self._announce()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._server = None
        for org in self.salesforce.values():
            org.close()

    @property
    def tls_port(self) -> int:
        """Return the port that speaks TLS for every system; raises RuntimeError before the sandbox listens."""
        return self._port(_TLS)

    @property
    def gate(self) -> str:
        """Return the proxy URL for clients that insist on the vendor's names; raises RuntimeError before that."""
        return f"http://127.0.0.1:{self._port(_GATE)}"

    @property
    def ca_file(self) -> Path:
        """Return the PEM file to trust, gone when the context ends; raises RuntimeError before that."""
        return self._authority.ca_file

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that lead an unmodified client here; raises RuntimeError before the sandbox listens.

        A client that heeds them reaches nothing but the sandbox and loopback: the gate refuses every other name.
        """
        loopback = "127.0.0.1,localhost"
        places = {"HTTPS_PROXY": self.gate, "HTTP_PROXY": self.gate, "NO_PROXY": loopback}
        trusted = ("CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
        files = dict.fromkeys(trusted, str(self.ca_file))
        return {**places, **{name.lower(): value for name, value in places.items()}, **files, "NODE_USE_ENV_PROXY": "1"}

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Return what was asked at the gate so far."""
        return self._gate.asked

    def reset(self) -> None:
        """Go back to the first state: rows, logins, limits, faults, journals and clock; ports and credentials stay."""
        self.clock.reset()
        former, self.salesforce = self.salesforce, self._orgs()
        self.servicenow = MappingProxyType({home: each.anew() for home, each in self.servicenow.items()})
        self.sap = MappingProxyType({home: each.anew() for home, each in self.sap.items()})
        self.workday = MappingProxyType({home: each.anew() for home, each in self.workday.items()})
        self.access = MappingProxyType({home: each.anew() for home, each in self.access.items()})
        self._switch.handler = self._switchboard()
        self.sap_rfc.reset()
        for name, system in self._systems().items():
            self._fronts[name].handler = system
        self._announce()
        for org in former.values():
            org.close()

    def credentials(self) -> dict[str, object]:
        """Return urls and credentials of every system as plain values, and how clients get there."""
        orgs = {name: org.credentials() for name, org in self.salesforce.items()}
        instances = {name: instance.credentials() for name, instance in self.servicenow.items()}
        landscapes = {name: each.credentials() for name, each in self.sap.items()}
        tenants = {name: each.credentials() for name, each in self.workday.items()}
        services = {name: each.credentials() for name, each in self.access.items()}
        where: dict[str, object] = {}
        if self._server is not None:
            where = {"tls_port": self.tls_port, "gate": self.gate, "ca_file": str(self.ca_file)}
            where["environment"] = dict(self.environment)
        known = {"seed": self.seed, "salesforce": orgs, "servicenow": instances, "sap": landscapes}
        known["workday"] = tenants
        return {**known, "access": services, "sap_rfc": self.sap_rfc.credentials(), **where}

    def _port(self, name: str) -> int:
        if self._server is None or name not in self._server.ports:
            raise RuntimeError("the sandbox does not listen yet; enter it first: `with Sandbox() as sandbox:`")
        return self._server.ports[name]

    def _orgs(self) -> Mapping[str, SalesforceOrg]:
        orgs = {
            home: SalesforceOrg(home, self._enterprise, self.clock, self.seed, self._machine_time) for home in HOMES
        }
        return MappingProxyType(orgs)

    def _instances(self) -> Mapping[str, ServiceNowInstance]:
        instances = {
            home: ServiceNowInstance(home, self._enterprise, self.clock, self.seed, self._machine_time)
            for home in HOMES
        }
        return MappingProxyType(instances)

    def _landscapes(self) -> Mapping[str, SapLandscape]:
        landscapes = {
            home: SapLandscape(home, self._enterprise, self.clock, self.seed, self._machine_time) for home in HOMES
        }
        return MappingProxyType(landscapes)

    def _tenants(self) -> Mapping[str, WorkdayTenant]:
        tenants = {
            home: WorkdayTenant(home, self._enterprise, self.clock, self.seed, self._machine_time) for home in HOMES
        }
        return MappingProxyType(tenants)

    def _services(self) -> Mapping[str, AccessService]:
        return MappingProxyType({home: AccessService(home, self.clock, self.seed) for home in HOMES})

    def _systems(self) -> dict[str, SalesforceOrg | ServiceNowInstance | SapLandscape | WorkdayTenant | AccessService]:
        instances = {f"servicenow-{name}": each for name, each in self.servicenow.items()}
        landscapes = {f"sap-{name}": each for name, each in self.sap.items()}
        tenants = {f"workday-{name}": each for name, each in self.workday.items()}
        services = {f"access-{name}": each for name, each in self.access.items()}
        return {**self.salesforce, **instances, **landscapes, **tenants, **services}

    def _switchboard(self) -> Switchboard:
        return Switchboard(
            Switch(self.salesforce),
            InstanceSwitch(self.servicenow),
            LandscapeSwitch(self.sap),
            TenantSwitch(self.workday),
        )

    def _announce(self) -> None:
        for name, system in self._systems().items():
            if self._server is not None:
                system.listens_on(self._port(name))
        if self._server is not None:
            self.sap_rfc.listens_on(self._port(_RFC), self._port(_SOAP))
