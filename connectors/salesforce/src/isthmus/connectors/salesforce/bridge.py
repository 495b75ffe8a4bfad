"""How is a request of a Salesforce SDK answered? By the verbs that it means, in the encoding that it expects."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote

from httpx2 import Request

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.bulk.serving import job_state, make_job, results
from isthmus.connectors.salesforce.classify import RESOURCES, path_parts, query_params, steering
from isthmus.connectors.salesforce.composite import COMPOSITES
from isthmus.connectors.salesforce.encoding import answer, found, grouped, record_json, refusal, written
from isthmus.connectors.salesforce.filing import is_file_request, serve_approval, serve_file
from isthmus.connectors.salesforce.ids import is_id
from isthmus.connectors.salesforce.queries import MOST_ROWS
from isthmus.connectors.salesforce.sosl import searches
from isthmus.connectors.salesforce.tree import serve_tree
from isthmus.core import Description, Groups, Page, Record
from isthmus.core.connector import Calls
from isthmus.core.errors import InvalidArguments, NotFound, UpstreamRejected, VersionConflict
from isthmus.core.http import Response, parse_json
from isthmus.core.records import JSON, QUALIFIER

__all__ = ["serve"]

R = TypeVar("R")

_BATCH = re.compile(r"batchSize\s*=\s*(\d{1,4})", re.IGNORECASE)
_CONDITIONS = ("if-match", "if-none-match", "if-unmodified-since")
_JSON = "application/json"
_EVERY: Sequence[str] = ("*",)


async def serve(request: Request, calls: Calls) -> Response:
    """Answer one request; what the org itself refuses becomes its own status and body, all else is raised."""
    exchange = _Exchange(request, calls)
    try:
        return await exchange.answer()
    except NotFound as error:
        return refusal(404, error, "NOT_FOUND")
    except VersionConflict as error:
        return refusal(412, error, "PRECONDITION_FAILED")
    except UpstreamRejected as error:
        return refusal(400, error)


@dataclass(frozen=True, slots=True)
class _Exchange:
    request: Request
    calls: Calls

    @property
    def base(self) -> str:
        """Return the path of the version that the SDK speaks."""
        return "/".join(self.request.url.path.split("/")[:4])

    async def answer(self) -> Response:
        parts, params = path_parts(self.request), query_params(self.request)
        steered = steering(self.request) or next((name for name in _CONDITIONS if name in self.request.headers), "")
        if steered:
            raise InvalidArguments(
                f"header {steered!r} would change what the request does; leave it out", field=steered
            )
        if parts is None or params is None:
            return await self.calls.relay(self.request)
        match self.request.method, list(parts):
            case "GET", ["query"] if params.keys() == {"q"}:
                return await self._query(params["q"])
            case "GET", ["query", locator]:
                return await self._more(locator)
            case "GET", ["search"] if params.keys() == {"q"}:
                return await self._search(searches(params["q"]))
            case "GET", ["sobjects"]:
                return await self._objects()
            case method, ["sobjects", object, *rest] if not RESOURCES & {*rest}:
                return await self._records(method, object, rest, params)
            case method, ["jobs", "query", *rest]:
                return await self._jobs(method, rest, params)
            case "POST" | "PATCH" | "GET" | "DELETE", ["composite" | "process" as family, *rest]:
                return await self._several(family, rest)
            case _:
                return await self.calls.relay(self.request)

    async def _query(self, text: str, given: int = 0, after: str = "") -> Response:
        """Answer one page; the address of the next holds all that it takes, and only means something here."""
        try:
            select = soql.parse(text)
        except soql.SoqlError as error:
            raise InvalidArguments(str(error), field="q") from error
        if select.aggregated:
            only = select.items[0] if len(select.items) == 1 else None
            counted = isinstance(only, soql.Call) and not only.arguments and select.group_by is None
            return grouped(_as(Groups, await self.calls.call("query", text=text)), counted=counted)
        size = self._page_size()
        page_text = soql.render(replace(select, limit=size if select.limit is None else min(select.limit, size)))
        more: dict[str, JSON] = {"after": after} if after else {}
        page = _as(Page, await self.calls.call("query", text=page_text, **more))
        left = None if select.limit is None else select.limit - given
        taken = len(page.records) if left is None else min(left, len(page.records))
        ended = page.after is None or (left is not None and taken >= left)
        following = "" if ended else f"{self.base}/query/{_locator(text, given + taken, page.after or '')}"
        return found(page, self.base, following=following, before=given, most=left)

    async def _more(self, locator: str) -> Response:
        try:
            stands = json.loads(base64.urlsafe_b64decode(locator))
        except (ValueError, RecursionError):
            stands = None
        match stands:
            case [str(text), int(given), str(after)]:
                return await self._query(text, given, after)
            case _:
                raise InvalidArguments("this is no address of a next page of this session", field="locator")

    def _page_size(self) -> int:
        asked = _BATCH.search(self.request.headers.get("sforce-query-options", ""))
        return min(max(int(asked[1]), 1), MOST_ROWS) if asked else MOST_ROWS

    async def _search(self, wanted: Sequence[Mapping[str, JSON]]) -> Response:
        records: list[JSON] = []
        for one in wanted:
            page = _as(Page, await self.calls.call("search", **one))
            records += [record_json(record, self.base) for record in page.records]
        return answer(200, {"searchRecords": records})

    async def _objects(self) -> Response:
        """Hand on the org's list, cut to what the caller may know of."""
        seen = {one.name for one in _as(Description, await self.calls.call("describe")).objects}
        asked = Request("GET", self.request.url.join(f"{self.base}/sobjects"))
        relayed = await self.calls.relay(asked)
        body = relayed.json()
        if not isinstance(body, Mapping) or not isinstance(body.get("sobjects"), list):
            return answer(relayed.status, [])
        listed = [one for one in _nodes(body["sobjects"]) if one.get("name") in seen]
        return answer(200, {**body, "sobjects": listed})

    async def _records(self, method: str, object: str, rest: Sequence[str], params: Mapping[str, str]) -> Response:
        fields = [name for name in params.get("fields", "").split(",") if name]
        if set(params) - {"fields"} or (params and method != "GET"):
            raise InvalidArguments(f"parameter {min(params)!r} is not understood here", field=min(params))
        if is_file_request(method, object, tuple(rest)):
            return await serve_file(method, object, self._values, self.calls, self._objects)
        match method, list(rest):
            case "GET", [id] if is_id(_native(id)):
                record = await self.calls.call("get", object=object, id=id, fields=fields or list(_EVERY))
                return answer(200, record_json(_as(Record, record), self.base))
            case "GET", [field, value]:
                return await self._by_key(object, field, value, fields)
            case "POST", []:
                return written(_as(Record, await self.calls.call("create", object=object, values=self._values())))
            case "PATCH", [id] if is_id(_native(id)):
                await self.calls.call("update", object=object, id=id, values=self._values())
                return answer(204)
            case "PATCH", [field, value]:
                return await self._upsert(object, field, value)
            case "DELETE", [id] if is_id(_native(id)):
                await self.calls.call("delete", object=object, id=id)
                return answer(204)
            case _:
                return await self.calls.relay(self.request)

    async def _by_key(self, object: str, field: str, value: str, fields: Sequence[str]) -> Response:
        where: dict[str, JSON] = {"field": field, "op": "eq", "value": value}
        select = list(fields) or list(_EVERY)
        asked = await self.calls.call("query", object=object, where=where, select=select, limit=2)
        page = _as(Page, asked)
        if not page.records:
            raise NotFound(f"there is no {object} with this {field}, or this identity may not see it", object=object)
        if len(page.records) > 1:
            urls: list[JSON] = [f"{self.base}/sobjects/{object}/{quote(one.id)}" for one in page.records]
            return answer(300, urls)
        return answer(200, record_json(page.records[0], self.base))

    async def _upsert(self, object: str, field: str, value: str) -> Response:
        values = self._values()
        if field.casefold() == "id":
            await self.calls.call("update", object=object, id=value, values=values)
            return answer(200, {"id": value, "success": True, "errors": [], "created": False})
        made = await self.calls.call("upsert", object=object, key_field=field, key=value, values=values)
        return written(_as(Record, made), upserted=True)

    async def _jobs(self, method: str, rest: Sequence[str], params: Mapping[str, str]) -> Response:
        match method, list(rest):
            case "POST", []:
                return make_job(self._body(), self.base)
            case "GET", [job] if not params:
                return job_state(job, self.base)
            case "GET", [job, "results"] if params.keys() <= {"maxRecords", "locator"}:
                return await results(job, params, self.calls)
            case _:
                raise InvalidArguments("of query jobs only making one, its state and its results are served")

    async def _several(self, family: str, rest: Sequence[str]) -> Response:
        """Answer a request that may hold several."""
        if (self.request.method, family, *rest) == ("POST", "process", "approvals"):
            return await serve_approval(self._body(), self.calls, self._objects)
        if (self.request.method, family, *rest[:1]) == ("POST", "composite", "tree") and len(rest) == 2:
            return await serve_tree(self._body(), rest[1], self.calls)
        answered = COMPOSITES.get((self.request.method, "/".join(rest)))
        if answered is None or family != "composite":
            return await self.calls.relay(self.request)
        return await answered(self._body(), self.part, self.base)

    async def part(self, method: str, path: str, body: JSON) -> Response:
        """Answer one part of a composite request as a request of its own."""
        content = None if body is None else json.dumps(body).encode()
        made = Request(method, self.request.url.join(path), content=content, headers={"content-type": _JSON})
        return await serve(made, self.calls)

    def _values(self) -> dict[str, JSON]:
        """Read the values of one record; what names its type is not one of them."""
        return {name: value for name, value in self._body().items() if name != "attributes"}

    def _body(self) -> Mapping[str, JSON]:
        body = parse_json(self.request.content) if self.request.content else {}
        if not isinstance(body, Mapping):
            raise InvalidArguments("the body of the request must be one JSON object")
        return body


def _locator(text: str, given: int, after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([text, given, after]).encode()).decode()


def _native(id: str) -> str:
    """Return an id without the connection that it may name."""
    return id.rpartition(QUALIFIER)[2]


def _nodes(raw: JSON) -> list[Mapping[str, JSON]]:
    return [one for one in raw if isinstance(one, Mapping)] if isinstance(raw, list) else []


def _as(kind: type[R], result: object) -> R:
    if not isinstance(result, kind):
        raise TypeError(f"a call answered with a {type(result).__name__}, not a {kind.__name__}")
    return result
