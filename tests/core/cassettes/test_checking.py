"""What a check says of a cassette into which somebody has put something."""

import json
from pathlib import Path
from typing import Any

import pytest

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
