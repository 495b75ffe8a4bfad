"""A company whose ERP is a landscape of the sandbox, in both versions: what its tests share."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.passage.conftest import FastClock

from isthmus.core.assembly import Surroundings
from isthmus.plugins.sandbox import Sandbox, SapLandscape

from .conftest import House as Company

__all__ = ["BOTH", "NEW", "House", "house", "org", "small", "stored", "texts"]

SERVICES = {
    "bp": "/sap/opu/odata/sap/API_BUSINESS_PARTNER",
    "bp4": "/sap/opu/odata4/sap/api_business_partner/srvd_a2x/sap/businesspartner/0001",
    "so": "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
    "so4": "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001",
}
NEW = {"SalesOrderType": "OR", "SalesOrganization": "1020", "DistributionChannel": "10", "OrganizationDivision": "00",
       "SoldToParty": "10100001"}  # fmt: skip
BOTH = pytest.mark.parametrize("orders", ["so.A_SalesOrder", "so4.SalesOrder"])


class House(Company):
    """The company's house over a landscape of the sandbox."""

    sandbox: Sandbox
    clock: FastClock | None = None

    @property
    def org(self) -> SapLandscape:
        return self.sandbox.sap["eu"]

    def write(self) -> Path:
        self.url = self.org.url
        if self.identity == "service":
            self.username = "INTEGRATION"
        self.environ = {"ERP_PASSWORD": self.org.password("integration")}
        return super().write()

    @property
    def around(self) -> Surroundings:
        plain = Surroundings(environ=self.environ)
        return plain if self.clock is None else replace(plain, clock=self.clock)


@pytest.fixture(scope="module")
def small() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=40, contacts=200) as sandbox:
        yield sandbox


@pytest.fixture
def house(small: Sandbox, tmp_path: Path) -> Iterator[House]:
    small.reset()
    found = House(tmp_path / "house")
    found.sandbox = small
    listed = ", ".join(f'{name} = "{path}"' for name, path in SERVICES.items())
    found.settings = (
        f'[connections.erp-eu.settings]\nclient = "100"\nservices = {{ {listed} }}\nterms = {{ acknowledged = true }}\n'
    )
    found.keys = {"so.A_SalesOrder": "PurchaseOrderByCustomer", "so4.SalesOrder": "PurchaseOrderByCustomer"}
    yield found
    shutil.rmtree(tmp_path / "house", ignore_errors=True)


@pytest.fixture
def org(house: House) -> SapLandscape:
    return house.org


def stored(org: SapLandscape, number: str = "1") -> dict[str, object]:
    return next(row for row in org.rows("SalesOrder") if row["SalesOrder"] == number)


def texts(org: SapLandscape) -> list[object]:
    return [row["PurchaseOrderByCustomer"] for row in org.rows("SalesOrder")]
