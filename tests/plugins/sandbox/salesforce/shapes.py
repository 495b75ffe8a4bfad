"""Which keys and which types of values does a JSON answer hold, whatever the values are?"""

from collections.abc import Iterator, Mapping
from typing import Any

Shape = dict[str, set[str]]


def shape(body: Any) -> Shape:
    """Return the types that stand at each path; the elements of an array share one path, `[]`."""
    found: Shape = {}
    for path, kind in _walk("$", body):
        found.setdefault(path, set()).add(kind)
    return found


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield path, "object"
        for name, each in value.items():
            yield from _walk(f"{path}.{name}", each)
    elif isinstance(value, list):
        yield path, "array"
        for each in value:
            yield from _walk(f"{path}[]", each)
    else:
        yield path, _KINDS[type(value)]


_KINDS = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def differences(recorded: Any, ours: Any) -> set[str]:
    """Name what is missing from our answer, what it has too much, and what is of another type.

    Null says that a value may be missing: it stands for no type of its own.
    """
    theirs, mine = shape(recorded), shape(ours)
    found = set()
    for path, kinds in theirs.items():
        if path in mine:
            found |= {f"{path} is {kind}" for kind in mine[path] - kinds - {"null"} if kinds - {"null"}}
            if kinds - {"null"} and mine[path] == {"null"}:
                found.add(f"{path} is always null")
        elif _parent(path) in mine or _parent(path) not in theirs:
            found.add(f"{path} missing")
    for path in mine.keys() - theirs.keys():
        if _parent(path) in theirs and not path.endswith("[]") and "object" in theirs[_parent(path)]:
            found.add(f"{path} added")
    return found


def _parent(path: str) -> str:
    return path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]
