"""How does a command answer: in readable text, or as one JSON document?"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TextIO

from isthmus.core.cli.options import Common
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.wording import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = ["ago", "complain", "facts", "find_id", "legible", "short", "show", "table", "waiting"]

SHORT = 8
WIDE = 4_000
"""Columns where nobody looks: a pipe gets every line whole."""
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def show(common: Common, data: object, *parts: "RenderableType") -> None:
    """Print the data as JSON where that was asked for, else the parts."""
    if common.json:
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        return
    console = _console(sys.stdout)
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    # Aligned cells end in spaces, which a file should not.
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def complain(sentence: str, details: Mapping[str, object], *, as_json: bool) -> None:
    """Print what went wrong and what to do on stderr; with JSON its details on stdout too."""
    from rich.text import Text

    if as_json:
        sys.stdout.write(json.dumps({"error": dict(details)}, indent=2, ensure_ascii=False) + "\n")
    _console(sys.stderr).print(Text.assemble(("error: ", "bold red"), legible(sentence)))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *fold: str) -> "Table":
    """Align rows under column names; on a narrow terminal only the columns `fold` are wrapped."""
    from rich.table import Table
    from rich.text import Text

    built = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        wraps = name in fold
        built.add_column(name, no_wrap=not wraps, overflow="fold" if wraps else "ellipsis")
    for row in rows:
        built.add_row(*(Text(legible(cell), style=_style(cell)) for cell in row))
    return built


def facts(pairs: Iterable[tuple[str, str]]) -> "Table":
    """Align names and their values; pairs without a value are left out."""
    from rich.table import Table
    from rich.text import Text

    built = Table.grid(padding=(0, 2, 0, 0))
    built.add_column(no_wrap=True, style="dim")
    built.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            built.add_row(legible(name), Text(legible(value)))
    return built


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal that something takes a while."""
    if not sys.stderr.isatty():
        yield
        return
    with _console(sys.stderr).status(what):
        yield


def legible(text: str) -> str:
    """Escape what could mislead a reader or steer a terminal; line ends stay."""
    return "\n".join(visible(line) for line in text.split("\n"))


def short(id: str) -> str:
    """Return the end of an id, which tells ids apart; the part after a dot names a leg and stays."""
    base, dot, leg = id.partition(".")
    return base[-SHORT:] + dot + leg


def find_id(given: str, known: Iterable[str], *, kind: str, remedy: str) -> str:
    """Find an id by its whole or its end; raises NotFound or InvalidArguments."""
    ids = list(known)
    found = [one for one in ids if one == given] or [one for one in ids if len(given) >= 4 and one.endswith(given)]
    if not found:
        raise NotFound(f"there is no {kind} {given!r}; {remedy}", object=given)
    if len(found) > 1:
        raise InvalidArguments(f"{given!r} is the end of {len(found)} ids; give more of it", object=given)
    return found[0]


def ago(then: datetime, now: datetime) -> str:
    """Say how far away a time is, in its largest unit."""
    distance = abs(now - then)
    size, unit = next((one for one in UNITS if distance >= timedelta(seconds=one[0])), UNITS[-1])
    count = f"{int(distance.total_seconds() // size)} {unit}"
    return f"{count} ago" if then <= now else f"in {count}"


STYLES = {"ok": "green", "allow": "green", "warn": "yellow", "fail": "bold red", "deny": "red", "TAMPERED": "bold red"}


def _style(cell: str) -> str:
    return STYLES.get(cell.partition(" ")[0], "")


def _console(file: TextIO) -> "Console":
    from rich.console import Console

    width = None if file.isatty() else WIDE
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)
