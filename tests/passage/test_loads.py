"""A load is one governed write of many lines: judged as a whole, recorded once, and told line by line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.passage.conftest import CEDAR, FastClock, Home

from isthmus.connectors.salesforce import Salesforce
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.connector import Begun, LineOutcome, Load, Loaded, Pending, Settlement, Written
from isthmus.core.errors import Conflict, Denied, InvalidArguments, OutcomeUnknown, ResidencyError, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.core.plugins import Plugins
from isthmus.plugins.sandbox import Sandbox

LOADS = (
    CEDAR
    + """
@id("loads") permit (principal is Isthmus::Agent, action == Isthmus::Action::"load", resource);
@id("no-loads-of-accounts") forbid (principal, action == Isthmus::Action::"load",
  resource in Isthmus::Object::"crm/Account");
"""
)


class OneByOne(Salesforce):
    """Loads line by line; `pause` leaves the job to whoever asks again, `lose` breaks off after so many lines."""

    pause = False
    lose = -1

    async def load(self, load: Load, begun: Begun) -> Loaded | None:
        await begun("job-1")
        if type(self).pause:
            return None
        outcomes = []
        for number, line in enumerate(load.lines):
            if number == type(self).lose:
                raise ConnectionResetError
            outcomes.append(await self._one(load, dict(line.values)))
        return Loaded(outcomes)

    async def _one(self, load: Load, values: dict[str, object]) -> LineOutcome:
        try:
            made = await self.create(load.object, values, None)
        except UpstreamRejected as error:
            return LineOutcome(code=error.vendor_code or error.reason, field=error.field, text=error.vendor_text)
        return LineOutcome(made.id, created=True)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Written | Loaded | None]:
        if pending.load is None or pending.job != "job-1":
            return Settlement.CANNOT_TELL, None
        if type(self).pause:
            return Settlement.CANNOT_TELL, None
        return Settlement.HAPPENED, Loaded([LineOutcome(f"id-{one.values['LastName']}") for one in pending.load.lines])


class Loading(Home):
    @asynccontextmanager
    async def open_loading(self, clock: FastClock) -> AsyncIterator[Gateway]:
        around = Surroundings(environ=self.environ, clock=clock, plugins=Plugins({"salesforce": OneByOne}, {}))
        async with open_gateway(load_config(self.write()), around) as gateway:
            yield gateway


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Loading:
    monkeypatch.setattr(OneByOne, "pause", False)
    monkeypatch.setattr(OneByOne, "lose", -1)
    return Loading(tmp_path, sandbox, cedar=LOADS)


@pytest.fixture
async def gateway(house: Loading, clock: FastClock) -> AsyncIterator[Gateway]:
    async with house.open_loading(clock) as gateway:
        yield gateway


def people(*names: str) -> list[dict[str, str]]:
    return [{"LastName": name, "MailingCountryCode": "DE"} for name in names]


def named(house: Home, name: str) -> int:
    return len([row for row in house.org.rows("Contact") if row["LastName"] == name])


async def test_tells_of_every_line_what_became_of_it(gateway: Gateway, house: Home) -> None:
    session, long = gateway.session(house.caller("eu")), "x" * 90
    told = [one async for one in session.load("crm", "Contact", people("Ada", long, "Zoe"), key="first")]
    assert [one.failed for one in told] == [(1,)]
    assert [bool(one.id) for one in told[0].outcomes] == [True, False, True]
    assert told[0].outcomes[1].code == "STRING_TOO_LONG"
    assert (named(house, "Ada"), named(house, long), named(house, "Zoe")) == (1, 0, 1)


async def test_goes_in_parts_that_number_their_lines(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    names = [f"Part {number}" for number in range(7)]
    told = [one async for one in session.load("crm", "Contact", people(*names), key="parts", size=3)]
    assert [(one.first, len(one.outcomes)) for one in told] == [(0, 3), (3, 3), (6, 1)]


async def test_the_same_load_again_writes_nothing_twice(house: Loading, clock: FastClock) -> None:
    for _ in range(2):
        async with house.open_loading(clock) as gateway:
            session = gateway.session(house.caller("eu"))
            told = [one async for one in session.load("crm", "Contact", people("Once", "Twice"), key="again")]
    assert [len(one.id) for one in told[0].outcomes] == [18, 18]
    assert (named(house, "Once"), named(house, "Twice")) == (1, 1)


async def test_a_key_is_for_one_load_only(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    assert [one async for one in session.load("crm", "Contact", people("Kept"), key="mine")]
    with pytest.raises(Conflict, match="used for a call with other arguments"):
        assert [one async for one in session.load("crm", "Contact", people("Other"), key="mine")]
    assert named(house, "Other") == 0


async def test_policy_may_forbid_loads_of_what_may_be_written_one_by_one(gateway: Gateway, house: Home) -> None:
    session, mark = gateway.session(house.caller("eu")), house.mark()
    with pytest.raises(Denied) as refused:
        assert [one async for one in session.load("crm", "Account", [{"Name": "Kessmar"}], key="a")]
    assert "no-loads-of-accounts" in refused.value.rules
    assert house.sent("POST", mark) == []


@pytest.mark.parametrize("action", ["update", "upsert"])
async def test_states_of_old_records_are_not_loaded(gateway: Gateway, house: Home, action: str) -> None:
    session, case = gateway.session(house.caller("eu")), house.org.rows("Case")[0]
    line = (case["Id"], {"Status": "Closed"}) if action == "update" else {"Isthmus_Key__c": "k", "Status": "Closed"}
    field = "" if action == "update" else "Isthmus_Key__c"
    with pytest.raises(InvalidArguments, match="one by one, with transition"):
        assert [one async for one in session.load("crm", "Case", [line], action=action, key_field=field, key="s")]


async def test_whose_record_it_is_cannot_be_changed_to_see_more_of_it(gateway: Gateway, house: Home) -> None:
    session, row = gateway.session(house.caller("us")), house.org.rows("Contact")[0]
    lines = [(row["Id"], {"MailingCountryCode": "US"})]
    with pytest.raises(ResidencyError, match="cannot change whose country"):
        assert [one async for one in session.load("crm", "Contact", lines, action="update", key="moved")]
    assert house.sent("PATCH") == []


async def test_old_records_are_not_linked_to_others_that_would_show_more_of_them(gateway: Gateway, house: Home) -> None:
    case, contact = house.org.rows("Case")[0], house.org.rows("Contact")[0]
    lines = [(case["Id"], {"ContactId": contact["Id"]})]
    us = gateway.session(house.caller("us"))
    with pytest.raises(ResidencyError, match="cannot link old records of Case by Contact"):
        assert [one async for one in us.load("crm", "Case", lines, action="update", key="linked")]
    assert house.sent("PATCH") == []


async def test_the_systems_own_words_stay_with_who_may_read_them(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("us"))
    told = [one async for one in session.load("crm", "Account", [], key="none")]
    assert told == []
    lines = [{"Subject": "x" * 300}]
    told = [one async for one in session.load("crm", "Case", lines, key="long")]
    assert [(one.code, one.text) for one in told[0].outcomes] == [("STRING_TOO_LONG", "")]


async def test_a_line_that_does_not_fit_its_action_is_named(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    with pytest.raises(InvalidArguments, match="line 1 does not fit 'delete'"):
        assert [
            one async for one in session.load("crm", "Contact", ["003", {"LastName": "x"}], action="delete", key="d")
        ]


async def test_what_takes_long_is_asked_for_again(
    gateway: Gateway, house: Home, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OneByOne, "pause", True)
    session, rounds = gateway.session(house.caller("eu")), []
    reconcile = OneByOne.reconcile

    async def third_time(self: OneByOne, pending: Pending) -> tuple[Settlement, Written | Loaded | None]:
        rounds.append(pending.job)
        if len(rounds) > 4:
            OneByOne.pause = False
        return await reconcile(self, pending)

    monkeypatch.setattr(OneByOne, "reconcile", third_time)
    told = [one async for one in session.load("crm", "Contact", people("Slow", "Slower"), key="slow")]
    assert [one.id for one in told[0].outcomes] == ["id-Slow", "id-Slower"]
    assert set(rounds) == {"job-1"}


async def test_a_load_that_broke_off_is_read_back_by_its_job(
    gateway: Gateway, house: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OneByOne, "lose", 1)
    session = gateway.session(house.caller("eu"))
    told = [one async for one in session.load("crm", "Contact", people("Half", "Other half"), key="half")]
    assert [one.id for one in told[0].outcomes] == ["id-Half", "id-Other half"]


async def test_an_outcome_of_other_lines_is_none(
    gateway: Gateway, house: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def short(self: OneByOne, load: Load, begun: Begun) -> Loaded | None:
        return Loaded([])

    monkeypatch.setattr(OneByOne, "load", short)
    session = gateway.session(house.caller("eu"))
    with pytest.raises(OutcomeUnknown, match="every line"):
        assert [one async for one in session.load("crm", "Contact", people("Nobody"), key="short")]
