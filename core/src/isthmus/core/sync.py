"""How does a program without an event loop make calls? The same session, on one background loop, blocking.

    with open_gateway(load_config(Path("isthmus.toml"))) as gateway:
        page = gateway.session(Caller("support", user="alice")).query("crm", Query("Contact", select=("Name",)))

Threads may share one gateway; a program with an event loop uses `isthmus.core` itself.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

from isthmus.core import assembly, gateway, session, verbs
from isthmus.core.assembly import Surroundings
from isthmus.core.caller import Caller
from isthmus.core.config import Config
from isthmus.core.faces import Blocking, BlockingPage, BlockingPages, BlockingParts, BlockingRecord
from isthmus.core.records import JSON
from isthmus.core.results import Result
from isthmus.core.streams import Upload
from isthmus.core.tools import Tool

if TYPE_CHECKING:
    import requests

__all__ = ["Gateway", "Session", "open_gateway"]


class Session:
    """One caller's way through a gateway, for threads; make as many as there are callers and tasks."""

    describe = Blocking(verbs.describe)
    query = BlockingPage(verbs.query, verbs.query_objects)
    get = BlockingRecord(verbs.get)
    search = BlockingPage(verbs.search, verbs.search)
    aggregate = Blocking(verbs.aggregate)
    export = BlockingPages(verbs.export)
    changes = BlockingPage(verbs.changes, verbs.changes)
    create = BlockingRecord(verbs.create)
    update = BlockingRecord(verbs.update)
    transition = BlockingRecord(verbs.transition)
    upsert = BlockingRecord(verbs.upsert)
    delete = BlockingRecord(verbs.delete)
    load = BlockingParts(verbs.load)
    attach = Blocking(verbs.attach)
    download = Blocking(verbs.download)
    invoke = Blocking(verbs.invoke)

    def __init__(self, session: session.Session) -> None:
        self._session = session

    @property
    def caller(self) -> Caller:
        """Return who calls."""
        return self._session.caller

    def tools(self) -> tuple[Tool, ...]:
        """List the tools that this caller may use, with the systems that it may use them on."""
        return self._session.tools()

    def call(self, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool and block until it is done; raises what the asynchronous session raises."""
        session = self._session
        return session.loop.wait(lambda: session.call(tool, **arguments))

    def send(self, upload: Upload, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool that takes a file along and block until it is done."""
        session = self._session
        return session.loop.wait(lambda: session.send(upload, tool, **arguments))

    def requests_session(self, system: str) -> "requests.Session":
        """Return a `requests.Session` for SDKs, as the asynchronous session does."""
        return self._session.requests_session(system)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[[str], object]:
            """Return the SDK client that a connector offers under this name, as in `session.salesforce("crm")`."""
            if name.startswith("_"):
                raise AttributeError(name)
            return self._session.__getattr__(name)


class Gateway:
    """The one passage, for threads."""

    def __init__(self, inner: gateway.Gateway) -> None:
        self._inner = inner

    def session(self, caller: Caller) -> Session:
        """Return the session of a caller."""
        return Session(self._inner.session(caller))


@contextmanager
def open_gateway(config: Config, surroundings: Surroundings | None = None) -> Iterator[Gateway]:
    """Open a gateway on a loop of its own; leaving waits for writes under way and ends the loop.

    Raises:
        ConfigurationError: as the asynchronous `open_gateway`.
    """
    with _background_loop() as loop:
        opened = assembly.open_gateway(config, surroundings)
        inner = asyncio.run_coroutine_threadsafe(_entered(opened), loop).result()
        try:
            yield Gateway(inner)
        finally:
            asyncio.run_coroutine_threadsafe(_left(opened), loop).result()


async def _entered(opened: AbstractAsyncContextManager[gateway.Gateway]) -> gateway.Gateway:
    return await opened.__aenter__()


async def _left(opened: AbstractAsyncContextManager[gateway.Gateway]) -> None:
    await opened.__aexit__(None, None, None)


async def _end_tasks() -> None:
    """Cancel what is still under way, so that no thread waits for ever."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def _background_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop, over = asyncio.new_event_loop(), threading.Event()

    def run() -> None:
        while not over.is_set():
            # What ends a program reaches the thread that called; the loop goes on for the others.
            with suppress(SystemExit, KeyboardInterrupt):
                loop.run_forever()

    thread = threading.Thread(target=run, name="isthmus", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result()
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        over.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
