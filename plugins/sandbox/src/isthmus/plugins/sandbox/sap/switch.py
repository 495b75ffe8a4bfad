"""Which landscape answers a request to a port that they share?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.names import without_port

from .errors import page
from .faults import SSO_PAGE
from .hosts import DOMAIN, dialog_host_of

if TYPE_CHECKING:
    from .landscape import SapLandscape

_PATHS: Final = ("/sap/", "/oauth/token", "/destination-configuration/")


class LandscapeSwitch:
    """Hand each request to the landscape whose host it names; at loopback, to the one whose user it is."""

    def __init__(self, landscapes: "Mapping[str, SapLandscape]") -> None:
        self._landscapes = tuple(landscapes.values())
        self._hosts = {each.host: each for each in self._landscapes}
        self._dialog = {dialog_host_of(each.name) for each in self._landscapes}

    def claims(self, request: Request) -> bool:
        """Say whether a request is for a landscape, by its host or else by its path."""
        host = without_port(request.host)
        if host.endswith(f".{DOMAIN}"):
            return True
        return not host.endswith((".salesforce.com", ".service-now.com")) and request.path.startswith(_PATHS)

    def handle(self, request: Request) -> Reply:
        """Answer one request; what belongs to no landscape is refused by the first one."""
        host = without_port(request.host)
        if host in self._dialog:
            return Reply(200, SSO_PAGE, media_type="text/html;charset=utf-8")
        if host.endswith(f".{DOMAIN}") and host not in self._hosts:
            return page(404, "Not Found").reply
        return (self._hosts.get(host) or self._owner(request)).handle(request)

    def _owner(self, request: Request) -> "SapLandscape":
        marks = _marks(request)
        found = (each for each in self._landscapes if any(each.owns(*mark) for mark in marks))
        return next(found, self._landscapes[0])


def _marks(request: Request) -> list[tuple[str, str]]:
    """Return what in a request can tell whose it is: tokens, client ids, user names with their passwords."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    marks = [request.basic or (token, "")]
    if request.method == "POST" and request.path.endswith("/token"):
        marks.append((request.form.get("client_id", ""), ""))
    return [mark for mark in marks if mark[0]]
