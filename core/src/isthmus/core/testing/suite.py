"""Which checks does a connector have to pass, and in which order?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from isthmus.core.testing import (
    acting,
    answering,
    classifying,
    computing,
    exporting,
    filing,
    hostile,
    injecting,
    keeping,
    loading,
    nesting,
    paging,
    reconciling,
    surface,
    versions,
)
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.subject import Subject

__all__ = ["Check", "conformance"]

MODULES = (
    *(surface, answering, versions, classifying, computing, hostile, injecting, paging, exporting, loading),
    *(nesting, filing, acting, reconciling, keeping),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract; calling it raises Violation where the connector breaks it."""

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Run it; not from inside a running event loop."""
        self.run()

    def __str__(self) -> str:
        return self.name


def conformance(subject: Subject) -> Sequence[Check]:
    """Return every check that concerns this connector, by what it implements and which examples are given."""
    bench = Bench(subject)
    promises: list[Promise] = [one for module in MODULES for one in module.PROMISES]
    return [Check(one.sentence, partial(one.check, bench)) for one in promises if one.concerns(bench)]
