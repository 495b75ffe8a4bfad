"""Which host names and path names belong to which tenant?"""

from typing import Final

DOMAIN: Final = "workday.com"
_SERVICES: Final = {"eu": "wd3-impl-services1", "us": "wd2-impl-services1"}
_REGIONS: Final = {"eu": "eu", "us": "us"}


def host_of(home: str) -> str:
    """Return the host of the services of the tenant with this name."""
    return f"{_SERVICES[home]}.{DOMAIN}"


def gateway_of(home: str) -> str:
    """Return the host of the Agent Gateway in the tenant's region."""
    return f"{_REGIONS[home]}.agent.{DOMAIN}"


def tenant_of(home: str) -> str:
    """Return the tenant's name in paths."""
    return f"kessmar_{home}"


def alias_of(home: str) -> str:
    """Return the tenant's name in paths of the Agent Gateway."""
    return f"kessmar-{home}"
