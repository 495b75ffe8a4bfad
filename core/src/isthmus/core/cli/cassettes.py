"""How is a command recorded, played again, and what was recorded checked?"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import show, table
from isthmus.core.errors import ConfigurationError, InvalidArguments

if TYPE_CHECKING:
    from isthmus.core.config import Config
    from isthmus.core.credentials import Secret
    from isthmus.core.opening import Surroundings

__all__ = ["check", "record", "register", "replay"]

Words = Annotated[str, Parameter(allow_leading_hyphen=True)]
_AROUND_THEMSELVES = ("record", "replay")


def register(app: App) -> None:
    """Add the commands."""
    app.command(record)
    app.command(replay)
    group = App(name="cassettes", help="What recorded runs hold.")
    group.command(check)
    app.command(group)


def record(file: Path, /, *command: Words) -> int:
    """Run another command and record what goes to the systems and back, without secrets and personal values.

    Args:
        file: The cassette to write; it is complete when the command ends.
        command: The command with all of its options, such as serve --client desktop, or call query system=crm.
    """
    from isthmus.core.cassettes import Recording
    from isthmus.core.opening import Surroundings

    _check(command)
    with Recording(file) as cassette:
        return _run(Surroundings(cassette=cassette), command)


def replay(file: Path, /, *command: Words) -> int:
    """Run another command against a recorded run, with no network, no credential and a state of its own.

    Args:
        file: The cassette to play.
        command: The command with all of its options, such as serve --client desktop, or call query system=crm.
    """
    from isthmus.core.cassettes import Replay

    _check(command)
    with Replay(file) as cassette:
        return _run(cassette.surroundings(), command)


def check(folder: Path, /, *, common: Common = DEFAULT) -> int:
    """Look for secrets and for values that nothing allows in all cassettes of a folder.

    Where there is a configuration, the secrets that it names are looked for as well.

    Args:
        folder: Where the cassettes are; folders below it are looked through too.
    """
    from isthmus.core.cassettes import check_folder

    with _named_secrets(common):
        found = check_folder(folder)
    data = [{"file": one.file, "place": one.place, "what": one.what} for one in found]
    rows = [(one.file, one.place, one.what) for one in found]
    said = table(("file", "place", "what"), rows, "what") if rows else "nothing found"
    show(common, {"findings": data}, said)
    return 1 if found else 0


def _check(command: tuple[str, ...]) -> None:
    if not command or command[0] in _AROUND_THEMSELVES:
        raise InvalidArguments("name the command to run, such as `isthmus record run.yaml serve --client desktop`")


def _run(around: "Surroundings", command: tuple[str, ...]) -> int:
    from isthmus.core.cli.app import main
    from isthmus.core.opening import AROUND

    token = AROUND.set(around)
    try:
        return main(command)
    finally:
        AROUND.reset(token)


@contextmanager
def _named_secrets(common: Common) -> Iterator[list["Secret"]]:
    """Keep the secrets of the configuration alive, so that they are known when they are seen."""
    from isthmus.core.config import load_config

    if not common.config.exists():
        yield []
        return
    kept = list(_secrets(load_config(common.config)))
    yield kept


def _secrets(config: "Config") -> Iterator["Secret"]:
    import os

    from isthmus.core.assembly import open_keys
    from isthmus.core.credentials import SecretReference, SecretResolver

    keys = open_keys(config, os.environ)
    with keys.secrets:
        resolver = SecretResolver(keys.secrets, os.environ, folder=config.folder)
        for text in _texts(config.file.model_dump()):
            with suppress(ValueError, ConfigurationError):
                yield resolver.resolve(SecretReference.parse(text), setting="cassettes check")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
