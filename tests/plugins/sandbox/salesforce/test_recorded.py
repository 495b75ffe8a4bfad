"""Does the sandbox answer what other clients recorded with real orgs: same status, same keys, same types of values?

What differs is listed with its reason in docs/sandbox.md, and nowhere else; the recordings are no part of this project.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

from .recordings import FIXTURES, RESTFORCE, Exchange, cassettes, parsed
from .shapes import differences
from .world import World

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recordings of other clients are not here")

PAGE = Path(__file__).parents[4] / "docs" / "sandbox.md"
OTHER_APIS = ("/services/async/",)
"""Parts of paths that are not sent: Bulk 1.0 is another API than the one judged here. Empty it to judge all."""


@dataclass(frozen=True)
class Listed:
    """One row of the page's table; a star stands for anything."""

    source: str
    request: str
    difference: str

    def covers(self, source: str, request: str, difference: str) -> bool:
        told = ((self.source, source), (self.request, request), (self.difference, difference))
        return all(re.fullmatch(re.escape(star).replace(r"\*", ".*"), text) for star, text in told)


def listed() -> list[Listed]:
    _, _, table = PAGE.read_text("utf-8").partition("| recorded in |")
    lines = takewhile(lambda line: line.startswith("|"), table.splitlines()[2:])
    rows = [line.strip("|").split("|") for line in lines]
    found = [Listed(*(cell.strip().strip("`") for cell in row[:3])) for row in rows if row[3].strip()]
    assert len(found) == len(rows), "every difference has a reason"
    return found


WINDOW = "start=2026-11-01T00:00:00Z&end=2026-11-21T00:00:00Z"
ACCOUNT = {"Name": "Whizbang", "Customer_Number__c": "C-whiz"}
BODIES = [
    ("create_success_response", "POST", "sobjects/Account", ACCOUNT, 201),
    ("delete_error_response", "DELETE", "sobjects/Account/rid", None, 404),
    ("describe_sobjects_success_response", "GET", "sobjects", None, 200),
    ("list_sobjects_success_response", "GET", "sobjects", None, 200),
    ("sobject_describe_error_response", "GET", "sobjects/Nope/describe", None, 404),
    ("sobject_describe_success_response", "GET", "sobjects/Contact/describe", None, 200),
    ("get_deleted_success_response", "GET", "sobjects/Case/deleted?{window}", None, 200),
    ("get_updated_success_response", "GET", "sobjects/Contact/updated?{window}", None, 200),
    ("org_query_response", "GET", "query?q=SELECT Id FROM Organization", None, 200),
    ("query_empty_response", "GET", "query?q=SELECT Id FROM Contact WHERE LastName = 'nobody'", None, 200),
    ("query_error_response", "GET", "query?q=SELECT Nope FROM Contact", None, 400),
    ("query_aggregate_success_response", "GET", "query?q=SELECT AccountId CampaignId, SUM(Amount) FROM Opportunity GROUP BY AccountId", None, 200),
    ("search_error_response", "GET", "search?q=FIND x", None, 400),
    ("search_success_response", "GET", "search?q=FIND {{{last_name}}} RETURNING Contact(Id)", None, 200),
    ("sobject_find_error_response", "GET", "sobjects/Account/23foo", None, 404),
    ("sobject_select_success_response", "GET", "sobjects/Invoice__c/{invoice}?fields=Invoice_Number__c", None, 200),
    ("upsert_created_success_response", "PATCH", "sobjects/Account/Customer_Number__c/new", {"Name": "N"}, 201),
    ("upsert_error_response", "PATCH", "sobjects/Account/Namez/new", {"Name": "N"}, 404),
    ("upsert_multiple_error_response", "PATCH", "sobjects/Account/Legacy_Number__c/two", {"Name": "N"}, 300),
    ("write_error_response", "POST", "sobjects/Account", {"foo": "N"}, 400),
]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> set[tuple[str, str, str]]:
    """Every difference, as the source of the recording, the request and what differs."""
    told: set[tuple[str, str, str]] = set()
    sent: set[Exchange] = set()
    with Sandbox(seed=7, accounts=0, contacts=0) as sandbox:
        for _, exchanges in cassettes():
            sandbox.reset()
            with logged_in(sandbox) as client:
                world = World(sandbox.salesforce["us"], client, exchanges)
                for each in judgeable(exchanges):
                    if not (each.shared and each in sent):
                        sent.add(each)
                        told |= {(each.source, each.name, one) for one in judged(each, world.send(each))}
    with Sandbox(seed=7, accounts=20, contacts=100) as sandbox, logged_in(sandbox) as client:
        return told | set(judged_bodies(sandbox.salesforce["us"], client))


