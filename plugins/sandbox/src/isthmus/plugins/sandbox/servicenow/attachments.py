"""How do files hang on rows?"""

import hashlib
import json
import re
from collections.abc import Sequence
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import bad_body, may_not_query, no_record
from .routes import route
from .shown import Style
from .store import Row
from .table_api import matching, paged, visible
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call

_PLAIN: Final = Style()
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+( *;[ -~]*)?", re.ASCII)


def read_list(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer GET on all attachments."""
    table = call.table("sys_attachment")
    if not call.access.may("read", table):
        raise may_not_query()
    page, headers = paged(call, matching(call, table), "/api/now/attachment")
    return Reply(200, {"result": [_record(call, row) for row in page if _seen(call, row)]}, headers)


def read_one(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on what describes a file."""
    return Reply(200, {"result": _record(call, _found(call, arguments[0]))})


def read_file(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a file."""
    row = _found(call, arguments[0])
    reply = Reply(200, call.instance.files[row["sys_id"]], media_type=row["content_type"])
    reply.headers["Content-Disposition"] = f'attachment; filename="{_header_name(row["file_name"])}"'
    reply.headers["X-Attachment-Metadata"] = json.dumps(_record(call, row))
    return reply


def add_file(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer POST of a file as the body."""
    kind = call.request.headers.get("content-type", "application/octet-stream")
    wanted = {name: call.query.get(name, "") for name in ("table_name", "table_sys_id", "file_name")}
    return _added(call, wanted, kind, call.request.body)


def upload(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer POST of a form with a file in it (RFC 7578)."""
    head = f"Content-Type: {call.request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + call.request.body)
    wanted: dict[str, str] = {}
    kind, content = "application/octet-stream", None
    for part in message.get_payload() if message.is_multipart() else []:
        if not isinstance(part, Message):
            continue
        payload = part.get_payload(decode=True)
        data = payload if isinstance(payload, bytes) else b""
        file_name = part.get_filename()
        if file_name is None:
            wanted[str(part.get_param("name", header="content-disposition"))] = data.decode("utf-8", "replace").strip()
        else:
            wanted["file_name"], kind, content = file_name, part.get_content_type(), data
    if content is None:
        raise bad_body("The form has no file.")
    return _added(call, wanted, kind, content)


def _added(call: "Call", wanted: dict[str, str], kind: str, content: bytes) -> Reply:
    name = wanted.get("file_name", "")
    if not name or not wanted.get("table_name") or not wanted.get("table_sys_id"):
        raise bad_body("table_name, table_sys_id and file_name are required")
    visible(call, call.table(wanted["table_name"]), wanted["table_sys_id"])
    kind = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
    values: dict[str, Json] = {
        "table_name": wanted["table_name"],
        "table_sys_id": wanted["table_sys_id"],
        "file_name": name,
        "content_type": kind,
        "size_bytes": str(len(content)),
        "size_compressed": str(len(content)),
        "hash": hashlib.sha256(content).hexdigest(),
    }
    row = Writer(call).insert(call.table("sys_attachment"), values)
    call.instance.files[row["sys_id"]] = content
    reply = Reply(201, {"result": _record(call, row)})
    reply.headers["Location"] = f"{call.request.origin}/api/now/v1/attachment/{row['sys_id']}/file"
    return reply


def remove(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on an attachment."""
    row = _found(call, arguments[0])
    Writer(call).delete(call.table("sys_attachment"), row)
    call.instance.files.pop(row["sys_id"], None)
    return Reply(204, empty=True)


def _found(call: "Call", sys_id: str) -> Row:
    row = visible(call, call.table("sys_attachment"), sys_id)
    if not _seen(call, row):
        raise no_record()
    return row


def _seen(call: "Call", row: Row) -> bool:
    """Say whether the user may see the row on which the file hangs."""
    table = call.store.schema.find(row["table_name"])
    holder = call.store.get(row["table_name"], row["table_sys_id"])
    return table is not None and holder is not None and call.access.row("read", table, holder)


def _record(call: "Call", row: Row) -> dict[str, Json]:
    found = call.shown.record(call.table("sys_attachment"), row, _PLAIN)
    return {**found, "download_link": f"{call.request.origin}/api/now/attachment/{row['sys_id']}/file"}


def _header_name(name: str) -> str:
    return "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name)


ROUTES: Final = (
    route("GET", "now/attachment", read_list),
    route("POST", "now/attachment/file", add_file),
    route("POST", "now/attachment/upload", upload),
    route("GET", "now/attachment/{}", read_one),
    route("DELETE", "now/attachment/{}", remove),
    route("GET", "now/attachment/{}/file", read_file),
)
