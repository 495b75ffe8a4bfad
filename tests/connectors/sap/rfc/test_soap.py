"""Over SOAP function modules are read in both forms, and nothing is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.connectors.sap.rfc.conftest import Erp

from isthmus.connectors.sap.rfc.connector import SapRfc
from isthmus.core.errors import ConfigurationError, CredentialError, NotFound, UpstreamError, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.plugins.sandbox.sap.rfc import RfcEndpoint

LIST = "BAPI_SALESORDER_GETLIST"
GENERATED = """
backend = "soap-generated"
soap_path = "/sap/bc/srt/rfc/sap/{function}/100/{function}/binding"
"""
WRITTEN_DOWN = f"""
[connections.erp-eu.settings.functions.{LIST}.parameters]
CUSTOMER_NUMBER = "value"
SALES_ORGANIZATION = "value"
SALES_ORDERS = "table"
RETURN = "structure"
[connections.erp-eu.settings.functions.STFC_CONNECTION.parameters]
REQUTEXT = "value"
ECHOTEXT = "value"
"""


@pytest.fixture
def erp(tmp_path: Path, sap: RfcEndpoint) -> Erp:
    erp = Erp(tmp_path, sap, SapRfc)
    erp.url = sap.credentials()["soap_url"]
    erp.settings = 'backend = "soap"'
    return erp


@pytest.fixture
async def gateway(erp: Erp) -> AsyncIterator[Gateway]:
    async with erp.open() as gateway:
        yield gateway


async def call(gateway: Gateway, erp: Erp, function: str, arguments: dict) -> dict:
    return (await gateway.session(erp.caller()).invoke("erp", function, "call", arguments)).values


async def test_reads_exact_values_in_the_classic_form(gateway: Gateway, erp: Erp) -> None:
    sent = {
        "RFCFLOAT": 0.5,
        "RFCCHAR4": "<ä>&",
        "RFCINT4": -7,
        "RFCHEX3": "YWJj",
        "RFCDATE": "2026-11-22",
        "RFCTIME": "11:00:01",
    }
    told = await call(gateway, erp, "STFC_STRUCTURE", {"IMPORTSTRUCT": sent})
    assert {name: told["ECHOSTRUCT"][name] for name in sent} == sent
    [row] = (await call(gateway, erp, LIST, {"CUSTOMER_NUMBER": "17100001", "SALES_ORGANIZATION": "1710"}))[
        "SALES_ORDERS"
    ]
    assert (row["SD_DOC"], row["NET_VALUE"], row["CREATION_DATE"]) == ("1", "175.0000", None)


async def test_reads_in_the_generated_form_what_the_settings_write_down(erp: Erp) -> None:
    erp.settings = GENERATED
    erp.more = WRITTEN_DOWN
    async with erp.open() as gateway:
        told = await call(gateway, erp, "STFC_CONNECTION", {"REQUTEXT": "<hello>"})
        assert told["ECHOTEXT"] == "<hello>"
        told = await call(gateway, erp, LIST, {"CUSTOMER_NUMBER": "0017100001", "SALES_ORGANIZATION": "1710"})
        assert [row["SdDoc"] for row in told["SALES_ORDERS"]] == ["0000000001"]


async def test_writes_nothing(gateway: Gateway, erp: Erp, sap: RfcEndpoint) -> None:
    change = {"SALESDOCUMENT": "1", "ORDER_HEADER_INX": {"UPDATEFLAG": "U"}}
    with pytest.raises(UpstreamRejected, match="does not take the call"):
        await call(gateway, erp, "BAPI_SALESORDER_CHANGE", change)
    assert "BAPI_SALESORDER_CHANGE" not in sap.called


async def test_a_fault_is_what_the_function_module_raised(gateway: Gateway, erp: Erp) -> None:
    with pytest.raises(NotFound):
        await call(gateway, erp, "Z_NOPE", {})
    with pytest.raises(UpstreamError) as raised:
        await call(gateway, erp, "RFC_READ_TABLE", {"QUERY_TABLE": "VBAK", "OPTIONS": [{"TEXT": "X"}]})
    assert raised.value.vendor_code == "OPTION_NOT_VALID"


async def test_a_wrong_password_is_tried_once(erp: Erp, sap: RfcEndpoint) -> None:
    erp.password = "wrong"
    async with erp.open() as gateway:
        for _ in range(3):
            with pytest.raises(CredentialError):
                await call(gateway, erp, "STFC_CONNECTION", {"REQUTEXT": "x"})
    assert sap.users.failed == {"ISTHMUS": 1}


async def test_an_address_for_rfc_is_none_for_soap(erp: Erp) -> None:
    erp.url = "rfc://127.0.0.1:3300"
    with pytest.raises(ConfigurationError, match="needs an address like https://host"):
        async with erp.open():
            pass


BOMB = b'<!DOCTYPE s [<!ENTITY a "aaaa">]><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>'


async def test_the_sandbox_reads_no_document_type(sap: RfcEndpoint) -> None:
    known = sap.credentials()
    async with httpx2.AsyncClient(auth=(known["username"], known["password"])) as client:
        answer = await client.post(f"{known['soap_url']}/sap/bc/soap/rfc", content=BOMB)
    assert (answer.status_code, b"DOCTYPE" in answer.content) == (500, True)
