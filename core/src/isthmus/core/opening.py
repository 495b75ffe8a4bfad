"""How is a system with its connections opened, from settings to a request path that is ready?"""

import os
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2
from pydantic import ValidationError

from isthmus.core.budgets import Budget, Rules, SqliteBudgetStore
from isthmus.core.config import BudgetConfig, Config, ConnectionConfig
from isthmus.core.connection import Connection
from isthmus.core.connector import Connector
from isthmus.core.credentials import SecretResolver, SQLiteSecretStore
from isthmus.core.errors import ConfigurationError
from isthmus.core.http import AiohttpWire, ChainParts, CookieJars, Origin, WireSettings, compose
from isthmus.core.metadata import Overlay
from isthmus.core.parts import System
from isthmus.core.plugins import Plugins
from isthmus.core.proof import Prover, WireOf
from isthmus.core.release import Source
from isthmus.core.resilience import Breakers, Clock, SystemClock
from isthmus.core.routing import Place, Router
from isthmus.residency import FlowPolicy

__all__ = ["Surroundings", "SystemBuilder"]


def _sockets(_connection: str, settings: WireSettings) -> httpx2.AsyncBaseTransport:
    return AiohttpWire(settings)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tests and demos replace: the clock, the wire, the process environment and the plugins."""

    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    wire: WireOf = _sockets
    plugins: Plugins | None = None


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
        prover = Prover(
            name=name,
            settings=settings,
            origin=origin,
            resolver=SecretResolver(self.secrets, self.around.environ, folder=self.config.folder),
            store=self.secrets,
            kinds=self.plugins.credentials,
            make=self.around.wire,
            clock=clock,
            stack=self.stack,
        )
        proof = await prover.proof()
        carrier = connector.carrier(proof.wire, settings.url)
        if carrier is not proof.wire:
            self.stack.push_async_callback(carrier.aclose)
        budget = Budget(settings.budget.key or str(origin), self.store, _rules(settings.budget), clock=clock)
        await self.stack.enter_async_context(budget)
        chain = ChainParts(
            origin=origin,
            org=str(origin),
            dialect=connector,
            credentials=proof.credentials,
            budget=budget,
            breakers=Breakers(clock, secrets.SystemRandom().random),
            wire=carrier,
            cookies=CookieJars() if connector.wants_cookies else None,
            request_ids=connector.request_id_headers,
            clock=clock,
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
            clock=clock,
            overlay=_overlay(settings),
            key_fields=settings.key_fields,
            final_states=frozenset(settings.final_states),
            sees_all_rows=settings.sees_all_rows,
            file_classes=frozenset(settings.file_classes),
        )

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
        if misfit := connector.misfit(settings):
            raise ConfigurationError(f"connections.{name}.{misfit}", object=name)
        return connector


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
