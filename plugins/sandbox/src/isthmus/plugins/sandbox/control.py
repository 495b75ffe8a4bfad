"""How does another process steer the sandbox and look into it?"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from .clock import Clock, stamp
from .faults import FaultBoard
from .journal import Journal
from .message import Json, Reply, Request

PATH: Final = "/__sandbox__/"
"""Below it lie the levers, at every system."""


class Steered(Protocol):
    """What every system of the sandbox lets one do from outside."""

    name: str
    clock: Clock
    faults: FaultBoard
    journal: Journal

    def credentials(self) -> dict[str, object]:
        """Return all that a client needs to log in."""
        ...

    def rows(self, object: str, *, deleted: bool = False) -> Sequence[Mapping[str, Json]]:
        """Return copies of the stored rows; raises KeyError for an unknown object."""
        ...


System = TypeVar("System", bound=Steered)
Lever: TypeAlias = Callable[[System, Request, Mapping[str, Json], str], Json]
Levers: TypeAlias = Mapping[tuple[str, str], Lever[System]]


def answer(system: System, request: Request, more: "Levers[System]") -> Reply:
    """Answer a request below `/__sandbox__/`; bodies are JSON objects, `more` are levers of this system alone."""
    _, _, name, argument, *_ = [*request.path.rstrip("/").split("/"), ""]
    lever = more.get((request.method, name)) or _LEVERS.get((request.method, name))
    if lever is None:
        known = sorted(f"{method} {each}" for method, each in {**_LEVERS, **more})
        return Reply(404, {"error": f"no such lever; there are: {', '.join(known)}"})
    try:
        body = cast("Mapping[str, Json]", json.loads(request.body or b"{}"))
        return Reply(200, lever(system, request, body, argument))
    except (ValueError, TypeError, KeyError) as error:
        return Reply(400, {"error": f"{type(error).__name__}: {error}"})


def _org(system: Steered, request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    return cast("Json", {**system.credentials(), "url": request.origin, "name": system.name})


def _faults(system: Steered, _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    armed = [
        {"kind": each.kind, "times": each.left, "method": each.method, "path": each.path, **each.details}
        for each in system.faults.armed()
    ]
    return {"armed": armed, "kinds": system.faults.kinds}


def _arm(system: Steered, _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    system.faults.arm(**cast("dict[str, str]", dict(body)))  # type: ignore[arg-type]
    return _faults(system, _request, body, _argument)


def _disarm(system: Steered, _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    system.faults.clear()
    return _faults(system, _request, body, _argument)


def _clock(system: Steered, _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    return {"now": stamp(system.clock.now())}


def _advance(system: Steered, _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    system.clock.advance(**cast("dict[str, float]", dict(body)))
    return {"now": stamp(system.clock.now())}


def _journal(system: Steered, request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    since = int(request.query.get("since", "0"))
    return {"entries": [cast("Json", each.as_json()) for each in system.journal.since(since)]}


def _rows(system: Steered, request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    rows = system.rows(argument, deleted=request.query.get("deleted") == "true")
    wanted = {name: value for name, value in request.query.items() if name != "deleted"}
    return {"rows": [row for row in rows if all(str(row[name]) == value for name, value in wanted.items())]}


_LEVERS: Final[Mapping[tuple[str, str], Lever[Steered]]] = {
    ("GET", "org"): _org,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("GET", "journal"): _journal,
    ("GET", "rows"): _rows,
}
