"""What does a connector hand over, or take, a part at a time?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import BinaryIO, Protocol

from isthmus.core.records import JSON, Note, Row

__all__ = [
    "Batch",
    "Begun",
    "Changed",
    "FileFacts",
    "Invoked",
    "Line",
    "LineOutcome",
    "Load",
    "Loaded",
    "Upload",
]


@dataclass(frozen=True, slots=True)
class Batch:
    """Part of an export: its rows, and where the next part begins; an empty `at` is the end.

    A system that has not got the rows ready yet gives none and says where to ask again.
    """

    rows: Sequence[Row]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed, oldest first: rows as they are now, ids of those that are gone, and from where to look next time.

    No rows and no ids: nothing new at the moment.
    """

    rows: Sequence[Row]
    at: str
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a load: its values, and which record it is where there is one already.

    `id` names the record of an update or delete. `key` is what the key field of the load holds: in an upsert it names
    the record, in a create it lets a record that was made be found again; None where there is none.
    """

    values: Mapping[str, JSON] = field(default_factory=dict)
    id: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of one line: the record's id, or the code of what stopped it.

    `text` is the system's own sentence and is treated as data. `altered` names fields that the system stored otherwise
    than it was asked to, `notes` what it says beside the success.
    """

    id: str = ""
    created: bool = False
    code: str = ""
    field: str = ""
    text: str = ""
    altered: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """Many records of one object to write alike; `action` is create, update, upsert or delete.

    Of a load whose outcome is not known, `unsent` are the lines that its connector said would not leave.
    """

    object: str
    action: str
    lines: Sequence[Line]
    key_field: str = ""
    unsent: Mapping[int, LineOutcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of every line, in the order of the lines; `first` is the number of the first of them."""

    outcomes: Sequence[LineOutcome]
    first: int = 0

    @property
    def failed(self) -> tuple[int, ...]:
        """Number the lines that were not written, as they were given."""
        return tuple(self.first + at for at, one in enumerate(self.outcomes) if one.code)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way into a system: what it is, and its bytes, which may be opened again for a second attempt.

    `size` is in bytes, `sha256` in hexadecimal digits.
    """

    name: str
    type: str
    size: int
    sha256: str
    open: Callable[[], BinaryIO] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a system says of a file that it holds; an empty `type` is unknown."""

    name: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Invoked:
    """What an action answered, and the ids of the records it made or changed."""

    values: Mapping[str, JSON] = field(default_factory=dict)
    records: tuple[str, ...] = ()


NO_LINES: Mapping[int, LineOutcome] = MappingProxyType({})


class Begun(Protocol):
    """Makes durable what a load needs to be told of after a lost answer; awaited before the first line leaves.

    `job` is where the system's job is found again, empty where there is none; `unsent` are the lines by their numbers
    that were refused and will not leave.
    """

    async def __call__(self, job: str, unsent: Mapping[int, LineOutcome] = NO_LINES) -> None:
        """Return once it is durable."""
        ...
