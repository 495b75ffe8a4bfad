"""What does a resource need to know about the request it answers?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, cast

from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.journal import Effect
from isthmus.plugins.sandbox.message import Json, Reply, Request

from .errors import Message, bad, header
from .keys import journal_id
from .schema import Service, Table
from .store import Row, Store
from .users import User, View
from .values import as_bytes

if TYPE_CHECKING:
    from .landscape import SapLandscape


@dataclass
class Call:
    """One authenticated request to a service; `effects` collects what it does, `messages` what it has to say."""

    landscape: "SapLandscape"
    request: Request
    method: str
    service: Service
    user: User
    effects: list[Effect] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Return the landscape's data."""
        return self.landscape.store

    @property
    def version(self) -> int:
        """Return the service's version of OData."""
        return self.service.version

    @cached_property
    def view(self) -> View:
        """Return the rows as far as this user may see them."""
        return View(self.store, self.user)

    @property
    def root(self) -> str:
        """Return the absolute URL of the service's root, with a slash."""
        return f"{self.request.origin}{self.service.path}/"

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query options."""
        return self.request.query

    @cached_property
    def exact(self) -> bool:
        """Say whether V4 decimals are to be written as strings."""
        return "ieee754compatible=true" in self.request.headers.get("accept", "").lower().replace(" ", "")

    @cached_property
    def json(self) -> Mapping[str, Json]:
        """Return the body as a JSON object; raises Refused."""
        try:
            body = json.loads(self.request.body or b"{}", parse_float=Decimal)
        except (ValueError, RecursionError):
            raise bad(
                "Error while parsing an XML stream", "CX_SXML_PARSE_ERROR/001560AA0E081DEB8CA398CC1690D406"
            ) from None
        if not isinstance(body, dict):
            raise bad("The request body is no JSON object", "/IWBEP/CM_MGW_RT/176")
        return cast("Mapping[str, Json]", body)

    def did(self, action: str, table: Table, row: Row) -> None:
        """Note an effect on the data."""
        self.effects.append(Effect(action, table.name, journal_id(table, row)))

    def says(self, code: str, text: str, severity: str = "warning", target: str = "") -> None:
        """Add a message that travels beside a success."""
        self.messages.append(Message(code, text, severity, target))

    def takes(self, kind: str) -> Fault | None:
        """Use up an armed fault of this kind if it hits the request now."""
        fault = self.landscape.faults.take(kind, self.method, self.request.path)
        if fault is not None:
            self.mishaps.append(kind)
        return fault

    def inner(self, request: Request, method: str) -> "Call":
        """Return a part of a batch as a call of its own by the same user, noting its effects in the same list."""
        return replace(self, request=request, method=method, messages=[])

    def reply(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a JSON answer with the messages so far."""
        kind = "application/json;charset=utf-8"
        if self.version == 4:
            kind = f"application/json;odata.metadata=minimal;IEEE754Compatible={str(self.exact).lower()};charset=utf-8"
        return Reply(status, as_bytes(body), {**(headers or {}), **self.said()}, kind)

    def nothing(self, headers: Mapping[str, str] | None = None) -> Reply:
        """Return 204 with the messages so far."""
        return Reply(204, empty=True, headers={**(headers or {}), **self.said()})

    def said(self) -> dict[str, str]:
        """Return the header with the messages so far."""
        return header(tuple(self.messages), self.version)
