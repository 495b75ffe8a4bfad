"""How does the gateway port of the application server listen, and what becomes of a session?"""

import asyncio
from collections import deque
from itertools import count
from typing import Final

from isthmus.plugins.sandbox.passwords import Passwords

from .dictionary import dictionary
from .faults import RfcFault
from .functions import Session, run
from .gateway import Conversation, Ended, Frame
from .logon import Users
from .messages import (
    AbapException,
    Message,
    ShortDump,
    arguments_of,
    dumped,
    message_of,
    raised,
    refused,
    success,
    welcome,
)
from .orders import Orders
from .records import Malformed

HEAD: Final = 1 << 16
STALLED: Final = 1.0
_KEPT: Final = 10_000
_USERS: Final = frozenset({"ALICE", "BOB", "ISTHMUS"})


class _Dropped(Exception):
    """A fault wants the line to break here."""


class RfcEndpoint:
    """The gateway of system `S4H`: `serve` takes bare connections of RFC clients (no SNC, no WebSocket).

    `client` and `users` say who may log on; `called` names the functions called, oldest first, the last 10,000.
    """

    system: Final = "S4H"
    client: Final = "100"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._port = self._soap = 0
        self._numbers = count(10_000_000)
        self._open: set[asyncio.StreamWriter] = set()
        self._ended = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        """Go back to the first state; sessions that are open keep what they have."""
        self.users = Users(self.client, Passwords("sap rfc", self._seed), _USERS)
        self.orders = Orders(self._seed)
        self.called: deque[str] = deque(maxlen=_KEPT)
        self._faults: dict[str, deque[RfcFault | None]] = {}

    def listens_on(self, port: int, soap: int = 0) -> None:
        """Learn the ports of the gateway and of the SOAP services."""
        self._port = port
        self._soap = soap

    def credentials(self) -> dict[str, str]:
        """Return where the gateway listens, and a user who may log on, as plain values."""
        known = {"url": f"rfc://127.0.0.1:{self._port}", "soap_url": f"http://127.0.0.1:{self._soap}"}
        known |= {"system": self.system, "client": self.client}
        return {**known, "username": "ISTHMUS", "password": self.users.password("ISTHMUS")}

    def fail(self, function: str, fault: RfcFault, *, after: int = 0) -> None:
        """Let a call of a function module go wrong: the next one, or that after so many more; several take turns."""
        self._faults.setdefault(function, deque()).extend([*[None] * after, fault])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends; what was not committed is undone then."""
        self._open.add(writer)
        conversation = Conversation(reader, writer, next(self._numbers))
        session: Session | None = None
        try:
            session = await self._log_on(conversation)
            while session is not None and await self._call(conversation, session):
                pass
        except (Ended, ConnectionError, Malformed):
            pass
        except _Dropped:
            writer.transport.abort()
        finally:
            if session is not None:
                session.work.rollback()
            writer.close()
            self._open.discard(writer)
            self._ended.set()

    async def close(self) -> None:
        """End all sessions and wait until they have ended."""
        for writer in tuple(self._open):
            writer.transport.abort()
        while self._open:
            await self._ended.wait()
            self._ended.clear()

    async def _log_on(self, conversation: Conversation) -> Session | None:
        frame = await conversation.next()
        message = message_of(frame.body)
        user, why = self.users.judge(message)
        if why:
            await conversation.answer(frame, refused(why))
            return None
        await conversation.answer(frame, welcome(self.system, self.client, user))
        return Session(self.system, user, self.orders.begin(user))

    async def _call(self, conversation: Conversation, session: Session) -> bool:
        """Answer one call; False where the session is over."""
        frame = await conversation.next()
        message = message_of(frame.body)
        self.called.append(message.function)
        waiting = self._faults.get(message.function)
        fault = waiting.popleft() if waiting else None
        if fault is RfcFault.DROP_BEFORE:
            raise _Dropped
        if fault is RfcFault.STALL:
            await asyncio.sleep(STALLED)
        return await self._answer(conversation, session, (frame, message), fault)

    async def _answer(
        self, conversation: Conversation, session: Session, asked: tuple[Frame, Message], fault: RfcFault | None
    ) -> bool:
        frame, message = asked
        try:
            body = _run(session, message, fault)
        except AbapException as error:
            body = raised(error)
        except ShortDump as error:
            session.work.rollback()
            await conversation.answer(frame, dumped(error))
            return False
        if fault is RfcFault.DROP_AFTER:
            raise _Dropped
        await conversation.answer(frame, body)
        return True


def _run(session: Session, message: Message, fault: RfcFault | None) -> bytes:
    function = dictionary().functions.get(message.function)
    if function is None:
        raise AbapException("FU_NOT_FOUND", ("FL", "046"), message.function)
    results = run(session, function, arguments_of(function, message))
    if fault is RfcFault.DUMP:
        raise ShortDump("COMPUTE_INT_ZERODIVIDE", "Division by 0 (type I)")
    return success(function, message, results)
