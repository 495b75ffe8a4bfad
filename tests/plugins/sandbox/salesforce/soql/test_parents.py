"""Are parents found, whatever their object, and written as the vendor writes them?"""

import pytest

TYPED = (
    "SELECT Id, TYPEOF Who WHEN Contact THEN LastName, Account.Name WHEN Lead THEN Company END, Subject, "
    "TYPEOF What WHEN Opportunity THEN Amount ELSE Name, Type END FROM Task"
)


@pytest.fixture
def mixed(ask):
    """Tasks about a contact, a lead and nobody."""
    asker = ask()
    lead, deal = (asker.org.rows(name)[0]["Id"] for name in ("Lead", "Opportunity"))
    owner = asker.org.rows("User")[0]["Id"]
    values = {"Subject": "mixed", "Status": "Not Started", "Priority": "Low", "OwnerId": owner}
    asker.org.store.insert("Task", {**values, "WhoId": lead, "WhatId": deal}, "")
    asker.org.store.insert("Task", values, "")
    return asker


def test_columns_depend_on_the_parents_object(mixed) -> None:
    about_contact, *_ = mixed.records(f"{TYPED} WHERE Who.Type = 'Contact'")
    assert list(about_contact) == ["attributes", "Id", "Who", "Subject", "What"]
    assert about_contact["Who"]["attributes"]["type"] == "Contact"
    assert list(about_contact["Who"]) == ["attributes", "LastName", "Account"]
    assert about_contact["What"]["attributes"]["type"] == "Name"
    assert about_contact["What"]["Type"] == "Account"
    about_lead, nobody = mixed.records(f"{TYPED} WHERE Subject = 'mixed'")
    assert list(about_lead["Who"]) == ["attributes", "Company"]
    assert list(about_lead["What"]) == ["attributes", "Amount"]
    assert (nobody["Who"], nobody["What"]) == (None, None)


def test_a_parent_that_no_case_names_is_null_without_an_else(mixed) -> None:
    text = "SELECT TYPEOF Who WHEN Contact THEN Id END FROM Task WHERE Who.Type = 'Lead'"
    assert mixed.column(text) == [None]


def test_a_parents_parent_may_be_of_several_objects(ask) -> None:
    asker = ask()
    first, second = asker.org.rows("Case")[:2]
    asker.org.store.change("Case", first, {"ParentId": second["Id"]}, "")
    text = f"SELECT Parent.CaseNumber, TYPEOF Parent.Owner WHEN User THEN Username END FROM Case WHERE Id = '{first['Id']}'"
    [record] = asker.records(text)
    assert record["Parent"]["Owner"]["Username"] in {row["Username"] for row in asker.org.rows("User")}
    [named] = asker.records(f"SELECT Parent.Owner.Name FROM Case WHERE Id = '{first['Id']}'")
    assert named["Parent"]["Owner"]["attributes"]["type"] == "Name"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT TYPEOF Account WHEN Account THEN Id END FROM Contact", "MALFORMED_QUERY"),
        ("SELECT TYPEOF Who WHEN User THEN Id END FROM Task", "INVALID_FIELD"),
        ("SELECT TYPEOF Who WHEN Nope THEN Id END FROM Task", "INVALID_TYPE"),
        ("SELECT TYPEOF Who WHEN Contact THEN Nope END FROM Task", "INVALID_FIELD"),
        ("SELECT TYPEOF Who WHEN Contact THEN Id ELSE Department END FROM Task", "INVALID_FIELD"),
        ("SELECT TYPEOF Who WHEN Contact THEN Id WHEN Contact THEN Id END FROM Task", "MALFORMED_QUERY"),
        ("SELECT TYPEOF Who WHEN Contact THEN Id END, Who.Name FROM Task", "INVALID_FIELD"),
        ("SELECT Who.Name, TYPEOF Who WHEN Contact THEN Id END FROM Task", "INVALID_FIELD"),
        ("SELECT TYPEOF Who ELSE Id END FROM Task", "MALFORMED_QUERY"),
        ("SELECT TYPEOF Who WHEN Contact THEN Id FROM Task", "MALFORMED_QUERY"),
        ("SELECT COUNT(Id), TYPEOF Who WHEN Contact THEN Id END FROM Task", "MALFORMED_QUERY"),
        ("SELECT Who.Account.Name FROM Task", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Account.Parent.Parent.Parent.Parent.Parent.Name = 'x'", "MALFORMED_QUERY"),
    ],
)
def test_refuses_parents_that_are_none(eu, text: str, code: str) -> None:
    assert eu.refusal(text)[0] == code


def test_five_parents_are_not_too_many(eu) -> None:
    assert eu.results("SELECT Id FROM Contact WHERE Account.Parent.Parent.Parent.Parent.Name = 'x'").total == 0


def test_owners_tell_what_they_are(eu) -> None:
    everything = eu.results("SELECT Id FROM Case").total
    assert eu.results("SELECT Id FROM Case WHERE Owner.Type = 'User'").total == everything
    [record] = eu.records("SELECT Owner.Name, Owner.Username FROM Case LIMIT 1")
    assert record["Owner"]["attributes"]["type"] == "Name"
    assert record["Owner"]["attributes"]["url"].startswith("/services/data/v60.0/sobjects/User/005")


def test_parents_may_have_names_of_their_own(eu) -> None:
    by_alias = eu.results(
        "SELECT COUNT() FROM Contact c, c.Account a, a.Owner o WHERE a.Name LIKE 'm%' AND o.Name != null"
    )
    by_path = eu.results("SELECT COUNT() FROM Contact WHERE Account.Name LIKE 'm%' AND Account.Owner.Name != null")
    assert by_alias.total == by_path.total > 0
    [record] = eu.records("SELECT a.Name FROM Contact c, c.Account a LIMIT 1")
    assert list(record["Account"]) == ["attributes", "Name"]
    code, message = eu.refusal("SELECT Id FROM Contact, Account")
    assert (code, message[:40]) == ("MALFORMED_QUERY", "A driving SObject type has already been ")


def test_an_alias_does_not_hide_a_parent_of_the_same_name(eu) -> None:
    [record] = eu.records("SELECT Account.Account.Name FROM Contact Account LIMIT 1")
    assert record["Account"]["attributes"]["url"].startswith("/services/data/v60.0/sobjects/Account/001")
