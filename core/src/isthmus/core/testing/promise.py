"""What is one promise of the contract, and whom does it concern?"""

from collections.abc import Callable
from dataclasses import dataclass

from isthmus.core.testing.bench import Bench

__all__ = ["Promise", "always", "implements"]


def always(_bench: Bench) -> bool:
    """Concern every connector."""
    return True


def implements(*verbs: str) -> Callable[[Bench], bool]:
    """Concern connectors that implement one of these verbs."""
    return lambda bench: not bench.verbs.isdisjoint(verbs)


@dataclass(frozen=True, slots=True)
class Promise:
    """A sentence, the function that raises Violation where it is not true, and whom it concerns."""

    sentence: str
    check: Callable[[Bench], None]
    concerns: Callable[[Bench], bool] = always
