"""What may isthmus.toml say, and what is wrong with this one?"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isthmus.core.credentials import AuthSettings, Reference
from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest

__all__ = ["Config", "load_config"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PolicyFiles(_Section):
    """Where the rules are, relative to isthmus.toml."""

    cedar: list[str] = ["policies/*.cedar"]
    flows: str = "flows.toml"
    sequences: str | None = None


class AgentConfig(_Section):
    """One agent: who answers for it, what it is for, and the risk it may take."""

    owner: str
    purposes: list[str] = []
    max_risk: int = Field(default=2, ge=0, le=20)
    zone: str = ""


class UserConfig(_Section):
    """One person, as policy sees them."""

    roles: list[str] = []
    clearance: int = Field(default=0, ge=0, le=10)
    residency: str = ""
    department: str = ""


class ClientConfig(_Section):
    """One authenticated client: the agent it runs, who receives its answers, and for whom it acts.

    `token` references the bearer token of an HTTP client; a stdio client is named when it is started. A client that
    `may_confirm` shows approvals to its user and is believed about the answer.
    """

    agent: str
    consumer: str
    user: str = ""
    purpose: str = ""
    token: str | None = None
    may_confirm: bool = False


class BudgetConfig(_Section):
    """How much of the org's quota may be used: `reserve` of it stays for people.

    `key` joins connections that share one org's quota; `allowance` is the daily limit of an org that reports none;
    `ask_again` are the seconds after which a spent quota is asked for again where the org does not tell its reset.
    """

    key: str = ""
    allowance: int | None = Field(default=None, ge=1)
    ask_again: float = Field(default=3600, gt=0)
    reserve: float = Field(default=0.2, ge=0, lt=1)
    per_second: float = Field(default=50, gt=0)
    concurrency: int = Field(default=20, ge=1, le=1000)


class OverlayConfig(_Section):
    """What the operator knows better than the system: the classes of one field."""

    classes: list[str]


class AlsoConfig(_Section):
    """A further credential that goes with each request, such as a proxy's; `identity` is the connection's if unsaid."""

    identity: Literal["service", "user"] | None = None
    auth: AuthSettings


class ConnectionConfig(_Section):
    """One org, instance or tenant, in one zone, with one rule of identity.

    `client_certificate` and its key are shown to the system for all principals: they say which machine calls.
    """

    connector: str
    url: str
    zone: str
    identity: Literal["service", "user"] = "service"
    auth: AuthSettings
    also: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], AlsoConfig] = {}
    client_certificate: Reference | None = None
    client_key: Reference | None = None
    budget: BudgetConfig = BudgetConfig()
    key_fields: dict[str, str] = {}
    amounts: list[Annotated[str, Field(pattern=r"^[^.].*\.[^.]+$")]] = []
    fields: dict[str, OverlayConfig] = {}
    subject_country: dict[str, list[str]] = {}
    final_states: list[str] = ["Closed", "Resolved", "Cancelled", "Closed Won", "Closed Lost"]
    sees_all_rows: bool = False
    file_classes: list[str] = ["anything"]
    ca_file: str | None = None
    proxy: str | None = None
    settings: dict[str, Any] = {}


class SystemConfig(_Section):
    """One logical name over one or several connections; `route` maps a country or a set of them to a connection."""

    connections: list[str] = Field(min_length=1)
    route: dict[str, str] = {}


class ConfigFile(_Section):
    """The whole of isthmus.toml."""

    version: Literal[1]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")
    zone: str
    state: str = ".isthmus"
    sealing_key: str = "keyring"
    plugins: list[str] | None = None
    call_timeout: float = Field(default=60, gt=0, le=3600)
    transfer_timeout: float = Field(default=900, gt=0, le=86400)
    policy: PolicyFiles = PolicyFiles()
    agents: dict[str, AgentConfig] = {}
    users: dict[str, UserConfig] = {}
    clients: dict[str, ClientConfig] = {}
    connections: dict[str, ConnectionConfig] = {}
    systems: dict[str, SystemConfig] = {}


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that was read and found consistent, and the folder that its paths are relative to."""

    file: ConfigFile
    folder: Path

    def path(self, relative: str) -> Path:
        """Resolve a path of the file."""
        return (self.folder / relative).resolve()

    @property
    def state(self) -> Path:
        """Return the folder of journal, budgets, secrets and refs."""
        return self.path(self.file.state)


def load_config(path: Path) -> Config:
    """Read isthmus.toml; raises ConfigurationError with the key, the place and the nearest right key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}: {error.strerror}; `isthmus init` writes a commented one", object=str(path)
        ) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name} is not TOML: {error}", object=str(path)) from error
    try:
        file = ConfigFile.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(_first_problem(path.name, error), object=str(path)) from error
    _check_names(path.name, file)
    return Config(file, path.parent.resolve())


def _first_problem(name: str, error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    # A misspelt key is also a missing one; its spelling is the more useful thing to say.
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    where = [str(part) for part in problem["loc"]]
    place = ".".join(where)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(ConfigFile, where[:-1])
        inside = f"[{'.'.join(where[:-1])}]" if where[:-1] else "the top level"
        return f"{name}: unknown key {where[-1]!r} in {inside}{nearest(where[-1], known)}"
    if problem["type"] == "missing":
        return f"{name}: {place} is missing; add it"
    return f"{name}: {place}: {problem['msg'].removeprefix('Value error, ')}"


def _known_keys(model: Any, where: list[str]) -> list[str]:
    """Walk the models along a path of keys; a key of a mapping steps into its value type."""
    for part in where:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[part].annotation
            continue
        bare = [get_args(one)[0] if get_origin(one) is Annotated else one for one in get_args(model)]
        options = [one for one in bare if isinstance(one, type) and issubclass(one, BaseModel)]
        kinds = {_kind(one): one for one in options}
        model = kinds.get(part) or (options[-1] if options else None)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return list(model.model_fields)
    return []


def _kind(model: type[BaseModel]) -> str:
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field is not None and get_args(field.annotation) else ""


def _check_names(name: str, file: ConfigFile) -> None:
    """Refuse references to names that are not there."""
    for agent, one in file.agents.items():
        _known(name, f"agents.{agent}.owner", one.owner, file.users)
    for client, settings in file.clients.items():
        _known(name, f"clients.{client}.agent", settings.agent, file.agents)
        if settings.user:
            _known(name, f"clients.{client}.user", settings.user, file.users)
    for system, parts in file.systems.items():
        for connection in parts.connections:
            _known(name, f"systems.{system}.connections", connection, file.connections)
        for connection in parts.route.values():
            _known(name, f"systems.{system}.route", connection, dict.fromkeys(parts.connections))
    _check_connections(name, file)


def _check_connections(name: str, file: ConfigFile) -> None:
    for connection in file.connections:
        if ":" in connection or "/" in connection:
            raise ConfigurationError(f"{name}: connections.{connection}: a connection's name has no ':' or '/'")
    for connection, one in file.connections.items():
        if (one.client_certificate is None) != (one.client_key is None):
            raise ConfigurationError(
                f"{name}: connections.{connection} has client_certificate or client_key alone; add the other"
            )
    serving = [one for system in file.systems.values() for one in system.connections]
    for connection in serving:
        if serving.count(connection) > 1:
            raise ConfigurationError(
                f"{name}: connection {connection!r} serves two systems; give each system a connection of its own"
            )


def _known(name: str, place: str, value: str, known: Mapping[str, object]) -> None:
    if value not in known:
        raise ConfigurationError(f"{name}: {place} names {value!r}, which is not defined{nearest(value, known)}")
