"""What travels with one call through every layer of the request path?"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

import httpx2
from msgspec import Struct

from isthmus.core.budgets import Permit
from isthmus.core.caller import Principal
from isthmus.core.errors import Denied
from isthmus.core.operation import Effect, Operation, RequestClass
from isthmus.core.resilience import Deadline
from isthmus.core.streams import Upload

__all__ = ["CallScope", "Meter", "Sending", "bind", "scope_of", "sending_of"]

SENDING = "isthmus"
_READS = frozenset({Effect.READ})


@dataclass(slots=True)
class Meter:
    """What really happened on the wire during one call; the wire and the layers above it write it.

    `requests` were asked for by the connector, `attempts` went as far as the wire, `sends` had their first byte
    handed to a socket. `writes_sent` and `writes_answered` count those of them that write: a write is answered when
    an answer says what became of it, and is among `writes_done` when it was a success. `generation` is that of the
    credential used last.
    """

    requests: int = 0
    attempts: int = 0
    sends: int = 0
    writes_sent: int = 0
    writes_answered: int = 0
    writes_done: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    quota_spent: int = 0
    generation: int | None = None
    statuses: list[int] = field(default_factory=list)
    upstream_ids: list[str] = field(default_factory=list)

    @property
    def write_sent(self) -> bool:
        """Tell whether the first byte of a write may have left."""
        return self.writes_sent > 0

    @property
    def write_answered(self) -> bool:
        """Tell whether the outcome of every write that was sent is known."""
        return 0 < self.writes_sent <= self.writes_answered


class CallScope(Struct, frozen=True, gc=False):
    """One call on one connection; it is carried by the request and never by a context variable."""

    principal: Principal
    operation: Operation
    deadline: Deadline
    permit: Permit | None
    meter: Meter
    correlation_id: str
    waiting: Literal["caller", "reconcile"] = "caller"
    agent: str = ""


@dataclass(slots=True)
class Sending:
    """What the layers know of one request: its call, its parts as the connector reads them, and what has been tried.

    `writes` tells whether any part changes the system. `open` is True while a write has been sent and nothing yet
    says what became of it. `passing` are the statuses that the connector takes as answers. `unchanged` raises where a
    write must not be repeated, since what it was decided on is different now. `file` follows the content and `tail` the
    file; the body of a success goes into `into`, where there is one.
    """

    scope: CallScope
    passing: Collection[int] = ()
    unchanged: Callable[[], Awaitable[object]] | None = None
    content: bytes = b""
    file: Upload | None = None
    tail: bytes = b""
    into: BinaryIO | None = None
    parts: Sequence[RequestClass] = ()
    writes: bool = False
    attempts: int = 0
    sends: int = 0
    sent_at: int = -1
    renewed: bool = False
    open: bool = False

    @property
    def size(self) -> int:
        """Return the bytes of the whole body."""
        return len(self.content) + (self.file.size + len(self.tail) if self.file else 0)

    def read_as(self, parts: Sequence[RequestClass]) -> None:
        """Note what the request would do."""
        self.parts = parts
        self.writes = not {part.effect for part in parts} <= _READS

    def sent(self) -> None:
        """Note that the first byte is about to leave; only the wire calls this, and it counts once an attempt."""
        if self.sent_at == self.attempts:
            return
        self.sent_at = self.attempts
        self.sends += 1
        meter = self.scope.meter
        meter.sends += 1
        if self.writes:
            self.open = True
            meter.writes_sent += 1

    def answered(self, *, done: bool = False) -> None:
        """Note that an answer tells the outcome of what was sent."""
        if self.open:
            self.open = False
            meter = self.scope.meter
            meter.writes_answered += 1
            meter.writes_done += done


def bind(
    request: httpx2.Request,
    scope: CallScope,
    passing: Collection[int] = (),
    unchanged: Callable[[], Awaitable[object]] | None = None,
) -> Sending:
    """Attach a call to a request about to enter the chain."""
    sending = request.extensions[SENDING] = Sending(scope, passing, unchanged)
    return sending


def sending_of(request: httpx2.Request) -> Sending:
    """Return what is known of a request so far.

    Raises:
        Denied: it belongs to no call.
    """
    try:
        found: Sending = request.extensions[SENDING]
    except KeyError:
        raise Denied(
            f"A {request.method} request belongs to no call; send it through the connector's `self.http`.",
            code="no_scope",
        ) from None
    return found


def scope_of(request: httpx2.Request) -> CallScope:
    """Return the call that a request belongs to; raises as `sending_of`."""
    return sending_of(request).scope
