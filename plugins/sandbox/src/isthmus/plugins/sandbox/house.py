"""Which configuration makes isthmus work with this sandbox? A folder with settings, rules and throw-away secrets."""

import base64
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from .salesforce import SalesforceOrg
from .sap import SapLandscape as Landscape
from .servicenow import ServiceNowInstance as Instance

__all__ = ["write_house"]

NO_INSTANCES: Mapping[str, Instance] = {}
NO_LANDSCAPES: Mapping[str, Landscape] = {}
COPIED = ("flows.toml", "sequences.toml", "policy.cedar")


def write_house(
    folder: Path,
    orgs: Mapping[str, SalesforceOrg],
    instances: Mapping[str, Instance] = NO_INSTANCES,
    landscapes: Mapping[str, Landscape] = NO_LANDSCAPES,
) -> Path:
    """Write the folder and return the path of its isthmus.toml; an existing sealing key stays.

    The orgs make up the system `crm`, the ServiceNow instances, if any are given, the system `itsm`, the SAP landscapes
    the system `erp`.
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
        settings += _system(folder, shipped, "itsm", list(instances))
        template = shipped.joinpath("instance.toml").read_text(encoding="utf-8")
        for name, instance in instances.items():
            settings += template.format(name=name, url=instance.url)
            _private(folder / f"itsm-{name}.secret", instance.password("integration"))
    if landscapes:
        settings += _system(folder, shipped, "erp", list(landscapes))
        template = shipped.joinpath("landscape.toml").read_text(encoding="utf-8")
        for name, landscape in landscapes.items():
            settings += template.format(name=name, url=landscape.url, client=landscape.client)
            _private(folder / f"erp-{name}.secret", landscape.password("integration"))
    key = folder / "sealing.key"
    if not key.exists():
        _private(key, base64.urlsafe_b64encode(os.urandom(32)).decode())
    (folder / "isthmus.toml").write_text(settings, encoding="utf-8")
    return folder / "isthmus.toml"


def _system(folder: Path, shipped: Traversable, system: str, homes: Sequence[str]) -> str:
    """Write the rules of a system that is held in these homes, and return its settings."""
    (folder / f"{system}.cedar").write_text(shipped.joinpath(f"{system}.cedar").read_text("utf-8"), encoding="utf-8")
    names = ", ".join(f'"{system}-{name}"' for name in homes)
    settings = f"\n[systems.{system}]\nconnections = [{names}]\n"
    if len(homes) > 1:
        settings += f'[systems.{system}.route]\nEEA = "{system}-eu"\n"*" = "{system}-us"\n'
    return settings


def _private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
