"""Does one run over all four systems leave nobody in its cassette, and come out the same with every socket forbidden?"""

import json
from collections import Counter
from pathlib import Path

import pytest

from isthmus.core.cassettes import check_cassette

from .canaries import found_in
from .conftest import Desk
from .systems import EVERYWHERE, Company, all_secrets_of, everywhere, plant_everywhere


@pytest.fixture
def company(desk: Desk) -> Company:
    return Company(desk.folder, desk.sandbox, cedar=desk.cedar, extra=desk.extra)


async def test_a_run_over_every_system_names_nobody_and_is_played_twice_alike(
    company: Company, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "everything.yaml"
    known = plant_everywhere(company.sandbox)
    async with company.recorded(path) as told:
        await everywhere(told, known)
    text = path.read_text()
    shown = found_in(b"\n".join(told.answers).decode(), EVERYWHERE)
    assert shown >= {*EVERYWHERE} - {"29.03.1971", "Flamingowicz", "Quetzalina"}
    assert found_in(text, EVERYWHERE) == set()
    assert found_in(text, all_secrets_of(company.sandbox)) == set()
    assert check_cassette(path) == ()
    kinds = Counter(
        kind.partition(";")[0]
        for one in json.loads(text)["interactions"]
        if not one["isthmus"]["metadata"]
        for half in (one["request"], one["response"])
        for kind in half["headers"].get("content-type", ())
    )
    assert {"application/json", "multipart/mixed", "text/xml"} <= kinds.keys()
    labels = {name: told for one in json.loads(text)["interactions"] for name, told in one["isthmus"]["labels"].items()}
    assert labels["Worker_Data"] == labels["Worker_Reference"] == ["pii"]
    request.getfixturevalue("offline")
    answers = []
    for _ in range(2):
        async with company.replayed(path) as again:
            await everywhere(again, known)
        answers.append(again.answers)
    assert answers[0] == answers[1]
    failed = [one.startswith(b'{"error"') for one in told.answers]
    assert [one.startswith(b'{"error"') for one in answers[0]] == failed
