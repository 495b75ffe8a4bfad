"""How is a system with its connections opened, from settings to a request path that is ready?"""

import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random, SystemRandom

import httpx2
from pydantic import ValidationError

from isthmus.core.amounts import Amounts
from isthmus.core.budgets import Budget, Rules, SqliteBudgetStore
from isthmus.core.cassettes.tape import NoWire, Tape, nobody
from isthmus.core.config import BudgetConfig, Config, ConnectionConfig
from isthmus.core.connection import Connection
from isthmus.core.connector import Connector
from isthmus.core.credentials import SecretResolver, SQLiteSecretStore
from isthmus.core.errors import ConfigurationError
from isthmus.core.http import AiohttpWire, ChainParts, CookieJars, Origin, SignedWire, WireSettings, compose
from isthmus.core.metadata import Overlay
from isthmus.core.parts import System
from isthmus.core.plugins import Plugins
from isthmus.core.proof import Proof, Prover, WireOf
from isthmus.core.release import Source
from isthmus.core.resilience import Breakers, Clock, SystemClock
from isthmus.core.routing import Place, Router
from isthmus.residency import FlowPolicy

__all__ = ["AROUND", "Surroundings", "SystemBuilder", "prover_of"]


def _sockets(_connection: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
    return AiohttpWire(settings)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tests and demos replace: the clock, the wire, the process environment, the plugins and what is random.

    `cassette` records what goes over the wire, or stands in for it.
    """

    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    wire: WireOf = _sockets
    plugins: Plugins | None = None
    random: Random = field(default_factory=SystemRandom)
    cassette: Tape | None = None

    @property
    def entropy(self) -> Callable[[int], bytes]:
        """Return what draws bytes: the machine's own, unless chance was replaced."""
        return os.urandom if isinstance(self.random, SystemRandom) else self.random.randbytes


AROUND: ContextVar[Surroundings | None] = ContextVar("isthmus surroundings", default=None)
"""What a gateway is opened with where nothing is given: how one command runs another while it records or replays."""


@dataclass(frozen=True, slots=True)
class SystemBuilder:
    """Open systems; what they hold is closed with `stack`."""

    config: Config
    around: Surroundings
    plugins: Plugins
    secrets: SQLiteSecretStore
    store: SqliteBudgetStore
    stack: AsyncExitStack

    async def open(self, name: str, flows: FlowPolicy) -> System:
        """Open one logical system with all its connections."""
        settings = self.config.file.systems[name]
        connections = {one: await self._connection(one, name) for one in settings.connections}
        places = [Place(one.name, one.zone) for one in connections.values()]

        def members(countries: str) -> frozenset[str]:
            return flows.members(countries, datetime.fromtimestamp(self.around.clock.time(), UTC).date())

        router = Router(name, places, settings.route, members)
        sources = {one.name: Source(one.name, one.zone, router.qualified) for one in connections.values()}
        return System(name, connections, router, sources)

    async def _connection(self, name: str, system: str) -> Connection:
        settings, clock = self.config.file.connections[name], self.around.clock
        connector = self._connector(name, settings)
        origin = _origin(name, settings, connector)
        proof, carrier = await self._carrier(name, settings, connector)
        key = settings.budget.key or str(origin)
        budget = await self._budget(key, settings)
        budgets = {quota: await self._budget(f"{key} {quota}", settings, quota) for quota in connector.quotas}
        cassette = self.around.cassette
        chain = ChainParts(
            origin=origin,
            org=str(origin),
            dialect=connector,
            credentials=proof.credentials,
            budget=budget,
            budgets=budgets,
            breakers=Breakers(clock, self.around.random.random),
            wire=carrier,
            cookies=CookieJars() if connector.wants_cookies else None,
            cassette=partial(cassette.over, name, str(origin), connector.metadata_objects) if cassette else None,
            request_ids=connector.request_id_headers,
            clock=clock,
            random=self.around.random.random,
        )
        return Connection(
            name=name,
            system=system,
            zone=settings.zone,
            connector=connector,
            identity=settings.identity,
            origin=origin,
            chain=compose(chain),
            budget=budget,
            budgets=budgets,
            clock=clock,
            overlay=_overlay(settings),
            key_fields=settings.key_fields,
            amounts=Amounts(name, settings.amounts),
            final_states=frozenset(settings.final_states),
            sees_all_rows=settings.sees_all_rows,
            file_classes=frozenset(settings.file_classes),
        )

    async def _budget(self, key: str, settings: ConnectionConfig, quota: str = "") -> Budget:
        budget = Budget(key, self.store, _rules(settings.budget), clock=self.around.clock, quota=quota)
        return await self.stack.enter_async_context(budget)

    async def _carrier(
        self, name: str, settings: ConnectionConfig, connector: Connector
    ) -> tuple[Proof, httpx2.AsyncBaseTransport]:
        """Open the way to the system and what proves who comes; a replay has neither."""
        if self.around.cassette is not None and self.around.cassette.replays:
            return Proof(nobody, NoWire()), NoWire()
        proof = await prover_of(self.config, name, self.around, self.plugins, self.secrets, self.stack).proof()
        carrier = connector.carrier(proof.wire, settings.url)
        if carrier is not proof.wire:
            self.stack.push_async_callback(carrier.aclose)
        if proof.signers is not None:
            carrier = SignedWire(carrier, proof.signers, connector.sign, self.around.clock.time)
        return proof, carrier

    def _connector(self, name: str, settings: ConnectionConfig) -> Connector:
        kind = self.plugins.connector(settings.connector)
        try:
            # Paths that a connector's settings name are relative to isthmus.toml.
            told = kind.settings.model_validate(settings.settings, context={"folder": self.config.folder})
            connector = kind(name, told)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise ConfigurationError(f"connections.{name}.settings.{place}: {problem['msg']}", object=name) from error
        if settings.auth.kind == "x509_signature" and kind.sign is Connector.sign:
            raise ConfigurationError(
                f"connections.{name}.auth: {settings.connector} signs no messages; use another kind", object=name
            )
        if misfit := connector.misfit(settings):
            raise ConfigurationError(f"connections.{name}.{misfit}", object=name)
        return connector


def prover_of(
    config: Config,
    name: str,
    around: Surroundings,
    plugins: Plugins,
    secrets: SQLiteSecretStore,
    stack: AsyncExitStack,
) -> Prover:
    """Return what makes the proof of one connection; what it opens is closed with `stack`."""
    settings = config.file.connections[name]
    if settings.ca_file is not None:
        settings = settings.model_copy(update={"ca_file": str(config.path(settings.ca_file))})
    return Prover(
        name=name,
        settings=settings,
        origin=Origin.of(settings.url),
        resolver=SecretResolver(secrets, around.environ, folder=config.folder),
        store=secrets,
        kinds=plugins.credentials,
        make=around.wire,
        clock=around.clock,
        stack=stack,
    )


def _origin(name: str, settings: ConnectionConfig, connector: Connector) -> Origin:
    origin = Origin.of(settings.url)
    if origin.scheme not in connector.schemes:
        known = " or ".join(f"{one}://host" for one in sorted(connector.schemes, reverse=True))
        raise ConfigurationError(f"connections.{name}.url: {settings.url!r}; write it as {known}.", object=name)
    return origin


def _rules(settings: BudgetConfig) -> Rules:
    return Rules(
        reserve=settings.reserve,
        rate=settings.per_second,
        concurrency=settings.concurrency,
        allowance=settings.allowance,
        pause=settings.ask_again,
    )


def _overlay(settings: ConnectionConfig) -> Overlay:
    classes = {name.casefold(): frozenset(one.classes) for name, one in settings.fields.items()}
    country = {name.casefold(): tuple(paths) for name, paths in settings.subject_country.items()}
    return Overlay(classes, country)
