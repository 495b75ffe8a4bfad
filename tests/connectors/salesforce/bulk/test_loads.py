"""Does every line end as it is told, whichever way it went and however its answer was lost?"""

from dataclasses import replace

import pytest
from tests.connectors.salesforce.conftest import Crm

from isthmus.connectors.salesforce.bulk.loads import _Sheet, _told
from isthmus.core.connector import Pending, Settlement
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.streams import Line, LineOutcome, Load, Loaded

LONG = "x" * 90
EFFECTS = {"create": "create", "update": "update", "upsert": "create update", "delete": "delete"}


def people(count: int) -> list[Line]:
    return [Line({"LastName": f"P {at}", "HasOptedOutOfEmail": at % 2 == 0}, key=f"k-{at}") for at in range(count)]


def made(lines: list[Line]) -> Load:
    return Load("Contact", "create", lines, "Isthmus_Key__c")


def bound(crm: Crm, load: Load) -> object:
    records = tuple(line.id for line in load.lines if line.id)
    return crm("Contact", effects=EFFECTS[load.action], records=records)


class Jobs(list[str]):
    """Notes the jobs that a load began."""

    async def __call__(self, job: str) -> None:
        self.append(job)


async def loaded(crm: Crm, load: Load, jobs: Jobs | None = None) -> Loaded:
    found = await bound(crm, load).load(load, jobs if jobs is not None else Jobs())  # type: ignore[attr-defined]
    assert isinstance(found, Loaded)
    return found


def read_back(crm: Crm, load: Load, job: str = "", age: float = 0.0) -> object:
    pending = Pending("load", "Contact", load=load, job=job, age=age)
    return crm("Contact").reconcile(pending)


def contact(crm: Crm, **values: object) -> dict[str, object]:
    return crm.row("Contact", **values)


@pytest.mark.parametrize("count", [3, 205])
async def test_creates_and_tells_of_every_line(crm: Crm, count: int) -> None:
    lines, jobs = people(count), Jobs()
    lines[1] = replace(lines[1], values={"LastName": LONG})
    found = await loaded(crm, made(lines), jobs)
    assert [one.code for one in found.outcomes] == ["", "STRING_TOO_LONG", *[""] * (count - 2)]
    assert all(one.created for one in found.outcomes if not one.code)
    assert found.outcomes[1].field == "LastName"
    assert LONG not in str(contact(crm, Id=found.outcomes[0].id))
    told = {one.id: contact(crm, Id=one.id)["Isthmus_Key__c"] for one in found.outcomes if one.id}
    assert list(told.values()) == [line.key for at, line in enumerate(lines) if at != 1]
    assert len(jobs) == (count > 200)


@pytest.mark.parametrize("count", [4, 204])
async def test_changes_lines_by_their_ids_and_empties_fields(crm: Crm, count: int) -> None:
    rows = crm.org.rows("Contact")[:count]
    lines = [Line({"Title": f"T {at}", "Phone": None}, id=str(row["Id"])) for at, row in enumerate(rows)]
    lines[2] = replace(lines[2], values={"Email": "no address"})
    found = await loaded(crm, Load("Contact", "update", lines))
    assert [one.code for one in found.outcomes] == ["", "", "INVALID_EMAIL_ADDRESS", *[""] * (count - 3)]
    assert [one.id for one in found.outcomes] == [line.id if at != 2 else "" for at, line in enumerate(lines)]
    now = contact(crm, Id=lines[-1].id)
    assert (now["Title"], now["Phone"]) == (f"T {count - 1}", None)


@pytest.mark.parametrize("count", [2, 201])
async def test_upserts_by_the_key_field(crm: Crm, count: int) -> None:
    await loaded(crm, made([Line({"LastName": "Old"}, key="k-1")]))
    found = await loaded(crm, replace(made(people(count)), action="upsert"))
    assert [one.created for one in found.outcomes] == [True, False, *[True] * (count - 2)]
    assert contact(crm, Isthmus_Key__c="k-1")["LastName"] == "P 1"


async def test_deletes_by_a_job_that_names_the_object(crm: Crm) -> None:
    mine, other = (str(crm.org.rows(name)[-1]["Id"]) for name in ("Contact", "Account"))
    found = await loaded(crm, Load("Contact", "delete", [Line(id=mine), Line(id=other)]))
    assert [bool(one.code) for one in found.outcomes] == [False, True]
    assert crm.row("Account", Id=other)
    with pytest.raises(StopIteration):
        contact(crm, Id=mine)


async def test_values_come_through_csv_as_they_are(crm: Crm) -> None:
    tricky = 'a "quoted", text\nover two lines; \\n'
    lines = [Line({"LastName": f"Q {at}", "Description": tricky}, key=f"q-{at}") for at in range(201)]
    found = await loaded(crm, made(lines))
    assert {one.code for one in found.outcomes} == {""}
    row = contact(crm, Id=found.outcomes[7].id)
    assert (row["LastName"], row["Description"]) == ("Q 7", tricky)


