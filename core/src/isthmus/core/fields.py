"""What holds the values of a row where there are thousands of rows?"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from functools import lru_cache
from typing import ClassVar, TypeAlias, cast

import msgspec

from isthmus.core.records import Value

__all__ = ["MOST_TYPES", "Fields", "Scalar", "fields_type", "mapping", "typed_fields"]

MOST_TYPES = 256

Scalar: TypeAlias = str | int | float | bool | None


class Fields(msgspec.Struct, frozen=True, gc=False):
    """Values by path, in the way of a mapping, without a dictionary to every row; subclasses fix the paths."""

    at: ClassVar[Mapping[str, str]] = {}
    """The attribute that holds a path."""

    def __getitem__(self, path: str) -> Value:
        found: Value = getattr(self, self.at[path])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.at)

    def __len__(self) -> int:
        return len(self.at)

    def __contains__(self, path: object) -> bool:
        return path in self.at

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    __hash__ = None  # type: ignore[assignment]

    def get(self, path: str, default: Value = None) -> Value:
        """Return the value of a path, or the default."""
        return self[path] if path in self.at else default

    def keys(self) -> KeysView[str]:
        """Return the paths."""
        return self.at.keys()

    def values(self) -> ValuesView[Value]:
        """Return the values."""
        return ValuesView(mapping(self))

    def items(self) -> ItemsView[str, Value]:
        """Return paths and values."""
        return ItemsView(mapping(self))


Mapping.register(Fields)


def mapping(fields: Fields) -> Mapping[str, Value]:
    """Return the fields as what they are registered to be; a type-checker cannot know it."""
    return cast("Mapping[str, Value]", fields)


@lru_cache(MOST_TYPES)
def fields_type(paths: tuple[str, ...]) -> type[Fields]:
    """Make the mapping of exactly these paths; its values are given in their order."""
    return typed_fields(paths, dict.fromkeys(paths, Scalar), ())


def typed_fields(
    paths: tuple[str, ...], types: Mapping[str, object], beside: Sequence[tuple[str, str, object]], below: int = 0
) -> type[Fields]:
    """Make the mapping of paths with the types of their values.

    It also holds what is `beside` them: attribute, name in JSON and type. The first letters of every path, as many
    as `below` says, are no part of its name in JSON.
    """
    at = {path: f"f{number}" for number, path in enumerate(paths)}
    made = msgspec.defstruct(
        "Fields",
        [
            *((at[path], cast("type", types[path])) for path in paths),
            *((name, cast("type", kind)) for name, _, kind in beside),
        ],
        bases=(Fields,),
        namespace={"at": at},
        rename={at[path]: path[below:] for path in paths} | {name: told for name, told, _ in beside},
        frozen=True,
        gc=False,
    )
    return cast("type[Fields]", made)
