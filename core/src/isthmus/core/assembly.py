"""How does a configuration become a running gateway? Everything is opened here once, and closed in reverse order."""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
from pydantic import ValidationError

from isthmus.core.audit import Auditor
from isthmus.core.budgets import Budget, Rules, SqliteBudgetStore
from isthmus.core.config import Config, ConnectionConfig
from isthmus.core.connection import Connection, TokenWire
from isthmus.core.connector import Connector
from isthmus.core.credentials import (
    CredentialFactory,
    Purpose,
    SealingKey,
    SecretResolver,
    SQLiteSecretStore,
    load_sealing_key,
    signing_key,
)
from isthmus.core.cursors import CursorSeal
from isthmus.core.errors import ConfigurationError
from isthmus.core.gateway import Gateway
from isthmus.core.http import AiohttpWire, ChainParts, CookieJars, Origin, WireSettings, compose
from isthmus.core.journal import Journal, JournalKeys
from isthmus.core.metadata import Overlay
from isthmus.core.parts import Parts, System
from isthmus.core.plugins import Plugins, load_plugins
from isthmus.core.policy import (
    Agent,
    ConnectionFacts,
    Directory,
    Policy,
    SequenceRules,
    User,
    ZoneFacts,
)
from isthmus.core.refs import RefVaults
from isthmus.core.release import Releaser
from isthmus.core.resilience import Breakers, Clock, SystemClock
from isthmus.core.routing import Place, Router
from isthmus.core.tasks import Tasks
from isthmus.core.tools import surface
from isthmus.residency import FlowPolicy, FlowPolicyError

__all__ = ["Keys", "Rulings", "load_rulings", "open_gateway", "open_keys"]

CookiesOf = Callable[[str], CookieJars | None]
WireOf = Callable[[str, WireSettings], httpx2.AsyncBaseTransport]


@dataclass(frozen=True, slots=True)
class Rulings:
    """Every rule in force, read and validated: what a reload replaces as a whole."""

    policy: Policy
    sequences: SequenceRules
    flows: FlowPolicy

    @property
    def digests(self) -> Mapping[str, str]:
        """Name each set of rules and its digest."""
        return {"cedar": self.policy.digest, "flows": self.flows.digest, "sequences": self.sequences.digest}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of this installation, all derived from or sealed under one."""

    sealing: SealingKey
    secrets: SQLiteSecretStore
    journal: JournalKeys
    zone: str

    def of(self, purpose: Purpose) -> bytes:
        """Return the 32-byte key of a purpose."""
        return self.sealing.subkey(purpose, self.zone)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tests and demos replace: the clock, the wire and the process environment."""

    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    wire: WireOf = field(default=lambda name, settings: AiohttpWire(settings))  # noqa: ARG005
    plugins: Plugins | None = None


def open_keys(config: Config, environ: Mapping[str, str]) -> Keys:
    """Open the sealing key and what it seals; raises ConfigurationError with the remedy."""
    state = _state_folder(config)
    setting = config.file.sealing_key
    if setting.startswith("file:"):
        setting = "file:" + str(config.path(setting.removeprefix("file:")))
    sealing = load_sealing_key(setting, state=state, environ=environ)
    zone = config.file.zone
    store = SQLiteSecretStore(state / "secrets.db", sealing, zone=zone)
    journal = JournalKeys(
        sealing=sealing.subkey(Purpose.SEALING, zone),
        signing=signing_key(store, zone),
        pseudonyms=sealing.subkey(Purpose.PSEUDONYMS, zone),
    )
    return Keys(sealing, store, journal, zone)


def load_rulings(config: Config, plugins: Plugins) -> Rulings:
    """Read policies, sequence rules and flow rules; raises ConfigurationError naming file and remedy."""
    file = config.file
    flows = _flows(config)
    homes = {name: system for system, parts in file.systems.items() for name in parts.connections}
    for name, one in file.connections.items():
        if one.zone not in flows.zones:
            raise ConfigurationError(
                f"connections.{name}.zone names {one.zone!r}, which {file.policy.flows} does not define", object=name
            )
        plugins.connector(one.connector)
    connections = {
        name: ConnectionFacts(one.connector, one.zone, _country(flows, one.zone), homes[name])
        for name, one in file.connections.items()
        if name in homes
    }
    zones = {
        name: ZoneFacts(frozenset(zone.countries), zone.operator, frozenset(one.name for one in zone.attests))
        for name, zone in flows.zones.items()
    }
    paths = [path for pattern in file.policy.cedar for path in sorted(config.folder.glob(pattern))]
    if not paths:
        raise ConfigurationError(f"no policy file matches {', '.join(file.policy.cedar)}; `isthmus init` writes some")
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    policy = Policy.load(texts, _directory(config), connections=connections, zones=zones)
    return Rulings(policy, _sequences(config), flows)


