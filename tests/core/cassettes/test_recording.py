"""Only what a label covers is written, a token never, and no more is held than there is room for."""

import asyncio
import json
from itertools import chain
from pathlib import Path

import pytest
import vcr
from tests.conftest import call
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

from isthmus.core.cassettes import Cassette, read_cassette
from isthmus.core.cassettes import recording as bounds
from isthmus.core.cassettes.form import Interaction

from .conftest import Desk

QUERY = {"system": "crm", "object": "Contact", "select": ["Id", "Name", "Email"], "limit": 3}


def of_records(cassette: Cassette) -> list[Interaction]:
    return [one for one in cassette.interactions if not one.isthmus.metadata]


async def test_token_requests_are_never_recorded(desk: Desk, tmp_path: Path) -> None:
    async with desk.recorded(tmp_path / "a.yaml") as told:
        await told("eu", "query", **QUERY)
    assert any(entry.path.endswith("/token") for entry in desk.sandbox.salesforce["eu"].journal.entries)
    text = (tmp_path / "a.yaml").read_text()
    assert "oauth2" not in text
    assert "access_token" not in text


async def test_a_refused_call_leaves_no_body_but_what_describes_the_system(desk: Desk, tmp_path: Path) -> None:
    async with desk.recorded(tmp_path / "a.yaml") as told:
        account = desk.sandbox.salesforce["eu"].rows("Contact")[0]["Id"]
        values = {"Description": "x"}
        found = await told("us", "update", system="crm", object="Lead", id=f"crm-eu~{account}", values=values)
        assert "error" in found
        await told("eu", "query", **(QUERY | {"object": "Lead"}))
        assert not any(one.answer for one in told.cassette._held if not one.metadata)
    cassette = read_cassette(tmp_path / "a.yaml")
    assert any("/describe" in one.request.uri and one.response.body.string for one in cassette.interactions)
    for one in of_records(cassette):
        assert (one.request.uri.rpartition("/")[2], one.request.body, one.response.body.string) == ("-", None, "")
        assert "not labelled" in one.isthmus.answered


async def test_a_call_that_is_cut_leaves_no_body(desk: Desk, tmp_path: Path) -> None:
    async with desk.recorded(tmp_path / "a.yaml") as told:
        await told("eu", "describe", system="crm", object="Contact")
        before = len(told.cassette._held)
        task = asyncio.ensure_future(call(told.gateway, desk.caller("eu"), "query", **QUERY))
        while len(told.cassette._held) == before:  # noqa: ASYNC110 - a recording tells nobody
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    kept = of_records(read_cassette(tmp_path / "a.yaml"))
    assert kept
    assert all(one.response.body.string == "" for one in kept)


async def test_an_answer_that_is_handed_on_unread_is_not_written(desk: Desk, tmp_path: Path) -> None:
    async with desk.recorded(tmp_path / "a.yaml") as told:
        await told("eu", "invoke", system="crm", object="", request="GET /services/data/v62.0/limits")
    assert all(one.response.body.string == "" for one in of_records(read_cassette(tmp_path / "a.yaml")))


async def test_bodies_beyond_the_bounds_are_left_out_with_the_reason(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_BODY", 1_000)
    async with desk.recorded(tmp_path / "a.yaml") as told:
        await told("eu", "query", **(QUERY | {"limit": 1}))
        await told("eu", "query", **(QUERY | {"limit": 50}))
    small, large = [one for one in of_records(read_cassette(tmp_path / "a.yaml")) if "crm-eu" in one.request.uri]
    assert json.loads(small.response.body.string)["records"]
    assert (large.response.body.string, "larger than" in large.isthmus.answered) == ("", True)


async def test_a_run_that_fails_is_written_so_far(desk: Desk, tmp_path: Path) -> None:
    async def fails() -> None:
        async with desk.recorded(tmp_path / "a.yaml") as told:
            await told("eu", "query", **QUERY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert of_records(read_cassette(tmp_path / "a.yaml"))


async def test_vcr_reads_what_was_written(desk: Desk, tmp_path: Path) -> None:
    async with desk.recorded(tmp_path / "a.yaml") as told:
        await told("eu", "query", **QUERY)
    requests, responses = FilesystemPersister.load_cassette(tmp_path / "a.yaml", yamlserializer)
    ours = read_cassette(tmp_path / "a.yaml").interactions
    assert [one.uri for one in requests] == [one.request.uri for one in ours]
    assert [one["body"]["string"].decode() for one in responses] == [one.response.body.string for one in ours]
    with vcr.use_cassette(str(tmp_path / "a.yaml"), record_mode="none") as played:
        assert len(played) == len(ours)


async def test_equal_values_have_equal_stand_ins_in_one_cassette_and_others_in_the_next(
    desk: Desk, tmp_path: Path
) -> None:
    names = []
    for name in ("a.yaml", "b.yaml"):
        async with desk.recorded(tmp_path / name) as told:
            await told("eu", "query", **QUERY)
            await told("eu", "query", **QUERY)
        bodies = [json.loads(one.response.body.string) for one in of_records(read_cassette(tmp_path / name))]
        lists = [[row["Name"] for row in body["records"]] for body in bodies if body["records"]]
        # Each query asks two orgs at once, and either may answer first.
        half = len(lists) // 2
        assert half
        assert sorted(lists[:half]) == sorted(lists[half:])
        names.append(list(chain.from_iterable(lists)))
    assert not set(names[0]) & set(names[1])
