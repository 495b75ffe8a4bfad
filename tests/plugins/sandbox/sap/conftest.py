"""Which landscape and which clients do these tests share?"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, SapLandscape

# Making a context takes longer than a test, and these clients speak plain HTTP.
UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Open = Callable[..., httpx2.Client]

BP = "/sap/opu/odata/sap/API_BUSINESS_PARTNER"
SO = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
BP4 = "/sap/opu/odata4/sap/api_business_partner/srvd_a2x/sap/businesspartner/0001"
SO4 = "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001"


@pytest.fixture
def landscape(sandbox: Sandbox) -> SapLandscape:
    return sandbox.sap["eu"]


@pytest.fixture
def session() -> Iterator[Open]:
    """Open a client of a landscape by Basic authentication; with a service, it brings that service's CSRF token."""
    with ExitStack() as clients:

        def open_client(landscape: SapLandscape, service: str = "", user: str = "integration") -> httpx2.Client:
            auth = (user.upper(), landscape.password(user))
            client = clients.enter_context(httpx2.Client(base_url=landscape.url, auth=auth, timeout=10, verify=UNUSED))
            client.headers["accept"] = "application/json"
            if service:
                fetched = client.head(f"{service}/", headers={"x-csrf-token": "Fetch"})
                client.headers["x-csrf-token"] = fetched.headers["x-csrf-token"]
                client.base_url = f"{landscape.url}{service}/"
            return client

        yield open_client


@pytest.fixture
def orders(landscape: SapLandscape, session: Open) -> httpx2.Client:
    """The integration user's client of sales orders in V2."""
    return session(landscape, SO)


@pytest.fixture
def orders4(landscape: SapLandscape, session: Open) -> httpx2.Client:
    """The integration user's client of sales orders in V4."""
    return session(landscape, SO4)


@pytest.fixture
def partners(landscape: SapLandscape, session: Open) -> httpx2.Client:
    return session(landscape, BP)


@pytest.fixture
def partners4(landscape: SapLandscape, session: Open) -> httpx2.Client:
    return session(landscape, BP4)


@pytest.fixture
def order(landscape: SapLandscape) -> dict[str, object]:
    """What a new order needs, in V2."""
    free = {
        each["BusinessPartner"] for each in landscape.rows("BusinessPartner") if not each["BusinessPartnerIsBlocked"]
    }
    customer = next(each["Customer"] for each in landscape.rows("Customer") if each["Customer"] in free)
    return {
        "SalesOrderType": "OR",
        "SalesOrganization": "1010",
        "DistributionChannel": "10",
        "OrganizationDivision": "00",
        "SoldToParty": customer,
        "PurchaseOrderByCustomer": "PO-1",
        "to_Item": [{"Material": "TG10", "RequestedQuantity": "2"}],
    }
