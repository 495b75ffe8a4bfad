"""In which order does a request pass the layers?"""

import random as entropy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx2
from opentelemetry.trace import Tracer

from isthmus.core.budgets import Budget
from isthmus.core.caller import Principal
from isthmus.core.credentials import CredentialSource
from isthmus.core.http.credential import CookieJars, CredentialLayer
from isthmus.core.http.effect import Dialect, EffectCheck
from isthmus.core.http.guard import BreakerGate
from isthmus.core.http.origin import Origin, OriginPin
from isthmus.core.http.quota import BudgetGate, ByQuota
from isthmus.core.http.retry import Retry
from isthmus.core.http.telemetry import Telemetry
from isthmus.core.http.timing import DeadlineCut
from isthmus.core.http.wire import Carrier, ForeignWire
from isthmus.core.resilience import Breakers, Clock, RetryPolicy, SystemClock

__all__ = ["ChainParts", "compose"]


def _one(_request: httpx2.Request) -> int:
    return 1


def _all(_request: httpx2.Request) -> str:
    return "requests"


@dataclass(frozen=True, slots=True)
class ChainParts:
    """What one connection's chain is made of.

    `org` keys the breakers. `budgets` are those of the quotas that the org counts apart, where it does. `cost` is a
    request's price in units of the budget. `operations` sorts requests into the classes that fail together (bulk may
    be down while the rest is up). `cassette` wraps the wire to record or replay.
    """

    origin: Origin
    org: str
    dialect: Dialect
    credentials: Callable[[Principal], CredentialSource]
    budget: Budget
    breakers: Breakers
    wire: httpx2.AsyncBaseTransport
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    cookies: CookieJars | None = None
    cassette: Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport] | None = None
    cost: Callable[[httpx2.Request], int] = _one
    operations: Callable[[httpx2.Request], str] = _all
    request_ids: tuple[str, ...] = ("x-request-id", "request-id", "x-correlation-id")
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = field(default_factory=SystemClock)
    random: Callable[[], float] = entropy.random
    tracer: Tracer | None = None


def compose(parts: ChainParts) -> httpx2.AsyncBaseTransport:
    """Put the layers together, the one nearest to the system first."""
    wire = parts.cassette(parts.wire) if parts.cassette else parts.wire
    chain: httpx2.AsyncBaseTransport = wire if isinstance(wire, Carrier) else ForeignWire(wire)
    chain = Telemetry(chain, request_ids=parts.request_ids, tracer=parts.tracer)
    chain = BreakerGate(chain, parts.dialect, parts.breakers, parts.org, operations=parts.operations)
    chain = CredentialLayer(chain, parts.credentials, parts.cookies)
    chain = _gate(chain, parts)
    chain = Retry(chain, parts.dialect, clock=parts.clock, random=parts.random, policy=parts.retry)
    chain = DeadlineCut(chain)
    chain = EffectCheck(parts.dialect, chain)
    return OriginPin(parts.origin, chain)


def _gate(inner: httpx2.AsyncBaseTransport, parts: ChainParts) -> httpx2.AsyncBaseTransport:
    def gate(budget: Budget) -> BudgetGate:
        return BudgetGate(inner, parts.dialect, budget, clock=parts.clock, cost=parts.cost)

    if not parts.budgets:
        return gate(parts.budget)
    return ByQuota({quota: gate(budget) for quota, budget in parts.budgets.items()}, parts.dialect.quota_of)
