"""Does the connector still understand traffic that was recorded, with no network at all?

`ISTHMUS_RECORD=1 uv run pytest tests/connectors/salesforce/test_recorded.py` records everything anew.
"""

import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
import yaml
from tests.conftest import House

from isthmus.core.connector import Key
from isthmus.core.errors import UpstreamRejected, VersionConflict
from isthmus.core.records import Aggregate, Compare, Measure, Operator, Order, Query
from isthmus.plugins.sandbox import Sandbox

from .cassettes import FOLDER, HOST, SOURCE, cassette
from .conftest import Crm, opened

RECORD = "ISTHMUS_RECORD" in os.environ
SECRETS = re.compile(
    r"bearer\s+\w|authorization\W|client_(?:id|secret)|assertion=|3MVG9|00D\w{12,15}!|BEGIN [A-Z ]*KEY|127\.0\.0\.1|localhost",
    re.IGNORECASE,
)


@pytest.fixture
async def crm(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Crm]:
    """Give the connector as usual; its other side is the sandbox while recording, else only the cassette."""
    if RECORD:
        sandbox: Sandbox = request.getfixturevalue("sandbox")
    else:
        org = SimpleNamespace(url=HOST, client_id="scrubbed", client_secret="scrubbed")
        sandbox = SimpleNamespace(salesforce={"eu": org})  # type: ignore[assignment]
        for name in ("connect", "connect_ex"):
            monkeypatch.setattr(socket.socket, name, _no_network)
    with cassette(FOLDER / f"{request.node.name}.yaml", record=RECORD) as wire:
        async with opened(House(tmp_path / "house", sandbox), wire=wire) as found:
            yield found


def _no_network(*_: object) -> NoReturn:
    raise AssertionError("a replayed test reached for the network")


async def test_describes_an_object(crm: Crm) -> None:
    facts = await crm("Asset_Note__c").catalogue("Asset_Note__c")
    assert facts.field("Serial_Number__c").external_id
    assert facts.field("Body__c").classes == {"internal", "free_text"}
    assert facts.field("Contact__c").references == ("Contact",)


async def test_queries_through_relationships(crm: Crm) -> None:
    wanted = Query(
        "Case",
        ("Id", "CaseNumber", "Contact.MailingCountryCode", "Account.Name"),
        Compare("Contact.MailingCountryCode", Operator.EQ, "DE"),
        (Order("CaseNumber"),),
        3,
    )
    rows = await crm("Case").query(wanted)
    assert [row.fields["Contact.MailingCountryCode"] for row in rows] == ["DE"] * 3


async def test_searches_for_words(crm: Crm) -> None:
    rows = await crm("Account").search("GmbH", {"Account": ("Name",)}, 2)
    assert all("GmbH" in str(row.fields["Name"]) for row in rows)
    assert len(rows) == 2


async def test_counts_in_groups(crm: Crm) -> None:
    wanted = Aggregate("Case", (Measure("count", "", "n"),), ("Status",))
    groups = await crm("Case").aggregate(wanted)
    assert {str(group["Status"]) for group in groups} <= {"New", "Working", "Escalated", "On Hold", "Closed"}
    assert all(isinstance(group["n"], int) for group in groups)


async def test_creates_changes_and_deletes_one_record(crm: Crm) -> None:
    made = await crm("Account", effects="create").create(
        "Account", {"Name": "Kessmar Nord"}, Key("Isthmus_Key__c", "c-1")
    )
    row = await crm("Account").get("Account", made.id, ("Name", "SystemModstamp"))
    writer = crm("Account", effects="update delete", records=(made.id,))
    done = await writer.update("Account", made.id, {"Name": "Kessmar Süd"}, row.version)
    assert done.guard == "server"
    with pytest.raises(VersionConflict):
        await writer.update("Account", made.id, {"Name": "late"}, row.version)
    assert (await writer.delete("Account", made.id, None)).id == made.id


async def test_upserts_and_counts_the_candidates(crm: Crm) -> None:
    writer = crm("Asset_Note__c", effects="create update")
    once = Key("Serial_Number__c", "S-1")
    first = await writer.upsert("Asset_Note__c", once, {"Name": "one"})
    again = await writer.upsert("Asset_Note__c", once, {"Name": "two"})
    assert (first.created, again.created, first.id) == (True, False, again.id)
    await writer.create("Asset_Note__c", {"Name": "twin", "Serial_Number__c": "S-1"}, None)
    with pytest.raises(UpstreamRejected, match="2 records have this key"):
        await writer.upsert("Asset_Note__c", once, {"Name": "three"})


async def test_explains_refusals(crm: Crm) -> None:
    with pytest.raises(UpstreamRejected, match="INVALID_FIELD"):
        await crm("Case").query(Query("Case", ("Id", "Nonsense"), limit=1))
    with pytest.raises(UpstreamRejected, match="REQUIRED_FIELD_MISSING") as refused:
        await crm("Lead", effects="create").create("Lead", {"LastName": "Nobody"}, None)
    assert refused.value.field == "Company"


async def test_renews_a_token_that_the_org_ended(crm: Crm) -> None:
    wanted = Query("CaseStatus", ("ApiName",), order_by=(Order("SortOrder"),), limit=1)
    assert len(await crm("CaseStatus").query(wanted)) == 1
    if RECORD:
        crm.org.faults.arm("expire_session")
    assert len(await crm("CaseStatus").query(wanted)) == 1


async def test_learns_who_it_is(crm: Crm) -> None:
    found = await crm().probe()
    assert len(found.identity) == 18
    assert (found.facts["organisation"], found.facts["kind"]) == ("Kessmar EU", "sandbox")
    assert found.quotas[0].limit == 15_000


def recordings() -> list[Path]:
    return sorted(FOLDER.rglob("*.yaml"))


def test_every_recording_belongs_to_a_test_and_every_test_has_one(request: pytest.FixtureRequest) -> None:
    tests = {
        f"{name}.yaml"
        for name, test in globals().items()
        if name.startswith("test_") and "crm" in test.__code__.co_varnames[: test.__code__.co_argcount]
    }
    assert {path.name for path in recordings()} == tests


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_a_recording_names_its_source_is_small_and_holds_no_secret(path: Path) -> None:
    text = path.read_text()
    assert yaml.safe_load(text)["recorded_from"] == SOURCE
    assert text.count("recorded_from") == 1
    assert len(text) < 30_000
    assert not SECRETS.findall(text)


@pytest.mark.parametrize(
    "leak",
    ["authorization: x", "Bearer x", "client_secret=1", "3MVG9eu", "00D8d0000000001!AQ.x", "http://127.0.0.1:4711/"],
)
def test_the_search_for_secrets_finds_one(leak: str) -> None:
    assert SECRETS.search(leak)
