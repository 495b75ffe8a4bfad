from datetime import timedelta

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance
from isthmus.plugins.sandbox.people import build
from isthmus.plugins.sandbox.servicenow.schema import load_schema


def test_a_row_is_seen_through_every_table_above_its_own(itsm: httpx2.Client) -> None:
    made = itsm.post("table/incident", json={"short_description": "seen twice"}).json()["result"]
    above = itsm.get(f"table/task/{made['sys_id']}").json()["result"]
    assert (above["sys_class_name"], above["number"]) == ("incident", made["number"])
    assert itsm.get(f"table/problem/{made['sys_id']}").status_code == 404


def test_columns_come_from_the_tables_above() -> None:
    schema = load_schema()
    assert schema["cmdb_ci_linux_server"].columns["name"].table == "cmdb"
    assert schema["incident"].columns["state"].table == "task"
    assert schema["problem"].columns["state"].table == "problem"
    assert [each.name for each in schema["cmdb_ci_linux_server"].line][-1] == "cmdb"


def test_every_reference_leads_to_a_table() -> None:
    schema = load_schema()
    lost = [
        f"{one.name}.{each.name}" for one in schema for each in one.own.values() if each.to and not schema.find(each.to)
    ]
    assert lost == []


def test_every_choice_list_belongs_to_a_column() -> None:
    schema = load_schema()
    for name in schema.choices:
        table, _, element = name.partition(".")
        assert schema[table].columns[element].choice, name


def test_the_same_seed_makes_the_same_rows(sandbox: Sandbox) -> None:
    first = [sandbox.servicenow[home].rows("task") for home in ("eu", "us")]
    sandbox.reset()
    assert [sandbox.servicenow[home].rows("task") for home in ("eu", "us")] == first
    assert first[0] != first[1]


def test_customers_are_the_same_people_as_in_salesforce(sandbox: Sandbox) -> None:
    for home in ("eu", "us"):
        here = {row["email"]: row["country"] for row in sandbox.servicenow[home].rows("customer_contact")}
        there = {str(row["Email"]): row["MailingCountryCode"] or "" for row in sandbox.salesforce[home].rows("Contact")}
        assert here == there
        companies = {row["name"] for row in sandbox.servicenow[home].rows("core_company") if row["customer"] == "true"}
        assert companies == {str(row["Name"]) for row in sandbox.salesforce[home].rows("Account")}


def test_subjects_live_in_five_kinds_of_places() -> None:
    assert {each.country for each in build(7, 20, 100).humans} == {"DE", "FR", "GB", "US", ""}


def test_numbers_count_up_and_stamps_move(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    one, two = (itsm.post("table/incident", json={"urgency": "2"}).json()["result"] for _ in range(2))
    assert int(two["number"][3:]) == int(one["number"][3:]) + 1
    assert (one["sys_mod_count"], one["sys_updated_on"]) == ("0", "2026-11-20 09:00:00")
    url = f"table/incident/{one['sys_id']}"
    changed = itsm.patch(url, json={"urgency": "1"}).json()["result"]
    assert (changed["sys_mod_count"], changed["sys_updated_on"]) == ("1", "2026-11-20 09:00:01")
    assert changed["sys_updated_by"] == "integration"
    same = itsm.patch(url, json={"urgency": "1"}).json()["result"]
    assert (same["sys_mod_count"], same["sys_updated_on"]) == ("1", "2026-11-20 09:00:01")
    instance.clock.advance(hours=1)
    assert itsm.patch(url, json={"urgency": "3"}).json()["result"]["sys_updated_on"] == "2026-11-20 10:00:00"


@pytest.mark.parametrize(("impact", "urgency", "priority"), [("1", "1", "1"), ("2", "1", "2"), ("3", "3", "5")])
def test_priority_is_computed_whatever_was_sent(itsm: httpx2.Client, impact: str, urgency: str, priority: str) -> None:
    sent = {"impact": impact, "urgency": urgency, "priority": "4"}
    assert itsm.post("table/incident", json=sent).json()["result"]["priority"] == priority


def test_the_definitions_describe_the_tables(admin: httpx2.Client) -> None:
    query = "name=task^element=opened_by"
    entry = admin.get("table/sys_dictionary", params={"sysparm_query": query}).json()["result"][0]
    assert (entry["internal_type"]["value"], entry["reference"]["value"]) == ("reference", "sys_user")
    assert entry["reference"]["link"].endswith("/api/now/table/sys_db_object?name=sys_user")
    table = admin.get("table/sys_db_object", params={"name": "incident"}).json()["result"][0]
    above = admin.get(table["super_class"]["link"]).json()["result"]
    assert above["name"] == "task"
    labels = admin.get("table/sys_choice", params={"sysparm_query": "name=incident^element=state^value=6"})
    assert labels.json()["result"][0]["label"] == "Resolved"


def test_journals_are_written_and_read_elsewhere(itsm: httpx2.Client) -> None:
    made = itsm.post("table/incident", json={"comments": "first", "work_notes": "second"}).json()["result"]
    assert (made["comments"], made["work_notes"]) == ("", "")
    entries = itsm.get("table/sys_journal_field", params={"element_id": made["sys_id"]}).json()["result"]
    assert {each["element"]: each["value"] for each in entries} == {"comments": "first", "work_notes": "second"}


def test_deletes_leave_a_trace(admin: httpx2.Client, itsm: httpx2.Client) -> None:
    made = itsm.post("table/incident", json={"short_description": "short life"}).json()["result"]
    assert admin.delete(f"table/incident/{made['sys_id']}").status_code == 204
    assert itsm.get(f"table/incident/{made['sys_id']}").status_code == 404
    trace = itsm.get("table/sys_audit_delete", params={"documentkey": made["sys_id"]}).json()["result"][0]
    assert (trace["tablename"], trace["display_value"]) == ("incident", made["number"])


def test_resolving_fills_in_who_and_when(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    made = itsm.post("table/incident", json={"state": "1"}).json()["result"]
    instance.clock.advance(hours=28, minutes=23, seconds=17)
    resolved = {"state": "6", "close_code": "Solved (Permanently)", "close_notes": "done"}
    found = itsm.patch(f"table/incident/{made['sys_id']}", json=resolved).json()["result"]
    assert (found["incident_state"], found["active"], found["calendar_duration"]) == (
        "6",
        "true",
        "1970-01-02 04:23:17",
    )
    assert found["calendar_stc"] == str(int(timedelta(hours=28, minutes=23, seconds=17).total_seconds()))
    shown = itsm.get(f"table/incident/{made['sys_id']}", params={"sysparm_display_value": "true"}).json()["result"]
    assert shown["calendar_duration"] == "1 Day 4 Hours 23 Minutes 17 Seconds"
    closed = itsm.patch(f"table/incident/{made['sys_id']}", json={"state": "7"}).json()["result"]
    assert (closed["active"], closed["closed_at"]) == ("false", "2026-11-21 13:23:17")
    refused = itsm.patch(f"table/incident/{made['sys_id']}", json={"urgency": "1"})
    assert (refused.status_code, refused.json()["error"]["detail"]) == (
        403,
        "ACL Exception Update Failed due to security constraints",
    )
