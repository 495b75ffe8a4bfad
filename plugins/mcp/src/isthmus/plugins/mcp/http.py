"""What stands between the network and the SDK? Host, origin, token and body are checked before it sees a request."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from mcp.server import Server
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.routes import build_resource_metadata_url
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import (
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.plugins.mcp.clients import SCOPE, Tokens
from isthmus.plugins.mcp.ijson import fault, refusal

__all__ = ["PATH", "Address", "http_app"]

PATH = "/mcp"
LARGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where clients reach the server: the socket's own host and port, and the URL in front of it where there is one."""

    host: str
    port: int
    public_url: str | None = None

    @property
    def resource(self) -> str:
        """Return the resource indicator (RFC 8707) that tokens are issued for."""
        return self.public_url or f"http://{_bracketed(self.host)}:{self.port}{PATH}"

    def security(self) -> TransportSecuritySettings:
        """Name the hosts and origins that a request may carry; anything else is a rebinding attack or a mistake."""
        hosts = [f"{_bracketed(self.host)}:{self.port}"]
        if self.host in ("127.0.0.1", "::1", "localhost"):
            hosts = [f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        origins = [f"http://{host}" for host in hosts]
        if self.public_url is not None:
            public = urlsplit(self.public_url)
            hosts.append(public.netloc)
            origins.append(f"{public.scheme}://{public.netloc}")
        return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def http_app(server: Server[object], tokens: Tokens, address: Address) -> Starlette:
    """Return the ASGI app: the MCP endpoint and its resource metadata (RFC 9728), and nothing else."""
    # Stateless: every POST stands alone and proves its caller. Answers are plain JSON unless a call takes long; then
    # the stream keeps the connection alive, and closing it cancels the call.
    security = address.security()
    manager = StreamableHTTPSessionManager(server, json_response=False, stateless=True, security_settings=security)
    resource = AnyHttpUrl(address.resource)
    metadata_url = build_resource_metadata_url(resource)
    endpoint = RequireAuthMiddleware(
        RequestBodyLimitMiddleware(_StrictBody(StreamableHTTPASGIApp(manager)), LARGEST_BODY), [SCOPE], metadata_url
    )
    told = {
        "resource": address.resource,
        "resource_name": "isthmus",
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
    }

    async def metadata(_request: Request) -> Response:
        return JSONResponse(told)

    return Starlette(
        routes=[Route(PATH, endpoint=endpoint), Route(urlsplit(str(metadata_url)).path, endpoint=metadata)],
        middleware=[
            Middleware(_Gate, security=security),
            Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(tokens, resource_server_url=resource)),
            Middleware(AuthContextMiddleware),
        ],
        lifespan=lambda _app: manager.run(),
    )


class _Gate:
    """Refuse what no honest client sends, before anything else looks at it, and complete the SDK's challenge."""

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._check = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refused = await self._check.validate_request(request) or _refused(request)
        if refused is not None:
            await refused(scope, receive, send)
            return

        async def challenging(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                # RFC 6750, section 3: say which scope a token needs; the SDK's challenge leaves it out.
                message["headers"] = [
                    (name, value + f', scope="{SCOPE}"'.encode() if name == b"www-authenticate" else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, challenging)


def _refused(request: Request) -> Response | None:
    if "access_token" in request.query_params:
        return _invalid("a token in the URL ends up in logs; send it in the Authorization header")
    if len(request.headers.getlist("authorization")) > 1:
        return _invalid("there is more than one Authorization header")
    if request.url.path == PATH and request.method != "POST":
        return PlainTextResponse("this server keeps no sessions; POST each request", 405, {"Allow": "POST"})
    return None


def _invalid(why: str) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": why}, 400)


class _StrictBody:
    """Hand on a body only if it is I-JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        problem = fault(body)
        if problem is not None:
            told = refusal(problem).model_dump(mode="json", by_alias=True)
            await JSONResponse(told, 400)(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, replayed, send)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
