"""How does a check say that a promise is broken, and what its author should do?"""

from typing import NoReturn

__all__ = ["Violation", "broken", "demand"]


class Violation(AssertionError):
    """A promise of the contract that the connector does not keep; the text ends in what to do about it."""


def demand(kept: object, found: str, remedy: str) -> None:
    """Raise Violation unless the promise is kept."""
    if not kept:
        broken(found, remedy)


def broken(found: str, remedy: str) -> NoReturn:
    """Raise Violation."""
    raise Violation(f"{found}. To mend it: {remedy}.")
