"""How is a run recorded? Exchanges wait in memory until their call is labelled; the file is written when it ends."""

import base64
import binascii
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx2

from isthmus.core.calls import Judged
from isthmus.core.cassettes.form import Cassette, text_of, write_cassette
from isthmus.core.cassettes.headers import HEADERS
from isthmus.core.cassettes.held import Held
from isthmus.core.cassettes.judging import Judgement, judge
from isthmus.core.cassettes.learning import Learnt
from isthmus.core.cassettes.scrubbing import Scrubber
from isthmus.core.cassettes.standins import StandIns
from isthmus.core.credentials import Secret, redact
from isthmus.core.http import Carrier, Response, content_of, sending_of
from isthmus.core.http.answer import answer_of
from isthmus.core.http.scope import Sending
from isthmus.core.http.wire import ForeignWire
from isthmus.core.operation import Effect, Verb
from isthmus.core.records import Ref
from isthmus.core.refs import Resolved

if TYPE_CHECKING:
    from isthmus.core.config import Config

__all__ = ["MOST_BODY", "MOST_EXCHANGES", "MOST_HELD", "Recording"]

MOST_BODY = 4 << 20
"""Bytes of a body beyond which it is not recorded."""
MOST_HELD = 64 << 20
"""Bytes of all bodies of a recording; once they are reached, what follows is written without its body."""
MOST_EXCHANGES = 10_000
SEED_BYTES = 32
_NOT_YET = "its call was not labelled: it was refused, failed or was cut"
_LARGE = f"it is larger than {MOST_BODY >> 20} MB"
_FULL = f"the recording holds {MOST_HELD >> 20} MB by now"
_FILE = "it is a file"
_OPEN_HEADERS = HEADERS | {"user-agent", "host", "content-length", "accept-encoding", "connection", "date", "prefer"}


