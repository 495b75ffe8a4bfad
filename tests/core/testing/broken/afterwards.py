"""How may a connector settle a write wrongly, tell a secret, or remember a user?"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.core.testing.desk import Desk

from isthmus.core.connector import Fault, Key, Pending, Settlement
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response, path
from isthmus.core.records import Row

from .seed import Seed, sown_in

SEEDS: list[Seed] = []
breaks = sown_in(SEEDS)


@breaks("a write that was done is recognised, and never called undone")
class Denying(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        return Settlement.CANNOT_TELL, None


@breaks("a write that was done is recognised, and never called undone", "effect_mismatch|would update")
class Repeating(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        await self.http.patch(path("/tickets/{}", "T-2"), json={})
        return Settlement.CANNOT_TELL, None


@breaks("a write that was not done is never claimed, nor called undone at once")
class Impatient(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        return await super().reconcile(replace(pending, age=1e6))


@breaks("a write that was not done is never claimed, nor called undone at once", "says that it happened")
class Claiming(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        settled, written = await super().reconcile(pending)
        return (Settlement.HAPPENED, None) if pending.verb == "delete" else (settled, written)


@breaks("a create without a key is never guessed by likeness")
class Likening(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        if pending.verb != "create" or pending.key:
            return await super().reconcile(pending)
        return Settlement.HAPPENED, None


@breaks("a record of somebody else with the same key is no proof")
class Assured(Desk):
    def judge(self, pending: Pending, row: Row) -> Settlement:
        return Settlement.HAPPENED


@breaks("a reading back that fails settles nothing")
class Concluding(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        try:
            return await super().reconcile(pending)
        except UpstreamError:
            return Settlement.NOT_HAPPENED, None


@breaks("a credential shows in no error, log, output or repr, whatever the system echoes")
class Chatty(Desk):
    def fault(self, response: Response) -> Fault | None:
        logging.getLogger("desk").info("answered %s", response.body)
        return super().fault(response)


@breaks("a credential shows in no error, log, output or repr, whatever the system echoes", "the error of")
class Quoting401(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, sentence=found.text) if found else None


@breaks("a credential shows in no error, log, output or repr, whatever the system echoes", "the repr of")
class Keeping(Desk):
    def fault(self, response: Response) -> Fault | None:
        self.last = response.body
        return super().fault(response)


@breaks("a value shows in no error, log or output")
class Printing(Desk):
    async def create(self, object: str, values: Any, key: Key | None) -> Any:
        print("creating", values)
        return await super().create(object, values, key)


@breaks("a call leaves nothing behind for the next user")
class Remembering(Desk):
    def __init__(self, name: str, settings: Any) -> None:
        super().__init__(name, settings)
        self.known: dict[str, Row] = {}

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        if id not in self.known:
            self.known[id] = await super().get(object, id, fields)
        return self.known[id]


@breaks("a call leaves nothing behind for the next user", "left something on the connector")
class Noting(Desk):
    def __init__(self, name: str, settings: Any) -> None:
        super().__init__(name, settings)
        self.asked: list[str] = []

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        self.asked.append(id)
        return await super().get(object, id, fields)
