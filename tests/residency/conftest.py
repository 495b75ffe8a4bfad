"""A policy with the rules most firms start from."""

from datetime import date

import pytest
from hypothesis import settings

from isthmus.residency import FlowPolicy

# `pytest tests/residency --hypothesis-profile=soak` tries each property ten thousand times.
settings.register_profile("soak", max_examples=10_000, deadline=None)

POLICY = """
version = 1
[controller]
name = "Acme GmbH"
[jurisdictions]
home = ["EEA", "CH"]

[zones.eu-de]
countries = ["DE"]
attests = ["iso27001", "soc2-t2"]
verified_on = 2026-10-01
[zones.us-phi]
countries = ["US"]
operator = "Example AI Inc"
attests = [{ name = "hipaa-baa", until = 2027-06-30, evidence = "contracts/baa.pdf#sha256=ab" }, "soc2-t2"]
transfer = { EEA = "scc-2021-m2", tia = "tia/2026-03.pdf" }
verified_on = 2026-10-01
[zones.us]
countries = ["US"]
attests = ["soc2-t2"]
verified_on = 2026-10-01

[consumers.claude-us]
client_ids = ["mcp-desktop-us"]
zone = "us"
[consumers.claude-phi]
client_ids = ["mcp-desktop-phi"]
zone = "us-phi"
[consumers.desk-de]
client_ids = ["desk"]
zone = "eu-de"

[[rule]]
id = "eea-pii-at-home"
data = "pii"
subjects = "EEA"
outside = "home"
allow = ["ref", "mask", "aggregate", "drop"]
why = "EU customer PII leaves home only masked or by reference"
[[rule]]
id = "phi-needs-baa"
data = "phi"
unless_attested = "hipaa-baa"
allow = ["aggregate", "drop"]
[[rule]]
id = "finance-needs-soc2"
data = "financial"
unless_attested = "soc2-t2"
allow = ["drop"]
[[rule]]
id = "secrets-never"
data = "secret"
allow = ["drop"]
"""


@pytest.fixture
def policy_text() -> str:
    return POLICY


@pytest.fixture(scope="session")
def policy() -> FlowPolicy:
    return FlowPolicy.load(POLICY)


@pytest.fixture(scope="session")
def today() -> date:
    return date(2026, 11, 22)
