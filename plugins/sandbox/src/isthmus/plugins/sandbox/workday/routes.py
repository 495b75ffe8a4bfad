"""Which resource answers which path of a service?"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from isthmus.plugins.sandbox.message import Reply

from .errors import Refused, invalid, not_found

if TYPE_CHECKING:
    from .call import Call

Handler: TypeAlias = "Callable[[Call, tuple[str, ...]], Reply]"
NOT_ENABLED: Final = frozenset({"security"})
"""Services that answer 400 to everything; those that nobody knows answer 404."""


@dataclass(frozen=True, slots=True)
class Route:
    """One resource of one service: `pattern` fits what follows the tenant, its groups are the handler's arguments."""

    method: str
    service: str
    pattern: re.Pattern[str]
    handler: Handler


def route(method: str, service: str, path: str, handler: Handler) -> Route:
    """Return a route of a service such as `staffing/v6` (`v1` for the common one) and a path such as `workers/{}`."""
    return Route(method, service, re.compile(re.escape(path).replace(r"\{\}", "([^/]+)")), handler)


def dispatch(call: "Call", routes: Sequence[Route]) -> Reply:
    """Return the resource's answer; raises Refused where no resource has this path or method."""
    place, fits = call.place, False
    service = f"{place.service}/{place.version}".strip("/")
    if place.service in NOT_ENABLED:
        raise invalid()
    for each in routes:
        match = each.pattern.fullmatch(place.rest) if each.service == service else None
        if match is None:
            continue
        fits = True
        if each.method == call.method:
            return each.handler(call, match.groups())
    raise Refused(405, "Method not allowed") if fits else not_found()
