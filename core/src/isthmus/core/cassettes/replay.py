"""How is a recorded run played again, without a network, a credential, a clock or chance?"""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

import httpx2

from isthmus.core.cassettes.form import Cassette, Interaction, host_of, read_cassette
from isthmus.core.cassettes.matching import Aliases, Line, line_of, matches, recorded
from isthmus.core.credentials import SealingKey
from isthmus.core.errors import ConfigurationError, NotRecorded
from isthmus.core.http import Carrier, Whole, content_of, sending_of

if TYPE_CHECKING:
    from isthmus.core.config import Config
    from isthmus.core.opening import Surroundings
    from isthmus.core.plugins import Plugins

__all__ = ["Replay"]

LONGEST_JUMP = 30.0
"""Seconds of the longest pause that a replay skips; who waits longer looks after the house, and moves no time."""


class ReplayClock:
    """Time that begins when the run was recorded and passes only where somebody waits for it."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._passed = 0.0

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._passed

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self._began + self._passed

    async def sleep(self, seconds: float) -> None:
        """Skip a short pause; wait through a long one, which moves nothing."""
        if seconds > LONGEST_JUMP:
            await asyncio.sleep(seconds)
            return
        self._passed += max(seconds, 0.0)
        await asyncio.sleep(0)


@dataclass(slots=True)
class _Kept:
    """One recorded exchange, and whether it has been played."""

    line: Line
    interaction: Interaction
    played: bool = False


class Replay:
    """Answers every request of the gateways that are opened with it from a file, and from nothing else.

    Each gateway begins anew: it has the answers of the whole run before it, and a state of its own that ends with this
    object. All that is drawn by chance comes from the cassette, so the same calls get the same answers, byte by byte.
    """

    replays = True
    witness = None

    def __init__(self, path: Path) -> None:
        """Read the file; raises ConfigurationError where it is no cassette."""
        self._name = path.name
        self._cassette = read_cassette(path)
        try:
            self._seed = bytes.fromhex(self._cassette.seed)
        except ValueError:
            raise ConfigurationError(f"{path.name}: its seed is not hexadecimal; record it anew") from None
        self._run = _Run(self._cassette)
        self._folder = TemporaryDirectory(prefix="isthmus-replay-")
        self._houses = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._folder.cleanup()

    def surroundings(self, plugins: "Plugins | None" = None) -> "Surroundings":
        """Return what a gateway is to be opened with."""
        from isthmus.core.opening import Surroundings

        random = Random(self._derived(b"random"))  # noqa: S311 a replay protects nothing: its values are made up
        return Surroundings(
            clock=ReplayClock(self._cassette.recorded_at), environ={}, plugins=plugins, random=random, cassette=self
        )

    def over(
        self,
        connection: str,
        origin: str,
        metadata: frozenset[str],  # noqa: ARG002 the file says which is which
        wire: httpx2.AsyncBaseTransport,  # noqa: ARG002 there is none
    ) -> Carrier:
        """Return what answers for a connection."""
        return _ReplayWire(self._run, self._name, connection, origin)

    def house(self, config: "Config") -> "Config":
        """Return the configuration with a state of its own, and begin the run anew."""
        self._run = _Run(self._cassette)
        self._houses += 1
        folder = Path(self._folder.name) / str(self._houses)
        folder.mkdir(mode=0o700)
        key = folder / "sealing.key"
        handle = os.open(key, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(SealingKey.generate(lambda size: self._derived(b"sealing")[:size]).reveal())
        told = {"state": str(folder), "sealing_key": f"file:{key}"}
        return replace(config, file=config.file.model_copy(update=told))

    def nonce(self, plain: bytes) -> bytes:
        """Return bytes that depend on what is sealed and on the cassette alone."""
        return hmac.digest(self._derived(b"nonce"), plain, "sha256")[:12]

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(self._seed, purpose, hashlib.sha256)


class _Run:
    """The exchanges of a cassette while they are played."""

    def __init__(self, cassette: Cassette) -> None:
        self._aliases = Aliases.of(cassette.stand_ins)
        self._kept: dict[tuple[object, ...], list[_Kept]] = {}
        for one in cassette.interactions:
            line = recorded(one)
            self._kept.setdefault(line.key, []).append(_Kept(line, one))

    def answer(self, asked: Line) -> Interaction | None:
        """Return the next answer to a request; metadata is told as often as it is asked for.

        One that is the same to the letter goes before one that has other values in the place of stand-ins.
        """
        kept = self._kept.get(asked.key, [])
        exact = [one for one in kept if one.line == asked]
        for one in (*_waiting(exact), *_waiting(kept)):
            new = matches(asked, one.line, self._aliases)
            if new is not None:
                self._aliases.learn(new)
                one.played = True
                return one.interaction
        again = [one for one in kept if one.interaction.isthmus.metadata and one.line == asked]
        return again[-1].interaction if again else None


def _waiting(kept: Sequence[_Kept]) -> Iterator[_Kept]:
    return (one for one in kept if not one.played)


class _ReplayWire(Carrier):
    """Answers from the cassette."""

    def __init__(self, run: _Run, name: str, connection: str, origin: str) -> None:
        self._run = run
        self._name = name
        self._connection = connection
        self._origin = origin

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as recorded.

        Raises:
            NotRecorded: the run had no such request, or one more of them, or its answer was not written.
        """
        content = await content_of(request)
        target = request.url.raw_path.decode("ascii")
        kind = request.headers.get("content-type", "")
        asked = line_of(self._connection, request.method, target, content.decode("utf-8", errors="replace"), kind)
        found = self._run.answer(asked)
        if found is None:
            raise self._missing(asked, "was not recorded, or not so often", "Call as the recorded run did")
        if found.isthmus.answered:
            raise self._missing(
                asked, f"was recorded without its answer ({found.isthmus.answered})", "Leave this call out"
            )
        sending = sending_of(request)
        sending.sent()
        here = host_of(self._connection)
        headers = [
            (name.encode("ascii"), value.replace(here, self._origin).encode("ascii", errors="replace"))
            for name, values in found.response.headers.items()
            for value in values
        ]
        body, status = found.response.body.string.replace(here, self._origin).encode(), found.response.status.code
        if sending.into is None or status != HTTPStatus.OK:
            return Whole(status, headers, body)
        sending.into.seek(0)
        sending.into.truncate()
        return Whole(status, headers, b"", sending.into.write(body))

    async def aclose(self) -> None:
        """Close nothing."""

    def _missing(self, asked: Line, what: str, first: str) -> NotRecorded:
        named = ", ".join(name for name, _ in asked.query)
        where = "/".join(asked.path) + (f"?{named}" if named else "")
        return NotRecorded(
            f"{asked.method} {where} of {self._connection!r} {what} in {self._name}. {first}, or record the run anew "
            "with `isthmus record`.",
            object=self._connection,
        )
