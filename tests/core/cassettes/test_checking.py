"""What a check says of a cassette into which somebody has put something."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.replaying import FOLDER

from isthmus.core.cassettes import check_cassette, check_folder
from isthmus.core.errors import ConfigurationError

from .conftest import Desk


@pytest.fixture
async def cassette(desk: Desk, tmp_path: Path) -> Path:
    async with desk.recorded(tmp_path / "a.yaml") as told:
        await told("eu", "query", system="crm", object="Contact", select=["Id", "Name", "Email"], limit=2)
    return tmp_path / "a.yaml"


def changed(path: Path, before: str, after: str) -> tuple[str, ...]:
    text = path.read_text()
    assert before in text
    (path.parent / "b.yaml").write_text(text.replace(before, after))
    return tuple(one.what for one in check_cassette(path.parent / "b.yaml"))


def first_body(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text())["interactions"]
    return next(json.loads(one["response"]["body"]["string"]) for one in found if not one["isthmus"]["metadata"])


async def test_it_finds_what_was_put_in(cassette: Path) -> None:
    assert check_cassette(cassette) == ()
    row = first_body(cassette)["records"][0]
    name = '\\"Name\\":\\"'
    assert any("no stand-in" in one for one in changed(cassette, name + row["Name"], name + "Anna Mueller"))
    assert any(
        "without a label" in one for one in changed(cassette, '\\"done\\":true', '\\"done\\":\\"Anna Mueller\\"')
    )
    assert any("no count" in one for one in changed(cassette, '\\"totalSize\\":', '\\"totalSize\\":4930777123987'))
    assert any(
        "address of a real system" in one
        for one in changed(cassette, "https://crm-eu.example/", "https://acme.my.salesforce.com/")
    )
    header = '"headers": {'
    assert any("never written" in one for one in changed(cassette, header, '"headers": {"Set-Cookie": ["a"], '))


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abcdefgh12345",
        "00D8d0000000001!AQEAQJ12345678",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0",
        "-----BEGIN RSA PRIVATE KEY",
        "AKIAIOSFODNN7EXAMPLE",
        "client_secret=3f9a8b7c6d",
    ],
)
async def test_it_knows_a_secret_by_its_shape(cassette: Path, secret: str) -> None:
    assert any("looks like" in one for one in changed(cassette, '"recorded_from": "', f'"recorded_from": "{secret} '))


async def test_it_looks_through_a_folder_which_must_be_there(cassette: Path) -> None:
    assert check_folder(cassette.parent) == ()
    with pytest.raises(ConfigurationError, match="no folder"):
        check_folder(cassette.parent / "nowhere")


XML = FOLDER / "workday" / "test_replayed" / "test_reads_one_person_in_four_ways_and_begins_a_change.yaml"
BATCH = FOLDER / "sap" / "test_replayed" / "test_reads_people_and_writes_orders_in_batches_of_both_versions.yaml"


@pytest.mark.parametrize(
    ("path", "before", "after", "says"),
    [
        (XML, "Header />", "Header><!-- Anna Mueller --></ns0:Header>", "nobody looked at"),
        (XML, "Header />", 'Header><o:Security xmlns:o=\\"http://docs.oasis-open.org/wss/2004/01/x\\">A</o:Security></ns0:Header>',
         "nobody looked at"),
        (XML, "First_Name>", "First_Name>Anna", "no stand-in"),
        (BATCH, "content-id: 1\\r\\n", "content-id: 1\\r\\nx-user: Anna\\r\\n", "nobody looked at"),
    ],
)  # fmt: skip
def test_it_finds_what_was_put_into_xml_and_batches(
    tmp_path: Path, path: Path, before: str, after: str, says: str
) -> None:
    text = path.read_text()
    assert before in text
    (tmp_path / "a.yaml").write_text(text.replace(before, after, 1))
    assert any(says in one.what for one in check_cassette(tmp_path / "a.yaml"))
