"""To what does a `$ref` lead? Into the document or a listed file beside it, and never anywhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from isthmus.core.records import JSON

__all__ = ["BadDocument", "Place", "Texts"]

MOST_HOPS = 30


class BadDocument(ValueError):
    """A part of the document says something that cannot be used; the text tells what."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value, the file that holds it (empty: the document itself) and its JSON Pointer there (RFC 6901)."""

    value: JSON
    file: str = ""
    pointer: str = ""

    def at(self, name: str) -> "Place":
        """Return the place of a member; its value is None where there is none."""
        held = self.value.get(name) if isinstance(self.value, Mapping) else None
        return Place(held, self.file, f"{self.pointer}/{name.replace('~', '~0').replace('/', '~1')}")

    def each(self) -> "list[Place]":
        """Return the places of the items of a list."""
        items = self.value if isinstance(self.value, list) else []
        return [Place(one, self.file, f"{self.pointer}/{number}") for number, one in enumerate(items)]

    def members(self) -> "dict[str, Place]":
        """Return the places of the members of an object."""
        return {name: self.at(name) for name in self.value} if isinstance(self.value, Mapping) else {}

    def text(self, name: str) -> str:
        """Return a member that is a text, else an empty one."""
        found = self.value.get(name) if isinstance(self.value, Mapping) else None
        return found if isinstance(found, str) else ""

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a member that is true or false."""
        found = self.value.get(name) if isinstance(self.value, Mapping) else None
        return found if isinstance(found, bool) else default


class Texts:
    """The document and the files beside it that may be referred to, by name."""

    def __init__(self, document: JSON, beside: Mapping[str, JSON] | None = None) -> None:
        self._files = {"": document, **(beside or {})}

    @property
    def root(self) -> Place:
        """Return the document."""
        return Place(self._files[""])

    def resolve(self, place: Place) -> Place:
        """Follow `$ref` until there is none; raises BadDocument."""
        for _ in range(MOST_HOPS):
            if not isinstance(place.value, Mapping) or not isinstance(place.value.get("$ref"), str):
                return place
            place = self.follow(str(place.value["$ref"]), place.file)
        raise BadDocument(f"the references at {place.pointer} go in a circle")

    def follow(self, reference: str, file: str) -> Place:
        """Return what one reference in a file names; raises BadDocument."""
        where, _, fragment = reference.partition("#")
        file = where.removeprefix("./") if where else file
        if file not in self._files:
            raise BadDocument(f"{reference[:120]!a} leads out of the document; list a file beside it in `beside`")
        if fragment and not fragment.startswith("/"):
            raise BadDocument(f"{reference[:120]!a} names an anchor; use a JSON Pointer such as #/components/schemas/X")
        value, pointer = self._files[file], unquote(fragment)
        for step in pointer.split("/")[1:]:
            value = _member(value, step.replace("~1", "/").replace("~0", "~"), reference)
        return Place(value, file, pointer)


def _member(value: JSON, name: str, reference: str) -> JSON:
    found: JSON
    if isinstance(value, Mapping) and name in value:
        found = value[name]
        return found
    if isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
        found = value[int(name)]
        return found
    raise BadDocument(f"{reference[:120]!a} names nothing")
