"""Which files lie on records when an org opens?"""

import base64
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from .blobs import Blobs
from .files import Library
from .store import Row, Store, Value


@dataclass(frozen=True, slots=True)
class _Planned:
    """One kind of file and the places of the records that it lies on."""

    object: str
    records: tuple[int, ...]
    path: str
    texts: tuple[str, ...] = ()
    base64: str = ""
    type: str = ""

    def versions(self, about: Row) -> Iterator[bytes]:
        """Yield the bytes of each version."""
        if self.base64:
            yield base64.b64decode(self.base64)
        for text in self.texts:
            yield text.format_map(about).encode()


class FileSeeder:
    """Put files on records that are there already, as if their owners had sent them at this moment."""

    def __init__(self, store: Store, blobs: Blobs, at: datetime) -> None:
        self._store = store
        self._blobs = blobs
        self._at = at

    def fill(self) -> None:
        """Make the files and the attachments that the package's data file plans."""
        data = tomllib.loads((files(__package__) / "data" / "files.toml").read_text("utf-8"))
        for planned in _planned(data["files"]):
            for record in self._records(planned):
                self._file(planned, record)
        for planned in _planned(data["attachments"]):
            for record in self._records(planned):
                self._attachment(planned, record)

    def _records(self, planned: _Planned) -> Iterator[Row]:
        for place, record in enumerate(list(self._store[planned.object])):
            if place in planned.records:
                yield record

    def _file(self, planned: _Planned, record: Row) -> None:
        library, owner = Library(self._store, self._blobs, self._at), str(record["OwnerId"])
        place: dict[str, Value] = {"FirstPublishLocationId": record["Id"]}
        for content in planned.versions(self._about(record)):
            values: dict[str, Value] = {"PathOnClient": planned.path, "VersionData": self._blobs.keep([content])}
            values |= {"OwnerId": owner, "SharingOption": "A", "SharingPrivacy": "N", "Origin": "H"}
            row = library.publish({**values, "ContentLocation": "S", **place}, owner)
            place = {"ContentDocumentId": row["ContentDocumentId"]}

    def _attachment(self, planned: _Planned, record: Row) -> None:
        for content in planned.versions(self._about(record)):
            name, owner = self._blobs.keep([content]), str(record["OwnerId"])
            values: dict[str, Value] = {"ParentId": record["Id"], "Name": planned.path, "ContentType": planned.type}
            values |= {"Body": name, "BodyLength": self._blobs[name].size, "OwnerId": owner}
            self._store.insert("Attachment", values, owner, self._at)

    def _about(self, record: Row) -> Row:
        contact = self._store["Contact"].rows.get(str(record.get("ContactId")))
        return contact or record


def _planned(entries: list[dict[str, object]]) -> Iterator[_Planned]:
    for each in entries:
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in each.items()}
        yield _Planned(**values)  # type: ignore[arg-type]
