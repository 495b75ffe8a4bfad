"""How does a program get classes for the objects it works with, and how does it learn that they are out of date?"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from isthmus.core.caller import Caller
from isthmus.core.cli.installation import caller_of, configuration, gateway_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import legible, show, waiting
from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.gateway import Gateway

__all__ = ["models", "moved", "register"]

MOST_TOLD = 20
LONGEST = 80


def register(app: App) -> None:
    """Add the command."""
    app.command(models)


async def models(
    system: str,
    /,
    *objects: str,
    out: Path | None = None,
    check: bool = False,
    client: str = "",
    user: str = "",
    common: Common = DEFAULT,
) -> int:
    """Write pydantic classes of objects, from live metadata and the rules that hold for a client.

    Args:
        system: The system that holds the objects.
        objects: The objects, such as Account Case.
        out: The file to write; without it the text is printed.
        check: Write nothing; exit with 1 and say what moved where the file is not what would be written.
        client: The client to write for; not needed where the configuration has only one.
        user: The person it acts for, in place of the client's own.
    """
    config = configuration(common)
    if system not in config.file.systems:
        raise InvalidArguments(f"there is no system {system!r}{nearest(system, config.file.systems)}", field="system")
    if not objects:
        raise InvalidArguments("name the objects to write classes of, such as Account Case", field="objects")
    if check and out is None:
        raise InvalidArguments("name the file to check with --out", field="out")
    caller = caller_of(config, client, user)
    async with gateway_of(config) as gateway:
        with waiting("reading metadata"):
            text = await _text(gateway, caller, system, objects)
    if out is None:
        _print(text, common)
        return 0
    return _checked(out, text, common) if check else _saved(out, text, common)


async def _text(gateway: "Gateway", caller: Caller, system: str, objects: Sequence[str]) -> str:
    from isthmus.core.cli.classes import written
    from isthmus.core.cli.shapes import shape_of

    shapes = [await shape_of(gateway, caller, system, name) for name in objects]
    kinds = {one.connector.kind for one in gateway.parts.systems[system].connections.values()}
    # One object may have been named twice, in two spellings.
    return written(system, sorted(kinds), caller.client, list({one.name: one for one in shapes}.values()))


def _print(text: str, common: Common) -> None:
    if common.json:
        show(common, {"text": text})
    else:
        sys.stdout.write(text)


def _saved(file: Path, text: str, common: Common) -> int:
    file.write_text(text, encoding="utf-8", newline="\n")
    show(common, {"written": str(file)}, f"written into {file.resolve()}")
    return 0


def _checked(file: Path, text: str, common: Common) -> int:
    """Compare a file with what would be written; a missing one is out of date."""
    found = file.read_text(encoding="utf-8") if file.exists() else ""
    if found == text:
        show(common, {"current": True, "moved": []}, f"{file} is up to date")
        return 0
    changes = list(moved(found, text)) or ["labels, or what stands around the classes"]
    told = changes[:MOST_TOLD] + ([f"and {len(changes) - MOST_TOLD} more"] if len(changes) > MOST_TOLD else [])
    lines = (f"  {legible(one)}" for one in told)
    show(common, {"current": False, "moved": changes}, f"{file} is out of date; write it again:", *lines)
    return 1


def moved(before: str, after: str) -> Iterator[str]:
    """Tell which classes, fields and choices of a file differ from another's, a line each."""
    try:
        old = _parsed(before)
    except (SyntaxError, ValueError):
        yield "the file is no Python"
        return
    new = _parsed(after)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None or now is None:
            # The fields of a class that came or went are told by its own line.
            if "." not in name or name.partition(".")[0] in old.keys() & new.keys():
                yield f"{name} {'is new' if was is None else 'is gone'}"
        elif isinstance(was, frozenset) and isinstance(now, frozenset):
            signs = [*(f"+{one}" for one in sorted(now - was)), *(f"-{one}" for one in sorted(was - now))]
            if signs:
                yield f"{name}: {_short(' '.join(signs))}"
        elif was != now:
            yield f"{name} was {_short(str(was))}, is {_short(str(now))}"


def _parsed(text: str) -> dict[str, str | frozenset[str]]:
    """Map classes, their fields and the types of choices to what the file says they are."""
    found: dict[str, str | frozenset[str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = ""
            for inner in node.body:
                if isinstance(inner, ast.AnnAssign):
                    found[f"{node.name}.{ast.unparse(inner.target)}"] = ast.unparse(inner.annotation)
        elif isinstance(node, ast.Assign):
            told = (repr(one.value) for one in ast.walk(node.value) if isinstance(one, ast.Constant))
            found[ast.unparse(node.targets[0])] = frozenset(told)
    return found


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
