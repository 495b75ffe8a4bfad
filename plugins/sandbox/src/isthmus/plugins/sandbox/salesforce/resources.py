"""Which resource answers which path and method?"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias, cast
from urllib.parse import unquote

from isthmus.plugins.sandbox.message import Json, Reply

from . import describe, queries, rows, search
from .bulk import ROUTES as BULK
from .call import Call
from .errors import ApiError, not_found
from .schema import SObject
from .store import moment_of, stamp

Resource: TypeAlias = Callable[..., Reply]

_SEASONS: Final = ("Spring", "Summer", "Winter")


def _label(version: int) -> str:
    """Return a release name: v60 is Spring '24, three releases a year."""
    season = _SEASONS[version % 3]
    year = 24 + (version - 60) // 3 + (1 if season == "Winter" else 0)
    return f"{season} '{year}"


VERSIONS: Final[list[Mapping[str, str]]] = [
    {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
    for number in range(31, 68)
]


@cache
def _allowances() -> Mapping[str, int]:
    text = (files(__package__) / "data" / "limits.json").read_text("utf-8")
    return cast("Mapping[str, int]", json.loads(text))


def _index(call: Call) -> Reply:
    names = ("limits", "parameterizedSearch", "query", "queryAll", "search", "sobjects")
    return Reply(200, {**{name: f"{call.base}/{name}" for name in names}, "identity": _identity_url(call)})


def _identity_url(call: Call) -> str:
    return f"{call.request.origin}/id/{call.org.org_id}/{call.user_id}"


def _limits(call: Call) -> Reply:
    body: dict[str, Json] = {name: {"Max": most, "Remaining": most} for name, most in _allowances().items()}
    body["DailyApiRequests"] = {"Max": call.org.quota.maximum, "Remaining": call.org.quota.remaining}
    return Reply(200, body)


def _record_count(call: Call) -> Reply:
    names = [name for name in call.request.query.get("sObjects", "").split(",") if name]
    known = [sobject for name in names or call.store.schema.objects if (sobject := call.view.object(name)) is not None]
    counts: list[Json] = [
        {"count": sum(not row.get("IsDeleted") for row in call.store[each.name]), "name": each.name} for each in known
    ]
    return Reply(200, {"sObjects": counts})


def _updated(call: Call, name: str) -> Reply:
    sobject, (start, end) = _replicated(call, name), _window(call)
    ids: list[Json] = [
        row["Id"]
        for row in call.store[sobject.name]
        if not row["IsDeleted"] and start <= str(row["SystemModstamp"]) <= end and call.view.sees(sobject, row)
    ]
    return Reply(200, {"ids": ids, "latestDateCovered": min(end, stamp(call.org.clock.now()))})


def _deleted(call: Call, name: str) -> Reply:
    sobject, (start, end) = _replicated(call, name), _window(call)
    records: list[Json] = [
        {"id": row["Id"], "deletedDate": row["SystemModstamp"]}
        for row in call.store[sobject.name]
        if row["IsDeleted"] and start <= str(row["SystemModstamp"]) <= end and call.view.sees(sobject, row)
    ]
    covered = {
        "earliestDateAvailable": stamp(call.org.opened),
        "latestDateCovered": min(end, stamp(call.org.clock.now())),
    }
    return Reply(200, {"deletedRecords": records, **covered})


def _replicated(call: Call, name: str) -> SObject:
    sobject = call.sobject(name)
    if sobject.metadata:
        raise not_found()
    return sobject


def _window(call: Call) -> tuple[str, str]:
    try:
        start, end = (_moment(call.request.query.get(name, "")) for name in ("start", "end"))
    except (ValueError, OverflowError):
        raise ApiError(400, "INVALID_REPLICATION_DATE", "start and end must be dates with a time zone") from None
    return start, end


def _moment(text: str) -> str:
    spelled = text.replace("Z", "+00:00").replace(" ", "+")
    padded = spelled if "." in spelled else re.sub(r"([+-]\d{2}:?\d{2})$", r".000\1", spelled)
    return stamp(moment_of(padded))


_ROUTES: Final[list[tuple[re.Pattern[str], Mapping[str, Resource]]]] = [
    (re.compile(pattern), methods)
    for pattern, methods in (
        ("", {"GET": _index}),
        ("limits", {"GET": _limits}),
        ("limits/recordCount", {"GET": _record_count}),
        ("query", {"GET": queries.query}),
        ("queryAll", {"GET": queries.query_all}),
        ("query(?:All)?/([^/]+)", {"GET": queries.query_more}),
        ("search", {"GET": search.search}),
        ("parameterizedSearch", {"GET": search.parameterized_search, "POST": search.parameterized_search}),
        ("sobjects", {"GET": describe.describe_global}),
        ("sobjects/([^/]+)", {"GET": describe.describe_basic, "POST": rows.create}),
        ("sobjects/([^/]+)/describe", {"GET": describe.describe}),
        ("sobjects/([^/]+)/updated", {"GET": _updated}),
        ("sobjects/([^/]+)/deleted", {"GET": _deleted}),
        ("sobjects/([^/]+)/([^/]+)", {"GET": rows.read, "PATCH": rows.update, "DELETE": rows.delete}),
        (
            "sobjects/([^/]+)/([^/]+)/([^/]+)",
            {"GET": rows.read_by_key, "PATCH": rows.upsert, "DELETE": rows.delete_by_key},
        ),
    )
] + [(re.compile(pattern), methods) for pattern, methods in BULK]


def dispatch(call: Call) -> Reply:
    """Let the resource answer that the path names; raises ApiError where there is none."""
    rest = call.request.raw_path.strip("/").split("/", 3)
    path = rest[3] if len(rest) > 3 else ""
    for pattern, methods in _ROUTES:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        resource = methods.get(call.method)
        if resource is None:
            allowed = ",".join(sorted({"HEAD", *methods}))
            message = f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}"
            raise ApiError(405, "METHOD_NOT_ALLOWED", message)
        return resource(call, *(unquote(part) for part in match.groups()))
    raise not_found()
