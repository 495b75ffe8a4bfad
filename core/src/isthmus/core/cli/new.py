"""How does the author of a connector begin? With one that runs, and tests that it keeps the contract."""

import keyword
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from cyclopts import App

from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import facts, show
from isthmus.core.errors import ConfigurationError, InvalidArguments

__all__ = ["connector", "register"]

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 24
RESERVED = frozenset({"isthmus", "core", "residency", "connector", "connectors", "plugins", "testing", "test", "tests"})
TEMPLATE, CLASS = "acmedesk", "AcmeDesk"
"""The names in the template, which is a whole package of its own."""
WHAT = {
    "pyproject.toml": "package, entry point and tools",
    "README.md": "what it does, how to allow it",
    "src/": "the connector: put your system's API in place of the example's",
    "tests/": "the conformance suite, and a stand-in of the system",
}


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="new", help="Begin a package of your own.")
    group.command(connector)
    app.command(group)


def connector(name: str, /, *, folder: Path | None = None, common: Common = DEFAULT) -> int:
    """Write a package with a connector that runs, its tests and what an author needs to go on.

    Args:
        name: What `connector = ...` will say in isthmus.toml, such as acmedesk.
        folder: Where to write; isthmus-NAME here unless given.
    """
    _check(name)
    target = folder if folder is not None else Path(f"isthmus-{name.replace('_', '-')}")
    if target.exists():
        raise ConfigurationError(
            f"{target} is already there and was left as it is; name another folder, or move it away", object=str(target)
        )
    texts = {_renamed(path, name): _renamed(text, name) for path, text in _template()}
    texts[f"src/isthmus_{name}/py.typed"] = ""
    for path, text in texts.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    steps = (
        f"cd {target} && uv run pytest",
        f"put your system's API into src/isthmus_{name}/__init__.py, and what it answers into tests/",
        f'install it beside isthmus, and allow it in isthmus.toml: plugins = [..., "{name}"]',
    )
    data = {"folder": str(target), "written": sorted(texts), "next": steps}
    numbered = (f"{n}. {step}" for n, step in enumerate(steps, 1))
    show(common, data, f"written into {target.resolve()}:", facts(WHAT.items()), "", *numbered)
    return 0


def _check(name: str) -> None:
    """Refuse what cannot be a package, an entry point and a line of isthmus.toml alike."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        problem = f"takes up to {LONGEST} lower-case letters, digits and single underscores, a letter first"
    elif keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in RESERVED | _taken():
        problem = "takes a name that neither Python nor isthmus uses itself"
    else:
        return
    raise InvalidArguments(f"`isthmus new connector` {problem}; {name!r} is none, try acmedesk", field="name")


def _taken() -> frozenset[str]:
    from isthmus.core.plugins import FIRST_PARTY

    return FIRST_PARTY


def _renamed(text: str, name: str) -> str:
    """Put the author's names in place of the template's."""
    title = "".join(part.capitalize() for part in name.split("_"))
    return (
        text.replace(CLASS, title)
        .replace(f"isthmus-{TEMPLATE}", f"isthmus-{name.replace('_', '-')}")
        .replace(f"{TEMPLATE}.example", f"{name.replace('_', '-')}.example")
        .replace(TEMPLATE.upper(), name.upper())
        .replace(TEMPLATE, name)
    )


def _template() -> Iterator[tuple[str, str]]:
    """Yield each file of the template by its path."""
    yield from _below(files("isthmus.core.cli").joinpath("templates", "connector"), "")


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            yield from _below(one, f"{path}{one.name}/")
        elif one.name.endswith(".tmpl"):
            yield path + one.name.removesuffix(".tmpl"), one.read_text(encoding="utf-8")
