"""Do an org's own words about an object become the facts that decide what may be released?"""

from collections.abc import Mapping

import pytest

from isthmus.connectors.salesforce.describe import Classification, object_facts, object_summaries, state_field
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

Node = dict[str, JSON]


def field(name: str, type: str = "string", **more: JSON) -> Node:
    told: Node = {"name": name, "type": type, "label": name, "nillable": True, "createable": True, "updateable": True}
    return told | {"filterable": True, "sortable": True, "groupable": True} | more


def described(name: str, *fields: Node) -> Node:
    told: Node = {"name": name, "label": name, "createable": True, "updateable": True, "deletable": False}
    return told | {"fields": [field("Id", "id", nillable=False, createable=False), *fields]}


def facts(name: str, *fields: Node, **classified: Classification) -> ObjectFacts:
    return object_facts(described(name, *fields), classified)


def one(name: str, raw: Node, told: Classification | None = None) -> FieldFacts:
    classified: Mapping[str, Classification] = {str(raw["name"]): told} if told else {}
    return object_facts(described(name, raw), classified).field(str(raw["name"]))


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("id", FieldType.ID),
        ("reference", FieldType.REFERENCE),
        ("boolean", FieldType.BOOLEAN),
        ("int", FieldType.INTEGER),
        ("double", FieldType.NUMBER),
        ("currency", FieldType.NUMBER),
        ("date", FieldType.DATE),
        ("datetime", FieldType.DATETIME),
        ("time", FieldType.TIME),
        ("picklist", FieldType.CHOICE),
        ("multipicklist", FieldType.CHOICES),
        ("textarea", FieldType.TEXT),
        ("base64", FieldType.BINARY),
        ("address", FieldType.OTHER),
        ("location", FieldType.OTHER),
        ("email", FieldType.STRING),
        ("a type of next year", FieldType.STRING),
    ],
)
def test_types_are_the_uniform_ones(type: str, kind: FieldType) -> None:
    assert one("Invoice", field("F", type)).type is kind


def test_inactive_choices_are_not_offered() -> None:
    values: list[JSON] = [
        {"value": "New", "active": True},
        {"value": "Retired", "active": False},
        {"value": "Closed", "active": True},
    ]
    assert one("Case", field("Status", "picklist", picklistValues=values)).choices == ("New", "Closed")


def test_a_reference_to_several_objects_names_people_first() -> None:
    found = one("Task", field("WhatId", "reference", referenceTo=["Account", "Lead", "Order", "Contact"]))
    assert found.references == ("Lead", "Contact", "Account", "Order")


@pytest.mark.parametrize(
    ("more", "required"),
    [
        ({"nillable": False}, True),
        ({"nillable": False, "defaultedOnCreate": True}, False),
        ({"nillable": False, "createable": False}, False),
        ({}, False),
    ],
)
def test_required_is_what_a_create_cannot_leave_out(more: Node, required: bool) -> None:
    assert one("Lead", field("Company", **more)).required is required


def test_a_field_that_is_not_described_is_a_misspelled_one() -> None:
    found = facts("Contact", field("Email", "email"))
    assert found.field("EMAIL").name == "Email"
    with pytest.raises(InvalidArguments, match=r"no field 'Emial' that this identity may see.*Email"):
        found.field("Emial")


@pytest.mark.parametrize(
    ("security", "compliance", "classes"),
    [
        ("Public", (), {"public"}),
        ("Internal", ("PII", "GDPR"), {"internal", "pii"}),
        ("Restricted", ("HIPAA",), {"secret", "phi"}),
        ("MissionCritical", (), {"secret"}),
        ("", ("COPPA",), {"pii.child"}),
        ("", ("PCI",), {"financial.card"}),
        ("Eyes Only", (), {"secret"}),
        ("Public", ("LGPD",), {"public", "unclassified"}),
    ],
)
def test_classes_come_from_the_orgs_own_classification(
    security: str, compliance: tuple[str, ...], classes: set[str]
) -> None:
    found = one("Contact", field("Code__c"), Classification(security, compliance))
    assert (found.classes, found.source) == (classes, "org metadata")


def test_what_the_org_says_is_added_to_what_is_known_and_never_taken_off() -> None:
    assert one("Contact", field("Email", "email"), Classification("Public")).classes == {"pii", "public"}


@pytest.mark.parametrize(
    ("object", "raw", "classes"),
    [
        ("Contact", field("Hobby__c"), {"unread"}),
        ("Account", field("Rank__c", "int"), {"internal", "unread"}),
        ("Contact", field("Diagnosis__c", "textarea"), {"unread", "free_text", "pii"}),
        ("Account", field("Anything__pc"), {"unread"}),
        ("Contact", field("Nickname"), {"unclassified"}),
        ("Case", field("Comments", "textarea"), {"free_text"}),
        ("Case", field("Priority", "picklist"), {"internal"}),
        ("Thing", field("Notify", "email"), {"unclassified", "pii"}),
        ("Thing", field("Number", "encryptedstring"), {"unclassified", "secret"}),
    ],
)
def test_what_nobody_classified_narrows(object: str, raw: Node, classes: set[str]) -> None:
    assert one(object, raw).classes == classes


def test_a_custom_field_that_the_org_left_open_is_only_unclassified() -> None:
    assert one("Contact", field("Hobby__c"), Classification()).classes == {"unclassified"}


def test_an_account_is_a_person_where_the_org_has_person_accounts() -> None:
    fields = [field("Name"), field("BillingCountryCode", "picklist"), field("PersonMailingCountryCode", "picklist")]
    plain = facts("Account", *fields)
    personal = facts("Account", *fields, field("IsPersonAccount", "boolean"))
    assert (plain.person, personal.person) == (False, True)
    assert "pii" not in plain.field("Name").classes
    assert "pii" in personal.field("Name").classes
    assert personal.country == ("PersonMailingCountryCode", "BillingCountryCode")


def test_control_fields_are_those_that_this_identity_sees() -> None:
    bare = facts("Contact", field("Email", "email"))
    assert (bare.version_field, bare.owner_field, bare.country) == (None, None, ())
    full = facts("Case", field("SystemModstamp", "datetime"), field("OwnerId", "reference"), field("Status"))
    assert (full.version_field, full.owner_field, full.state_field) == ("SystemModstamp", "OwnerId", "Status")
    assert full.country[0] == "Contact.MailingCountryCode"


def test_an_unknown_object_shows_short_fields_first() -> None:
    many = [field(f"F{at}") for at in range(30)]
    found = facts("Thing", field("Body", "textarea"), field("File", "base64"), field("Where", "address"), *many)
    assert len(found.default_fields) == 20
    assert not {"Body", "File", "Where"} & set(found.default_fields)


def test_state_fields_are_known_in_any_letter_case() -> None:
    assert (state_field("Opportunity"), state_field("opportunity"), state_field("Account")) == (
        "stagename",
        "stagename",
        "",
    )


def test_lists_only_what_can_be_queried() -> None:
    listed: Node = {
        "sobjects": [
            {"name": "Case", "label": "Case", "queryable": True, "createable": True},
            {"name": "CaseFeed__x", "label": "Feed", "queryable": False},
            "not an object",
        ]
    }
    assert [(one.name, one.createable, one.deletable) for one in object_summaries(listed)] == [("Case", True, False)]
