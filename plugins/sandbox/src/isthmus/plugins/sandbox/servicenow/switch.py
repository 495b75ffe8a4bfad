"""Which instance answers a request to a port that they share?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.names import without_port

from .faults import page
from .tokens import PATH as TOKEN

if TYPE_CHECKING:
    from .instance import ServiceNowInstance


class InstanceSwitch:
    """Hand each request to the instance whose host it names; at loopback, to the one whose user it is."""

    def __init__(self, instances: "Mapping[str, ServiceNowInstance]") -> None:
        self._instances = tuple(instances.values())
        self._hosts = {each.host: each for each in self._instances}

    def claims(self, request: Request) -> bool:
        """Say whether a request is for an instance, by its host or else by its path."""
        host = without_port(request.host)
        if host.endswith(".service-now.com"):
            return True
        return not host.endswith(".salesforce.com") and request.path.startswith(("/api/", TOKEN))

    def handle(self, request: Request) -> Reply:
        """Answer one request; what belongs to no instance is refused by the first one."""
        host = without_port(request.host)
        if host.endswith(".service-now.com") and host not in self._hosts:
            return page(404, "Instance not found")
        return (self._hosts.get(host) or self._owner(request)).handle(request)

    def _owner(self, request: Request) -> "ServiceNowInstance":
        marks = _marks(request)
        found = (each for each in self._instances if any(each.owns(*mark) for mark in marks))
        return next(found, self._instances[0])


def _marks(request: Request) -> list[tuple[str, str]]:
    """Return what in a request can tell whose it is: tokens, keys, client ids, user names with their passwords."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    marks = [request.basic or (token, ""), (request.headers.get("x-sn-apikey", ""), "")]
    if request.path == TOKEN:
        marks.append((request.form.get("client_id", ""), ""))
    return [mark for mark in marks if mark[0]]
