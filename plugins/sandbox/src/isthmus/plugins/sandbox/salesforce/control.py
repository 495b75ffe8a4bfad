"""How does another process steer the sandbox and look into it?"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .store import stamp

if TYPE_CHECKING:
    from .org import SalesforceOrg

_Lever: TypeAlias = "Callable[[SalesforceOrg, Request, Mapping[str, Json], str], Json]"


def answer(org: "SalesforceOrg", request: Request) -> Reply:
    """Answer a request below `/__sandbox__/`; bodies are JSON objects."""
    _, _, name, argument, *_ = [*request.path.rstrip("/").split("/"), ""]
    lever = _LEVERS.get((request.method, name))
    if lever is None:
        known = sorted(f"{method} {each}" for method, each in _LEVERS)
        return Reply(404, {"error": f"no such lever; there are: {', '.join(known)}"})
    try:
        body = cast("Mapping[str, Json]", json.loads(request.body or b"{}"))
        return Reply(200, lever(org, request, body, argument))
    except (ValueError, TypeError, KeyError) as error:
        return Reply(400, {"error": f"{type(error).__name__}: {error}"})


def _org(org: "SalesforceOrg", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    return cast("Json", {**org.credentials(), "url": _request.origin, "name": org.name})


def _faults(org: "SalesforceOrg", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    armed = [
        {"kind": each.kind, "times": each.left, "method": each.method, "path": each.path, **each.details}
        for each in org.faults.armed()
    ]
    return {"armed": armed, "kinds": org.faults.kinds}


def _arm(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    org.faults.arm(**cast("dict[str, str]", dict(body)))  # type: ignore[arg-type]
    return _faults(org, _request, body, _argument)


def _disarm(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    org.faults.clear()
    return _faults(org, _request, body, _argument)


def _clock(org: "SalesforceOrg", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    return {"now": stamp(org.clock.now())}


def _advance(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    org.clock.advance(**cast("dict[str, float]", dict(body)))
    return {"now": stamp(org.clock.now())}


def _journal(org: "SalesforceOrg", request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    since = int(request.query.get("since", "0"))
    return {"entries": [cast("Json", each.as_json()) for each in org.journal.since(since)]}


def _rows(org: "SalesforceOrg", request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    rows = org.rows(argument, deleted=request.query.get("deleted") == "true")
    wanted = {name: value for name, value in request.query.items() if name != "deleted"}
    return {"rows": [row for row in rows if all(str(row[name]) == value for name, value in wanted.items())]}


def _limits(org: "SalesforceOrg", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    return {"used": org.quota.used, "maximum": org.quota.maximum}


def _set_limits(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    org.quota.set(**cast("dict[str, int]", dict(body)))
    return _limits(org, _request, body, _argument)


def _grant(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    return {"refresh_token": org.refresh_token(str(body["username"]))}


_LEVERS: Final[Mapping[tuple[str, str], _Lever]] = {
    ("GET", "org"): _org,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("GET", "journal"): _journal,
    ("GET", "rows"): _rows,
    ("GET", "limits"): _limits,
    ("POST", "limits"): _set_limits,
    ("POST", "grants"): _grant,
}
