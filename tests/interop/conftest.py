"""How do clients that know nothing of the sandbox get there? By the environment alone."""

import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


@pytest.fixture
def org(sandbox: Sandbox) -> SalesforceOrg:
    return sandbox.salesforce["us"]


@pytest.fixture
def gate(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Set what `isthmus sandbox` prints: names of the vendor lead to the sandbox, and nothing leads out."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    return sandbox
