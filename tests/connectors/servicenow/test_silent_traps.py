"""Where an instance answers well and means something else: is every such trap noticed?

Named in the vendor's pages: REST API reference, "Table API" and "Aggregate API"; KB3047115; "Encoded query strings".
"""

from collections.abc import Awaitable, Callable

import httpx2
import pytest

from isthmus.connectors.servicenow.classify import classify
from isthmus.core.errors import InvalidArguments, NotFound, OutcomeUnknown, UpstreamError, UpstreamRejected
from isthmus.core.records import Aggregate, AllOf, Compare, Measure, Operator, Order, Query, Ref
from isthmus.core.session import Session

from .conftest import House
from .instance import ANNA, COLUMNS, JOHN, Instance, Record, id_at

LAMP = {"short_description": "Lamp is out", "caller_id": ANNA}
TYPO = "short_descripton"
COUNT = Measure("count", "", "n")


@pytest.fixture
def task(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> str:
    """Show an incident in the table above its own, as instances do; returns its id."""
    monkeypatch.setitem(COLUMNS["task"], "sys_class_name", {"internal_type": "sys_class_name", "read_only": "true"})
    Instance.__post_init__(instance)
    row = instance.tables["incident"][id_at(2)]
    row["sys_class_name"] = "incident"
    instance.tables["task"] = {id_at(2): row}
    return id_at(2)


async def test_rows_without_a_count_may_not_be_all(home: Session, instance: Instance):
    await home.query("itsm", Query("incident", ("number",)))
    whole = instance.page("incident", {"sysparm_fields": "sys_id,sys_mod_count,number", "sysparm_limit": "3"})
    rest = httpx2.Response(200, headers=instance.headers, content=whole.content)
    instance.scripted = [rest, instance.say(200, {"result": []})]
    page = await home.query("itsm", Query("incident", ("number",)))
    assert (len(page.records), page.complete) == (3, False)
    instance.scripted = [rest]
    full = await home.query("itsm", Query("incident", ("number",), limit=2))
    assert (len(full.records), full.complete) == (2, False)


async def test_a_country_that_may_not_be_read_is_unknown_and_narrows(abroad: Session, instance: Instance):
    assert (await abroad.get("itsm", "sys_user", JOHN, ["name"])).fields == {"name": "John Hill"}
    instance.blind = {"country", "location.country"}
    assert isinstance((await abroad.get("itsm", "sys_user", JOHN, ["name"])).fields["name"], Ref)


async def test_a_caller_who_may_not_be_read_leaves_a_ticket_unknown(abroad: Session, instance: Instance):
    instance.blind = {"caller_id", "caller_id.country", "caller_id.location.country"}
    found = await abroad.get("itsm", "incident", id_at(2), ["description", "short_description"])
    assert all(isinstance(one, Ref | None) for one in found.fields.values())


@pytest.mark.parametrize("switch", ["sysparm_query_no_domain=true", "sysparm_query_category=x", "sysparm_view=ess"])
def test_no_parameter_steps_out_of_a_domain_or_a_query(switch: str):
    where = "https://upstream.example/api/now/table/incident?sysparm_limit=1"
    assert classify(httpx2.Request("GET", where))
    assert classify(httpx2.Request("GET", f"{where}&{switch}")) == ()


async def test_a_type_that_an_instance_made_another_is_told(home: Session, instance: Instance):
    def rule(_: str, record: Record) -> None:
        record["category"] = "normal"

    instance.rule = rule
    made = await home.create("itsm", "incident", {**LAMP, "category": "standard"})
    assert (made.altered, made.fields) == (("category",), {"category": "normal"})


async def test_a_field_that_may_not_be_written_is_told(home: Session, instance: Instance):
    before = instance.tables["incident"][id_at(1)]["priority"]

    def rule(_: str, record: Record) -> None:
        record["priority"] = before

    instance.rule = rule
    done = await home.update("itsm", "incident", id_at(1), {"priority": "1", "category": "x"})
    assert (done.altered, done.fields) == (("priority",), {"priority": before})


async def test_a_reference_that_was_emptied_is_told(home: Session, instance: Instance):
    def rule(_: str, record: Record) -> None:
        record["assigned_to"] = ""

    instance.rule = rule
    done = await home.update("itsm", "incident", id_at(1), {"assigned_to": "f" * 32})
    assert (done.altered, done.fields) == (("assigned_to",), {"assigned_to": None})


@pytest.mark.parametrize("name", ["Anna Weber", "anna@kessmar.example", "javascript:gs.getUserID()"])
async def test_a_reference_takes_no_name_that_an_instance_would_look_up(home: Session, instance: Instance, name: str):
    with pytest.raises(InvalidArguments, match="sys_id"):
        await home.create("itsm", "incident", {**LAMP, "caller_id": name})
    assert instance.sent("POST") == []


Asks = Callable[[Session], Awaitable[object]]
ASKS: dict[str, Asks] = {
    "a field": lambda home: home.query("itsm", Query("incident", (TYPO,))),
    "a field of one record": lambda home: home.get("itsm", "incident", id_at(1), [TYPO]),
    "a condition": lambda home: home.query(
        "itsm",
        Query("incident", ("number",), AllOf((Compare("active", Operator.EQ, True), Compare(TYPO, Operator.EQ, "x")))),
    ),
    "a condition on another record": lambda home: home.query(
        "itsm", Query("incident", ("number",), Compare("caller_id.contry", Operator.EQ, "DEU"))
    ),
    "a step to another record": lambda home: home.query("itsm", Query("incident", ("callerid.name",))),
    "a step from a field that is no reference": lambda home: home.query("itsm", Query("incident", ("number.name",))),
    "an order": lambda home: home.query("itsm", Query("incident", ("number",), None, (Order(TYPO),))),
    "a group": lambda home: home.aggregate("itsm", Aggregate("incident", (COUNT,), (TYPO,))),
    "a figure": lambda home: home.aggregate("itsm", Aggregate("incident", (Measure("max", TYPO, "m"),))),
    "a condition of figures": lambda home: home.aggregate(
        "itsm", Aggregate("incident", (COUNT,), (), Compare(TYPO, Operator.EQ, "x"))
    ),
    "a field of a search": lambda home: home.search("itsm", "incident", "printer", fields=[TYPO]),
    "a text": lambda home: home.query("itsm", f"incident?sysparm_query=active=true^{TYPO}=x"),
    "a written field": lambda home: home.update("itsm", "incident", id_at(1), {TYPO: "x"}),
    "a key": lambda home: home.upsert("itsm", "incident", "corelation_id", "k", {"category": "x"}),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
async def test_a_misspelled_part_is_refused_before_an_instance_could_leave_it_out(
    home: Session, instance: Instance, ask: Asks
):
    with pytest.raises(InvalidArguments):
        await ask(home)
    assert instance.sent() == []


async def test_groups_that_an_instance_left_out_are_no_figures(home: Session, instance: Instance):
    asked = Aggregate("incident", (COUNT,), ("priority",))
    await home.aggregate("itsm", asked)
    instance.scripted = [instance.say(200, {"result": [{"stats": {"count": "6"}}]})]
    with pytest.raises(UpstreamError, match="another shape"):
        await home.aggregate("itsm", asked)


async def test_a_figure_that_is_missing_is_no_nought(home: Session, instance: Instance):
    asked = Aggregate("incident", (Measure("sum", "reassignment_count", "moves"),))
    await home.aggregate("itsm", asked)
    instance.scripted = [instance.say(200, {"result": {"stats": {"count": "6"}}})]
    assert (await home.aggregate("itsm", asked)).rows[0]["moves"] is None
    instance.scripted = [instance.say(200, {"result": {"stats": {}}})]
    with pytest.raises(UpstreamError, match="another shape"):
        await home.aggregate("itsm", Aggregate("incident", (COUNT,)))


async def test_an_empty_journal_does_not_show_that_nothing_was_written(
    home: Session, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))
    await home.get("itsm", "incident", id_at(1), ["number"])

    def lost(request: httpx2.Request) -> httpx2.Response:
        answer = instance.answer(request)
        return httpx2.Response(502, content=b"<html>") if request.method == "PATCH" else answer

    instance.scripted = [lost] * 9
    with pytest.raises(OutcomeUnknown):
        await home.update("itsm", "incident", id_at(1), {"comments": "called"})
    assert len(instance.sent("PATCH")) == 1


async def test_every_request_asks_for_values_and_never_for_what_a_screen_shows(home: Session, instance: Instance):
    await home.query("itsm", Query("incident", ("number", "caller_id.name"), None, (Order("sys_created_on"),)))
    await home.search("itsm", "incident", "printer")
    await home.aggregate("itsm", Aggregate("incident", (COUNT,), ("priority",)))
    made = await home.create("itsm", "incident", LAMP, key="k")
    await home.upsert("itsm", "incident", "correlation_id", "k", {"category": "x"})
    await home.update("itsm", "incident", made.id, {"state": "2"})
    for one in instance.asked:
        assert one.url.params.get("sysparm_display_value") == "false", one.url
        if one.method in ("POST", "PATCH"):
            assert one.url.params["sysparm_input_display_value"] == "false"


async def test_every_list_has_an_order_without_ties(home: Session, instance: Instance):
    await home.query("itsm", Query("incident", ("number",), None, (Order("sys_created_on"),)))
    await home.search("itsm", "incident", "printer")
    await home.upsert("itsm", "incident", "correlation_id", "k", LAMP)
    lists = [one.url.params["sysparm_query"] for one in instance.asked if "sysparm_query" in one.url.params]
    assert len(lists) > 5
    assert all(one.endswith("ORDERBYsys_id") for one in lists), lists


async def test_no_address_that_an_instance_gives_is_followed(home: Session, instance: Instance):
    away = "https://elsewhere.example/api/now/table/incident?sysparm_offset=2"
    instance.headers |= {"link": f'<{away}>;rel="next"', "location": away}
    page = await home.query("itsm", Query("incident", ("number",), limit=2))
    await home.query("itsm", Query("incident", ("number",), limit=2), after=page.after or "")
    await home.create("itsm", "incident", LAMP)
    assert {one.url.host for one in instance.asked} == {"upstream.example"}


@pytest.mark.parametrize("name", ["sys_user_list", "incident_list", "sys_user.list"])
async def test_the_name_of_a_list_is_no_table(home: Session, instance: Instance, name: str):
    with pytest.raises((NotFound, InvalidArguments)):
        await home.query("itsm", Query(name, ("name",)))
    assert instance.sent() == []


async def test_a_number_names_no_record(home: Session, instance: Instance):
    """Nothing keeps numbers unique."""
    instance.tables["incident"][id_at(2)]["number"] = "INC0000001"
    with pytest.raises(InvalidArguments, match="sys_id"):
        await home.get("itsm", "incident", "INC0000001", ["category"])
    with pytest.raises((InvalidArguments, UpstreamRejected)):
        await home.upsert("itsm", "incident", "number", "INC0000001", {"category": "x"})
    assert instance.sent("PATCH") + instance.sent("POST") == []


THROUGH: dict[str, Callable[[Session, str], Awaitable[object]]] = {
    "update": lambda home, key: home.update("itsm", "task", key, {"short_description": "x"}),
    "delete": lambda home, key: home.delete("itsm", "task", key),
    "upsert": lambda home, _: home.upsert("itsm", "task", "correlation_id", "k", {"short_description": "x"}),
}


@pytest.mark.parametrize("tool", THROUGH)
async def test_a_record_is_not_written_through_the_table_above_its_own(
    home: Session, instance: Instance, task: str, tool: str
):
    """Policy judged a task, and its rules for incidents would not have been asked."""
    instance.tables["task"][task]["correlation_id"] = "k"
    before = dict(instance.tables["task"][task])
    with pytest.raises(InvalidArguments, match="lies in 'incident'"):
        await THROUGH[tool](home, task)
    assert instance.tables["task"][task] == before
    assert (await home.update("itsm", "incident", task, {"short_description": "x"})).id == task


@pytest.mark.parametrize("action", ["update", "delete"])
async def test_no_line_of_a_load_is_written_through_the_table_above_its_own(
    home: Session, instance: Instance, task: str, action: str
):
    before = dict(instance.tables["task"][task])
    line = (task, {"short_description": "x"}) if action == "update" else task
    told = [one async for one in home.load("itsm", "task", [line], action=action, key="above")]
    assert [one.code for one in told[0].outcomes] == ["invalid_arguments"]
    assert instance.tables["task"][task] == before


async def test_no_key_of_a_load_leads_to_a_table_below(home: Session, instance: Instance, task: str):
    instance.tables["task"][task]["correlation_id"] = "k"
    before = dict(instance.tables["task"][task])
    lines = [{"correlation_id": "k", "short_description": "x"}]
    with pytest.raises(InvalidArguments, match="lies in 'incident'"):
        assert [
            one async for one in home.load("itsm", "task", lines, action="upsert", key_field="correlation_id", key="a")
        ]
    assert instance.tables["task"][task] == before


async def test_a_ticket_seen_through_the_table_above_its_own_is_about_nobody_known(abroad: Session, task: str):
    """The table above has no caller, so that nobody can tell whose data it is."""
    own = await abroad.get("itsm", "incident", task, ["short_description"])
    assert own.fields == {"short_description": "Printer B is out"}
    above = await abroad.get("itsm", "task", task, ["short_description", "description"])
    assert not [one for one in above.fields.values() if isinstance(one, str)]


@pytest.mark.parametrize(
    ("object", "field"),
    [("sys_audit", "newvalue"), ("sys_audit_delete", "payload"), ("sys_journal_field", "value"), ("syslog", "message")],
)
async def test_a_copy_of_a_value_is_no_freer_than_the_value(
    house: House, abroad: Session, instance: Instance, monkeypatch: pytest.MonkeyPatch, object: str, field: str
):
    """What is written about a person shows in tables that name no person."""
    columns = {"sys_id": {"internal_type": "GUID"}, "tablename": {}, field: {"max_length": "255"}}
    monkeypatch.setitem(COLUMNS, object, columns)
    Instance.__post_init__(instance)
    row = instance.put(object, {"tablename": "incident", field: "Anna Weber called"})
    found = await abroad.get("itsm", object, row["sys_id"], ["tablename", field])
    assert not isinstance(found.fields.get(field), str)


async def test_a_dropped_field_of_an_answer_is_told_as_lost(home: Session, instance: Instance):
    """An answer to a write without a field that was written shows nothing of it: neither that it is there."""
    await home.get("itsm", "incident", id_at(1), ["number"])
    instance.blind = {"category"}
    done = await home.update("itsm", "incident", id_at(1), {"category": "x"})
    assert (done.altered, done.fields) == (("category",), {"category": None})
