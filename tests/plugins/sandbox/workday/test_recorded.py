"""Does the sandbox answer what was recorded with a real tenant: same status, same keys, same types of values?

Values are not compared, nor how often something comes; the recordings are no part of this project.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import httpx2
import pytest
import yaml
from tests.plugins.sandbox.salesforce.shapes import differences

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant
from isthmus.plugins.sandbox.workday.wql.catalogue import sources

from .conftest import UNUSED

CASSETTES = Path(__file__).parents[4].parent / "shared" / "fixtures" / "workday" / "cassettes"
pytestmark = pytest.mark.skipif(not CASSETTES.is_dir(), reason="the recordings of a real tenant are not here")
USER = "alice"
HEADERS = (
    "wd-ratelimit-tokens-remaining",
    "wd-stat-request-id",
    "x-wd-gid",
    "cache-control",
    "content-type",
    "set-cookie",
)


@dataclass(frozen=True)
class Exchange:
    source: str
    method: str
    uri: str
    body: str
    status: int
    answer: str
    headers: frozenset[str]

    @property
    def name(self) -> str:
        parts = urlsplit(self.uri)
        asked = re.search(r"Include_\w+|Get_\w+_Request", self.body)
        query = json.loads(self.body)["query"].partition(" FROM ")[2] if self.body.startswith("{") else ""
        path = parts.path.replace("mocktenant_xx", "T").removeprefix("/ccx/")
        return " ".join(f"{self.method} {path} {asked[0] if asked else query}".split())


def exchanges() -> Iterator[Exchange]:
    for path in sorted(CASSETTES.glob("*.yaml")):
        for each in yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)["interactions"]:
            request, response = each["request"], each["response"]
            text, body = response["body"]["string"], request.get("body") or ""
            yield Exchange(
                source=path.stem,
                method=request["method"],
                uri=request["uri"],
                body=body if isinstance(body, str) else body.decode(),
                status=response["status"]["code"],
                answer=text if isinstance(text, str) else text.decode(),
                headers=frozenset(name.lower() for name in response["headers"]) & set(HEADERS),
            )


class World:
    """The recorded requests, with the names that ours has for what they name."""

    def __init__(self, tenant: WorkdayTenant, client: httpx2.Client) -> None:
        self._tenant, self._client = tenant, client
        self._alias = ""

    def send(self, each: Exchange) -> httpx2.Response:
        tenant, parts = self._tenant, urlsplit(each.uri)
        path = parts.path.replace("mocktenant_xx", tenant.tenant)
        if "/dataSources/" in path:
            self._alias = json.loads(each.answer).get("alias", self._alias)
            path = path.replace(
                "0" * 32, tenant.things.of("Data_Source_ID", self._alias, sources()[self._alias].name).wid
            )
        body = each.body.replace("REDACTED_OAUTH_REFRESH_TOKEN", tenant.refresh_token(USER)).replace("MOCK_ID", "21007")
        body = body.replace("REDACTED_WSSE_USERNAME", f"{USER}@{tenant.tenant}")
        body = body.replace("REDACTED_WSSE_PASSWORD", escape(tenant.password(USER)))
        kind = "text/xml; charset=utf-8" if body.startswith("<") else "application/json"
        headers = {"content-type": kind, "authorization": f"Bearer {tenant.logins.access(USER, tenant.client_id)}"}
        auth = None
        if path.endswith("/token"):
            headers = {"content-type": "application/x-www-form-urlencoded"}
            auth = (tenant.client_id, tenant.client_secret)
        url = f"{path}?{parts.query}" if parts.query else path
        return self._client.request(each.method, url, content=body.encode(), headers=headers, auth=auth)


def parsed(text: str) -> Any:
    """Return JSON, or XML as objects: each child an array, attributes beside them, all text."""
    return json.loads(text) if text.startswith("{") else plain(ET.fromstring(text))


def plain(element: ET.Element) -> Any:
    found: dict[str, Any] = {f"@{key}": value for key, value in element.attrib.items()}
    for each in element:
        name = (
            each.tag
            if each.get("{urn:com.workday/bsvc}type") is None
            else f"{each.tag}={each.get('{urn:com.workday/bsvc}type')}"
        )
        found.setdefault(name.replace("{urn:com.workday/bsvc}", ""), []).append(plain(each))
    return found or (element.text or "")


def judged(each: Exchange, answer: httpx2.Response) -> set[str]:
    if answer.status_code != each.status:
        return {f"answers {answer.status_code}, recorded {each.status}"}
    found = differences(parsed(each.answer), parsed(answer.text))
    ours = frozenset(answer.headers) & set(HEADERS)
    return found | {f"header {name}" for name in each.headers ^ ours}


@pytest.fixture(scope="module")
def found() -> set[tuple[str, str, str]]:
    with Sandbox(seed=7, accounts=0, contacts=0) as sandbox:
        tenant = sandbox.workday["us"]
        with httpx2.Client(base_url=tenant.url, timeout=20, verify=UNUSED) as client:
            world = World(tenant, client)
            return {(each.source, each.name, one) for each in exchanges() for one in judged(each, world.send(each))}


def test_nothing_differs(found: set[tuple[str, str, str]]) -> None:
    assert sorted(found) == []


def test_the_recordings_are_all_there() -> None:
    assert len(list(exchanges())) == 60
