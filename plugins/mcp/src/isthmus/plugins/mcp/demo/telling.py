"""What is a scene of the demo made of, and when does the story break off?"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from isthmus.plugins.mcp.demo.stage import Failed, Json, Stage

__all__ = ["Scene", "Told", "form", "held_in", "holding", "masked", "need", "one", "shown", "value"]


@dataclass
class Told:
    """What a scene showed: lines, and perhaps a table whose first row are its headings."""

    lines: list[str] = field(default_factory=list)
    table: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene: its title and how it is played; `act` is set where a new act begins."""

    title: str
    play: Callable[[Stage], Awaitable[Told]]
    act: str = ""


def need(holds: object, what: str) -> None:
    """Raise Failed unless something holds."""
    if not holds:
        raise Failed(what)


def one(records: Iterable[Json], fits: Callable[[Json], bool], what: str) -> Json:
    """Return the first record that fits; raises Failed where there is none."""
    found = next((record for record in records if fits(record)), None)
    need(found, f"there is no {what}")
    return found


def held_in(connection: str) -> Callable[[Json], bool]:
    """Return the test of where a record is held."""
    return lambda record: bool(record["id"].startswith(f"{connection}~"))


def holding(name: str, value: Json) -> Callable[[Json], bool]:
    """Return the test whether a record holds a value."""
    return lambda record: bool(record["fields"].get(name) == value)


def form(value: Json) -> str:
    """Tell in which form a value came."""
    return "ref" if isinstance(value, dict) and "ref" in value else "clear"


def shown(value: Json) -> str:
    """Return a value as the model saw it."""
    return str(value["ref"]) if isinstance(value, dict) else str(value)


def value(record: Json, name: str) -> Json:
    """Return a field of a record as it is handed on; raises Failed where it was withheld."""
    need(name in record["fields"], f"{name} of {record['id']} was withheld")
    return record["fields"][name]


def masked(text: str) -> str:
    """Return somebody's real value for the terminal: enough to see that it is not a ref."""
    name, at, host = text.partition("@")
    return " ".join(f"{word[:2]}…" for word in name.split()) + at + host
