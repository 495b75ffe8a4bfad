"""Which plugins are loaded, and what do they bring? Only those that the configuration allows by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.connector import Connector
    from isthmus.core.credentials import CredentialKind

__all__ = [
    "CommandDetails",
    "ConnectorDetails",
    "CredentialDetails",
    "Plugins",
    "hookimpl",
    "load_plugins",
    "plugin_commands",
]

GROUP = "isthmus"
FIRST_PARTY = frozenset({"salesforce", "servicenow", "sap", "workday", "openapi", "mcp", "sandbox"})

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@dataclass(slots=True)
class ConnectorDetails:
    """Collects connectors: call `register` with each class; its `kind` is the name in `[connections.x]`."""

    found: dict[str, "type[Connector]"] = field(default_factory=dict)

    def register(self, connector: "type[Connector]") -> None:
        """Offer a connector; a name that is taken raises ConfigurationError."""
        taken = self.found.get(connector.kind)
        if taken is not None and taken is not connector:
            raise ConfigurationError(
                f"two plugins bring a connector {connector.kind!r} ({taken.__module__}, {connector.__module__}); "
                "allow only one of them in `plugins`",
                object=connector.kind,
            )
        self.found[connector.kind] = connector


@dataclass(slots=True)
class CommandDetails:
    """Collects CLI commands: call `register` with a name and a function for cyclopts."""

    found: dict[str, Callable[..., object]] = field(default_factory=dict)

    def register(self, name: str, command: Callable[..., object]) -> None:
        """Offer a command; a name that is taken raises ConfigurationError."""
        if name in self.found:
            raise ConfigurationError(f"two plugins bring a command {name!r}; allow only one of them in `plugins`")
        self.found[name] = command


@dataclass(slots=True)
class CredentialDetails:
    """Collects kinds of credential: call `register` with each; its `name` is the `kind` in `[connections.x.auth]`."""

    found: dict[str, "CredentialKind"] = field(default_factory=dict)

    def register(self, kind: "CredentialKind") -> None:
        """Offer a kind; a name that is taken raises ConfigurationError."""
        from isthmus.core.credentials.settings import KINDS

        if kind.name in KINDS or kind.name in self.found:
            raise ConfigurationError(
                f"a plugin brings a kind of credential {kind.name!r}, which is there already; leave it out of `plugins`"
            )
        self.found[kind.name] = kind


class Hooks:
    """What a plugin may implement; each hook takes one details object, so that details can grow."""

    @hookspec
    def isthmus_connectors(self, details: ConnectorDetails) -> None:
        """Register connectors."""

    @hookspec
    def isthmus_credentials(self, details: CredentialDetails) -> None:
        """Register kinds of credential."""

    @hookspec
    def isthmus_commands(self, details: CommandDetails) -> None:
        """Register CLI commands."""


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the loaded plugins bring."""

    connectors: Mapping[str, "type[Connector]"]
    commands: Mapping[str, Callable[..., object]]
    credentials: Mapping[str, "CredentialKind"] = field(default_factory=dict)

    def connector(self, kind: str) -> "type[Connector]":
        """Return the connector of a kind; raises ConfigurationError naming the nearest."""
        if kind not in self.connectors:
            raise ConfigurationError(
                f"no connector {kind!r} is loaded{nearest(kind, self.connectors)} "
                f"(loaded: {', '.join(sorted(self.connectors)) or 'none'}); install it and allow it in `plugins`",
                object=kind,
            )
        return self.connectors[kind]


def load_plugins(allowed: Iterable[str] | None = None, found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load the allowed entry points of group `isthmus`; with no list given, the first-party ones.

    Raises:
        ConfigurationError: an allowed plugin is not installed, cannot be imported, or shadows another.
    """
    manager = _registered(allowed, found)
    connectors = ConnectorDetails()
    manager.hook.isthmus_connectors(details=connectors)
    credentials = CredentialDetails()
    manager.hook.isthmus_credentials(details=credentials)
    return Plugins(connectors.found, _commands(manager), credentials.found)


def plugin_commands(allowed: Iterable[str] | None = None) -> Mapping[str, Callable[..., object]]:
    """Return the commands of the allowed plugins, without their connectors; raises as `load_plugins` does."""
    return _commands(_registered(allowed, None))


def _commands(manager: pluggy.PluginManager) -> Mapping[str, Callable[..., object]]:
    commands = CommandDetails()
    manager.hook.isthmus_commands(details=commands)
    return commands.found


def _registered(allowed: Iterable[str] | None, found: Iterable[EntryPoint] | None) -> pluggy.PluginManager:
    points = list(entry_points(group=GROUP) if found is None else found)
    names = [point.name for point in points]
    wanted = FIRST_PARTY & set(names) if allowed is None else set(allowed)
    for name in wanted:
        if name not in names:
            raise ConfigurationError(
                f"plugin {name!r} is not installed{nearest(name, names)}; install it or leave it out"
            )
        if names.count(name) > 1:
            raise ConfigurationError(f"two installed packages bring a plugin {name!r}; uninstall one of them")
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    for point in sorted(points, key=lambda one: one.name):
        if point.name in wanted:
            manager.register(_load(point), point.name)
    manager.check_pending()
    return manager


def _load(point: EntryPoint) -> ModuleType:
    try:
        loaded = point.load()
    except ImportError as error:
        raise ConfigurationError(f"plugin {point.name!r} cannot be imported: {error}; reinstall it") from error
    if not isinstance(loaded, ModuleType):
        raise ConfigurationError(f"plugin {point.name!r} does not name a module; report it to its author")
    return loaded
