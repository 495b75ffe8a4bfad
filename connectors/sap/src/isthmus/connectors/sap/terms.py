"""Do the vendor's terms, as the operator has set them, allow a call? Asked before anything of it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.connectors.sap.settings import Door, Egress, SapSettings
from isthmus.core.errors import Denied

__all__ = ["NOTICE", "Terms"]

NOTICE = (
    "SAP's API policy (v4.2026a, 2.2.2) allows agents that plan and carry out calls themselves only through what SAP "
    "endorses, only published APIs, and no bulk extraction"
)
"""What the policy says as far as it bears on agents; it applies behind MCP as well."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one connection; every refusal names the setting that made it."""

    connection: str
    settings: SapSettings
    door: Door = Door.PUBLISHED_API

    def check(self) -> None:
        """Raise Denied where this way to the system is not allowed at all."""
        terms = self.settings.terms
        if terms.door not in (None, self.door):
            raise self._denied(
                f"tools must go by the door {terms.door.value}, and this connection's is {self.door.value}",
                "terms.door",
            )
        if self.settings.egress is Egress.DIRECT and not terms.acknowledged:
            raise self._denied(
                f"{NOTICE}. Read it and set this to true to answer for direct access, or set egress to "
                f"{Egress.BTP_DESTINATION.value} or {Egress.INTEGRATION_SUITE.value}",
                "terms.acknowledged",
            )

    def root(self, alias: str) -> str:
        """Return where a service lies; raises Denied for one that is not on the list."""
        self.check()
        found = self.settings.services.get(alias)
        if found is None:
            known = ", ".join(sorted(self.settings.services))
            why = f"there is no service {alias[:40]!a} among those allowed ({known})"
            raise self._denied(f"{why}; write objects as describe lists them, service.set", "services")
        return found

    def rows_left(self, passed: int) -> int:
        """Return how many rows an export may still bring after those that it has; raises Denied where none."""
        most = self.settings.terms.export_rows
        if passed >= most:
            raise self._denied(
                f"an export may bring {most:,} rows since the terms allow no bulk extraction; narrow its condition",
                "terms.export_rows",
            )
        return most - passed

    def facts(self) -> Mapping[str, str]:
        """Tell how things stand, for `doctor`."""
        terms = self.settings.terms
        said = "acknowledged" if terms.acknowledged else "not acknowledged"
        exports = f"exports of at most {terms.export_rows:,} rows" if terms.export_rows else "no exports"
        return {
            "door": f"{self.door.value}{'' if terms.door is None else ', the one that is allowed'}",
            "egress": self.settings.egress.value,
            "terms": f"{said}; {exports}; no services but those below",
            "notice": NOTICE,
        }

    def _denied(self, why: str, setting: str) -> Denied:
        where = f"connections.{self.connection}.settings.{setting}"
        return Denied(f"{why} ({where})", code="vendor_terms", object=self.connection)