class Recording:
    """Records what goes over the wires of the gateways that are opened with it, and writes one file when left.

    A body stays in memory until step 9 has labelled its call, and is not written where that never happens. The key of
    the stand-ins is forgotten with this object.
    """

    replays = False

    def __init__(self, path: Path, recorded_from: str = "", *, clock: Callable[[], float] = time.time) -> None:
        """`recorded_from` says of which systems the answers are; without it, what the configuration calls them."""
        self._path = path
        self._from = recorded_from
        self._clock = clock
        self._began = clock()
        self._held: list[Held] = []
        self._calls: dict[str, int] = {}
        self._size = 0
        self._proofs: list[Secret] = []
        self._shown: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Write what was labelled, whatever ended the run."""
        write_cassette(self._path, redact(text_of(self._cassette(secrets.token_bytes(32)))))
        self._held.clear()
        self._proofs.clear()

    @property
    def witness(self) -> "Recording":
        """Return itself: it wants to know which calls were labelled."""
        return self

    def over(self, connection: str, origin: str, metadata: frozenset[str], wire: httpx2.AsyncBaseTransport) -> Carrier:
        """Return a wire that notes what goes over another."""
        inner = wire if isinstance(wire, Carrier) else ForeignWire(wire)
        return _RecordingWire(self, connection, origin, metadata, inner)

    def house(self, config: "Config") -> "Config":
        """Return the configuration as it is, whose names say what is recorded."""
        if not self._from:
            told = ", ".join(f"{name} ({one.connector})" for name, one in sorted(config.file.connections.items()))
            self._from = f"{config.file.name}: {told}"
        return config

    def nonce(self, plain: bytes) -> bytes:  # noqa: ARG002 a replay makes its own of what is sealed
        """Return fresh bytes."""
        return os.urandom(12)

    def labelled(self, judged: Judged, resolve: Callable[[Ref], Resolved]) -> None:
        """Note what the labels of a leg say of its exchanges."""
        judgement: Judgement | None = None
        for at, one in enumerate(self._held):
            if one.call == judged.leg.id and one.judgement is None and one.lost != _NOT_YET:
                judgement = judgement or judge(judged, resolve)
                self._held[at] = one.labelled(judgement)

    def unlabelled(self, call: str) -> None:
        """Forget the bodies of a call, or of one leg of it; metadata has no record in it."""
        for at, one in enumerate(self._held):
            mine = one.call == call or one.call.partition(".")[0] == call
            if mine and one.judgement is None and not one.metadata:
                self._drop(at, _NOT_YET)

    def keep(self, one: Held) -> None:
        """Hold an exchange; its bodies only as long as there is room."""
        if len(self._held) >= MOST_EXCHANGES:
            return
        if len(one.body) > MOST_BODY or len(one.answer) > MOST_BODY:
            one = one.without_bodies(_LARGE)
        elif self._size + one.size > MOST_HELD:
            one = one.without_bodies(_FULL)
        self._size += one.size
        number = self._calls.setdefault(one.call.partition(".")[0], len(self._calls) + 1)
        self._held.append(replace(one, number=number))

    def shown(self, headers: Mapping[str, str]) -> None:
        """Remember what proved an identity, to look for it in everything that is written."""
        for name, value in headers.items():
            if name not in _OPEN_HEADERS and value not in self._shown:
                self._shown.add(value)
                self._proofs += [Secret(one) for one in {value, value.rpartition(" ")[2], _password(value)} if one]

    def _drop(self, at: int, why: str) -> None:
        self._size -= self._held[at].size
        self._held[at] = self._held[at].without_bodies(why)

    def _cassette(self, key: bytes) -> Cassette:
        stand_ins = StandIns(key)
        learnt = Learnt(stand_ins)
        for at, one in enumerate(self._held):
            if one.judgement is None and not one.metadata and not one.lost:
                self._drop(at, _NOT_YET)
        for one in self._held:
            learnt.spare(one)
        for one in self._held:
            learnt.learn(one)
        scrubber = Scrubber(learnt, (self._began, self._clock()))
        written = [scrubber.scrub(one) for one in self._held]
        seed = secrets.token_hex(SEED_BYTES)
        return Cassette(self._from, self._began, seed, stand_ins.listed(), written)


class _RecordingWire(Carrier):
    """Passes on, and keeps both halves of each exchange."""

    def __init__(
        self,
        recording: Recording,
        connection: str,
        origin: str,
        metadata: frozenset[str],
        inner: httpx2.AsyncBaseTransport,
    ) -> None:
        self._recording = recording
        self._metadata = metadata
        self._connection = connection
        self._origin = origin
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once; raises what the wire raises."""
        content = await content_of(request)
        response = await self._inner.handle_async_request(request)
        sending, answer = sending_of(request), answer_of(response)
        body, lost = _told(sending, answer)
        asked_with = {name.lower(): value for name, value in request.headers.items()}
        self._recording.shown(asked_with)
        self._recording.keep(
            Held(
                connection=self._connection,
                origin=self._origin,
                call=sending.scope.correlation_id,
                number=0,
                method=request.method,
                target=request.url.raw_path.decode("ascii"),
                asked_with=_written(asked_with),
                body=b"" if sending.file else content,
                status=answer.status,
                answered_with=_written(answer.headers),
                answer=body,
                metadata=answer.status < HTTPStatus.BAD_REQUEST and _tells_metadata(sending, self._metadata),
                asked=_FILE if sending.file else "",
                lost=lost,
            )
        )
        return response

    async def aclose(self) -> None:
        """Close the wire."""
        await self._inner.aclose()


def _told(sending: Sending, answer: Response) -> tuple[bytes, str]:
    """Return the body of an answer, or why it is not kept; what a connector reads from a file of its own is no file."""
    if answer.filed is None or sending.into is None:
        return answer.body, ""
    if sending.scope.operation.verb is Verb.DOWNLOAD:
        return b"", _FILE
    if answer.filed > MOST_BODY:
        return b"", _LARGE
    at = sending.into.tell()
    sending.into.seek(0)
    body = sending.into.read(answer.filed)
    sending.into.seek(at)
    return body, ""


def _password(value: str) -> str:
    """Return the password inside Basic authentication (RFC 7617); empty for anything else."""
    scheme, _, coded = value.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(coded).decode("utf-8", errors="replace").partition(":")[2]
    except binascii.Error:
        return ""


def _written(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in HEADERS}


def _tells_metadata(sending: Sending, objects: frozenset[str]) -> bool:
    """Tell whether an answer is about the system and nobody else: so says the connector, of what only describes."""
    describes = sending.scope.operation.verb is Verb.DESCRIBE
    return bool(sending.parts) and all(
        part.metadata or (describes and part.effect is Effect.READ and part.object in objects) for part in sending.parts
    )
