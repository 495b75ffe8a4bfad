"""What is known of a table, where does each class come from, and what if the metadata may not be read?"""

import httpx2
import pytest

from isthmus.connectors.servicenow import ServiceNow, ServiceNowSettings
from isthmus.connectors.servicenow.describe import Dictionary, Entry, object_facts
from isthmus.core.connector import FieldType, ObjectFacts
from isthmus.core.errors import NotFound, UpstreamRejected
from isthmus.core.records import Query
from isthmus.core.session import Session

from .instance import Instance


async def facts(session: Session, table: str = "incident") -> ObjectFacts:
    found = (await session.describe("itsm", table)).facts
    assert found is not None
    return found


async def test_a_child_has_the_columns_of_its_parents(home: Session):
    found = await facts(home)
    assert {"caller_id", "short_description", "sys_id"} <= set(found.fields)
    assert (found.id_field, found.version_field, found.state_field, found.owner_field) == (
        "sys_id",
        "sys_mod_count",
        "state",
        "assigned_to",
    )
    assert found.country == ("caller_id.country", "caller_id.location.country")
    assert found.fields["number"].label == "Number"


async def test_types_choices_and_references_come_from_the_dictionary(home: Session):
    fields = (await facts(home)).fields
    kinds = {
        name: fields[name].type for name in ("state", "active", "due_date", "caller_id", "description", "category")
    }
    assert kinds == {
        "state": FieldType.CHOICE, "active": FieldType.BOOLEAN, "due_date": FieldType.DATETIME,
        "caller_id": FieldType.REFERENCE, "description": FieldType.TEXT, "category": FieldType.STRING,
    }  # fmt: skip
    assert fields["state"].choices == ("1", "2", "3", "6", "7")
    assert fields["state"].choice_labels[3] == "state 6"
    assert (fields["caller_id"].references, fields["caller_id"].relationship) == (("sys_user",), "caller_id")
    assert not any((fields["state"].sortable, fields["caller_id"].sortable, fields["comments"].filterable))
    assert not any(fields[name].updateable for name in ("sys_id", "sys_mod_count", "incident_state"))


async def test_each_class_names_its_source(home: Session):
    fields = (await facts(home, "sys_user")).fields
    assert (fields["email"].classes, fields["email"].source) == ({"pii"}, "data classification")
    assert (fields["country"].classes, fields["country"].source) == ({"internal"}, "shipped table")
    assert "secret" in fields["user_password"].classes
    assert fields["notes"].classes == {"free_text", "pii", "unclassified"}


def dictionary(*classes: str, unread: bool = False) -> Dictionary:
    entries = (Entry("u_pay", "u_iban"), Entry("u_pay", "u_note", length=4000), Entry("u_pay", "number"))
    return Dictionary(("u_pay",), "Pay", entries, {}, {("u_pay", "u_iban"): classes} if classes else {}, unread)


def test_a_free_text_may_hold_what_its_record_holds():
    found = object_facts(dictionary("Payment card information"), {})
    assert found.fields["u_note"].classes >= {"free_text", "financial.card"}


def test_a_class_that_nobody_mapped_is_secret_until_the_operator_says_what_it_is():
    assert object_facts(dictionary("Blue"), {}).fields["u_iban"].classes == {"secret"}
    assert object_facts(dictionary("Blue"), {"blue": ["internal"]}).fields["u_iban"].classes == {"internal"}


def test_where_the_classification_may_not_be_read_every_rule_concerns_a_field():
    found = object_facts(dictionary(unread=True), {})
    assert "unread" in found.fields["u_iban"].classes
    assert "unread" not in found.fields["number"].classes


async def test_a_closed_classification_is_no_missing_one(home: Session, instance: Instance):
    instance.closed = {"m2m_dictionary_dataclass"}
    assert "unread" in (await facts(home)).fields["close_notes"].classes


async def test_an_instance_without_the_plugin_classifies_nothing(home: Session, instance: Instance):
    del instance.tables["m2m_dictionary_dataclass"]
    rows = instance.tables["sys_dictionary"]
    instance.tables["sys_dictionary"] = {
        id: row for id, row in rows.items() if row["name"] != "m2m_dictionary_dataclass"
    }
    assert "unread" not in (await facts(home)).fields["close_notes"].classes


@pytest.mark.parametrize("table", ["sys_dictionary", "sys_db_object"])
async def test_without_the_right_to_read_metadata_nothing_is_guessed(home: Session, instance: Instance, table: str):
    instance.closed = {table}
    with pytest.raises(UpstreamRejected, match=f"may not read {table}; have the instance's administrator grant"):
        await home.query("itsm", Query("incident", ("number",)))
    assert instance.sent() == []


@pytest.mark.parametrize("table", ["sys_dictionary", "sys_db_object"])
async def test_metadata_that_rights_on_rows_hide_is_not_taken_for_none(home: Session, instance: Instance, table: str):
    instance.hidden = set(instance.tables[table])
    with pytest.raises(UpstreamRejected, match=f"may not read {table}"):
        await facts(home)


@pytest.mark.parametrize("table", ["sys_db_object", "sys_dictionary", "sys_choice", "m2m_dictionary_dataclass"])
async def test_metadata_that_was_cut_off_is_neither_missing_nor_hidden(home: Session, instance: Instance, table: str):
    """A cut off page is not a matter of rights, and what was left out of it must not be kept."""
    error = {"message": "Transaction cancelled: maximum execution time exceeded", "detail": None}

    def cut(request: httpx2.Request) -> httpx2.Response:
        if f"/table/{table}" in request.url.path:
            return instance.say(200, {"result": [], "error": error, "status": "failure"})
        return instance.answer(request)

    instance.scripted = [cut] * 20
    with pytest.raises(UpstreamRejected, match="taking too long"):
        await facts(home)
    instance.scripted = []
    found = (await facts(home)).fields
    assert found["state"].choices
    assert "unread" not in found["close_notes"].classes


async def test_choices_and_labels_may_be_missing(home: Session, instance: Instance):
    instance.closed = {"sys_choice", "sys_documentation"}
    found = await facts(home)
    assert (found.fields["state"].type, found.fields["number"].label) == (FieldType.INTEGER, "number")


async def test_an_unknown_table_is_not_found(home: Session):
    with pytest.raises(NotFound, match="no object 'incidnt'"):
        await facts(home, "incidnt")


async def test_tables_are_listed(home: Session):
    assert {"incident", "sys_user"} <= {one.name for one in (await home.describe("itsm")).objects}


def test_it_is_loaded_by_name():
    assert ServiceNow("x", ServiceNowSettings()).verbs() >= {
        "query",
        "get",
        "search",
        "aggregate",
        "create",
        "update",
        "upsert",
        "delete",
    }
