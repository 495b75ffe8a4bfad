"""How is a run recorded without a secret or a person in it, and played again without a network?"""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.cassettes.tape import Tape

if TYPE_CHECKING:
    from isthmus.core.cassettes.checking import Finding, check_cassette, check_folder
    from isthmus.core.cassettes.form import Cassette, read_cassette
    from isthmus.core.cassettes.recording import Recording
    from isthmus.core.cassettes.replay import Replay

__all__ = ["Cassette", "Finding", "Recording", "Replay", "Tape", "check_cassette", "check_folder", "read_cassette"]

_HOMES = {
    "Cassette": "form",
    "Finding": "checking",
    "Recording": "recording",
    "Replay": "replay",
    "check_cassette": "checking",
    "check_folder": "checking",
    "read_cassette": "form",
}


def __getattr__(name: str) -> object:
    # Imported on first use: who opens a gateway without a cassette needs none of it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
