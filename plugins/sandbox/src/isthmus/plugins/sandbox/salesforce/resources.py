"""Which resource answers which path and method?"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias, cast
from urllib.parse import unquote

from isthmus.plugins.sandbox.message import Json, Reply

from . import (
    approvals,
    batch,
    composite,
    describe,
    listviews,
    queries,
    quick_actions,
    recent,
    replication,
    rows,
    search,
    sobject_collections,
    tooling,
    tree,
)
from .bulk import ROUTES as BULK
from .call import Call
from .errors import ApiError, not_found
from .parts import Dispatch

Resource: TypeAlias = Callable[..., Reply]


@cache
def _allowances() -> Mapping[str, int]:
    text = (files(__package__) / "data" / "limits.json").read_text("utf-8")
    return cast("Mapping[str, int]", json.loads(text))


def _index(call: Call) -> Reply:
    names = (
        "composite",
        "limits",
        "parameterizedSearch",
        "process",
        "query",
        "queryAll",
        "quickActions",
        "recent",
        "search",
    )
    links = {name: f"{call.base}/{name}" for name in (*names, "sobjects", "tooling")}
    return Reply(200, {**links, "identity": _identity_url(call)})


def _identity_url(call: Call) -> str:
    return f"{call.request.origin}/id/{call.org.org_id}/{call.user_id}"


def _limits(call: Call) -> Reply:
    body: dict[str, Json] = {name: {"Max": most, "Remaining": most} for name, most in _allowances().items()}
    body["PermissionSets"] = {"Max": 1500, "Remaining": 1500, "CreateCustom": {"Max": 1000, "Remaining": 1000}}
    body["DailyApiRequests"] = {"Max": call.org.quota.maximum, "Remaining": call.org.quota.remaining}
    return Reply(200, body)


def _record_count(call: Call) -> Reply:
    names = [name for name in call.request.query.get("sObjects", "").split(",") if name]
    known = [sobject for name in names or call.store.schema.objects if (sobject := call.view.object(name)) is not None]
    counts: list[Json] = [
        {"count": sum(not row.get("IsDeleted") for row in call.store[each.name]), "name": each.name} for each in known
    ]
    return Reply(200, {"sObjects": counts})


def _with_parts(resource: Callable[[Call, Dispatch], Reply]) -> Resource:
    """Let a resource answer parts through the routes it is itself one of."""
    return lambda call: resource(call, dispatch)


_ROUTES: Final[list[tuple[re.Pattern[str], Mapping[str, Resource]]]] = [
    (re.compile(pattern), methods)
    for pattern, methods in (
        ("", {"GET": _index}),
        ("limits", {"GET": _limits}),
        ("limits/recordCount", {"GET": _record_count}),
        ("recent", {"GET": recent.recent}),
        ("composite", {"POST": _with_parts(composite.composite)}),
        ("composite/graph", {"POST": _with_parts(composite.graph)}),
        ("composite/batch", {"POST": _with_parts(batch.batch)}),
        ("composite/tree/([^/]+)", {"POST": tree.tree}),
        (
            "composite/sobjects",
            {
                "POST": sobject_collections.create,
                "PATCH": sobject_collections.update,
                "DELETE": sobject_collections.delete,
            },
        ),
        ("composite/sobjects/([^/]+)", {"GET": sobject_collections.read, "POST": sobject_collections.retrieve}),
        ("composite/sobjects/([^/]+)/([^/]+)", {"PATCH": sobject_collections.upsert}),
        ("tooling/query", {"GET": tooling.query}),
        ("tooling/runTestsAsynchronous", {"POST": tooling.run_tests}),
        ("connect/communities", {"GET": lambda _: Reply(200, {"communities": [], "total": 0})}),
        ("process/approvals", {"GET": approvals.listing, "POST": approvals.process}),
        ("query", {"GET": queries.query}),
        ("queryAll", {"GET": queries.query_all}),
        ("query(?:All)?/([^/]+)", {"GET": queries.query_more}),
        ("search", {"GET": search.search}),
        ("parameterizedSearch", {"GET": search.parameterized_search, "POST": search.parameterized_search}),
        ("sobjects", {"GET": describe.describe_global}),
        ("sobjects/([^/]+)", {"GET": describe.describe_basic, "POST": rows.create}),
        ("sobjects/([^/]+)/describe", {"GET": describe.describe}),
        ("quickActions", {"GET": quick_actions.global_actions}),
        ("quickActions/([^/]+)", {"GET": quick_actions.global_action}),
        ("quickActions/([^/]+)/defaultValues", {"GET": quick_actions.global_default_values}),
        ("sobjects/([^/]+)/quickActions", {"GET": quick_actions.object_actions}),
        (
            "sobjects/([^/]+)/quickActions/([^/]+)",
            {"GET": quick_actions.object_action, "POST": quick_actions.perform},
        ),
        ("sobjects/([^/]+)/quickActions/([^/]+)/defaultValues", {"GET": quick_actions.default_values}),
        ("sobjects/([^/]+)/quickActions/([^/]+)/defaultValues/([^/]+)", {"GET": quick_actions.default_values}),
        ("sobjects/([^/]+)/listviews", {"GET": listviews.list_views}),
        ("sobjects/([^/]+)/listviews/([^/]+)", {"GET": listviews.list_view}),
        ("sobjects/([^/]+)/listviews/([^/]+)/describe", {"GET": listviews.describe}),
        ("sobjects/([^/]+)/listviews/([^/]+)/results", {"GET": listviews.results}),
        ("sobjects/([^/]+)/updated", {"GET": replication.updated}),
        ("sobjects/([^/]+)/deleted", {"GET": replication.deleted}),
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
