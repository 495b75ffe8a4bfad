"""Do field-level security and sharing hold wherever a statement may look?"""

import pytest

from isthmus.plugins.sandbox.salesforce.access import Profile, View
from isthmus.plugins.sandbox.salesforce.soql import parse_query, run


@pytest.mark.parametrize(
    "text",
    [
        "SELECT TYPEOF Who WHEN Contact THEN {} END FROM Task",
        "SELECT toLabel({}) FROM Contact",
        "SELECT MAX({}) FROM Contact",
        "SELECT COUNT_DISTINCT({}) FROM Contact",
        "SELECT {}, COUNT(Id) FROM Contact GROUP BY ROLLUP({})",
        "SELECT Title FROM Contact GROUP BY Title HAVING MIN({}) = 'x'",
        "SELECT Title FROM Contact GROUP BY Title ORDER BY MIN({})",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE {} = 'x')",
        "SELECT Id, (SELECT Id FROM Contacts WHERE {} = 'x') FROM Account",
        "SELECT Id, (SELECT Id FROM Contacts ORDER BY {}) FROM Account",
        "SELECT c.{} FROM Case k, k.Contact c",
        "SELECT Id FROM Contact WHERE (NOT {} LIKE 'x')",
    ],
)
def test_a_hidden_field_is_no_field(ask, text: str) -> None:
    alice = ask("alice")
    hidden, typo = (alice.refusal(text.format(name, name)) for name in ("SSN__c", "SSX__c"))
    assert hidden[0] == typo[0] == "INVALID_FIELD"
    assert hidden[1].replace("SSN__c", "SSX__c") == typo[1]


def test_field_groups_leave_hidden_fields_out(ask) -> None:
    [custom] = ask("alice").records("SELECT FIELDS(CUSTOM) FROM Contact LIMIT 1")
    assert "Hobby__c" in custom
    assert "SSN__c" not in custom
    [account] = ask("alice").records("SELECT (SELECT FIELDS(ALL) FROM Contacts LIMIT 1) FROM Account LIMIT 1")
    assert not {"SSN__c", "Diagnosis__c"} & set(account["Contacts"]["records"][0])


def test_shared_rows_alone_are_counted_joined_and_nested(ask) -> None:
    bob = ask("bob")
    me = bob.org.user(bob.org.usernames["bob"])["Id"]
    mine = [row for row in bob.org.rows("Contact") if row["OwnerId"] == me]
    assert 0 < len(mine) < len(bob.org.rows("Contact"))
    [total] = bob.records("SELECT COUNT(Id) n, COUNT_DISTINCT(Email) e FROM Contact")
    assert (total["n"], total["e"]) == (len(mine), len({row["Email"] for row in mine}))
    grouped = bob.records("SELECT AccountId, COUNT(Id) n FROM Contact GROUP BY ROLLUP(AccountId)")
    assert grouped[-1]["n"] == len(mine)
    accounts = {row["AccountId"] for row in mine}
    assert set(bob.column("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)")) == accounts
    nested = bob.records("SELECT Id, (SELECT Id FROM Contacts) FROM Account")
    assert sum(len(each["Contacts"]["records"]) for each in nested if each["Contacts"]) == len(mine)


def test_a_parent_that_is_not_shared_is_null_in_every_shape(ask) -> None:
    bob = ask("bob")
    me = bob.org.user(bob.org.usernames["bob"])["Id"]
    foreign = next(row["Id"] for row in bob.org.rows("Contact") if row["OwnerId"] != me)
    values = {"Subject": "theirs", "WhoId": foreign, "OwnerId": me, "Status": "Not Started", "Priority": "Low"}
    bob.org.store.insert("Task", values, "")
    typed = "SELECT TYPEOF Who WHEN Contact THEN Email ELSE Name END FROM Task WHERE Subject = 'theirs'"
    assert bob.column(typed) == [None]
    assert bob.column("SELECT Who.Name FROM Task WHERE Subject = 'theirs'") == [None]
    assert bob.results("SELECT Id FROM Task WHERE Who.Type = 'Contact' AND Subject = 'theirs'").total == 0


def test_the_parents_of_deleted_rows_show_to_query_all(ask) -> None:
    asker = ask()
    case = next(row for row in asker.org.rows("Case") if row["ContactId"])
    contact = asker.org.store["Contact"].rows[case["ContactId"]]
    asker.org.store.change("Contact", contact, {"IsDeleted": True}, "")
    text = f"SELECT Contact.LastName FROM Case WHERE Id = '{case['Id']}'"
    assert asker.column(text) == [None]
    [shown] = asker.column(text, include_deleted=True)
    assert shown["LastName"] == contact["LastName"]


def test_a_hidden_object_is_no_child_and_no_parent(ask) -> None:
    carol = ask("carol")
    assert carol.refusal("SELECT Id, (SELECT Id FROM Asset_Notes__r) FROM Account")[0] == "INVALID_TYPE"
    assert (
        carol.refusal("SELECT Id FROM Account WHERE Id IN (SELECT Account__c FROM Asset_Note__c)")[0] == "INVALID_TYPE"
    )


def test_a_field_hidden_on_one_object_is_null_through_a_parent_of_any(ask) -> None:
    org = ask().org
    view = View(
        org.schema, Profile("x", hidden=frozenset({"contact.email", "contact.name"})), org.rows("User")[0]["Id"]
    )
    results = run(parse_query("SELECT Who.Email, Who.Name, Who.Phone FROM Task LIMIT 1"), org.store, view)
    [record] = [results.render(row, "") for row in results.rows]
    assert (record["Who"]["Email"], record["Who"]["Name"]) == (None, None)
    assert record["Who"]["Phone"]
    assert run(parse_query("SELECT Id FROM Task WHERE Who.Email LIKE '%'"), org.store, view).total == 0
