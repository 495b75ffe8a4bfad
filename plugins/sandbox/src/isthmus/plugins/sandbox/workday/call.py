"""What does a resource need to know about the request it answers?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qsl

from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.journal import Effect
from isthmus.plugins.sandbox.message import Json, Reply, Request

from .errors import Problem, forbidden, invalid, rejected
from .surfaces import Place
from .users import User
from .view import View

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

MOST: Final = 100
"""How many rows a page has at most."""


@dataclass
class Call:
    """One request of a user; `effects` collects what it does."""

    tenant: "WorkdayTenant"
    request: Request
    method: str
    place: Place
    user: User
    effects: list[Effect] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)

    @cached_property
    def view(self) -> View:
        """Return the workers as far as this user may see them."""
        return self.tenant.view(self.user)

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query parameters."""
        return self.request.query

    @cached_property
    def json(self) -> Mapping[str, Json]:
        """Return the body as a JSON object; raises Refused."""
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):
            raise invalid() from None
        if not isinstance(body, dict):
            raise invalid()
        return cast("Mapping[str, Json]", body)

    def day(self, name: str) -> date | None:
        """Return a query parameter as a day; raises Refused."""
        return as_day(self.query[name], name) if self.query.get(name) else None

    def every(self, name: str) -> list[str]:
        """Return all values of a query parameter that may be repeated, each of them a day; raises Refused."""
        values = [value for key, value in parse_qsl(self.request.query_string) if key == name]
        return [as_day(each, name).isoformat() for each in values]

    def did(self, action: str, object: str, id: str) -> None:
        """Note an effect on the data."""
        self.effects.append(Effect(action, object, id))

    def takes(self, kind: str) -> Fault | None:
        """Use up an armed fault of this kind if it hits the request now."""
        fault = self.tenant.faults.take(kind, self.method, self.request.path)
        if fault is not None:
            self.mishaps.append(kind)
        return fault

    def starts(self, process: str, number: str) -> None:
        """Raise Refused where the user may not start a business process for a worker."""
        if self.user.starts & {"*", process}:
            return
        if not (number == self.view.own and process == "request_time_off"):
            raise forbidden()

    def href(self, path: str) -> str:
        """Return what `href` says: the vendor's own prefix is wrong, which is why nobody may follow it."""
        return f"https://{self.tenant.host}/api/api/v1/{self.tenant.tenant}/{path}"

    def page_of_all(self, rows: Sequence[Json]) -> Reply:
        """Return all rows on one page."""
        shown = rows[::2] if self.takes("hide_rows") else rows
        return Reply(200, {"total": len(shown), "data": list(shown)})

    def page(self, rows: Sequence[Json], default: int = 20) -> Reply:
        """Return one page; raises Refused where more than 100 rows are asked for."""
        limit, offset = _number(self.query.get("limit"), default), _number(self.query.get("offset"), 0)
        if not 1 <= limit <= MOST:
            raise invalid()
        total = len(rows)
        if self.takes("shifted_rows"):
            rows, total = rows[1:], total - 1
        shown = list(rows[offset : offset + limit])
        if self.takes("hide_rows"):
            shown, total = shown[::2], total - len(shown) // 2
        return Reply(200, {"total": total, "data": shown})


def as_day(text: str, name: str) -> date:
    """Read a day; raises Refused."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise rejected(Problem("Enter a valid date.", field=name)) from None


def told(**values: Json) -> dict[str, Json]:
    """Return an object without the keys that have no value, as the vendor leaves them out."""
    return {name: value for name, value in values.items() if value is not None and value != []}


def inner(body: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    """Return an object within an object, empty where there is none."""
    found = body.get(name)
    return cast("Mapping[str, Json]", found) if isinstance(found, dict) else {}


def inner_id(body: Mapping[str, Json], name: str) -> str:
    """Return the id of an instance that a body refers to; empty where there is none."""
    return str(inner(body, name).get("id") or "")


def _number(text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise invalid()
    return int(text)
