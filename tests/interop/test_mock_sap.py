"""Are function modules of mock-sap, as it is, read over its generated SOAP services?"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.connectors.sap.rfc.conftest import Erp

from isthmus.connectors.sap.rfc.connector import SapRfc
from isthmus.core.errors import NotFound, UpstreamRejected
from isthmus.plugins.sandbox.sap.rfc import RfcEndpoint

OPTIONS = ("--host", "127.0.0.1", "--auth", "ISTHMUS:secret", "--no-csrf")
LIST = "BAPI_SALESORDER_GETLIST"
SETTINGS = """
backend = "soap-generated"
soap_path = "/sap/bc/srt/rfc/sap/{function}/100/{function}/binding"
"""
WRITTEN_DOWN = f"""
[connections.erp-eu.settings.functions.{LIST}.parameters]
CUSTOMER_NUMBER = "value"
SALES_ORGANIZATION = "value"
SALES_ORDERS = "table"
RETURN = "table"
[connections.erp-eu.settings.functions.STFC_CONNECTION.parameters]
REQUTEXT = "value"
ECHOTEXT = "value"
[connections.erp-eu.settings.functions.Z_NOPE.parameters]
A = "value"
"""


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[str]:
    """Start it, and return its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [sys.executable, "-m", "mocksap", *OPTIONS, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                httpx2.get(f"{url}/_mock/services", auth=("ISTHMUS", "secret"))
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        started.terminate()
        started.wait(timeout=10)


async def test_bapis_of_mock_sap(mock: str, tmp_path: Path) -> None:
    erp = Erp(tmp_path / "house", RfcEndpoint(7), SapRfc)
    erp.url, erp.settings, erp.more, erp.password = mock, SETTINGS, WRITTEN_DOWN, "secret"
    behaviour = {"function": LIST, "type": "E", "id": "V1", "number": "849", "message": "Credit limit", "count": 1}
    async with erp.open() as gateway, httpx2.AsyncClient(auth=("ISTHMUS", "secret")) as control:
        session = gateway.session(erp.caller())
        told = await session.invoke("erp", "STFC_CONNECTION", "call", {"REQUTEXT": "Grüße <&>"})
        assert told.values["ECHOTEXT"] == "Grüße <&>"
        listed = await session.invoke("erp", LIST, "call", {"CUSTOMER_NUMBER": "", "SALES_ORGANIZATION": "1710"})
        assert len(listed.values["SALES_ORDERS"]) > 1
        await control.post(f"{mock}/_mock/bapi-behaviour", json=behaviour)
        with pytest.raises(UpstreamRejected) as refused:
            await session.invoke("erp", LIST, "call", {"SALES_ORGANIZATION": "1710"})
        assert refused.value.vendor_code == "V1/849"
        with pytest.raises((NotFound, UpstreamRejected)):
            await session.invoke("erp", "Z_NOPE", "call", {})
