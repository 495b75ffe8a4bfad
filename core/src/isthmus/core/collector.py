"""How is a process that makes calls all day kept from pausing to look for garbage?"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["few_collections"]

_THRESHOLDS = 10_000, 10, 10
"""So many objects more than before until the youngest are looked through, and how often that until older ones are."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Set Python's garbage collector up for a service; enter it once gateways are open, leaving undoes it.

    A call frees what it used by counting references. Yet many calls that begin together look like a heap that grows,
    so with Python's own thresholds each second or so everything ever imported is looked through: 70 to 100 ms in which
    no call moves, and a tenth of the CPU (docs/benchmarks.md). Here what exists on entering is left out (`gc.freeze`),
    and the rest is looked through less often. That concerns the whole process, so no gateway does it by itself.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
