"""What is one configured org while isthmus runs? Its connector, request path, credentials, budget and metadata."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

import httpx2
from msgspec.structs import replace

from isthmus.core.amounts import Amounts
from isthmus.core.budgets import Budget, Permit
from isthmus.core.caller import Caller, Principal
from isthmus.core.connector import Connector, ObjectFacts
from isthmus.core.errors import CredentialError
from isthmus.core.http import CallScope, Http, Meter, Origin
from isthmus.core.http.faults import NotSent, WireFault
from isthmus.core.http.origin import OriginPin
from isthmus.core.http.scope import bind
from isthmus.core.metadata import Metadata, Overlay
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.resilience import Clock, Deadline

__all__ = ["Connection", "TokenWire"]

TOKEN_TIMEOUT = 20.0


class TokenWire(httpx2.AsyncBaseTransport):
    """Carry token requests to the token endpoint's own origin, past the layers that are about records."""

    def __init__(self, connection: str, url: str, wire: httpx2.AsyncBaseTransport, clock: Clock) -> None:
        self._connection = connection
        self._pin = OriginPin(Origin.of(url), wire)
        self._clock = clock

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one token request; the wire's faults become httpx2's, which the token layer knows."""
        operation = Operation(
            connection=self._connection,
            system="",
            tool="token",
            verb=Verb.INVOKE,
            effects=frozenset({Effect.EXECUTE}),
            object="token",
        )
        deadline = Deadline.after(TOKEN_TIMEOUT, self._clock)
        bind(request, CallScope(Principal(self._connection), operation, deadline, None, Meter(), "token"))
        try:
            answer = await self._pin.handle_async_request(request)
        except NotSent as error:
            raise httpx2.ConnectError(str(error)) from error
        except WireFault as error:
            raise httpx2.ReadError(str(error)) from error
        # The token layer reads the body as a stream, to bound it; the wire has unpacked it already.
        headers = [pair for pair in answer.headers.raw if pair[0].lower() != b"content-encoding"]
        return httpx2.Response(answer.status_code, headers=headers, stream=httpx2.ByteStream(answer.content))


@dataclass
class Connection:
    """One org, ready to be called; whoever opens it closes `resources`.

    `identity` is "service" or "user": with "user" a call acts with the person's own credential or not at all.
    `budgets` are those of the quotas that the org counts apart, where it does; `budget` is used where it does not.
    `key_fields` maps an object to the unique field that holds idempotency keys. `amounts` are what policy may bound
    writes by. `file_classes` are the most that a file here may hold, as the operator knows.
    """

    name: str
    system: str
    zone: str
    connector: Connector
    identity: str
    origin: Origin
    chain: httpx2.AsyncBaseTransport
    budget: Budget
    clock: Clock
    overlay: Overlay
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    key_fields: Mapping[str, str] = field(default_factory=dict)
    amounts: Amounts = field(default_factory=lambda: Amounts("", ()))
    final_states: frozenset[str] = frozenset()
    sees_all_rows: bool = False
    file_classes: frozenset[str] = frozenset({"anything"})
    door: str = "api"
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    _metadata: dict[Principal, Metadata] = field(default_factory=dict)

    def principal(self, caller: Caller) -> Principal:
        """Return the identity to act as; raises CredentialError where a person is needed and none is named."""
        if self.identity == "service":
            return Principal(self.name)
        if not caller.user:
            raise CredentialError(
                f"connection {self.name!r} acts as the user, and this call names none; call on behalf of a user",
                subject=caller.agent,
                object=self.name,
            )
        return Principal(self.name, caller.user)

    def bind(self, scope: CallScope, *, as_of: str = "") -> Connector:
        """Return the connector for one call."""
        return self.connector.bind(Http(self.chain, self.origin, scope), partial(self._describe, scope), as_of)

    async def _describe(self, scope: CallScope, object: str) -> ObjectFacts:
        """Describe an object to its own connector: what was looked up is remembered, what was not is read."""

        async def read(name: str) -> ObjectFacts:
            looking = replace(scope, operation=self.looking_up(name), permit=None)
            return await self.bind(looking).catalogue(name)

        return await self._shared(scope.principal).read_by(read).object(object)

    async def reserve(self, caller: Caller, object: str, deadline: Deadline) -> Permit:
        """Reserve one request about an object; raises QuotaExhausted."""
        budget = self.budgets[self.connector.quota_of(object)] if self.budgets else self.budget
        return await budget.acquire(1, caller.agent, deadline)

    def looking_up(self, object: str, records: tuple[str, ...] = ()) -> Operation:
        """Describe a read that only serves deciding."""
        return Operation(
            connection=self.name,
            system=self.system,
            tool="look up",
            verb=Verb.DESCRIBE if not records else Verb.GET,
            effects=frozenset({Effect.READ}),
            object=object,
            objects=frozenset({object}) | self.connector.metadata_objects,
            records=records,
        )

    def reading_back(self, verb: Verb, object: str, record: str, below: Iterable[str] = ()) -> Operation:
        """Describe the read that tells what became of a write: files and actions lie in objects of their own.

        `below` are the objects of the records that were to be made below a new one.
        """
        looking = self.looking_up(object, (record,) if record else ())
        own = {Verb.ATTACH: self.connector.file_objects, Verb.INVOKE: self.connector.action_objects}
        return replace(looking, objects=looking.objects.union(below, own.get(verb, ())))

    def known(self, principal: Principal, looking_up: Callable[[Operation], Awaitable[CallScope]]) -> Metadata:
        """Return the metadata as a call of this principal sees it; what is missing is read within that call."""

        async def read(object: str) -> ObjectFacts:
            return await self.bind(await looking_up(self.looking_up(object))).catalogue(object)

        return self._shared(principal).read_by(read)

    def remembered(self, principal: Principal) -> Mapping[str, ObjectFacts]:
        """Return what has been read of objects by now, as this principal sees them."""
        return self._shared(principal).remembered()

    def _shared(self, principal: Principal) -> Metadata:
        shared = self._metadata.get(principal)
        if shared is None:
            shared = self._metadata[principal] = Metadata(self.overlay, self.clock.monotonic)
        return shared
