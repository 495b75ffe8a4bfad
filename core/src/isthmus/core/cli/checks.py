"""What was found when something was checked, and what is to be done about it?"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from isthmus.core.cli.installation import configuration, rulings_of
from isthmus.core.cli.options import Common
from isthmus.core.cli.output import show, table
from isthmus.core.errors import ConfigurationError

if TYPE_CHECKING:
    from isthmus.core.assembly import Rulings
    from isthmus.core.config import Config
    from isthmus.residency import FlowPolicy

__all__ = ["Check", "Status", "client_checks", "config_checks", "counted", "report", "rule_checks"]


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; unless all is well, `said` ends with the remedy."""

    subject: str
    status: Status
    said: str


def report(common: Common, checks: Sequence[Check]) -> int:
    """Print the findings; the exit code is 1 where one of them is a failure."""
    failed = any(one.status is Status.FAIL for one in checks)
    warned = sum(one.status is Status.WARN for one in checks)
    rows = [(one.status.value, one.subject, one.said) for one in checks]
    data = {"ok": not failed, "checks": [asdict(one) for one in checks]}
    ending = (
        "something has to be mended"
        if failed
        else f"it works; {counted(warned, 'point')} to look at"
        if warned
        else "all is well"
    )
    show(common, data, table(("", "checked", "found"), rows, "found"), "", ending)
    return 1 if failed else 0


def config_checks(common: Common) -> tuple[list[Check], "Config | None"]:
    """Read the configuration."""
    try:
        config = configuration(common)
    except ConfigurationError as error:
        return [Check("configuration", Status.FAIL, error.sentence)], None
    file = config.file
    parts = [
        counted(len(file.systems), "system"),
        counted(len(file.connections), "connection"),
        counted(len(file.agents), "agent"),
        counted(len(file.clients), "client"),
    ]
    checks = [Check("configuration", Status.OK, f"{common.config}: {', '.join(parts)}")]
    serving = {name for system in file.systems.values() for name in system.connections}
    checks += [
        Check(
            name,
            Status.WARN,
            "serves no system, so nothing can reach it; name it in a [systems.<name>] connections list",
        )
        for name in file.connections
        if name not in serving
    ]
    return checks, config


def rule_checks(config: "Config") -> tuple[list[Check], "Rulings | None"]:
    """Read and validate every rule."""
    try:
        rulings = rulings_of(config)
    except ConfigurationError as error:
        return [Check("rules", Status.FAIL, error.sentence)], None
    own = [rule for rule in rulings.policy.rules.values() if not rule.id.startswith("isthmus:")]
    files = sorted({rule.file for rule in own})
    said = [
        f"{counted(len(own), 'policy', 'policies')} in {', '.join(files)}",
        counted(len(rulings.sequences.rules), "sequence rule"),
        counted(len(rulings.flows.rulebook.rules), "flow rule"),
    ]
    told = frozenset({"amount"} if any(one.amounts for one in config.file.connections.values()) else ())
    unmet = [Check(f"policy {rule.id}", Status.WARN, f"it {one}") for rule in own for one in rule.unmet(told=told)]
    return [Check("rules", Status.OK, "; ".join(said)), *unmet], rulings


def client_checks(config: "Config", flows: "FlowPolicy") -> Iterator[Check]:
    """Find clients whose calls can only be refused or narrowed for want of a line in a file."""
    for name, client in config.file.clients.items():
        subject = f"client {name}"
        if client.consumer not in flows.consumers:
            said = f"its consumer {client.consumer!r} is not in the flow rules, so it counts as anywhere"
            yield Check(subject, Status.WARN, f"{said}; add [consumers.{client.consumer}] with its zone")
        purposes = config.file.agents[client.agent].purposes
        if client.purpose not in (purposes or [""]):
            said = (
                f"agent {client.agent!r} is not registered for its purpose {client.purpose!r}, so every call is denied"
            )
            yield Check(subject, Status.WARN, f"{said}; add it to agents.{client.agent}.purposes")


def counted(count: int, one: str, many: str = "") -> str:
    """Say how many there are."""
    return f"{count} {one if count == 1 else many or one + 's'}"
