"""Which mishaps are armed, and does the next one hit this request?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

Detail: TypeAlias = str | float | bool


@dataclass(slots=True)
class Fault:
    """One armed mishap: `left` says how many requests it still hits, `after` how many it lets pass before."""

    kind: str
    left: int
    method: str | None = None
    path: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
    after: int = 0

    def hits(self, method: str, path: str) -> bool:
        """Say whether the filters let this request through to the mishap."""
        if self.method is not None and self.method.upper() != method.upper():
            return False
        return self.path is None or self.path in path

    def text(self, name: str, default: str) -> str:
        """Return one detail as text."""
        return str(self.details.get(name, default))

    def number(self, name: str, default: float) -> float:
        """Return one detail as a number."""
        return float(self.details.get(name, default))

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - a default beside its siblings
        """Return one detail as a yes or no."""
        return bool(self.details.get(name, default))


class FaultBoard:
    """Hold the armed mishaps of one org."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = dict(kinds)
        self._armed: list[Fault] = []
        self._lock = Lock()

    def arm(
        self,
        kind: str,
        *,
        times: int = 1,
        method: str | None = None,
        path: str | None = None,
        after: int = 0,
        **details: Detail,
    ) -> None:
        """Let `kind` hit the next `times` requests with this method whose path contains `path`, `after` others.

        Raises:
            ValueError: the kind is unknown, or `times` is below one.
        """
        if kind not in self.kinds:
            raise ValueError(f"unknown fault {kind!r}; this org knows: {', '.join(sorted(self.kinds))}")
        if times < 1:
            raise ValueError(f"fault {kind!r} must hit at least one request, not {times}")
        with self._lock:
            self._armed.append(Fault(kind, times, method, path, details, after))

    def take(self, kind: str, method: str, path: str) -> Fault | None:
        """Use up one hit of the first armed `kind` that fits the request."""
        with self._lock:
            for fault in self._armed:
                if fault.kind == kind and fault.hits(method, path):
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.left -= 1
                    if fault.left == 0:
                        self._armed.remove(fault)
                    return fault
        return None

    def armed(self) -> tuple[Fault, ...]:
        """Return what is still waiting for a request."""
        with self._lock:
            return tuple(self._armed)

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._armed.clear()
