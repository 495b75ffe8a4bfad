"""How does a command line become a command, and a failure an exit code?"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from cyclopts import App, CycloptsError, Parameter

from isthmus.core.cli import (
    approvals,
    audit,
    calls,
    cassettes,
    doctor,
    init,
    intents,
    login,
    models,
    new,
    pause,
    policy,
    secret,
    task,
)
from isthmus.core.cli.output import complain
from isthmus.core.errors import ConfigurationError, InvalidArguments, IsthmusError

__all__ = ["main"]

HELP = "Govern every call from an agent to a system of record."
UNUSABLE = (ConfigurationError, InvalidArguments)
"""What the person at the keyboard mends: exit code 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 done, 1 failed or refused, 2 wrong usage or unusable input."""
    tokens = _options_last(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in tokens
    try:
        code = _build(tokens)(tokens, exit_on_error=False, print_error=False, verbose=False)
        sys.stdout.flush()
    except CycloptsError as error:
        sentence = _usage(error)
        complain(sentence, {"code": "usage", "message": sentence, "retryable": False}, as_json=as_json)
        return 2
    except IsthmusError as error:
        complain(error.sentence, error.details(), as_json=as_json)
        return 2 if isinstance(error, UNUSABLE) else 1
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more can be told on it, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        sentence = f"{error.filename or 'a file'}: {error.strerror or error}; check its path, owner and mode"
        complain(sentence, {"code": "os_error", "message": sentence, "retryable": False}, as_json=as_json)
        return 1
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0


def _usage(error: CycloptsError) -> str:
    """Keep the parser's first sentence and its guess, and leave out its list of everything else."""
    sentence = str(error).partition("Available commands:")[0].strip()
    if "Did you mean" in sentence:
        return sentence
    command = " ".join(["isthmus", *(error.command_chain or ()), "--help"])
    return f"{sentence.rstrip('.')}; `{command}` says what there is"


def _version() -> str:
    from importlib.metadata import version

    return version("isthmus-core")


def _build(tokens: Sequence[str]) -> App:
    """Put the commands together; plugins are loaded only where no command of ours was named."""
    plain = Parameter(negative_iterable=(), show_default=lambda value: value or None)
    app = App(
        default_parameter=plain,
        name="isthmus",
        help=HELP,
        help_format="plaintext",
        version=_version,
        result_action="return_value",
    )
    parts = (
        *(init, new, doctor, calls, models, policy, approvals, intents),
        *(pause, audit, task, secret, login, cassettes),
    )
    for part in parts:
        part.register(app)
    named = tokens[0] if tokens and not tokens[0].startswith("-") else ""
    if named not in app and "--version" not in tokens:
        for name, command in _plugin_commands(tokens, required=bool(named)).items():
            app.command(command, name=name)
    return app


def _plugin_commands(tokens: Sequence[str], *, required: bool) -> Mapping[str, Callable[..., object]]:
    """Return the commands of the allowed plugins; a plugin that cannot be loaded must not hide the help."""
    from isthmus.core.plugins import plugin_commands

    try:
        return plugin_commands(_allowed(tokens))
    except ConfigurationError as error:
        if required:
            raise
        complain(error.sentence, {}, as_json=False)
        return {}


def _allowed(tokens: Sequence[str]) -> list[str] | None:
    """Read which plugins the configuration allows; what is wrong with it is told by the command that needs it."""
    import tomllib

    given = [after for before, after in pairwise(tokens) if before == "--config"]
    given += [one.removeprefix("--config=") for one in tokens if one.startswith("--config=")]
    path = Path(given[-1] if given else os.environ.get("ISTHMUS_CONFIG", "isthmus.toml"))
    try:
        allowed = tomllib.loads(path.read_text(encoding="utf-8")).get("plugins")
    except (OSError, ValueError):
        return None
    return [str(one) for one in allowed] if isinstance(allowed, list) else None


def _options_last(tokens: Sequence[str]) -> list[str]:
    """Move the common options behind the command, so that they may stand before it."""
    rest, moved = list(tokens), list[str]()
    while rest and (rest[0] in ("--json", "--config") or rest[0].startswith("--config=")):
        count = 2 if rest[0] == "--config" else 1
        moved += rest[:count]
        del rest[:count]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *moved, *rest[end:]]
