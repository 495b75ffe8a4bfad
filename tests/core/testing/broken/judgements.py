"""How may a connector misjudge an answer, or do more than judge?"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.core.testing.desk import Desk

from isthmus.core.connector import Fault, FaultKind, QuotaReading
from isthmus.core.errors import UpstreamRejected
from isthmus.core.http import Response, parse_json, path
from isthmus.core.records import Query, Row

from .seed import Seed, sown_in

SEEDS: list[Seed] = []
breaks = sown_in(SEEDS)


@breaks("classify, fault, quota and parse only compute")
class Patient(Desk):
    def fault(self, response: Response) -> Fault | None:
        with open(os.devnull) as file:  # noqa: PTH123
            file.read()
        return super().fault(response)


@breaks("parse reads the example and refuses what is no query")
class Illiterate(Desk):
    def parse(self, text: str) -> Query:
        return super().parse("tickets " + text.split("tickets ")[1])


@breaks("any status with any body is explained without raising")
class Trusting(Desk):
    def words(self, response: Response) -> str:
        found: Any = parse_json(response.body) if response.is_json and response.body[:1] == b"{" else {}
        return str(found["error"]["message"]) if "error" in found else ""


@breaks("no status from 300 is a success, and each kind of failure is told")
class Hopeful(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, kind=FaultKind.CALLER) if found and response.status == 502 else found


@breaks("no status from 300 is a success, and each kind of failure is told", "status 30. with .* counts as a success")
class Moved(Desk):
    def fault(self, response: Response) -> Fault | None:
        return super().fault(response) if response.status < 300 or response.status >= 400 else None


@breaks("no status from 300 is a success, and each kind of failure is told", "401 with .* is a UpstreamRejected")
class Forbidden(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, error=UpstreamRejected) if found and response.status == 401 else found


@breaks("no status from 300 is a success, and each kind of failure is told", "429 with .* is 'caller'")
class Restless(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, kind=FaultKind.CALLER) if found and response.status == 429 else found


@breaks("the vendor's own errors are told apart")
class Blunt(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, error=UpstreamRejected) if found and response.status == 412 else found


@breaks("what the system says is never part of our own sentence")
class Parroting(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, sentence=f"the desk said {found.text}") if found else None


@breaks("quota is read off the answers, and missing or garbled headers do no harm")
class Counting(Desk):
    def quota(self, response: Response) -> Sequence[QuotaReading]:
        used, limit = response.headers.get("x-quota", "0/1000").split("/")[:2]
        return (QuotaReading(int(limit), int(limit) - int(used)),)


@breaks("every request leaves through self.http")
class Sneaking(Desk):
    async def probe(self) -> Any:
        with socket.socket() as own:
            own.settimeout(0.1)
            own.connect_ex(("127.0.0.1", 9))
        return await super().probe()


@breaks("an answer of another shape ends in a typed error or a sound result")
class Assuming(Desk):
    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        answer: Any = (await self.http.get(path("/find"), params={"q": text})).json()
        return [Row("Ticket", one["id"], one) for one in answer["tickets"]]


@breaks(
    "an answer of another shape ends in a typed error or a sound result", "ended in (KeyError|TypeError|AttributeError)"
)
class Indexing(Desk):
    async def aggregate(self, aggregate: Any) -> Any:
        answer: Any = (await self.http.get(path("/count"))).json()
        return [dict(one) for one in answer["groups"]]


@breaks("a login page or a redirect in place of an answer is no success")
class Satisfied(Desk):
    def fault(self, response: Response) -> Fault | None:
        return None if response.status == 200 else super().fault(response)
