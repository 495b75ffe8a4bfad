"""Does code that should only compute reach for the network, a file, a process or the clock's patience?"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["CONNECTING", "TOUCHING", "Reached", "watching"]

CONNECTING = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
TOUCHING = CONNECTING | {"open", "os.system", "subprocess.Popen", "time.sleep"}
CODE = (".py", ".pyc", ".so", ".pyd")


class Reached(BaseException):
    """Watched code did what it must not do; not an Exception, so that broad handlers let it pass."""


class _Watch:
    """What is watched now, if anything; an audit hook can't be taken away again, so there is one for good."""

    def __init__(self) -> None:
        self.events: frozenset[str] = frozenset()
        self.thread = 0
        self.seen: list[str] = []
        self.hooked = False

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note a watched event, and stop it on the watched thread (PEP 578)."""
        if event not in self.events or (event == "open" and str(arguments[0]).endswith(CODE)):
            return
        if threading.get_ident() == self.thread:
            self.seen.append(event)
            raise Reached(event)
        if event in CONNECTING:
            # Names are looked up on another thread.
            self.seen.append(event)


_WATCH = _Watch()


@contextmanager
def watching(events: frozenset[str]) -> Iterator[list[str]]:
    """Stop and note these audit events for a while."""
    if not _WATCH.hooked:
        sys.addaudithook(_WATCH.hook)
        _WATCH.hooked = True
    _WATCH.seen, _WATCH.thread, _WATCH.events = [], threading.get_ident(), events
    try:
        yield _WATCH.seen
    finally:
        _WATCH.events = frozenset()
