"""Is a write what it says, told where the instance did something else, and settled where its answer was lost?"""

import json
from dataclasses import replace

import httpx2
import pytest

from isthmus.connectors.servicenow.ids import id_of_key
from isthmus.core.assembly import open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import (
    Denied,
    InvalidArguments,
    NotFound,
    OutcomeUnknown,
    UpstreamRejected,
    VersionConflict,
)
from isthmus.core.records import Ref
from isthmus.core.resilience import SystemClock
from isthmus.core.results import as_json
from isthmus.core.session import Session

from .conftest import House
from .instance import ANNA, Instance, Record, id_at

LAMP = {"short_description": "Lamp is out", "caller_id": ANNA}


async def test_a_keyed_create_cannot_make_a_second_record(home: Session, instance: Instance):
    made = await home.create("itsm", "incident", LAMP, key="mail-17")
    assert made.id == id_of_key("incident", "correlation_id", "mail-17")
    assert instance.tables["incident"][made.id]["correlation_id"] == "mail-17"
    again = await home.create("itsm", "incident", LAMP, key="mail-17")
    assert again.id == made.id
    assert len(instance.sent("POST")) == 1


async def test_what_was_ignored_or_changed_is_told_by_name_and_released_by_its_label(
    home: Session, abroad: Session, instance: Instance
):
    def rule(table: str, record: Record) -> None:
        record.update({"priority": "4", "description": "rewritten"})

    instance.rule = rule
    values = {**LAMP, "priority": "1", "description": "it is dark"}
    made = await home.create("itsm", "incident", values, key="k-1")
    assert made.altered == ("priority", "description")
    assert made.fields == {"priority": "4", "description": "rewritten"}
    told = as_json(made)
    assert told["altered"] == ["priority", "description"]
    far = await abroad.create("itsm", "incident", values, key="k-2")
    assert far.fields["priority"] == "4"
    assert isinstance(far.fields["description"], Ref)
    repeated = await abroad.create("itsm", "incident", values, key="k-2")
    assert (repeated.id, set(repeated.altered), repeated.fields) == (far.id, set(far.altered), {})


async def test_a_write_that_did_as_asked_alters_nothing(home: Session):
    values = {
        "due_date": "2026-03-01T12:00:00+02:00",
        "active": False,
        "reassignment_count": 7,
        "comments": "called",
        "close_notes": None,
    }
    done = await home.update("itsm", "incident", id_at(1), values)
    assert (done.altered, done.fields, done.version, done.guard) == ((), {}, "1", "read")


async def test_values_are_written_as_they_are_stored(home: Session, instance: Instance):
    await home.update(
        "itsm", "incident", id_at(1), {"due_date": "2026-03-01T12:00:00+02:00", "active": False, "close_notes": None}
    )
    assert json.loads(instance.asked[-1].content) == {
        "due_date": "2026-03-01 10:00:00",
        "active": "false",
        "close_notes": "",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("due_date", "2026-03-01T12:00:00"), ("due_date", "tomorrow"), ("assigned_to", "Anna Weber"), ("state", "Resolved"),
        ("active", "yes"), ("reassignment_count", "many"), ("nosuch", "x"), ("sys_mod_count", 3), ("incident_state", "7"),
        ("short_description", {"a": 1}), ("caller_id.email", "x@y.example"),
    ],
)  # fmt: skip
async def test_what_would_be_stored_as_something_else_is_refused_unsent(
    home: Session, instance: Instance, field: str, value: object
):
    with pytest.raises(InvalidArguments):
        await home.update("itsm", "incident", id_at(1), {field: value})  # type: ignore[dict-item]
    assert instance.sent("PATCH") == []


async def test_a_state_is_a_transition_that_policy_judges(home: Session, instance: Instance):
    await home.update("itsm", "incident", id_at(1), {"state": "2"})
    with pytest.raises(Denied):
        await home.update("itsm", "incident", id_at(1), {"state": "7", "close_notes": "done"})
    assert instance.tables["incident"][id_at(1)]["state"] == "2"


async def test_a_record_that_moved_on_is_not_overwritten(home: Session, instance: Instance):
    instance.tables["incident"][id_at(1)]["sys_mod_count"] = "5"
    with pytest.raises(VersionConflict):
        await home.update("itsm", "incident", id_at(1), {"category": "x"}, version="4")
    with pytest.raises(VersionConflict):
        await home.delete("itsm", "incident", id_at(1), version="4")
    assert instance.sent("PATCH") + instance.sent("DELETE") == []


async def test_an_upsert_changes_the_record_with_the_key_or_makes_one(home: Session, instance: Instance):
    made = await home.upsert("itsm", "incident", "correlation_id", "order-9", LAMP)
    assert made.created
    changed = await home.upsert("itsm", "incident", "correlation_id", "order-9", {"category": "lights"})
    assert (changed.id, changed.created) == (made.id, False)
    assert instance.tables["incident"][made.id]["category"] == "lights"


