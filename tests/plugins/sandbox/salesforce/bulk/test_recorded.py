"""Does the sandbox answer requests that a real client once sent to a real org, with the same status and shape?"""

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from isthmus.plugins.sandbox import SalesforceOrg

Login = Callable[..., httpx2.Client]
CUMULUSCI = Path(__file__).parents[6] / "shared/fixtures/salesforce/cumulusci"
CASSETTES = CUMULUSCI / "cumulusci/tasks/bulkdata/tests/cassettes"
TEMPLATES = CUMULUSCI / "cumulusci/tests/shared_cassettes/vcr_string_templates"
LOADS = ("TestUpsert.test_upsert_external_id_field", "TestUpsert.test_upsert_complex_fields__bulk")
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")

pytestmark = pytest.mark.skipif(not CASSETTES.exists(), reason=f"no recorded traffic at {CASSETTES}")


def exchanges(name: str) -> Iterator[tuple[dict, dict]]:
    """Yield the recorded requests to the older Bulk API with their answers."""
    cassette = yaml.safe_load((CASSETTES / f"{name}.yaml").read_text())
    for each in cassette["interactions"]:
        if "/services/async/" in each.get("request", {}).get("uri", ""):
            yield each["request"], each["response"]


def plain(body: str | None) -> bytes:
    """Return a recorded body without the chunk sizes that were recorded with it."""
    left, parts = (body or "").encode(), b""
    if not CHUNK.match(left):
        return left
    while (match := CHUNK.match(left)) and (size := int(match[1], 16)):
        parts += left[match.end() : match.end() + size]
        left = left[match.end() + size + 2 :]
    return parts


def recorded_text(response: dict) -> str:
    string = response["body"]["string"]
    if isinstance(string, str):
        return string
    return (TEMPLATES / string["include_template"]).read_text()


def shape(text: str) -> object:
    """Return the element names of XML in order, or the header and number of rows of CSV."""
    if text.startswith("<"):
        return [each.tag for each in ET.fromstring(text).iter()]
    header, *rows = csv.reader(io.StringIO(text))
    return header, len(rows)


@pytest.mark.parametrize("name", LOADS)
def test_recorded_loads_get_answers_of_the_same_shape(org: SalesforceOrg, login: Login, name: str) -> None:
    client = login(org)
    headers = {"x-sfdc-session": client.headers.pop("authorization").partition(" ")[2]}
    ids: dict[str, str] = {}
    compared = 0
    for request, response in exchanges(name):
        path = request["uri"].partition("salesforce.com")[2].replace("vxx.0", "60.0")
        for theirs, ours in ids.items():
            path = path.replace(theirs, ours)
        kind = "application/xml; charset=UTF-8" if "<jobInfo" in (request["body"] or "") else "text/csv"
        sent = {**headers, "content-type": kind} if request["body"] else headers
        answer = client.request(request["method"], f"{org.url}{path}", content=plain(request["body"]), headers=sent)
        assert answer.status_code == response["status"]["code"], answer.text
        theirs = recorded_text(response)
        assert shape(answer.text) == shape(theirs), (request["uri"], answer.text)
        assert answer.headers["content-type"].split(";")[0] in ("application/xml", "text/csv")
        compared += 1
        template = response["body"]["string"]
        if request["method"] == "POST" and isinstance(template, dict):
            ids[template["vars"]["id"]] = ET.fromstring(answer.text).findtext("{*}id") or ""
    assert compared >= 12
