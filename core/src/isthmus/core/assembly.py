"""How does a configuration become a running gateway? Everything is opened here once, and closed in reverse order."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from isthmus.core.audit import Auditor
from isthmus.core.budgets import SqliteBudgetStore
from isthmus.core.cassettes import Tape
from isthmus.core.config import Config
from isthmus.core.credentials import (
    Purpose,
    SealingKey,
    SQLiteSecretStore,
    load_sealing_key,
    signing_key,
)
from isthmus.core.cursors import CursorSeal
from isthmus.core.errors import ConfigurationError
from isthmus.core.gateway import Gateway
from isthmus.core.journal import Journal, JournalKeys, utcnow
from isthmus.core.opening import AROUND, Surroundings, SystemBuilder
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
from isthmus.core.promotion import promoted_tools
from isthmus.core.refs import RefVaults
from isthmus.core.release import Releaser
from isthmus.core.resilience import Clock
from isthmus.core.tasks import Tasks
from isthmus.core.tools import Tool, surface
from isthmus.residency import FlowPolicy, FlowPolicyError

__all__ = ["Keys", "Rulings", "Surroundings", "journal_at", "load_rulings", "open_gateway", "open_keys"]


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


def journal_at(config: Config, keys: Keys, clock: Callable[[], datetime] = utcnow) -> Journal:
    """Name the journal of this installation; enter it to open it."""
    path = config.state / "journal.db"
    return Journal.open(path, origin=f"{config.file.name}/isthmus", keys=keys.journal, clock=clock)


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
    around = surroundings or AROUND.get() or Surroundings()
    cassette = around.cassette
    config = cassette.house(config) if cassette else config
    plugins = around.plugins or load_plugins(config.file.plugins)
    rulings = load_rulings(config, plugins)
    keys = open_keys(config, around.environ)
    async with AsyncExitStack() as stack:
        stack.enter_context(keys.secrets)
        clock = around.clock
        journal = await stack.enter_async_context(
            journal_at(config, keys, lambda: datetime.fromtimestamp(clock.time(), UTC))
        )
        zones = {one.zone for one in config.file.connections.values()}
        vaults = stack.enter_context(RefVaults(config.state, zones, keys.of(Purpose.REFS), clock.time))
        store = await stack.enter_async_context(SqliteBudgetStore(config.state / "budgets.db"))
        builder = SystemBuilder(config, around, plugins, keys.secrets, store, stack)
        systems = {name: await builder.open(name, rulings.flows) for name in config.file.systems}
        parts = Parts(
            systems=systems,
            tools=_tools(systems),
            journal=journal,
            policy=rulings.policy,
            sequences=rulings.sequences,
            flows=rulings.flows,
            releaser=Releaser(rulings.flows, vaults, lambda: _today(clock)),
            vaults=vaults,
            tasks=Tasks(keys.of(Purpose.PSEUDONYMS)),
            cursors=_cursors(keys, cassette),
            auditor=Auditor(rulings.digests),
            policies=rulings.digests,
            approval_key=keys.of(Purpose.APPROVALS),
            clock=clock,
            call_timeout=config.file.call_timeout,
            transfer_timeout=max(config.file.call_timeout, config.file.transfer_timeout),
            process=f"{os.getpid()}-{secrets.token_hex(4)}",
            entropy=around.entropy,
            witness=cassette.witness if cassette else None,
        )
        gateway = Gateway(parts)
        stack.push_async_callback(gateway.settler.aclose)
        stack.push_async_callback(gateway.drain)
        keeping = asyncio.create_task(gateway.keep_house(), name="isthmus house-keeping")
        try:
            yield gateway
        finally:
            await gateway.loop.aclose()
            keeping.cancel()
            await asyncio.wait({keeping})


def _cursors(keys: Keys, cassette: Tape | None) -> CursorSeal:
    key = keys.of(Purpose.CURSORS)
    return CursorSeal(key, cassette.nonce) if cassette else CursorSeal(key)


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


def _tools(systems: Mapping[str, System]) -> dict[str, Tool]:
    """Offer a tool per verb, and the actions that the configuration promotes."""
    found = {one.name: one for one in surface({name: _verbs(system) for name, system in systems.items()})}
    for name, system in systems.items():
        promoted = [one.connector.promoted() for one in system.connections.values()]
        found |= {one.name: one for one in promoted_tools(name, promoted, found)}
    return found


def _verbs(system: System) -> frozenset[str]:
    """Name the verbs that every connection of a system implements."""
    return frozenset.intersection(*(one.connector.verbs() for one in system.connections.values()))


def _today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.time(), UTC).date()
