"""How does a file come beside a record of the org, and how is it fetched from there?

A file is a ContentVersion of a ContentDocument, and ContentDocumentLink says beside which records it lies; attachments
are what there was before, and are read only (REST API guide, "Insert or Update Blob Data").
"""

import asyncio
import hashlib
import json
import mimetypes
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from httpx2 import Request

from isthmus.connectors.salesforce.answers import object_of, strange
from isthmus.connectors.salesforce.ids import checked_id, full_id, is_id
from isthmus.connectors.salesforce.readback import LONGEST_TRANSACTION
from isthmus.core.connector import FileFacts, Pending, Settlement, Upload, Written
from isthmus.core.errors import NotFound, UpstreamError
from isthmus.core.http import Http, Response, parse_json, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON, AllOf, Compare, Operator, Query, Row, Value

__all__ = ["BLOBS", "FILE_OBJECTS", "Files", "Rows", "classify_upload", "is_upload"]

Rows = Callable[[Query, str], Awaitable[Sequence[Row]]]
"""Answers a query by the resource named, `/query` or `/queryAll`."""

FILE_OBJECTS = frozenset({"ContentVersion", "ContentDocument", "ContentDocumentLink", "Attachment"})
BLOBS: Mapping[str, str] = {"ContentVersion": "VersionData", "Attachment": "Body"}
"""In which field of which object the bytes of a file are."""
_DOCUMENT, _ATTACHMENT = "069", "00P"
_VERSION_FIELDS = ("Id", "ContentDocumentId", "Title", "FileExtension", "ContentSize", "Checksum")
_ATTACHMENT_FIELDS = ("Id", "Name", "ContentType", "BodyLength")
_SENT_FIELDS = ("Id", "Description", "PathOnClient")
_HEAD = re.compile(
    rb"--(?P<boundary>isthmus-[0-9a-f]{64})\r\n"
    rb'Content-Disposition: form-data; name="entity_content"\r\n'
    rb"Content-Type: application/json\r\n\r\n"
    rb"(?P<values>[^\r\n]+)\r\n"
    rb"--(?P=boundary)\r\n"
    rb'Content-Disposition: form-data; name="VersionData"; filename="content"\r\n'
    rb"Content-Type: application/octet-stream\r\n\r\n"
)
_SENT = frozenset({"PathOnClient", "FirstPublishLocationId", "Description"})
_KINDS = mimetypes.MimeTypes()  # the types that Python knows itself, whatever the machine says
_MOST_ALIKE = 200
_PORTION = 1 << 20
_SLOWEST = 100_000
"""Bytes a second: an upload that is slower than this may still be under way when it counts as lost."""


