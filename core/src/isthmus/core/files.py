"""How does a file come in, and how is one given out?"""

import base64
import binascii
import builtins
import hashlib
import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON
from isthmus.core.streams import Upload

__all__ = ["File", "digest_of", "inline", "spool", "upload_of"]

LONGEST_NAME = 255
PORTION = 1 << 20
_FORBIDDEN = frozenset('/\\:*?"<>|')


@dataclass
class File:
    """A file that was downloaded, recorded and may be seen; whoever gets it closes it.

    `size` is in bytes, `sha256` in hexadecimal digits; `content` stands at its beginning.
    """

    object: str
    id: str
    name: str
    type: str
    size: int
    sha256: str
    content: BinaryIO = field(repr=False)

    def read(self) -> bytes:
        """Return all of it."""
        self.content.seek(0)
        return self.content.read()

    def save(self, path: Path) -> None:
        """Write it to a new file, readable by its owner only.

        Raises:
            FileExistsError: there is one of this name.
        """
        path.touch(mode=0o600, exist_ok=False)
        self.content.seek(0)
        with path.open("wb") as out:
            while portion := self.content.read(PORTION):
                out.write(portion)

    def close(self) -> None:
        """Let go of the bytes."""
        self.content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: builtins.object) -> None:
        self.close()


def spool() -> BinaryIO:
    """Open a nameless file for what is downloaded: nothing of it is left when it is closed, or the process ends."""
    return tempfile.TemporaryFile(prefix="isthmus-")


def digest_of(content: BinaryIO) -> tuple[int, str]:
    """Return size and SHA-256 of a file, and leave it at its beginning."""
    content.seek(0)
    found = hashlib.sha256()
    while portion := content.read(PORTION):
        found.update(portion)
    size = content.tell()
    content.seek(0)
    return size, found.hexdigest()


def upload_of(content: bytes | Path, name: str = "", type: str = "") -> Upload:
    """Describe bytes, or a file on disk, which is read once now and again when it is sent.

    Raises:
        InvalidArguments: the name is none that every system can keep, or the file cannot be read.
    """
    name = name or (content.name if isinstance(content, Path) else "")
    _check_name(name)

    def opener() -> BinaryIO:
        return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)

    try:
        with opener() as source:
            size, sha256 = digest_of(source)
    except OSError as error:
        raise InvalidArguments(f"{name!r} cannot be read ({error.strerror})", field="content") from error
    return Upload(name, type or "application/octet-stream", size, sha256, opener)


def inline(arguments: Mapping[str, JSON]) -> Upload:
    """Read a file from the arguments of a call, where it stands as base64 (RFC 4648 section 4)."""
    told, name, type = arguments.get("content"), arguments.get("name"), arguments.get("type")
    if not isinstance(told, str):
        raise InvalidArguments("'content' is missing: the bytes of the file as base64", field="content")
    try:
        content = base64.b64decode(told, validate=True)
    except binascii.Error as error:
        raise InvalidArguments("'content' is not base64 (RFC 4648 section 4)", field="content") from error
    return upload_of(content, name if isinstance(name, str) else "", type if isinstance(type, str) else "")


def _check_name(name: str) -> None:
    bad = not name or len(name.encode()) > LONGEST_NAME or name.strip(" .") != name or not name.isprintable()
    if bad or _FORBIDDEN & set(name):
        raise InvalidArguments(
            f"{name[:60]!a} cannot be the name of a file in every system: 1 to {LONGEST_NAME} bytes, no control "
            f"characters, none of {' '.join(sorted(_FORBIDDEN))}, no space or dot at its ends",
            field="name",
        )