async def test_equal_lines_are_interchangeable(crm: Crm) -> None:
    lines = [Line({"LastName": "Same"})] * 150 + [Line({"LastName": LONG})] * 60
    found = await loaded(crm, Load("Contact", "create", lines))
    assert [bool(one.code) for one in found.outcomes] == [False] * 150 + [True] * 60
    assert len({one.id for one in found.outcomes if one.id}) == 150


async def test_a_text_that_would_empty_a_field_is_refused_before_anything_leaves(crm: Crm) -> None:
    since, lines = crm.mark(), [*people(200), Line({"LastName": "#N/A"})]
    with pytest.raises(InvalidArguments, match="means empty"):
        await loaded(crm, made(lines))
    assert crm.requests(since) == []


async def test_a_job_that_takes_long_is_left_to_whoever_asks_again(crm: Crm) -> None:
    crm.org.faults.arm("slow_job", looks=1)
    load, jobs = made(people(201)), Jobs()
    assert await crm.within(2.4)("Contact", effects="create").load(load, jobs) is None
    settlement, outcome = await read_back(crm, load, jobs[0])  # type: ignore[misc]
    assert settlement is Settlement.HAPPENED
    assert [one.created for one in outcome.outcomes] == [True] * 201


async def test_a_job_that_broke_off_tells_what_it_did_not_get_to(crm: Crm) -> None:
    crm.org.faults.arm("fail_job", rows=150)
    found = await loaded(crm, made(people(201)))
    assert [one.code for one in found.outcomes] == [""] * 150 + ["UNPROCESSED"] * 51


async def test_an_upload_that_was_never_closed_is_ended_and_did_not_happen(crm: Crm) -> None:
    load, jobs = made(people(201)), Jobs()
    crm.org.faults.arm("server_error", method="PATCH", status=500)
    with pytest.raises(UpstreamError):
        await loaded(crm, load, jobs)
    assert crm.org.jobs.ingest[jobs[0]].state == "Open"
    assert await read_back(crm, load, jobs[0]) == (Settlement.NOT_HAPPENED, None)  # type: ignore[misc]
    assert crm.org.jobs.ingest[jobs[0]].state == "Aborted"
    assert not [row for row in crm.org.rows("Contact") if str(row["Isthmus_Key__c"]).startswith("k-")]


async def test_a_job_that_got_no_lines_is_ended_and_did_not_happen(crm: Crm) -> None:
    load, jobs = made(people(201)), Jobs()
    crm.org.faults.arm("unavailable", method="PUT", times=9)
    with pytest.raises(UpstreamError):
        await loaded(crm, load, jobs)
    for _ in range(2):
        assert await read_back(crm, load, jobs[0]) == (Settlement.NOT_HAPPENED, None)  # type: ignore[misc]
    assert crm.org.jobs.ingest[jobs[0]].state == "Aborted"


async def test_without_a_job_nothing_of_a_large_load_has_left(crm: Crm) -> None:
    assert await read_back(crm, made(people(201))) == (Settlement.NOT_HAPPENED, None)  # type: ignore[misc]


async def test_a_small_load_is_found_again_by_its_keys(crm: Crm) -> None:
    load = made(people(3))
    assert (await read_back(crm, load))[0] is Settlement.CANNOT_TELL  # type: ignore[index,misc]
    assert await read_back(crm, load, age=700) == (Settlement.NOT_HAPPENED, None)  # type: ignore[misc]
    done = await loaded(crm, made(people(2)))
    assert (await read_back(crm, load, age=10))[0] is Settlement.CANNOT_TELL  # type: ignore[index,misc]
    settlement, told = await read_back(crm, load, age=700)  # type: ignore[misc]
    assert settlement is Settlement.HAPPENED
    assert list(told.outcomes) == [*done.outcomes, LineOutcome(code="NOT_MADE")]


async def test_what_has_no_keys_cannot_be_told(crm: Crm) -> None:
    row = crm.org.rows("Contact")[0]
    for load in (
        Load("Contact", "create", [Line({"LastName": "x"})]),
        Load("Contact", "update", [Line({"Title": "x"}, id=str(row["Id"]))]),
        replace(made(people(2)), action="upsert"),
    ):
        assert await read_back(crm, load, age=9999) == (Settlement.CANNOT_TELL, None)  # type: ignore[misc]


@pytest.mark.parametrize("rows", [[], [{"LastName": "a"}], [{"LastName": "a"}, {"LastName": "c"}]])
def test_outcomes_that_do_not_fit_the_lines_are_not_used(rows: list[dict[str, str]]) -> None:
    sheet = _Sheet(Load("Contact", "create", [Line({"LastName": "a"}), Line({"LastName": "b"})]))
    with pytest.raises(UpstreamError, match="another shape"):
        sheet.joined((row, LineOutcome("x")) for row in rows)


def test_a_line_of_a_collection_that_failed_is_none_that_was_written() -> None:
    errors = [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "busy", "fields": ["Name", "Email"]}]
    line = Line({"LastName": "x"}, id="003000000000001AAA")
    told = _told(Load("Contact", "update", [line]), {"id": line.id, "success": False, "errors": errors})
    assert told == LineOutcome(code="UNABLE_TO_LOCK_ROW", field="Name, Email", text="busy")
