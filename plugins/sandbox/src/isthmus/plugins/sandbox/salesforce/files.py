"""What happens around a file: how is it published, shared, read and removed?"""

import mimetypes
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.journal import Effect
from isthmus.plugins.sandbox.message import Reply

from .blobs import Blobs
from .call import Call
from .errors import ApiError
from .schema import Field, SObject
from .store import Row, Store, Value

_OFFICE: Final = (("doc", "WORD"), ("xls", "EXCEL"), ("ppt", "POWER_POINT"))
_TYPES: Final[Mapping[str, str]] = {
    **{each.lower(): each for each in ("CSV", "GIF", "HTML", "JPG", "MP4", "PDF", "PNG", "RTF", "SVG", "XML", "ZIP")},
    **dict.fromkeys(("txt", "log"), "TEXT"),
    **dict.fromkeys(("jpeg", "jpg"), "JPG"),
    **{f"{old}{new}": f"{kind}{new and '_X'}" for new in ("", "x") for old, kind in _OFFICE},
}
_KINDS: Final = mimetypes.MimeTypes()  # the types that Python knows itself, whatever the machine says
_SHARED: Final = ("Title", "Description")
_OF_DOCUMENT: Final = (
    *("Title", "Description", "OwnerId", "PublishStatus", "ContentSize", "FileType", "FileExtension"),
    *("SharingOption", "SharingPrivacy", "ContentModifiedDate"),
)


class Library:
    """Publish files in one org's data: now, or `at` a moment before the org opened."""

    def __init__(self, store: Store, blobs: Blobs, at: datetime | None = None) -> None:
        self._store = store
        self._blobs = blobs
        self._at = at
        self.effects: list[Effect] = []

    def publish(self, values: Mapping[str, Value], by: str) -> Row:
        """Make a version: of the document it names, or the first one of a new document, which it links to its place.

        Object Reference, "ContentVersion" and "ContentDocument".
        """
        given = {**_computed(self._blobs, values), "ContentModifiedById": by, "IsLatest": True, "PublishStatus": "P"}
        given["ContentModifiedDate"] = stamp(self._at or self._store.clock.now())
        if values.get("ContentDocumentId") is None:
            document, former = self._document(given, by), []
            given |= {"ContentDocumentId": document["Id"]}
            given.setdefault("FirstPublishLocationId", by)
        else:
            document = self._store["ContentDocument"].rows[str(values["ContentDocumentId"])]
            former = versions_of(self._store, str(document["Id"]))
            given["FirstPublishLocationId"] = former[0]["FirstPublishLocationId"]
        for each in former:
            if each["IsLatest"]:
                self._store.change("ContentVersion", each, {"IsLatest": False}, by, same_second=self._at is not None)
        row = self._insert("ContentVersion", {**given, "VersionNumber": str(len(former) + 1)}, by)
        news = {name: row[name] for name in _OF_DOCUMENT} | {"LatestPublishedVersionId": row["Id"]}
        same_second = not former or self._at is not None
        self._store.change("ContentDocument", document, news, by, same_second=same_second)
        if former:
            self.effects.append(Effect("updated", "ContentDocument", str(document["Id"])))
        return row

    def _document(self, given: Mapping[str, Value], by: str) -> Row:
        document = self._insert("ContentDocument", {name: given.get(name) for name in _OF_DOCUMENT}, by)
        places = dict.fromkeys((given["OwnerId"], given.get("FirstPublishLocationId") or given["OwnerId"]))
        for place in places:
            link: dict[str, Value] = {"ContentDocumentId": document["Id"], "LinkedEntityId": place}
            self._insert("ContentDocumentLink", {**link, "ShareType": "I", "Visibility": "AllUsers"}, by)
        return document

    def _insert(self, name: str, values: Mapping[str, Value], by: str) -> Row:
        row = self._store.insert(name, values, by, self._at)
        self.effects.append(Effect("created", name, str(row["Id"])))
        return row


def versions_of(store: Store, document: str) -> list[Row]:
    """Return the versions of a document, the oldest first."""
    versions = store["ContentVersion"]
    return versions.find(versions.sobject.by_name["contentdocumentid"], document)


def publish(call: Call, values: Mapping[str, Value]) -> Row:
    """Make a version as a request asks for it; raises ApiError where it may not stand where it should."""
    if values.get("ContentDocumentId") is not None and values.get("FirstPublishLocationId") is not None:
        message = "FirstPublishLocationId can only be set for the first version of a document"
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["FirstPublishLocationId"])
    library = Library(call.store, call.org.blobs)
    row = library.publish(values, call.user_id)
    made = next(each for each in library.effects if each.id == row["Id"])
    for each in (made, *(each for each in library.effects if each is not made)):
        call.did(each.action, call.store.schema.objects[each.object], each.id)
    return row


def completed(call: Call, sobject: SObject, values: dict[str, Value]) -> dict[str, Value]:
    """Return values with what follows from a file in them; raises ApiError for a second link to the same place."""
    if sobject.name == "Attachment" and "Body" in values:
        return {**values, "BodyLength": call.org.blobs[str(values["Body"])].size}
    if sobject.grants and "LinkedEntityId" in values:
        links = call.store[sobject.name]
        for link in links.find(sobject.by_name["contentdocumentid"], str(values["ContentDocumentId"])):
            if link["LinkedEntityId"] == values["LinkedEntityId"]:
                message = f"duplicate value found: LinkedEntityId duplicates value on record with id: {link['Id']}"
                raise ApiError(400, "DUPLICATE_VALUE", message, ["LinkedEntityId"])
    return values


def read(call: Call, sobject: SObject, row: Row, column: Field) -> Reply:
    """Answer `GET /sobjects/X/<id>/<BlobField>` with the bytes, as they were sent."""
    name = row[column.name]
    if name is None:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    kind = row["ContentType"] if sobject.name == "Attachment" else _media_type(row["FileExtension"])
    return Reply(200, stream=call.org.blobs[str(name)], media_type=str(kind or "application/octet-stream"))


def share_name(call: Call, sobject: SObject, row: Row, values: Mapping[str, Value]) -> None:
    """Carry a new title or description over between a document and its latest version."""
    news = {name: values[name] for name in _SHARED if name in values}
    if not news or sobject.name not in ("ContentDocument", "ContentVersion"):
        return
    if sobject.name == "ContentDocument":
        other = call.store["ContentVersion"].rows[str(row["LatestPublishedVersionId"])]
        call.store.change("ContentVersion", other, news, call.user_id)
    elif row["IsLatest"]:
        other = call.store["ContentDocument"].rows[str(row["ContentDocumentId"])]
        call.store.change("ContentDocument", other, news, call.user_id)


def _computed(blobs: Blobs, values: Mapping[str, Value]) -> dict[str, Value]:
    path = PurePath(str(values["PathOnClient"]).replace("\\", "/"))
    extension, blob = path.suffix.removeprefix("."), blobs[str(values["VersionData"])]
    return {
        **values,
        "Title": values.get("Title") or path.stem,
        "FileExtension": extension or None,
        "FileType": _TYPES.get(extension.lower(), "UNKNOWN"),
        "ContentSize": blob.size,
        "Checksum": blob.md5,
    }


def _media_type(extension: Value) -> str | None:
    return _KINDS.guess_type(f"x.{extension}")[0] if extension else None