async def test_an_upsert_of_a_key_that_is_shared_or_hidden_is_refused(home: Session, instance: Instance):
    for one in (1, 2):
        instance.tables["incident"][id_at(one)]["correlation_id"] = "order-9"
    with pytest.raises(UpstreamRejected, match="several records"):
        await home.upsert("itsm", "incident", "correlation_id", "order-9", {"category": "x"})
    instance.hidden = {id_at(1), id_at(2)}
    with pytest.raises(UpstreamRejected, match="may not see"):
        await home.upsert("itsm", "incident", "correlation_id", "order-9", {"category": "x"})
    assert instance.sent("PATCH") + instance.sent("POST") == []


async def test_a_rule_of_the_instance_is_told_as_one(home: Session, instance: Instance):
    await home.get("itsm", "incident", id_at(1), ["number"])

    def abort(request: httpx2.Request) -> httpx2.Response:
        if request.method != "PATCH":
            return instance.answer(request)
        return instance.error(403, "Operation Failed", "Operation aborted by Business Rule 'Closed stays closed^0a1b'")

    instance.scripted = [abort] * 5
    with pytest.raises(UpstreamRejected, match="business rule") as caught:
        await home.update("itsm", "incident", id_at(1), {"category": "x"})
    assert "Closed stays closed" in caught.value.vendor_text
    assert "Closed stays closed" not in str(caught.value)


def lost(instance: Instance, method: str, *, done: bool):
    """Break the next answer to a write: with `done` after it was carried out."""
    state = {"left": 1}

    def one(request: httpx2.Request) -> httpx2.Response:
        if request.method == method and state["left"]:
            state["left"] = 0
            if done:
                instance.answer(request)
            return httpx2.Response(502, headers={"content-type": "text/html"}, content=b"<html>bad gateway</html>")
        return instance.answer(request)

    return [one] * 12


async def test_a_lost_answer_of_a_create_is_read_back_by_its_key(home: Session, instance: Instance):
    await home.get("itsm", "incident", id_at(1), ["number"])
    instance.scripted = lost(instance, "POST", done=True)
    made = await home.create("itsm", "incident", LAMP, key="k-1")
    assert made.id in instance.tables["incident"]
    assert len(instance.sent("POST")) == 1


async def test_a_lost_answer_that_nothing_proves_stays_open(
    home: Session, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))
    await home.get("itsm", "incident", id_at(1), ["number"])
    instance.scripted = lost(instance, "PATCH", done=False)
    with pytest.raises(OutcomeUnknown):
        await home.update("itsm", "incident", id_at(1), {"category": "x"})
    instance.scripted = lost(instance, "PATCH", done=True)
    assert (await home.update("itsm", "incident", id_at(2), {"category": "y"})).id == id_at(2)


async def test_a_lost_delete_is_proved_by_the_record_of_deletions_alone(
    home: Session, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))
    await home.get("itsm", "incident", id_at(1), ["number"])
    instance.scripted = lost(instance, "DELETE", done=True)
    assert (await home.delete("itsm", "incident", id_at(1))).id == id_at(1)
    instance.closed = {"sys_audit_delete"}
    instance.scripted = lost(instance, "DELETE", done=True)
    with pytest.raises(OutcomeUnknown):
        await home.delete("itsm", "incident", id_at(2))


async def test_a_missing_and_a_hidden_record_look_the_same(home: Session, instance: Instance):
    instance.hidden = {id_at(1)}
    for id in (id_at(1), "f" * 32):
        with pytest.raises(NotFound, match="may not see"):
            await home.get("itsm", "incident", id, ["number"])


class AnHourLater(SystemClock):
    """The clock of whoever comes when the lease of the first has run out."""

    def time(self) -> float:
        return super().time() + 3_600


async def test_another_process_settles_what_was_left_open_and_describes_the_table_itself(
    house: House, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))

    def away(request: httpx2.Request) -> httpx2.Response:
        """Do what is asked and answer, until a record was made."""
        known = len(instance.tables["incident"])
        answer = instance.answer(request)
        gone = known > 6 or request.method == "POST"
        return httpx2.Response(503, headers={"content-type": "text/html"}, content=b"<html>") if gone else answer

    async with house.open() as gateway:
        instance.scripted = [away] * 99
        with pytest.raises(OutcomeUnknown) as caught:
            await gateway.session(house.caller()).create("itsm", "incident", LAMP, key="k-9")
    instance.scripted, instance.asked = [], []
    async with open_gateway(load_config(house.write()), replace(house.around, clock=AnHourLater())) as gateway:
        intent = gateway.parts.journal.view().intent(caught.value.intent)
        assert intent is not None
        settled = await gateway.settler.settle_open(intent)
        assert settled.state.value == "happened"
        assert settled.outcome["id"] == id_of_key("incident", "correlation_id", "k-9")
    assert any("sys_dictionary" in str(one.url) for one in instance.asked)
    assert instance.sent("POST") == []
