"""Which tenant answers a request to a port that they share?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.names import without_port

from .errors import page
from .hosts import DOMAIN
from .surfaces import STARTS, place_of

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

_OTHERS: Final = (".salesforce.com", ".service-now.com", ".sap")


class TenantSwitch:
    """Hand each request to the tenant whose host it names; at loopback, to the one in its path or whose user it is."""

    def __init__(self, tenants: "Mapping[str, WorkdayTenant]") -> None:
        self._tenants = tuple(tenants.values())
        self._hosts = {host: each for each in self._tenants for host in (each.host, each.gateway)}

    def claims(self, request: Request) -> bool:
        """Say whether a request is for a tenant, by its host or else by its path."""
        host = without_port(request.host)
        if host.endswith(f".{DOMAIN}"):
            return True
        return not host.endswith(_OTHERS) and request.path.startswith(STARTS)

    def handle(self, request: Request) -> Reply:
        """Answer one request; what belongs to no tenant is refused by the first one."""
        host = without_port(request.host)
        if host.endswith(f".{DOMAIN}") and host not in self._hosts:
            return page(404, "Not Found").reply
        return (self._hosts.get(host) or self._owner(request)).handle(request)

    def _owner(self, request: Request) -> "WorkdayTenant":
        place = place_of(request.path)
        name = place.tenant if place is not None else ""
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        found = (each for each in self._tenants if name in (each.tenant, each.alias) or each.logins.gave(token))
        return next(found, self._tenants[0])
