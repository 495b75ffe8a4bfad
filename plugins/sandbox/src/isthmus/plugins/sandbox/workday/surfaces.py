"""Which surface of which tenant does a path name, at the tenant's own host or at the Agent Gateway?"""

import re
from dataclasses import dataclass
from typing import Final, Literal

Surface = Literal["token", "authorize", "rest", "report", "soap", "asor"]

_CCX: Final = r"(?P<ccx>/ccx)?"
_TENANT: Final = r"(?P<tenant>[^/]+)"
_PATTERNS: Final[tuple[tuple[Surface, re.Pattern[str]], ...]] = (
    ("token", re.compile(rf"(?P<ccx>/ccx)/oauth2/{_TENANT}/token")),
    ("token", re.compile(rf"/auth/oauth2/{_TENANT}/token")),
    ("authorize", re.compile(rf"/auth/authorize/{_TENANT}")),
    ("authorize", re.compile(rf"(?P<ccx>)/{_TENANT}/authorize")),
    ("asor", re.compile(r"/asor/v1/(?P<rest>agentDefinition.*)")),
    ("asor", re.compile(rf"{_CCX}/api/asor/v1/{_TENANT}/(?P<rest>.*)")),
    ("report", re.compile(rf"{_CCX}/service/customreport2/{_TENANT}/(?P<rest>[^/]+/[^/]+)")),
    ("soap", re.compile(rf"{_CCX}/service/{_TENANT}/(?P<service>[^/]+)(?:/(?P<version>v\d+\.\d+))?")),
    ("rest", re.compile(rf"{_CCX}/api/(?P<version>v\d+)/{_TENANT}/(?P<rest>.*?)/?")),
    ("rest", re.compile(rf"{_CCX}/api/(?P<service>[^/]+)/(?P<version>v\d+)/{_TENANT}/(?P<rest>.*?)/?")),
)
STARTS: Final = ("/ccx/", "/auth/oauth2/", "/auth/authorize/", "/asor/v1/", "/api/asor/")
"""How paths begin that no other vendor has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes; `tenant` is empty where the path names none, `gateway` says that it names an alias."""

    surface: Surface
    tenant: str
    service: str
    version: str
    rest: str
    gateway: bool


def place_of(path: str) -> Place | None:
    """Read a path; None where it leads nowhere."""
    for surface, pattern in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None:
            found = match.groupdict()
            return Place(
                surface=surface,
                tenant=found.get("tenant") or "",
                service=found.get("service") or "",
                version=found.get("version") or "",
                rest=found.get("rest") or "",
                gateway=found.get("ccx") is None,
            )
    return None
