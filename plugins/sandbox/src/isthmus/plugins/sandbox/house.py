"""Which configuration makes isthmus work with this sandbox? A folder with settings, rules and throw-away secrets."""

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from .internal import AccessService
from .internal.service import BASE
from .salesforce import SalesforceOrg
from .sap import SapLandscape as Landscape
from .servicenow import ServiceNowInstance as Instance
from .workday import WorkdayTenant as Tenant

__all__ = ["write_house"]

NO_INSTANCES: Mapping[str, Instance] = {}
NO_LANDSCAPES: Mapping[str, Landscape] = {}
NO_TENANTS: Mapping[str, Tenant] = {}
NO_SERVICES: Mapping[str, AccessService] = {}
COPIED = ("flows.toml", "sequences.toml", "policy.cedar")


def write_house(
    folder: Path,
    orgs: Mapping[str, SalesforceOrg],
    instances: Mapping[str, Instance] = NO_INSTANCES,
    landscapes: Mapping[str, Landscape] = NO_LANDSCAPES,
    tenants: Mapping[str, Tenant] = NO_TENANTS,
    services: Mapping[str, AccessService] = NO_SERVICES,
) -> Path:
    """Write the folder and return the path of its isthmus.toml; an existing sealing key stays.

    The orgs make up the system `crm`. Those of the others that are given make up further systems: the ServiceNow
    instances `itsm`, the SAP landscapes `erp`, the Workday tenants `hr`, the internal services `access`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = _Writer(folder)
    for name in COPIED:
        (folder / name).write_text(written.shipped(name), encoding="utf-8")
    settings = written.shipped("isthmus.toml")
    for name, org in orgs.items():
        _private(folder / f"crm-{name}.secret", org.client_secret)
        settings += written.filled("connection.toml", name=name, url=org.url, client_id=org.client_id)
    settings += written.system("itsm", instances)
    for name, instance in instances.items():
        _private(folder / f"itsm-{name}.secret", instance.password("integration"))
        settings += written.filled("instance.toml", name=name, url=instance.url)
    settings += written.system("erp", landscapes)
    for name, landscape in landscapes.items():
        _private(folder / f"erp-{name}.secret", landscape.password("integration"))
        settings += written.filled("landscape.toml", name=name, url=landscape.url, client=landscape.client)
    settings += written.system("hr", tenants)
    for name, tenant in tenants.items():
        _private(folder / f"hr-{name}.secret", tenant.private_key_pem)
        known = {"tenant": tenant.tenant, "client_id": tenant.client_id}
        settings += written.filled("tenant.toml", name=name, url=tenant.url, **known)
    settings += written.system("access", services)
    for name, service in services.items():
        _private(folder / f"access-{name}.secret", service.api_key)
        (folder / "access.yaml").write_text(service.document, encoding="utf-8")
        settings += written.filled("service.toml", name=name, url=service.url, base_path=BASE)
    key = folder / "sealing.key"
    if not key.exists():
        _private(key, base64.urlsafe_b64encode(os.urandom(32)).decode())
    (folder / "isthmus.toml").write_text(settings, encoding="utf-8")
    return folder / "isthmus.toml"


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes what is shipped into one folder."""

    folder: Path

    def shipped(self, name: str) -> str:
        """Return a file that is shipped."""
        return files(__package__).joinpath("house", name).read_text("utf-8")

    def filled(self, template: str, **values: str) -> str:
        """Return a template with its values."""
        return self.shipped(template).format(**values)

    def system(self, system: str, homes: Iterable[str]) -> str:
        """Write the rules of a system that is held in these homes, if any, and return its settings."""
        names = [f"{system}-{name}" for name in homes]
        if not names:
            return ""
        (self.folder / f"{system}.cedar").write_text(self.shipped(f"{system}.cedar"), encoding="utf-8")
        settings = f"\n[systems.{system}]\nconnections = {json.dumps(names)}\n"
        if len(names) > 1:
            settings += f'[systems.{system}.route]\nEEA = "{system}-eu"\n"*" = "{system}-us"\n'
        return settings


def _private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
