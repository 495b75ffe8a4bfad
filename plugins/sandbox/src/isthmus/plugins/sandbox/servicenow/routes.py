"""Which resource answers which path?"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from isthmus.plugins.sandbox.message import Reply

from .errors import ApiError, no_such_resource

if TYPE_CHECKING:
    from .call import Call

Handler: TypeAlias = "Callable[[Call, tuple[str, ...]], Reply]"


@dataclass(frozen=True, slots=True)
class Route:
    """One resource: `pattern` fits the whole path, its groups are the handler's arguments."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler


def route(method: str, path: str, handler: Handler) -> Route:
    """Return a route for a path below `/api/` such as `now/table/{}/{}`; a version may follow the first part."""
    first, _, rest = path.partition("/")
    expression = re.escape(rest).replace(r"\{\}", "([^/]+)")
    space = re.escape(first).replace(r"\*", r"[^/]+")
    return Route(method, re.compile(f"/api/{space}(?:/v[12])?/{expression}/?"), handler)


def dispatch(call: "Call", routes: Iterable[Route]) -> Reply:
    """Return the resource's answer; raises ApiError where no resource has this path or method."""
    path, fits = call.request.path, False
    for each in routes:
        match = each.pattern.fullmatch(path)
        if match is None:
            continue
        fits = True
        if each.method == call.method:
            return each.handler(call, match.groups())
    if fits:
        raise ApiError(405, "Method not supported", f"{call.method} is not supported for this resource")
    raise no_such_resource()


Routes: TypeAlias = Sequence[Route]
