"""What does the file of a cassette look like?

It is what VCR writes (version 1), in JSON, which is YAML (YAML 1.2.2 section 1.3): a list of interactions, each a
request and a response. Beside each stands under `isthmus` what its values are.
"""

import json
import os
import re
from pathlib import Path
from typing import Literal

import msgspec

from isthmus.core.errors import ConfigurationError

__all__ = [
    "About",
    "Answered",
    "Asked",
    "Body",
    "Cassette",
    "Interaction",
    "Status",
    "host_of",
    "read_cassette",
    "write_cassette",
]

_UNPRINTABLE = re.compile("[\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff\u2028\u2029\x85]")
"""Characters that JSON may hold as they are and YAML may not (YAML 1.2.2 section 5.1), or reads as a line's end."""


def host_of(connection: str) -> str:
    """Return the address that stands for a connection's in a cassette."""
    return f"https://{re.sub('[^a-z0-9-]', '-', connection.lower())}.example"


class Asked(msgspec.Struct, frozen=True):
    """A request; its body is None where it has none, or one that was not written."""

    method: str
    uri: str
    body: str | None
    headers: dict[str, list[str]]


class Status(msgspec.Struct, frozen=True):
    """The status of an answer."""

    code: int
    message: str


class Body(msgspec.Struct, frozen=True):
    """The body of an answer."""

    string: str


class Answered(msgspec.Struct, frozen=True):
    """An answer."""

    status: Status
    headers: dict[str, list[str]]
    body: Body


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of an interaction beside what VCR knows.

    `labels` are the classes of every field that was met in it. `names` are words that speak about nobody: the system's
    own, and what a request compares with that may stay. `stood` are the stand-ins inside the texts of a request,
    `moments` those that the run's own clock gave. `asked` and `answered` say why a body was not written, and are empty
    where it was, or where there is none.
    """

    connection: str
    call: int
    metadata: bool = False
    labels: dict[str, list[str]] = {}
    names: list[str] = []
    stood: list[str] = []
    moments: list[str] = []
    asked: str = ""
    answered: str = ""


class Interaction(msgspec.Struct, frozen=True):
    """One exchange."""

    request: Asked
    response: Answered
    isthmus: About


class Cassette(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recorded run; `recorded_at` is in seconds since the epoch.

    `seed` is what a replay's refs and ids are made of. `stand_ins` are all values that were put in the place of others.
    """

    recorded_from: str
    recorded_at: float
    seed: str
    stand_ins: list[str | int | float]
    interactions: list[Interaction]
    version: Literal[1] = 1


def read_cassette(path: Path) -> Cassette:
    """Read a cassette; raises ConfigurationError for a file that is not one of ours."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path.name}: {error.strerror}; `isthmus record` writes one", object=path.name
        ) from error
    try:
        return msgspec.json.decode(raw, type=Cassette)
    except (msgspec.MsgspecError, UnicodeError) as error:
        why = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        raise ConfigurationError(
            f"{path.name} is not a cassette as `isthmus record` writes it ({why}); record it anew", object=path.name
        ) from None


def text_of(cassette: Cassette) -> str:
    """Return the text of a cassette, which JSON's readers and YAML's understand alike."""
    plain = json.dumps(msgspec.to_builtins(cassette), indent=1, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", plain) + "\n"


def write_cassette(path: Path, text: str) -> None:
    """Write a cassette as a whole or not at all, for nobody but its owner to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
