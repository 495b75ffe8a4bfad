"""Where do the bytes of files lie?"""

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isthmus.plugins.sandbox.message import Json

from .schema import Field
from .store import Value

MEGABYTE: Final = 1 << 20
_IN_MEMORY: Final = MEGABYTE
_CHUNK: Final = 1 << 16


class Held(str):
    """The name of bytes that are kept already, where a JSON body has them in Base64."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes a file may have: sent in JSON, in a form as a ContentVersion, in a form as anything else.

    REST API Developer Guide, "Insert or Update Blob Data".
    """

    in_json: int = 75 * MEGABYTE // 2
    version: int = 2048 * MEGABYTE
    other: int = 500 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one file, in memory or in a file of their own."""

    size: int
    md5: str
    place: bytes | Path

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in order."""
        if isinstance(self.place, bytes):
            yield self.place
            return
        with self.place.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def address(column: Field, value: Value, attributes: Mapping[str, Json]) -> str | None:
    """Return what a record shows in place of a file: where its bytes can be had."""
    return None if value is None else f"{attributes['url']}/{column.name}"


class Blobs:
    """Keep bytes under names; those above a megabyte lie in a private folder, which ends with this object."""

    def __init__(self) -> None:
        self._kept: dict[str, Blob] = {}
        self._count = 0
        self._folder: Path | None = None
        self._end: Callable[[], object] | None = None

    def __getitem__(self, name: str) -> Blob:
        return self._kept[name]

    def keep(self, chunks: Iterable[bytes]) -> Held:
        """Keep bytes and return their name."""
        self._count += 1
        name, digest, size = f"blob-{self._count}", hashlib.md5(usedforsecurity=False), 0
        parts: list[bytes] = []
        path: Path | None = None
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            parts.append(chunk)
            if size > _IN_MEMORY:
                path = path or self._path(name)
                _append(path, parts)
                parts = []
        self._kept[name] = Blob(size, digest.hexdigest(), path or b"".join(parts))
        return Held(name)

    def close(self) -> None:
        """Forget what lies on disk and remove the folder."""
        self._kept = {name: blob for name, blob in self._kept.items() if isinstance(blob.place, bytes)}
        if self._end is not None:
            self._end()
        self._folder = None

    def _path(self, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="isthmus-files-"))  # mkdtemp lets in nobody but this user
            self._end = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder / name


def _append(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(parts)