@dataclass(frozen=True, slots=True)
class Files:
    """One call's files; `rows` answers queries, `mark` is what tells this call from every other."""

    http: Http
    base: str
    rows: Rows
    object: str
    mark: str

    async def attach(self, id: str, file: Upload) -> Written:
        """Send a file as the first version of a document that belongs to the record; its id is that of the version.

        The version's id (068) is in the answer already, and names these very bytes for ever; the document's (069)
        would take a request more, and names whatever its newest version is.
        """
        # What is sent cannot hold its own SHA-256, so no byte of it is taken for the end.
        boundary = f"isthmus-{file.sha256}"
        values = {"PathOnClient": file.name, "FirstPublishLocationId": checked_id(id), "Description": self._description}
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="entity_content"\r\n'
            "Content-Type: application/json\r\n\r\n"
            f"{json.dumps(values)}\r\n"
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="VersionData"; filename="content"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        answer = await self.http.upload(
            path(self.base + "/sobjects/ContentVersion"),
            file,
            head=head.encode(),
            tail=f"\r\n--{boundary}--\r\n".encode(),
            headers={"content-type": f'multipart/form-data; boundary="{boundary}"'},
        )
        found = object_of(answer).get("id")
        if not isinstance(found, str) or not is_id(found):
            raise strange()
        return Written(full_id(found), created=True)

    async def download(self, id: str, file: str, into: BinaryIO) -> FileFacts:
        """Fetch a file that lies beside the record: a version, the newest version of a document, or an attachment."""
        checked_id(file)
        if file.startswith(_ATTACHMENT):
            row = await self._one("Attachment", _ATTACHMENT_FIELDS, {"Id": file, "ParentId": checked_id(id)})
            facts = FileFacts(_text(row, "Name"), _text(row, "ContentType"))
            await self._fetch(self.http, "Attachment", file, into, row.fields.get("BodyLength"), facts)
            return facts
        http, version, newest_wanted = self.http, file, file.startswith(_DOCUMENT)
        if newest_wanted:
            newest = "ContentDocument.LatestPublishedVersionId"
            link = {"ContentDocumentId": file, "LinkedEntityId": checked_id(id)}
            version = _text(await self._one("ContentDocumentLink", ("Id", newest), link), newest)
            http = self.http.on(version)
        row = await self._one("ContentVersion", _VERSION_FIELDS, {"Id": version})
        if not newest_wanted:
            link = {"ContentDocumentId": _text(row, "ContentDocumentId"), "LinkedEntityId": checked_id(id)}
            await self._one("ContentDocumentLink", ("Id",), link)
        facts = _facts_of(row)
        await self._fetch(http, "ContentVersion", version, into, row.fields.get("ContentSize"), facts)
        await _must_be(into, _text(row, "Checksum"))
        return facts

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Written | None]:
        """Look for the version that bears this call's mark. Anybody could have sent a file of this name and size.

        One that looks the same and lacks the mark may be ours, changed since, so absence proves nothing then.
        """
        size, name = pending.values.get("size"), pending.values.get("name")
        if type(size) is not int:
            return Settlement.CANNOT_TELL, None
        where = _all({"FirstPublishLocationId": checked_id(pending.id), "ContentSize": size})
        found = await self.rows(Query("ContentVersion", _SENT_FIELDS, where, limit=_MOST_ALIKE), "/queryAll")
        ours = [row for row in found if row.fields.get("Description") == self._description]
        if len(ours) == 1:
            return Settlement.HAPPENED, Written(ours[0].id, created=True)
        alike = [row for row in found if row.fields.get("PathOnClient") == name]
        late = pending.age > LONGEST_TRANSACTION + size / _SLOWEST
        if alike or ours or not late or len(found) == _MOST_ALIKE:
            return Settlement.CANNOT_TELL, None
        return Settlement.NOT_HAPPENED, None

    @property
    def _description(self) -> str:
        return f"Sent through isthmus, call {self.mark}"

    async def _one(self, object: str, fields: tuple[str, ...], where: Mapping[str, str]) -> Row:
        found = await self.rows(Query(object, fields, _all(where), limit=1), "/query")
        if not found:
            raise NotFound(
                f"there is no such file beside this {self.object}, or this identity may not see it", object=self.object
            )
        return found[0]

    async def _fetch(self, http: Http, object: str, id: str, into: BinaryIO, size: JSON, facts: FileFacts) -> Response:
        """Fetch the bytes; a page that a proxy or a login put in their place has another length, or another type."""
        where = path(f"{self.base}/sobjects/{object}/{{}}/{BLOBS[object]}", id)
        answer = await http.download(where, into)
        page = "html" in answer.headers.get("content-type", "").lower() and "html" not in facts.type
        if answer.filed is None or (type(size) is int and answer.filed != size) or page:
            raise _another()
        return answer


def is_upload(request: Request) -> bool:
    """Tell whether the body is a form with a file in it."""
    return request.headers.get("content-type", "").lstrip().lower().startswith("multipart/")


def classify_upload(request: Request, object: str) -> Sequence[RequestClass]:
    """Read what `Files.attach` sends, to the letter; any other form is unknown, and so is a new version of a file."""
    head = _HEAD.fullmatch(request.content)
    if head is None or object != "ContentVersion":
        return ()
    if request.headers["content-type"] != f'multipart/form-data; boundary="{head["boundary"].decode()}"':
        return ()
    try:
        values = parse_json(head["values"])
    except UpstreamError:
        return ()
    if not isinstance(values, Mapping) or set(values) != _SENT:
        return ()
    record = values["FirstPublishLocationId"]
    if not all(isinstance(one, str) for one in values.values()) or not isinstance(record, str) or not is_id(record):
        return ()
    return (RequestClass(Effect.CREATE, object, (record,)),)


def _facts_of(row: Row) -> FileFacts:
    title, extension = _text(row, "Title"), _text(row, "FileExtension")
    ends = not extension or title.casefold().endswith(f".{extension.casefold()}")
    kind = _KINDS.guess_type(f"x.{extension}")[0] if extension else None
    return FileFacts(title if ends else f"{title}.{extension}", kind or "application/octet-stream")


async def _must_be(content: BinaryIO, checksum: str) -> None:
    """Compare with the MD5 that the org keeps of a version; of what lies outside of the org it keeps none."""
    if checksum and await asyncio.to_thread(_md5, content) != checksum.lower():
        raise _another()


def _md5(content: BinaryIO) -> str:
    content.seek(0)
    found = hashlib.md5(usedforsecurity=False)
    while portion := content.read(_PORTION):
        found.update(portion)
    return found.hexdigest()


def _another() -> UpstreamError:
    return UpstreamError(
        "what came is not the file that the org describes; a login page or a proxy may be in between, or the file "
        "changed meanwhile: it was not used, so fetch it again",
        code="not_the_file",
    )


def _all(where: Mapping[str, Value]) -> AllOf:
    return AllOf(tuple(Compare(name, Operator.EQ, value) for name, value in where.items()))


def _text(row: Row, name: str) -> str:
    found = row.fields.get(name)
    return found if isinstance(found, str) else ""
