"""Which host name belongs to which landscape?"""

from typing import Final

DOMAIN: Final = "s4hana.cloud.sap"
_NUMBERS: Final = {"eu": "300100", "us": "400100"}


def dialog_host_of(home: str) -> str:
    """Return the host at which people work: it shows callers a sign-on page."""
    return f"my{_NUMBERS[home]}.{DOMAIN}"


def host_of(home: str) -> str:
    """Return the host of the landscape with this name, that of communication users."""
    return f"my{_NUMBERS[home]}-api.{DOMAIN}"