@asynccontextmanager
async def open_gateway(config: Config, surroundings: Surroundings | None = None) -> AsyncIterator[Gateway]:
    """Open everything that the configuration names; leaving it waits for writes under way and closes all."""
    around = surroundings or Surroundings()
    plugins = around.plugins or load_plugins(config.file.plugins)
    rulings = load_rulings(config, plugins)
    keys = open_keys(config, around.environ)
    async with AsyncExitStack() as stack:
        stack.enter_context(keys.secrets)
        clock = around.clock
        journal = Journal.open(
            config.state / "journal.db",
            origin=f"{config.file.name}/isthmus",
            keys=keys.journal,
            clock=lambda: datetime.fromtimestamp(clock.time(), UTC),
        )
        await stack.enter_async_context(journal)
        zones = {one.zone for one in config.file.connections.values()}
        vaults = stack.enter_context(RefVaults(config.state, zones, keys.of(Purpose.REFS), clock.time))
        store = await stack.enter_async_context(SqliteBudgetStore(config.state / "budgets.db"))
        builder = _Builder(config, around, plugins, keys, store, stack)
        systems = {name: await builder.system(name, rulings.flows) for name in config.file.systems}
        parts = Parts(
            systems=systems,
            tools={one.name: one for one in surface({name: _verbs(system) for name, system in systems.items()})},
            journal=journal,
            policy=rulings.policy,
            sequences=rulings.sequences,
            flows=rulings.flows,
            releaser=Releaser(rulings.flows, vaults, lambda: _today(clock)),
            vaults=vaults,
            tasks=Tasks(keys.of(Purpose.PSEUDONYMS)),
            cursors=CursorSeal(keys.of(Purpose.CURSORS)),
            auditor=Auditor(rulings.digests),
            policies=rulings.digests,
            approval_key=keys.of(Purpose.APPROVALS),
            clock=clock,
            call_timeout=config.file.call_timeout,
            process=f"{os.getpid()}-{secrets.token_hex(4)}",
        )
        gateway = Gateway(parts)
        stack.push_async_callback(gateway.drain)
        yield gateway


@dataclass(frozen=True, slots=True)
class _Builder:
    """Open systems and their connections."""

    config: Config
    around: Surroundings
    plugins: Plugins
    keys: Keys
    store: SqliteBudgetStore
    stack: AsyncExitStack

    async def system(self, name: str, flows: FlowPolicy) -> System:
        settings = self.config.file.systems[name]
        connections = {one: await self._connection(one, name) for one in settings.connections}
        places = [Place(one.name, one.zone) for one in connections.values()]
        router = Router(name, places, settings.route, lambda one: flows.members(one, _today(self.around.clock)))
        return System(name, connections, router)

    async def _connection(self, name: str, system: str) -> Connection:
        settings, clock = self.config.file.connections[name], self.around.clock
        connector = self._connector(name, settings)
        origin = Origin.of(settings.url)
        wire = self.around.wire(name, WireSettings(ca_file=settings.ca_file, proxy=settings.proxy))
        self.stack.push_async_callback(wire.aclose)
        endpoint = getattr(settings.auth, "token_endpoint", settings.url)
        factory = CredentialFactory(
            name,
            settings.identity,
            settings.auth,
            store=self.keys.secrets,
            resolver=SecretResolver(self.keys.secrets, self.around.environ),
            transport=TokenWire(name, endpoint, wire, clock),
            allowed_origin=str(origin),
            clock=clock.time,
        )
        await self.stack.enter_async_context(factory)
        rules = Rules(
            reserve=settings.budget.reserve,
            rate=settings.budget.per_second,
            concurrency=settings.budget.concurrency,
            allowance=settings.budget.allowance,
        )
        budget = Budget(settings.budget.key or str(origin), self.store, rules, clock=clock)
        await self.stack.enter_async_context(budget)
        chain = compose(
            ChainParts(
                origin=origin,
                org=str(origin),
                dialect=connector,
                credentials=factory.for_principal,
                budget=budget,
                breakers=Breakers(clock, secrets.SystemRandom().random),
                wire=wire,
                cookies=CookieJars() if connector.wants_cookies else None,
                request_ids=connector.request_id_headers,
                clock=clock,
            )
        )
        return Connection(
            name=name,
            system=system,
            zone=settings.zone,
            connector=connector,
            identity=settings.identity,
            origin=origin,
            chain=chain,
            budget=budget,
            clock=clock,
            overlay=_overlay(settings),
            key_fields=settings.key_fields,
            final_states=frozenset(settings.final_states),
            sees_all_rows=settings.sees_all_rows,
        )

    def _connector(self, name: str, settings: ConnectionConfig) -> Connector:
        kind = self.plugins.connector(settings.connector)
        try:
            return kind(name, kind.settings.model_validate(settings.settings))
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise ConfigurationError(f"connections.{name}.settings.{place}: {problem['msg']}", object=name) from error


def _state_folder(config: Config) -> Path:
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the state folder {config.file.state!r} cannot be made ({error.strerror}); choose another in `state`"
        ) from error
    return config.state


def _flows(config: Config) -> FlowPolicy:
    path = config.path(config.file.policy.flows)
    try:
        return FlowPolicy.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path.name}: {error.strerror}; `isthmus init` writes one") from error
    except FlowPolicyError as error:
        raise ConfigurationError(f"{path.name}: {error}", object=path.name) from error


def _sequences(config: Config) -> SequenceRules:
    if config.file.policy.sequences is None:
        return SequenceRules()
    path = config.path(config.file.policy.sequences)
    try:
        return SequenceRules.load(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path.name}: {error.strerror}; mend `policy.sequences`") from error


def _directory(config: Config) -> Directory:
    file = config.file
    agents = {
        name: Agent(name, one.owner, frozenset(one.purposes), one.max_risk, one.zone)
        for name, one in file.agents.items()
    }
    users = {
        name: User(name, frozenset(one.roles), one.clearance, one.residency, one.department)
        for name, one in file.users.items()
    }
    return Directory(agents, users)


def _country(flows: FlowPolicy, zone: str) -> str:
    countries = sorted(flows.zone(zone).countries)
    return countries[0] if len(countries) == 1 else "??"


def _overlay(settings: ConnectionConfig) -> Overlay:
    classes = {name.casefold(): frozenset(one.classes) for name, one in settings.fields.items()}
    country = {name.casefold(): tuple(paths) for name, paths in settings.subject_country.items()}
    return Overlay(classes, country)


def _verbs(system: System) -> frozenset[str]:
    """Name the verbs that every connection of a system implements."""
    return frozenset.intersection(*(one.connector.verbs() for one in system.connections.values()))


def _today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.time(), UTC).date()
