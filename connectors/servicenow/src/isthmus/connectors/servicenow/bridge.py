"""How is a request of a ServiceNow SDK answered? By the verbs that it means, in the encoding that it expects."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from httpx2 import Request

from isthmus.connectors.servicenow.classify import batch_parts, path_parts, steering
from isthmus.connectors.servicenow.encoded import EncodedError, check_name
from isthmus.connectors.servicenow.encoding import Shape, answer, figures, refusal, typed_values, withheld
from isthmus.connectors.servicenow.ids import is_id
from isthmus.core import Description, Groups, Page, Record
from isthmus.core.connector import Calls, ObjectFacts
from isthmus.core.errors import InvalidArguments, IsthmusError, NotFound, UpstreamRejected, VersionConflict
from isthmus.core.http import Response, parameters, parse_json
from isthmus.core.records import JSON, QUALIFIER

__all__ = ["serve"]

R = TypeVar("R")

MOST_ROWS = 2_000
FARTHEST = 20_000
"""The last record that an offset reaches: pages continue by keys, so an offset is walked up to from the start."""
ATTACHMENTS = "sys_attachment"
_SHAPING = frozenset({"sysparm_display_value", "sysparm_exclude_reference_link", "sysparm_suppress_pagination_header",
                      "sysparm_no_count", "sysparm_input_display_value", "sysparm_view"})  # fmt: skip
_LISTING = frozenset({"sysparm_query", "sysparm_fields", "sysparm_limit", "sysparm_offset"})


async def serve(request: Request, calls: Calls) -> Response:
    """Answer one request; what the instance itself refuses becomes its own status and body, all else is raised."""
    try:
        return await _Exchange(request, calls).answer()
    except NotFound as error:
        return refusal(404, error)
    except VersionConflict as error:
        return refusal(409, error)
    except UpstreamRejected as error:
        return refusal(400, error)


@dataclass(frozen=True, slots=True)
class _Exchange:
    request: Request
    calls: Calls

    @property
    def base(self) -> str:
        """Return the address of the API as the SDK believes it to be."""
        return str(self.request.url.join("/api/now"))

    async def answer(self) -> Response:
        parts, params = path_parts(self.request), parameters(self.request)
        if steered := steering(self.request):
            raise InvalidArguments(
                f"header {steered!r} would change what the request does; leave it out", field=steered
            )
        if parts is None or params is None:
            return await self.calls.relay(self.request)
        _check_shaping(params)
        match self.request.method, list(parts):
            case "GET", ["table", table]:
                return await self._list(table, params)
            case "GET", ["stats", table]:
                return await self._figures(table, params)
            case "GET", ["attachment"]:
                return await self._list(ATTACHMENTS, {**params, "sysparm_display_value": "true"})
            case "GET", ["attachment", id] if is_id(_native(id)):
                return await self._record(ATTACHMENTS, id, {"sysparm_display_value": "true"}, 200)
            case "POST", ["batch"]:
                return await self._batch()
            case method, ["table", table, *rest]:
                return await self._one(method, table, rest, params)
            case _:
                return await self.calls.relay(self.request)

    async def _one(self, method: str, table: str, rest: Sequence[str], params: Mapping[str, str]) -> Response:
        match method, list(rest):
            case "GET", [id] if is_id(_native(id)):
                return await self._record(table, id, params, 200)
            case "POST", []:
                made = await self.calls.call("create", object=table, values=await self._values(table))
                return await self._after(table, _as(Record, made), params, 201)
            case "PATCH" | "PUT", [id] if is_id(_native(id)):
                made = await self.calls.call("update", object=table, id=id, values=await self._values(table))
                return await self._after(table, _as(Record, made), params, 200)
            case "DELETE", [id] if is_id(_native(id)):
                await self.calls.call("delete", object=table, id=id)
                return answer(204)
            case _:
                return await self.calls.relay(self.request)

    async def _list(self, table: str, params: Mapping[str, str]) -> Response:
        """Answer one page; `X-Total-Count` counts what was handed out so far, and one more where there is more."""
        shape = await self._shape(table, params)
        offset, limit = (
            _number(params, "sysparm_offset", 0),
            min(_number(params, "sysparm_limit", MOST_ROWS), MOST_ROWS),
        )
        if offset + limit > FARTHEST:
            raise InvalidArguments(
                f"an offset reaches {FARTHEST} records; narrow the condition", field="sysparm_offset"
            )
        text, skipped, after = _query_text(table, params, offset + limit), offset, ""
        while True:
            more: dict[str, JSON] = {"after": after} if after else {}
            page = _as(Page, await self.calls.call("query", text=text, **more))
            records, after = page.records[skipped : skipped + limit], page.after or ""
            skipped -= len(page.records)
            if records or not after:
                break
            skipped = max(skipped, 0)
        total = offset + len(records) + bool(after)
        rows: list[JSON] = [shape.record(one) for one in records]
        return answer(200, {"result": rows}, {"X-Total-Count": str(total), **withheld(page)})

    async def _figures(self, table: str, params: Mapping[str, str]) -> Response:
        told = {name: value for name, value in params.items() if name not in _SHAPING}
        groups = _as(Groups, await self.calls.call("query", text=f"{table}?{urlencode(told)}"))
        return figures(groups, bool(params.get("sysparm_group_by")))

    async def _record(self, table: str, id: str, params: Mapping[str, str], status: int) -> Response:
        shape = await self._shape(table, params)
        fields: list[JSON] = [name for name in params.get("sysparm_fields", "").split(",") if name] or ["*"]
        record = _as(Record, await self.calls.call("get", object=table, id=id, fields=fields))
        return answer(status, {"result": shape.record(record)})

    async def _after(self, table: str, written: Record, params: Mapping[str, str], status: int) -> Response:
        """Show the record after a write; what may not be read back hides nothing of what was done."""
        location = {"Location": f"{self.base}/table/{table}/{written.id}"}
        try:
            found = await self._record(table, written.id, params, status)
        except IsthmusError:
            shape = await self._shape(table, params)
            found = answer(status, {"result": shape.record(written)})
        return Response(found.status, {**found.headers, **location}, found.body) if status == 201 else found

    async def _batch(self) -> Response:
        """Answer part by part, each a governed call of its own, in order.

        A refusal is raised as long as no part has written anything; after that it is told in the part's own answer.
        """
        parts, body = batch_parts(self.request), self._body()
        if parts is None:
            raise InvalidArguments(
                "a batch holds a list of requests, each with id, method and url", field="rest_requests"
            )
        served: list[JSON] = []
        wrote = False
        for id, part in parts:
            if path_parts(part) == ["batch"]:
                raise InvalidArguments("a batch holds no batch", field="rest_requests")
            try:
                found = await serve(part, self.calls)
            except IsthmusError as error:
                if not wrote:
                    raise
                found = refusal(400, error)
            wrote |= part.method != "GET" and found.status < 300
            served.append(_serviced(id, found))
        told = {"batch_request_id": str(body.get("batch_request_id", "")), "serviced_requests": served}
        return answer(200, {**told, "unserviced_requests": []})

    async def _facts(self, table: str) -> ObjectFacts:
        described = _as(Description, await self.calls.call("describe", object=table))
        if described.facts is None:
            raise NotFound(f"there is no table {table!r}", object=table)
        return described.facts

    async def _shape(self, table: str, params: Mapping[str, str]) -> Shape:
        display = params.get("sysparm_display_value", "false").lower()
        links = params.get("sysparm_exclude_reference_link", "false").lower() != "true"
        return Shape(await self._facts(table), self.base, display, links)

    async def _values(self, table: str) -> dict[str, JSON]:
        return typed_values(await self._facts(table), self._body())

    def _body(self) -> Mapping[str, JSON]:
        body = parse_json(self.request.content) if self.request.content else {}
        if not isinstance(body, Mapping):
            raise InvalidArguments("the body of the request must be one JSON object")
        return body


def _query_text(table: str, params: Mapping[str, str], limit: int) -> str:
    """Write a list as a query text; plain `field=value` parameters are conditions where there is no query."""
    plain = {name: value for name, value in params.items() if name not in _SHAPING | _LISTING}
    query = params.get("sysparm_query", "")
    if plain and (query or any(name.startswith("sysparm") for name in plain)):
        raise InvalidArguments(f"parameter {min(plain)!r} is not understood here", field=min(plain))
    try:
        terms = [f"{check_name(name)}={value}" for name, value in plain.items()]
    except EncodedError as error:
        raise InvalidArguments(str(error), field=min(plain)) from error
    told = {"sysparm_query": query or "^".join(terms), "sysparm_fields": params.get("sysparm_fields") or "*"}
    return f"{table}?{urlencode({**told, 'sysparm_limit': str(min(limit, MOST_ROWS))})}"


def _serviced(id: str, found: Response) -> JSON:
    headers: list[JSON] = [{"name": name, "value": value} for name, value in found.headers.items()]
    return {
        "id": id,
        "status_code": found.status,
        "status_text": "OK" if found.status < 300 else "failure",
        "headers": headers,
        "body": base64.b64encode(found.body).decode(),
        "execution_time": 0,
    }


def _check_shaping(params: Mapping[str, str]) -> None:
    if params.get("sysparm_view"):
        raise InvalidArguments("a view is not understood here; name fields", field="sysparm_view")
    if params.get("sysparm_input_display_value", "false").lower() != "false":
        raise InvalidArguments("values are written as they are stored", field="sysparm_input_display_value")


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise InvalidArguments(f"{name} is a number", field=name)
    return int(text)


def _native(id: str) -> str:
    """Return an id without the connection that it may name."""
    return id.rpartition(QUALIFIER)[2]


def _as(kind: type[R], result: object) -> R:
    if not isinstance(result, kind):
        raise TypeError(f"a call answered with a {type(result).__name__}, not a {kind.__name__}")
    return result
