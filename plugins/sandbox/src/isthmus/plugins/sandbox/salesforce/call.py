"""What does a resource need to know about the request it answers?"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from isthmus.plugins.sandbox.journal import Effect
from isthmus.plugins.sandbox.message import Json, Request

from .access import View
from .errors import ApiError
from .forms import is_form, media_type, read_form
from .logins import Session
from .schema import SObject
from .store import Store

if TYPE_CHECKING:
    from .org import SalesforceOrg


@dataclass
class Call:
    """One authenticated request; `effects` collects what it does to the data, `mishaps` which faults it met."""

    org: "SalesforceOrg"
    request: Request
    method: str
    version: str
    session: Session
    view: View
    effects: list[Effect] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Return the org's data."""
        return self.org.store

    @property
    def base(self) -> str:
        """Return the path of the API version in use."""
        return f"/services/data/v{self.version}"

    @property
    def user_id(self) -> str:
        """Return the id of the acting user."""
        return self.session.user_id

    def sobject(self, name: str) -> SObject:
        """Return the object that a URL names; raises ApiError where the user knows none."""
        found = self.view.object(name)
        if found is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return found

    @cached_property
    def json(self) -> Mapping[str, Json]:
        """Return the body as a JSON object; raises ApiError where it is none."""
        kind = media_type(self.request)
        if kind != "application/json":
            message = f"Content-Type header specified in HTTP request is not supported: {kind}"
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", message)
        try:
            body: object = json.loads(self.request.body or b"{}")
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            raise ApiError(400, "JSON_PARSER_ERROR", "Unexpected character in the request body") from None
        if not isinstance(body, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object.")
        return cast("Mapping[str, Json]", body)

    @cached_property
    def record(self) -> Mapping[str, Json]:
        """Return the fields that the body gives a row: JSON, or a form of JSON and files; raises ApiError."""
        return read_form(self.request, self.org.blobs) if is_form(self.request) else self.json

    def did(self, action: str, sobject: SObject, key: object) -> None:
        """Note an effect on the data."""
        self.effects.append(Effect(action, sobject.name, str(key)))
        self.org.recent.note(self.user_id, action, sobject.name, str(key))

    def meets(self, kind: str) -> bool:
        """Say whether an armed fault of this kind hits the request now."""
        if self.org.faults.take(kind, self.method, self.request.path) is None:
            return False
        self.mishaps.append(kind)
        return True

    @contextmanager
    def transaction(self) -> Iterator[Callable[[], None]]:
        """Yield what takes back all that was done since: the changes and the notes of their effects."""
        mark = len(self.effects)
        with self.store.savepoint() as restore:

            def roll_back() -> None:
                restore()
                del self.effects[mark:]

            try:
                yield roll_back
            except BaseException:
                roll_back()
                raise
