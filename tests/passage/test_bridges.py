"""Do bridged clients reach one system, its hosts and nothing else, from any thread and loop that may?"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.conftest import House

from isthmus.core.errors import ConfigurationError, Denied
from isthmus.core.gateway import Gateway

QUERY = "/services/data/v62.0/query"
ACCOUNTS = {"q": "SELECT Id, Name FROM Account ORDER BY Name LIMIT 5"}


async def test_an_httpx2_client_reads_through_the_passage(gateway: Gateway, house: House) -> None:
    async with gateway.session(house.caller("eu")).http_client("crm") as client:
        answer = await client.get(QUERY, params=ACCOUNTS)
        assert [len(one["Name"]) > 0 for one in answer.json()["records"]] == [True] * 5
        assert answer.headers["isthmus-complete"] == "true"
        with pytest.raises(Denied, match=r"elsewhere\.example"):
            await client.get("https://elsewhere.example" + QUERY, params=ACCOUNTS)


async def test_a_host_of_the_system_is_as_good_as_the_made_up_one(gateway: Gateway, house: House) -> None:
    org = house.sandbox.salesforce["eu"]
    answer = await gateway.session(house.caller("eu")).call_request("crm", httpx2.Request("GET", f"{org.url}{QUERY}?q="
        "SELECT+Id+FROM+Account+LIMIT+1"))  # fmt: skip
    assert answer.status == 200
    assert answer.json()["totalSize"] == 1


async def test_a_requests_session_on_the_gateways_own_loop_is_refused(gateway: Gateway, house: House) -> None:
    http = gateway.session(house.caller("eu")).requests_session("crm")
    with pytest.raises(ConfigurationError, match="wait for itself"):
        http.get(f"https://crm.isthmus.invalid{QUERY}", params=ACCOUNTS)


async def test_threads_share_one_requests_session(gateway: Gateway, house: House) -> None:
    http = gateway.session(house.caller("eu")).requests_session("crm")

    def read(_: int) -> int:
        return len(http.get(f"https://crm.isthmus.invalid{QUERY}", params=ACCOUNTS).json()["records"])

    with ThreadPoolExecutor(6) as pool:
        counted = await asyncio.to_thread(lambda: list(pool.map(read, range(12))))
    assert counted == [5] * 12
    assert threading.active_count() < 30


async def test_unknown_systems_and_clients_are_named(gateway: Gateway, house: House) -> None:
    session = gateway.session(house.caller())
    with pytest.raises(ConfigurationError, match="known: crm"):
        session.requests_session("erp")
    with pytest.raises(AttributeError, match="nonsense"):
        session.nonsense("crm")
    assert session.salesforce("crm").sf_instance == "crm.isthmus.invalid"


async def test_netrc_proxies_and_certificates_of_the_environment_are_not_read(
    gateway: Gateway, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    http = gateway.session(house.caller("eu")).requests_session("crm")
    answer = await asyncio.to_thread(lambda: http.get(f"https://crm.isthmus.invalid{QUERY}", params=ACCOUNTS))
    assert answer.ok
