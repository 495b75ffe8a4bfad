"""Which metadata documents do the tests read?"""

from functools import cache
from pathlib import Path

import pytest

from isthmus.connectors.sap.odata.edm import Service
from isthmus.connectors.sap.odata.metadata import service_of

FIXTURES = Path(__file__).resolve().parents[5] / "shared" / "fixtures" / "sap"
PARTNER = "API_BUSINESS_PARTNER.edmx"
PURCHASE = "MM_PUR_PO_MAINT_V2_SRV.v2.metadata.xml"
STRANGE = "pyodata_test.v2.metadata.xml"
ORDERS = "salesOrder.v4.metadata.xml"
ALL = (PARTNER, PURCHASE, STRANGE, ORDERS)


def document(name: str) -> bytes:
    found = FIXTURES / name
    if not found.is_file():
        pytest.skip(f"the vendor's metadata {name} are not beside this project")
    return found.read_bytes()


@cache
def _read(text: bytes) -> Service:
    return service_of(text)


def service(name: str) -> Service:
    return _read(document(name))


def v2(schema: str, container: str = "", annotations: str = "") -> Service:
    return service_of(
        f"""<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"
        xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
        xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0">
        <Schema Namespace="T" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">{schema}
        <EntityContainer Name="C" m:IsDefaultEntityContainer="true">{container}</EntityContainer>{annotations}
        </Schema></edmx:DataServices></edmx:Edmx>""".encode()
    )


def v4(schema: str, container: str = "", annotations: str = "") -> Service:
    return service_of(
        f"""<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
        <Schema Namespace="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">{schema}
        <EntityContainer Name="C">{container}</EntityContainer>{annotations}
        </Schema></edmx:DataServices></edmx:Edmx>""".encode()
    )