def judgeable(exchanges: list[Exchange]) -> list[Exchange]:
    return [each for each in exchanges if not any(api in each.path for api in OTHER_APIS)]


@contextmanager
def logged_in(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    org = sandbox.salesforce["us"]
    with httpx2.Client(base_url=org.url, timeout=20, verify=False) as client:
        form = {"grant_type": "refresh_token", "client_id": org.client_id}
        answer = client.post("/services/oauth2/token", data={**form, "refresh_token": org.refresh_token(org.username)})
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def judged(exchange: Exchange, answer: httpx2.Response) -> set[str]:
    if answer.status_code != exchange.status:
        return {f"answers {answer.status_code}, recorded {exchange.status}"}
    recorded, ours = parsed(exchange.answer), parsed(answer.text)
    if "compositeResponse" in (recorded or {}):
        return judged_parts(recorded["compositeResponse"], ours["compositeResponse"])
    return differences(recorded, ours) | outcomes(recorded, ours)


def judged_parts(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> set[str]:
    assert [each["referenceId"] for each in recorded] == [each["referenceId"] for each in ours]
    told = set()
    for theirs, mine in zip(recorded, ours, strict=True):
        status = (mine["httpStatusCode"], theirs["httpStatusCode"])
        told |= {f"a part answers {status[0]}, recorded {status[1]}"} if status[0] != status[1] else set()
        told |= differences(theirs, mine)
    return told


def judged_bodies(org: SalesforceOrg, client: httpx2.Client) -> Iterator[tuple[str, str, str]]:
    """Judge the bodies without requests; recorded with v20 to v26, they lack what later versions added."""
    client.base_url = f"{org.url}/services/data/v60.0/"
    for each in "AB":
        client.post("sobjects/Account", json={"Name": each, "Legacy_Number__c": "two"})
    client.delete(f"sobjects/Case/{org.rows('Case')[0]['Id']}")
    ours = {"invoice": org.rows("Invoice__c")[0]["Id"], "last_name": org.rows("Contact")[0]["LastName"]}
    for name, method, template, body, status in BODIES:
        path, _, query = template.format(**ours, window=WINDOW).partition("?")
        answer = client.request(method, path, params=parse_qsl(query), json=body)
        text = (RESTFORCE / "sobject" / f"{name}.json").read_text("utf-8")
        recorded = json.loads(text.replace("External_Field__c", "Invoice_Number__c"))
        told = differences(
            {"searchRecords": recorded} if name == "search_success_response" else recorded, answer.json()
        )
        request = f"{method} /{template.partition('?')[0]}"
        if answer.status_code != status:
            yield name, request, f"answers {answer.status_code}, recorded {status}"
        yield from ((name, request, one) for one in told if not one.endswith(" added"))


def outcomes(recorded: Any, ours: Any) -> set[str]:
    """Compare what became of each row of a collection: whether it was written, and whether it was new."""
    if not isinstance(recorded, list) or not all(isinstance(row, Mapping) and "success" in row for row in recorded):
        return set()
    told = [[(row["success"], row.get("created")) for row in rows] for rows in (recorded, ours)]
    return set() if told[0] == told[1] else {"other rows succeed"}


def test_every_difference_is_listed(found: set[tuple[str, str, str]]) -> None:
    rows = listed()
    assert sorted(one for one in found if not any(row.covers(*one) for row in rows)) == []


def test_every_listed_difference_is_there(found: set[tuple[str, str, str]]) -> None:
    assert [row for row in listed() if not any(row.covers(*one) for one in found)] == []


def test_the_recordings_are_all_there() -> None:
    told = [each for _, exchanges in cassettes() for each in exchanges]
    assert {each[0] for each in BODIES} <= {path.stem for path in RESTFORCE.rglob("*.json")}
    assert (len(told), len(judgeable(told))) == (496, 428)
