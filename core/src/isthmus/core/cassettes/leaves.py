"""What is looked at of a body: a value, its name, and what is known of it there?"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from isthmus.core.cassettes.judging import Judgement, Known

__all__ = ["ROOT", "Leaf", "Scalar", "Seen", "below", "speaks"]

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value: its name, what is known of it, and whether it is part of a field's value instead of all of it."""

    value: Scalar
    name: str
    known: Known | None
    inside: bool = False


Seen = Callable[[Leaf], Scalar]
"""Looks at a value and returns what is to stand in its place."""
ROOT = Leaf(None, "", None)
_NAME = re.compile(r"[A-Za-z_@$][A-Za-z0-9_@$.:-]{0,100}", re.ASCII)


def below(name: str, judgement: Judgement, at: Leaf, *, holds: bool = False) -> Leaf:
    """Return what is known of a value of this name in another; `holds` says that it has values of its own in it.

    Whatever lies inside a field that must not stay is part of it, also where another field has the same name.
    """
    if at.known is not None and not at.known.stays:
        return Leaf(None, at.name, at.known, inside=True)
    known = judgement.fields.get(name)
    if known is not None and holds and not known.facts.readable:
        # It stands for whole records of another object, whose values have labels of their own.
        return ROOT
    if known is not None:
        return Leaf(None, name, known)
    if at.known is not None:
        return Leaf(None, at.name, at.known, inside=True)
    return Leaf(None, name, None)


def speaks(name: str, judgement: Judgement) -> bool:
    """Tell whether a name in an object may be a value itself."""
    return name not in judgement.names and name not in judgement.fields and not _NAME.fullmatch(name)
