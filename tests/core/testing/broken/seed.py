"""What does a connector break, and what does the check say of it?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tests.core.testing.desk import Desk
from tests.core.testing.examples import EXAMPLES, subject_of

from isthmus.core.testing import Subject

Breaks: TypeAlias = Callable[..., Callable[[type[Desk]], type[Desk]]]


@dataclass(frozen=True)
class Seed:
    """A connector, the one promise that it breaks, and a pattern of what the check says then."""

    sentence: str
    subject: Subject
    says: str

    def __str__(self) -> str:
        return self.subject.connector.__name__


def sown_in(seeds: list[Seed]) -> Breaks:
    """Return the decorator that adds a connector; `examples` replaces what the desk gives the checks."""

    def breaks(sentence: str, says: str = ".", **examples: Any) -> Callable[[type[Desk]], type[Desk]]:
        def seed(connector: type[Desk]) -> type[Desk]:
            seeds.append(Seed(sentence, subject_of(connector, replace(EXAMPLES, **examples)), says))
            return connector

        return seed

    return breaks
