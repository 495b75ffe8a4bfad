"""What does an MCP client see of a gateway? The tools of its caller, and one answer to every call."""

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema_rs
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.caching import CacheHint
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)

from isthmus.core.errors import ApprovalRequired, InvalidArguments, IsthmusError
from isthmus.core.gateway import Gateway
from isthmus.core.records import JSON
from isthmus.core.results import as_json
from isthmus.plugins.mcp.approval import Answer, Context, Ticket, can_ask, decide, question, state_boundary
from isthmus.plugins.mcp.clients import Client
from isthmus.plugins.mcp.listing import MOST_RECORDS, listed
from isthmus.plugins.mcp.logs import CORRELATION

__all__ = ["TASK", "ToolServer"]

LOG = logging.getLogger("isthmus.mcp")
TASK = "isthmus/task"
"""The key of a task handle in a request's `_meta`; the `task` argument does the same."""
INSTRUCTIONS = (
    "Systems of record under policy. Start with describe to learn objects and fields. A value given as "
    '{"ref": "..."} may be used in conditions and writes though you cannot read it. An error says what to do next.'
)
Answered = CallToolResult | InputRequiredResult
Content = dict[str, Any]


class ToolServer:
    """Answer tools/list and tools/call over a gateway; `who` names the client of the request being handled."""

    def __init__(self, gateway: Gateway, installation: str, who: Callable[[], Client]) -> None:
        self._gateway = gateway
        self._who = who
        self._fits = {
            name: jsonschema_rs.Draft202012Validator(dict(tool.output_schema))
            for name, tool in gateway.parts.tools.items()
        }
        self.server: Server[Any] = Server(
            "isthmus",
            version=version("isthmus-mcp"),
            instructions=INSTRUCTIONS,
            cache_hints={"tools/list": CacheHint(scope="private")},
            # No schema of ours maps an argument to a header, so the SDK need not list all tools before each call.
            get_tool_input_schema=lambda _name: None,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        self.server.middleware.append(state_boundary(gateway.parts.approval_key, installation, self._principal))

    def _principal(self, ctx: Context) -> str:
        """Name all that a request state is bound to beside the call itself."""
        caller = self._who().caller
        return json.dumps(
            [caller.client, caller.agent, caller.user, caller.purpose, caller.consumer, (ctx.meta or {}).get(TASK)]
        )

    async def _list(self, _ctx: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list has one page")
        with _Guarded(self._gateway.parts.new_id(), "tools/list"):
            return ListToolsResult(tools=[listed(one) for one in self._gateway.tools(self._who().caller)])

    async def _call(self, ctx: ServerRequestContext[Any], params: CallToolRequestParams) -> Answered:
        known = params.name if params.name in self._fits else "an unknown tool"
        with _Guarded(self._gateway.parts.new_id(), known):
            client = self._who()
            try:
                answered = await self._confirmed(ctx, client, params)
                LOG.info("client %r called %s", client.caller.client, known)
            except IsthmusError as error:
                if error.reason == "unknown_tool":
                    raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:128]}") from None
                LOG.info("client %r called %s: %s", client.caller.client, known, error.reason)
                answered = _result(dict(error.details()), error.sentence, is_error=True)
            return answered

    async def _confirmed(self, ctx: Context, client: Client, params: CallToolRequestParams) -> Answered:
        """Call the tool, asking the client's own user where policy asks him and the client can carry the question."""
        asks = can_ask(ctx, client)
        # Whatever stands here was sealed by us for this client and call: the boundary refuses all else.
        ticket = Ticket.read(params.request_state) if asks and params.request_state is not None else None
        answer = await decide(self._gateway, client, ticket, params) if ticket else None
        try:
            # One id leads from the client's error over the server's log and spans to the journal.
            arguments, id = _arguments(ctx, params), CORRELATION.get()
            found = await self._gateway.call(client.caller, params.name, arguments, id=id, most=MOST_RECORDS)
        except ApprovalRequired as required:
            asked = question(self._gateway, required, ticket) if asks and answer is not Answer.LATER else None
            if asked is None:
                raise
            return asked
        content = as_json(found)
        problem = next(self._fits[params.name].iter_errors(content), None)
        if problem is not None:
            rule = "/".join(str(part) for part in problem.schema_path)
            raise _Unfit(f"the result does not fit the output schema at {rule}")
        return _result(content, json.dumps(content, ensure_ascii=False, separators=(",", ":")), is_error=False)


class _Unfit(Exception):
    """A fault of our own; its text names places in a schema and holds no value."""


class _Guarded:
    """Give a request its correlation id, and let no exception but an MCPError through.

    An exception's text may hold a record's values, and a log has a zone of its own: only its kind and place are logged.
    """

    def __init__(self, correlation: str, what: str) -> None:
        self._correlation = correlation
        self._what = what

    def __enter__(self) -> None:
        self._token = CORRELATION.set(self._correlation)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, MCPError):
                why = str(error) if isinstance(error, _Unfit) else type(error).__name__
                LOG.error("%s failed: %s (%s)", self._what, why, _place(error))
                raise MCPError(
                    INTERNAL_ERROR,
                    f"Internal error; the server's log tells more under {self._correlation}",
                    {"correlation_id": self._correlation},
                ) from None
        finally:
            CORRELATION.reset(self._token)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " > ".join(f"{Path(one.filename).name}:{one.lineno}" for one in frames)


def _arguments(ctx: Context, params: CallToolRequestParams) -> Mapping[str, JSON]:
    arguments: dict[str, JSON] = params.arguments or {}
    handle = (ctx.meta or {}).get(TASK)
    if handle is None:
        return arguments
    if not isinstance(handle, str) or arguments.get("task", handle) != handle:
        raise InvalidArguments(
            f"_meta {TASK!r} and the argument 'task' must name one task; send one of them", field=TASK
        )
    return {**arguments, "task": handle}


def _result(content: Content, text: str, *, is_error: bool) -> CallToolResult:
    """Return content and text; half a surrogate pair, which a system may hold, cannot be sent and becomes `?`."""
    try:
        text.encode()
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        text = _sendable(text)
        content = json.loads(_sendable(json.dumps(content, ensure_ascii=False)))
    return CallToolResult(content=[TextContent(text=text)], structured_content=content, is_error=is_error)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
