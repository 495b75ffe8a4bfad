"""How are several requests answered in one?"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .call import Call
from .errors import ApiError, bad_body
from .routes import Handler, Routes, route

MOST_IN: Final = 5 * 1024 * 1024
Inner: TypeAlias = Callable[[Call], Reply]


def batch_routes(inner: Inner) -> Routes:
    """Return the routes of a batch whose parts `inner` answers."""
    return (route("POST", "now/batch", _handler(inner)),)


def _handler(inner: Inner) -> Handler:
    def answer(call: Call, _arguments: tuple[str, ...]) -> Reply:
        """Answer every part in the order sent; each is on its own, whatever befalls the others."""
        parts = call.json.get("rest_requests")
        if not isinstance(parts, list) or not all(isinstance(each, Mapping) for each in parts):
            raise bad_body("rest_requests is no list of requests")
        fault = call.takes("batch_unserviced")
        most = int(fault.number("serviced", 1)) if fault else len(parts)
        serviced: list[Json] = []
        unserviced: list[Json] = []
        for place, part in enumerate(parts):
            if place < most:
                serviced.append(_served(call, inner, part))
            else:
                unserviced.append(str(part.get("id", "")))
        known = {"batch_request_id": str(call.json.get("batch_request_id", ""))}
        return Reply(200, {**known, "serviced_requests": serviced, "unserviced_requests": unserviced})

    return answer


def _served(call: Call, inner: Inner, part: Mapping[str, Json]) -> Json:
    try:
        reply = inner(_inner_call(call, part))
    except ApiError as refusal:
        reply = refusal.reply()
    body = b"" if reply.empty else reply.body
    content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"Content-Type": reply.media_type, **reply.headers} if content else dict(reply.headers)
    answer: dict[str, Json] = {
        "id": str(part.get("id", "")),
        "body": base64.b64encode(content).decode(),
        "status_code": reply.status,
        "status_text": HTTPStatus(reply.status).phrase,
        "execution_time": 12,
        "redirect_url": None,
    }
    if part.get("exclude_response_headers") is not True:
        answer["headers"] = [{"name": name, "value": value} for name, value in headers.items()]
    return answer


def _inner_call(call: Call, part: Mapping[str, Json]) -> Call:
    """Return a part as a call of its own, by the same user, sharing what the outer one notes."""
    url, method = part.get("url"), str(part.get("method", "GET")).upper()
    if not isinstance(url, str) or not url.startswith("/api/"):
        raise bad_body("url must be a path below /api/")
    try:
        body = base64.b64decode(str(part.get("body") or ""), validate=True)
    except binascii.Error:
        raise bad_body("body must be Base64") from None
    if len(body) > MOST_IN:
        raise ApiError(413, "Payload too large", "a request of a batch may have 5 MB")
    headers = {"host": call.request.host}
    listed = part.get("headers")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, Mapping) and str(each.get("name", "")).lower() != "host":
            headers[str(each.get("name", "")).lower()] = str(each.get("value", ""))
    parts = urlsplit(url)
    request = Request(method, unquote(parts.path), parts.path, parts.query, headers, body, call.request.scheme)
    return Call(call.instance, request, method, call.viewer, call.effects, call.mishaps)
