"""A whole gateway over the sandbox's instance, for agents that may do all that the connector can, except to close."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import FLOWS
from tests.connectors.servicenow.conftest import CEDAR
from tests.connectors.servicenow.test_over_sandbox import House

from isthmus.core.gateway import Gateway
from isthmus.core.session import Session
from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance

ALLOWED = (
    CEDAR
    + """
@id("deep") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"load", Isthmus::Action::"attach", Isthmus::Action::"execute"],
  resource in Isthmus::System::"itsm");
"""
)


@pytest.fixture(scope="session")
def whole() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=40, contacts=200) as sandbox:
        yield sandbox


@pytest.fixture
def house(whole: Sandbox, tmp_path: Path) -> House:
    whole.reset()
    found = House(tmp_path / "house")
    found.cedar = ALLOWED
    # What is in a file nobody knows, so only who may see everything in clear gets one.
    found.flows = FLOWS.partition('[[rule]]\nid = "phi-never"')[0]
    found.sandbox = whole
    return found


@pytest.fixture
def org(house: House) -> ServiceNowInstance:
    return house.org


@pytest.fixture
def home(gateway: Gateway, house: House) -> Session:
    """Act for a model in the EU, where the data is."""
    return gateway.session(house.caller("eu"))
