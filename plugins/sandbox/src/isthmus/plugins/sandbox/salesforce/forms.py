"""Which fields and files does a multipart body carry (RFC 7578)?"""

import json
import mmap
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Final, TypeAlias, cast

from isthmus.plugins.sandbox.message import Json, Request

from .blobs import Blobs
from .errors import ApiError

Bytes: TypeAlias = bytes | mmap.mmap

MULTIPART: Final = "multipart/form-data"
_CHUNK: Final = 1 << 16
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_MAX_HEAD: Final = 16_384


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a form: its content lies from `start` to `end` of the body."""

    name: str
    media_type: str | None
    file_name: str | None
    start: int
    end: int


def is_form(request: Request) -> bool:
    """Say whether the body is a form with files."""
    return media_type(request) == MULTIPART


def spools(request: Request) -> bool:
    """Say whether the body may be so large that it has to lie on disk: that of a form that writes a row."""
    path = request.path
    rows = path.startswith("/services/data/") and "/sobjects/" in path and "/composite/" not in path
    return rows and is_form(request) and "content-encoding" not in request.headers


def media_type(request: Request) -> str:
    """Return the media type of the body, in lower case and without parameters."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def read_form(request: Request, blobs: Blobs) -> Mapping[str, Json]:
    """Return the fields of the JSON part and, under their parts' names, the files; raises ApiError.

    REST API Developer Guide, "Insert or Update Blob Data": the part without a file name holds the fields as JSON, and
    says that it does.
    """
    with ExitStack() as opened:
        data = _data(request, opened)
        found = list(_parts(data, _boundary(request)))
        files = [each for each in found if each.file_name is not None]
        texts = [each for each in found if each.file_name is None]
        if len(texts) != 1 or texts[0].media_type != "application/json":
            raise _invalid("Multipart message must include a non-binary part")
        if len(files) > 1:
            raise _invalid("Multipart message must not include more than one binary part")
        fields = dict(_fields(data[texts[0].start : texts[0].end]))
        for each in files:
            fields[each.name] = blobs.keep(_chunks(data, each))
        return fields


def _data(request: Request, opened: ExitStack) -> Bytes:
    if request.spool is None:
        return request.body
    return opened.enter_context(mmap.mmap(request.spool.fileno(), 0, access=mmap.ACCESS_READ))


def _boundary(request: Request) -> bytes:
    message = Message()
    message["Content-Type"] = request.headers.get("content-type", "")
    boundary = message.get_boundary()
    if not boundary:
        raise _invalid("Content-Type names no boundary")
    return b"--" + boundary.encode("latin-1", "replace")


def _parts(data: Bytes, boundary: bytes) -> Iterator[FormPart]:
    at = 0 if data[: len(boundary)] == boundary else _next(data, boundary, 0)
    while at >= 0:
        after = at + len(boundary)
        if data[after : after + 2] == b"--":
            return
        end = _next(data, boundary, after)
        if end < 0:
            break
        yield _part(data, after, end)
        at = end
    raise _invalid("Multipart message ends before its closing boundary")


def _next(data: Bytes, boundary: bytes, start: int) -> int:
    """Return where the next line that begins with the boundary starts, or -1."""
    found = data.find(b"\n" + boundary, start)
    return found + 1 if found >= 0 else -1


def _part(data: Bytes, start: int, end: int) -> FormPart:
    blank = _BLANK_LINE.search(data[start : min(start + _MAX_HEAD, end)])
    if blank is None:
        raise _invalid("A part of the multipart message has no head")
    head = BytesHeaderParser().parsebytes(data[start : start + blank.start()].lstrip(b" \t\r\n") + b"\r\n\r\n")
    stop = end - (2 if data[end - 2 : end] == b"\r\n" else 1)
    name = head.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise _invalid("A part of the multipart message has no name")
    kind = head.get_content_type() if "content-type" in head else None
    return FormPart(name, kind, _file_name(head), start + blank.end(), max(stop, start + blank.end()))


def _file_name(head: Message) -> str | None:
    name = head.get_filename()
    return None if name is None else name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _fields(text: bytes) -> Mapping[str, Json]:
    try:
        fields: object = json.loads(text)
        json.dumps(fields, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ApiError(400, "JSON_PARSER_ERROR", "Unexpected character in the non-binary part") from None
    if not isinstance(fields, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The non-binary part must be a JSON object.")
    return cast("Mapping[str, Json]", fields)


def _chunks(data: Bytes, part: FormPart) -> Iterator[bytes]:
    for start in range(part.start, part.end, _CHUNK):
        yield data[start : min(start + _CHUNK, part.end)]


def _invalid(message: str) -> ApiError:
    return ApiError(400, "INVALID_MULTIPART_REQUEST", message)
