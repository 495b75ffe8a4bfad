"""What does the author of a connector tell the kit?"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx2

from isthmus.core.connector import Connector, ConnectorSettings, Key, Line, Load
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Measure
from isthmus.core.resilience import FaultKind

__all__ = ["Canned", "Examples", "Run", "Subject"]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of an action that the upstream carries out; it acts on the example record, unless another is named."""

    action: str
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    object: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Calls that the upstream can answer; what belongs to a verb that is not implemented stays empty.

    Of `object` there are at least three records, `id` names one of them, and `fields` are some that can be read; the
    fields that hold id and version are among them, since core asks for those in every read.
    `text` is a text field that is filled in every record and can be filtered by and written; it is among `values`.
    `order_by` is a field whose values sort as Python sorts them. `values` are what a create takes and `changes` what
    an update of `id` takes. `key` is the idempotency key of a create or upsert, `words` what a search finds something
    by. `query_text` is a query in the system's own language, for `parse`.

    `below` are values of records below a new one, by relationship, which are made with `values`; of `refused_below` the
    upstream refuses one.

    `since` is a moment since which some of the records changed, and `settle` lets what was changed meanwhile settle,
    such as by moving on the clock of the upstream that it is given. `loads` are loads of two lines or more that the
    upstream carries out, at least one of which creates; `refused` is a line of the first of these that it refuses.
    `file` is a file of the record `id`, and `other_file` one of another record. `runs` has a run of every action that
    the catalogue names for `object`.

    `requests` are composed or foreign requests (batches, an SDK's) with the class of each part, none for one to refuse.
    `faults` are error answers of the system, with what each means. `more` builds a page of a query's answer that holds
    at least one record and says that the rest is at the address given; None where the system gives no addresses.
    `dissect` reads a text of the system's query language into its structure and its literals, and is not the code
    under test; None where every value travels as a parameter or a JSON value of its own.
    """

    object: str
    id: str
    fields: tuple[str, ...]
    text: str
    order_by: str = ""
    values: Mapping[str, JSON] = field(default_factory=dict)
    changes: Mapping[str, JSON] = field(default_factory=dict)
    key: Key | None = None
    words: str = ""
    below: Mapping[str, JSON] = field(default_factory=dict)
    refused_below: Mapping[str, JSON] = field(default_factory=dict)
    measure: Measure = field(default_factory=lambda: Measure("count", "", "n"))
    query_text: str = ""
    since: str = ""
    settle: Callable[[httpx2.AsyncBaseTransport], None] = lambda _: None
    loads: Sequence[Load] = ()
    refused: Line | None = None
    file: str = ""
    other_file: str = ""
    runs: Sequence[Run] = ()
    requests: Sequence[tuple[httpx2.Request, Sequence[RequestClass]]] = ()
    faults: Sequence[tuple[Response, FaultKind, type[UpstreamError]]] = ()
    more: Callable[[str], httpx2.Response] | None = None
    dissect: Callable[[str], tuple[str, Sequence[str]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A connector, an upstream to run it against, and examples of calls.

    `upstream` returns a transport to a system that holds the same records each time: `Canned` answers, an
    `httpx2.MockTransport` over a function, or a live one that signs requests itself. `url` is its origin.
    """

    connector: type[Connector]
    upstream: Callable[[], httpx2.AsyncBaseTransport]
    examples: Examples
    settings: ConnectorSettings | None = None
    url: str = "https://upstream.example"

    def build(self) -> Connector:
        """Return a connector that no call has used yet."""
        return self.connector("example", self.settings if self.settings is not None else self.connector.settings())


class Canned(httpx2.AsyncBaseTransport):
    """Answers written by hand: `"GET /tickets/7"` or `"GET /tickets?limit=2"` to a status and a JSON body.

    An answer for the whole target goes before one for its path; what has none is answered by 404.
    """

    def __init__(self, answers: Mapping[str, tuple[int, JSON]]) -> None:
        self._answers = answers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        whole = request.url.raw_path.decode("ascii")
        for target in (whole, whole.partition("?")[0]):
            if (found := self._answers.get(f"{request.method} {target}")) is not None:
                status, body = found
                content = b"" if body is None else json.dumps(body).encode()
                return httpx2.Response(status, headers={"content-type": "application/json"}, content=content)
        return httpx2.Response(404, json={})
