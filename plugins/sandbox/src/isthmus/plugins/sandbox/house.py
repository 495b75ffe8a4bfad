"""Which configuration makes isthmus work with this sandbox? A folder with settings, rules and throw-away secrets."""

import base64
import os
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from .salesforce import SalesforceOrg
from .servicenow import ServiceNowInstance as Instance

__all__ = ["write_house"]

NO_INSTANCES: Mapping[str, Instance] = {}
COPIED = ("flows.toml", "sequences.toml", "policy.cedar")


def write_house(
    folder: Path, orgs: Mapping[str, SalesforceOrg], instances: Mapping[str, Instance] = NO_INSTANCES
) -> Path:
    """Write the folder and return the path of its isthmus.toml; an existing sealing key stays.

    The orgs make up the system `crm`, the ServiceNow instances, if any are given, the system `itsm`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shipped = files(__package__).joinpath("house")
    for name in COPIED:
        (folder / name).write_text(shipped.joinpath(name).read_text(encoding="utf-8"), encoding="utf-8")
    settings = shipped.joinpath("isthmus.toml").read_text(encoding="utf-8")
    template = shipped.joinpath("connection.toml").read_text(encoding="utf-8")
    for name, org in orgs.items():
        settings += template.format(name=name, url=org.url, client_id=org.client_id)
        _private(folder / f"crm-{name}.secret", org.client_secret)
    if instances:
        settings += _tickets(folder, shipped, instances)
    key = folder / "sealing.key"
    if not key.exists():
        _private(key, base64.urlsafe_b64encode(os.urandom(32)).decode())
    (folder / "isthmus.toml").write_text(settings, encoding="utf-8")
    return folder / "isthmus.toml"


def _tickets(folder: Path, shipped: Traversable, instances: Mapping[str, Instance]) -> str:
    """Write what the ticket system needs, and return its settings."""
    (folder / "itsm.cedar").write_text(shipped.joinpath("itsm.cedar").read_text(encoding="utf-8"), encoding="utf-8")
    template = shipped.joinpath("instance.toml").read_text(encoding="utf-8")
    names = ", ".join(f'"itsm-{name}"' for name in instances)
    settings = f"\n[systems.itsm]\nconnections = [{names}]\n"
    if len(instances) > 1:
        settings += '[systems.itsm.route]\nEEA = "itsm-eu"\n"*" = "itsm-us"\n'
    for name, instance in instances.items():
        settings += template.format(name=name, url=instance.url)
        _private(folder / f"itsm-{name}.secret", instance.password("integration"))
    return settings


def _private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
