"""How does a verb become a method: one that awaits, or one that blocks? Its signature is written once, in `verbs`.

A verb on records takes its object by name and answers with records, or by a class and answers with its objects.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from isthmus.core.errors import UnderWay
from isthmus.core.models import Model, ModelPage, Named
from isthmus.core.records import JSON, Page, Record
from isthmus.core.results import Result
from isthmus.core.streams import Upload
from isthmus.core.verbs import Ask, told

__all__ = [
    "Asynchronous",
    "Awaited",
    "AwaitedPage",
    "AwaitedPages",
    "AwaitedParts",
    "AwaitedRecord",
    "Blocking",
    "BlockingPage",
    "BlockingPages",
    "BlockingParts",
    "BlockingRecord",
    "Synchronous",
]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", bound=Result)
M = TypeVar("M", bound=Model)
K = TypeVar("K")
K_contra = TypeVar("K_contra", contravariant=True)


class Asynchronous(Protocol):
    """A face that awaits."""

    async def call(self, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool."""
        ...

    async def send(self, upload: Upload, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool that takes a file along."""
        ...


class Synchronous(Protocol):
    """A face that blocks."""

    def call(self, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool."""
        ...

    def send(self, upload: Upload, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool that takes a file along."""
        ...


class AwaitsRecord(Protocol[P]):
    """A coroutine method that answers with one record."""

    @overload
    async def __call__(self, system: str, object: type[M], *args: P.args, **kwargs: P.kwargs) -> M: ...
    @overload
    async def __call__(self, system: str, object: str, *args: P.args, **kwargs: P.kwargs) -> Record: ...


class AwaitsPage(Protocol[K_contra, P, Q]):
    """A coroutine method that answers with a page."""

    # A class is no query and no name of an object, whatever else `K_contra` may be.
    @overload
    async def __call__(  # type: ignore[overload-overlap]
        self, system: str, what: type[M], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> ModelPage[M]: ...
    @overload
    async def __call__(self, system: str, what: K_contra, /, *args: P.args, **kwargs: P.kwargs) -> Page: ...


class BlocksForRecord(Protocol[P]):
    """A plain method that answers with one record."""

    @overload
    def __call__(self, system: str, object: type[M], *args: P.args, **kwargs: P.kwargs) -> M: ...
    @overload
    def __call__(self, system: str, object: str, *args: P.args, **kwargs: P.kwargs) -> Record: ...


class BlocksForPage(Protocol[K_contra, P, Q]):
    """A plain method that answers with a page."""

    @overload
    def __call__(  # type: ignore[overload-overlap] # as above
        self, system: str, what: type[M], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> ModelPage[M]: ...
    @overload
    def __call__(self, system: str, what: K_contra, /, *args: P.args, **kwargs: P.kwargs) -> Page: ...


class AwaitsPages(Protocol[P]):
    """A method whose pages are awaited one after the other."""

    @overload
    def __call__(
        self, system: str, object: type[M], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[ModelPage[M]]: ...
    @overload
    def __call__(self, system: str, object: str, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Page]: ...


class BlocksForPages(Protocol[P]):
    """A plain method whose pages come one after the other."""

    @overload
    def __call__(self, system: str, object: type[M], *args: P.args, **kwargs: P.kwargs) -> Iterator[ModelPage[M]]: ...
    @overload
    def __call__(self, system: str, object: str, *args: P.args, **kwargs: P.kwargs) -> Iterator[Page]: ...


class Awaited(Generic[P, R]):
    """The verb as a coroutine method."""

    def __init__(self, verb: Callable[P, Ask[R]]) -> None:
        self._verb = verb

    def __get__(self, session: Asynchronous, _: type | None = None) -> Callable[P, Coroutine[None, None, R]]:
        """Bind to a session."""
        return cast("Callable[P, Coroutine[None, None, R]]", _awaiting(session, self._verb))


class AwaitedRecord(Generic[P]):
    """The verb as a coroutine method that knows the class of its answer."""

    def __init__(self, verb: Callable[Concatenate[str, Named, P], Ask[Record]]) -> None:
        self._verb = verb

    def __get__(self, session: Asynchronous, _: type | None = None) -> AwaitsRecord[P]:
        """Bind to a session."""
        return cast("AwaitsRecord[P]", _awaiting(session, self._verb))


class AwaitedPage(Generic[K, P, Q]):
    """The verb as a coroutine method that knows the class of its records; `typed` is asked where it is given one."""

    def __init__(
        self,
        verb: Callable[Concatenate[str, K, P], Ask[Page]],
        typed: Callable[Concatenate[str, type[Model], Q], Ask[Page]],
    ) -> None:
        self._verb = _either(verb, typed)

    def __get__(self, session: Asynchronous, _: type | None = None) -> AwaitsPage[K, P, Q]:
        """Bind to a session."""
        return cast("AwaitsPage[K, P, Q]", _awaiting(session, self._verb))


class AwaitedPages(Generic[P]):
    """The verb as an asynchronous iterator over its pages, each of them a call of its own."""

    def __init__(self, verb: Callable[Concatenate[str, Named, P], Ask[Page]]) -> None:
        self._verb = verb

    def __get__(self, session: Asynchronous, _: type | None = None) -> AwaitsPages[P]:
        """Bind to a session."""

        @wraps(self._verb)
        async def pages(*args: object, **kwargs: object) -> AsyncIterator[object]:
            asked: Ask[Page] | None = cast("Callable[..., Ask[Page]]", self._verb)(*args, **kwargs)
            while asked is not None:
                result = await session.call(asked.tool, **asked.arguments)
                if told(result):
                    yield asked.answered(result)
                asked = asked.following(result)

        return cast("AwaitsPages[P]", pages)


class AwaitedParts(Generic[P, R]):
    """The verb as an asynchronous iterator over its parts; one that takes long is asked for again until it is done."""

    def __init__(self, verb: Callable[P, Iterator[Ask[R]]]) -> None:
        self._verb = verb

    def __get__(self, session: Asynchronous, _: type | None = None) -> Callable[P, AsyncIterator[R]]:
        """Bind to a session."""

        @wraps(self._verb)
        async def parts(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
            for asked in self._verb(*args, **kwargs):
                result = None
                while result is None:
                    with suppress(UnderWay):
                        result = await session.call(asked.tool, **asked.arguments)
                yield cast("R", asked.answered(result))

        return parts


class Blocking(Generic[P, R]):
    """The verb as a plain method."""

    def __init__(self, verb: Callable[P, Ask[R]]) -> None:
        self._verb = verb

    def __get__(self, session: Synchronous, _: type | None = None) -> Callable[P, R]:
        """Bind to a session."""
        return cast("Callable[P, R]", _blocking(session, self._verb))


class BlockingRecord(Generic[P]):
    """The verb as a plain method that knows the class of its answer."""

    def __init__(self, verb: Callable[Concatenate[str, Named, P], Ask[Record]]) -> None:
        self._verb = verb

    def __get__(self, session: Synchronous, _: type | None = None) -> BlocksForRecord[P]:
        """Bind to a session."""
        return cast("BlocksForRecord[P]", _blocking(session, self._verb))


class BlockingPage(Generic[K, P, Q]):
    """The verb as a plain method that knows the class of its records; `typed` is asked where it is given one."""

    def __init__(
        self,
        verb: Callable[Concatenate[str, K, P], Ask[Page]],
        typed: Callable[Concatenate[str, type[Model], Q], Ask[Page]],
    ) -> None:
        self._verb = _either(verb, typed)

    def __get__(self, session: Synchronous, _: type | None = None) -> BlocksForPage[K, P, Q]:
        """Bind to a session."""
        return cast("BlocksForPage[K, P, Q]", _blocking(session, self._verb))


class BlockingPages(Generic[P]):
    """The verb as an iterator over its pages, each of them a call of its own."""

    def __init__(self, verb: Callable[Concatenate[str, Named, P], Ask[Page]]) -> None:
        self._verb = verb

    def __get__(self, session: Synchronous, _: type | None = None) -> BlocksForPages[P]:
        """Bind to a session."""

        @wraps(self._verb)
        def pages(*args: object, **kwargs: object) -> Iterator[object]:
            asked: Ask[Page] | None = cast("Callable[..., Ask[Page]]", self._verb)(*args, **kwargs)
            while asked is not None:
                result = session.call(asked.tool, **asked.arguments)
                if told(result):
                    yield asked.answered(result)
                asked = asked.following(result)

        return cast("BlocksForPages[P]", pages)


class BlockingParts(Generic[P, R]):
    """The verb as an iterator over its parts; one that takes long is asked for again until it is done."""

    def __init__(self, verb: Callable[P, Iterator[Ask[R]]]) -> None:
        self._verb = verb

    def __get__(self, session: Synchronous, _: type | None = None) -> Callable[P, Iterator[R]]:
        """Bind to a session."""

        @wraps(self._verb)
        def parts(*args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
            for asked in self._verb(*args, **kwargs):
                result = None
                while result is None:
                    with suppress(UnderWay):
                        result = session.call(asked.tool, **asked.arguments)
                yield cast("R", asked.answered(result))

        return parts


def _awaiting(session: Asynchronous, verb: Callable[..., Ask[R]]) -> Callable[..., Coroutine[None, None, object]]:
    @wraps(verb)
    async def ask(*args: object, **kwargs: object) -> object:
        asked = verb(*args, **kwargs)
        if asked.upload is not None:
            return asked.answered(await session.send(asked.upload, asked.tool, **asked.arguments))
        return asked.answered(await session.call(asked.tool, **asked.arguments))

    return ask


def _blocking(session: Synchronous, verb: Callable[..., Ask[R]]) -> Callable[..., object]:
    @wraps(verb)
    def ask(*args: object, **kwargs: object) -> object:
        asked = verb(*args, **kwargs)
        if asked.upload is not None:
            return asked.answered(session.send(asked.upload, asked.tool, **asked.arguments))
        return asked.answered(session.call(asked.tool, **asked.arguments))

    return ask


def _either(verb: Callable[..., Ask[Page]], typed: Callable[..., Ask[Page]]) -> Callable[..., Ask[Page]]:
    """Ask the verb, or `typed` where a class says what is read."""
    if verb is typed:
        return verb

    @wraps(verb)
    def ask(*args: object, **kwargs: object) -> Ask[Page]:
        chosen = typed if len(args) > 1 and isinstance(args[1], type) else verb
        return chosen(*args, **kwargs)

    return ask
