"""What does a resource need to know about the request it answers?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.journal import Effect
from isthmus.plugins.sandbox.message import Json, Request

from .access import Access
from .errors import bad_body, closed_table, no_such_table
from .glide import Compiled, Finder
from .schema import TableDefinition
from .shown import Shown, Style
from .store import Store
from .viewer import Viewer

if TYPE_CHECKING:
    from .instance import ServiceNowInstance

_DIGITS: Final = 10


@dataclass
class Call:
    """One authenticated request; `effects` collects what it does to the data, `mishaps` which faults it met."""

    instance: "ServiceNowInstance"
    request: Request
    method: str
    viewer: Viewer
    effects: list[Effect] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Return the instance's data."""
        return self.instance.store

    @cached_property
    def now(self) -> datetime:
        """Return the present instant."""
        return self.instance.clock.now()

    @cached_property
    def access(self) -> Access:
        """Return the access rules as they are for this user."""
        return Access(self.store, self.viewer, self.now)

    @cached_property
    def shown(self) -> Shown:
        """Return what writes rows for this user."""
        return Shown(self.store, self.viewer, self.access, self.request.origin)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Return the query parameters; those that a short link stands for come first."""
        key = self.request.query.get("sysparm_tiny", "")
        return {**self.instance.tiny.get(key, {}), **self.request.query}

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a parameter that is true or false, in any case."""
        found = self.query.get(name, "")
        return default if not found else found.lower() == "true"

    def number(self, name: str, default: int) -> int:
        """Return a parameter that counts something."""
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() and len(text) < _DIGITS else default

    @property
    def style(self) -> Style:
        """Return how values are to be written."""
        display = self.query.get("sysparm_display_value", "").lower()
        bare = self.flag("sysparm_exclude_reference_link")
        return Style(display if display in ("true", "all") else "false", bare)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields that are asked for; nothing stands for all."""
        named = self.query.get("sysparm_fields", "").split(",")
        return tuple(dict.fromkeys(each.strip() for each in named if each.strip()))

    def table(self, name: str) -> TableDefinition:
        """Return the table that a URL names; raises ApiError where there is none, or none for web services."""
        found = self.store.schema.find(name)
        if found is None:
            raise no_such_table(name)
        if found.closed:
            raise closed_table()
        return found

    def compile(self, table: TableDefinition, text: str) -> Compiled:
        """Return an encoded query, as the instance's properties say that invalid parts are to be treated."""
        strict = self.instance.property("glide.invalid_query.returns_no_rows") == "true"
        return Finder(self.store, self.viewer, self.now, strict=strict).compile(table, text)

    @cached_property
    def json(self) -> Mapping[str, Json]:
        """Return the body as a JSON object; raises ApiError where it is none."""
        try:
            body: object = json.loads(self.request.body or b"{}")
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            raise bad_body("The payload is not valid JSON.") from None
        if not isinstance(body, dict):
            raise bad_body("The payload is no JSON object.")
        return cast("Mapping[str, Json]", body)

    def did(self, action: str, table: str, sys_id: str) -> None:
        """Note an effect on the data."""
        self.effects.append(Effect(action, table, sys_id))

    def takes(self, kind: str) -> Fault | None:
        """Use up an armed fault of this kind if it hits the request now."""
        fault = self.instance.faults.take(kind, self.method, self.request.path)
        if fault is not None:
            self.mishaps.append(kind)
        return fault

    def meets(self, kind: str) -> bool:
        """Say whether an armed fault of this kind hits the request now."""
        return self.takes(kind) is not None

    @cached_property
    def _lost(self) -> str:
        fault = self.takes("drop_field")
        return fault.text("field", "") if fault else ""

    def loses(self, name: str) -> bool:
        """Say whether a fault makes the write of this field come to nothing."""
        return self._lost == name

    @cached_property
    def _altered(self) -> Mapping[str, str]:
        fault = self.takes("altered_write")
        return {fault.text("field", ""): fault.text("value", "")} if fault else {}

    def altered(self) -> Mapping[str, str]:
        """Return the values that a fault writes instead of those that were sent."""
        return self._altered
