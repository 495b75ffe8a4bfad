"""What does a service say about itself, and is it still what the client knows?"""

import hashlib
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING

from isthmus.plugins.sandbox.message import Reply

from . import edmx_v2, edmx_v4
from .schema import Service, load_services

if TYPE_CHECKING:
    from .call import Call


@cache
def document(path: str) -> bytes:
    """Return the metadata document of the service with this path."""
    service = next(each for each in load_services() if each.path == path)
    return _written(service).encode()


def _written(service: Service) -> str:
    return edmx_v2.write(service) if service.version == 2 else edmx_v4.write(service)


def answer(call: "Call") -> Reply:
    """Answer GET on the metadata document."""
    content = document(call.service.path)
    opened = format_datetime(call.landscape.opened, usegmt=True)
    mark = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Last-Modified": opened, "ETag": mark, "Cache-Control": "max-age=0", "sap-context-token": mark[3:-1]}
    known = call.request.headers
    if known.get("if-none-match") == mark or (
        "if-none-match" not in known and known.get("if-modified-since") == opened
    ):
        return Reply(304, empty=True, headers=headers)
    return Reply(200, content, headers, "application/xml;charset=utf-8")
