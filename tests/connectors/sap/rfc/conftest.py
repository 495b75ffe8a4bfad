"""A house whose one system is called by function modules."""

import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.conftest import COMPANY, write_folder
from tests.connectors.sap.rfc.line import LineBackend
from tests.passage.conftest import FastClock

from isthmus.connectors.sap.rfc.backends import logon_to
from isthmus.connectors.sap.rfc.connector import SapRfc
from isthmus.connectors.sap.rfc.wire import RfcWire
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.gateway import Gateway
from isthmus.core.plugins import Plugins
from isthmus.plugins.sandbox.sap.rfc import RfcEndpoint, SoapService
from isthmus.plugins.sandbox.server import HttpApp, ServerThread

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"execute"],
  resource in Isthmus::System::"erp");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"erp");
"""
ERP = """
[systems.erp]
connections = ["erp-eu"]
[connections.erp-eu]
connector = "sap_rfc"
url = "{url}"
zone = "eu"
[connections.erp-eu.auth]
kind = "basic"
username = "ISTHMUS"
password = "env:ERP_PASSWORD"
[connections.erp-eu.settings]
tables = ["VBAK", "USR02"]
{settings}
[connections.erp-eu.settings.units]
two_orders = ["BAPI_SALESORDER_CREATEFROMDAT2", "BAPI_SALESORDER_CHANGE"]
[connections.erp-eu.settings.functions.STFC_STRUCTURE]
effect = "read"
classes = ["internal"]
[connections.erp-eu.settings.functions.STFC_CONNECTION]
effect = "read"
classes = ["internal"]
[connections.erp-eu.settings.functions.RFC_READ_TABLE]
effect = "read"
classes = ["internal"]
[connections.erp-eu.settings.functions.BAPI_USER_CHANGE]
[connections.erp-eu.settings.functions.Z_NOPE]
effect = "read"
[connections.erp-eu.settings.functions.BAPI_SALESORDER_GETLIST]
effect = "read"
classes = ["internal"]
[connections.erp-eu.settings.functions.BAPISDORDER_GETDETAILEDLIST]
effect = "read"
classes = ["internal"]
[connections.erp-eu.settings.functions.BAPI_SALESORDER_CHANGE]
effect = "update"
classes = ["internal"]
[connections.erp-eu.settings.functions.BAPI_SALESORDER_CREATEFROMDAT2]
effect = "create"
record = "SALESDOCUMENT"
classes = ["internal"]
[connections.erp-eu.settings.functions.BAPI_SALESORDER_CREATEFROMDAT2.read_back]
function = "BAPI_SALESORDER_GETLIST"
table = "SALES_ORDERS"
id = "SD_DOC"
conclusive_after = 60
match = {{ PURCH_NO_C = "ORDER_HEADER_IN.PURCH_NO_C" }}
[connections.erp-eu.settings.functions.BAPI_SALESORDER_CREATEFROMDAT2.read_back.arguments]
CUSTOMER_NUMBER = "ORDER_PARTNERS.0.PARTN_NUMB"
SALES_ORGANIZATION = "ORDER_HEADER_IN.SALES_ORG"
PURCHASE_ORDER_NUMBER = "ORDER_HEADER_IN.PURCH_NO_C"
"""


class Dialled(SapRfc):
    """The connector over the tests' own client; all else is as it is."""

    def carrier(self, wire, url):
        return RfcWire(LineBackend(), logon_to(self.name, self._settings, url), self._settings.sessions)


class Erp:
    """The house, and what it takes to open it."""

    def __init__(self, folder: Path, sap: RfcEndpoint, connector: type[SapRfc]) -> None:
        self.folder = folder
        self.sap = sap
        self.connector = connector
        self.settings = self.more = ""
        self.url = sap.credentials()["url"]
        self.call_timeout = 150
        self.clock = FastClock(speed=10)
        self.password = sap.users.password("ISTHMUS")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        text = (
            COMPANY.replace("call_timeout = 20", f"call_timeout = {self.call_timeout}")
            + ERP.format(url=self.url, settings=self.settings)
            + self.more
        )
        path = write_folder(self.folder, text, cedar=CEDAR)
        around = Surroundings(
            environ={"ERP_PASSWORD": self.password}, clock=self.clock, plugins=Plugins({"sap_rfc": self.connector}, {})
        )
        async with open_gateway(load_config(path), around) as gateway:
            yield gateway

    def caller(self) -> Caller:
        return Caller("support", "alice", "support", "model-eu", "", "desktop-eu")


@pytest.fixture(scope="session")
def served() -> Iterator[RfcEndpoint]:
    """The endpoint alone: the rest of the enterprise takes its time to begin anew."""
    endpoint = RfcEndpoint(7)
    soap = HttpApp(SoapService(endpoint))
    with ServerThread({"sap-soap": soap}, {}, tls={}, streams={"sap-rfc": endpoint}, head=8_192) as server:
        endpoint.listens_on(server.ports["sap-rfc"], server.ports["sap-soap"])
        yield endpoint


@pytest.fixture
def sap(served: RfcEndpoint) -> RfcEndpoint:
    served.reset()
    return served


CARRIED = [
    Dialled,
    pytest.param(
        SapRfc,
        marks=pytest.mark.skipif(
            importlib.util.find_spec("saprfclib") is None, reason="saprfclib needs Python 3.12 or newer"
        ),
    ),
]


@pytest.fixture(params=CARRIED, ids=["line", "saprfclib"])
def erp(request: pytest.FixtureRequest, tmp_path: Path, sap: RfcEndpoint) -> Erp:
    return Erp(tmp_path, sap, request.param)


@pytest.fixture
async def gateway(erp: Erp) -> AsyncIterator[Gateway]:
    async with erp.open() as gateway:
        yield gateway
