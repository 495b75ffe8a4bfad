"""Are nested queries held to the vendor's restrictions, and do they answer rightly within them?"""

import pytest

INNER = "(SELECT AccountId FROM Contact)"
OPEN = "(SELECT AccountId FROM Opportunity WHERE IsClosed = false)"


def test_two_joins_meet(eu) -> None:
    french = {row["AccountId"] for row in eu.org.rows("Contact") if row["MailingCountryCode"] == "FR"}
    open_deals = {row["AccountId"] for row in eu.org.rows("Opportunity") if not row["IsClosed"]}
    inner = "(SELECT AccountId FROM Contact WHERE MailingCountryCode = 'FR')"
    found = eu.column(f"SELECT Id FROM Account WHERE (Id IN {inner}) AND Id NOT IN {OPEN} AND Name != null")
    assert set(found) == french - open_deals
    assert found


def test_a_reference_may_be_joined_with_a_reference_to_the_same_object(eu) -> None:
    owners = {row["AccountId"] for row in eu.org.rows("Opportunity")}
    found = eu.column("SELECT AccountId FROM Contact WHERE AccountId IN (SELECT AccountId FROM Opportunity)")
    assert set(found) == {row["AccountId"] for row in eu.org.rows("Contact")} & owners


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (f"Name = 'x' OR Id IN {INNER}", "Semi join sub-selects are not allowed with the 'OR' operator"),
        (
            f"Name = 'x' AND (Type = 'y' OR Id IN {INNER})",
            "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions.",
        ),
        (f"NOT Id IN {INNER}", "Semi join sub-selects are not allowed with the 'NOT' operator"),
        (f"Id IN {INNER} AND Id IN {OPEN} AND Id NOT IN {INNER}", "Maximum 2 semi join sub-selects are allowed"),
        (
            "Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT ContactId FROM Case))",
            "Nesting of semi join sub-selects is not supported",
        ),
        ("Id IN (SELECT ParentId FROM Account)", "The inner and outer selects should not be on the same object type"),
        ("OwnerId IN (SELECT OwnerId FROM Task)", "Entity 'Task' is not supported for semi join inner selects"),
        ("Id IN (SELECT OwnerId FROM Contact)", "should point to the same object type"),
        ("Name IN (SELECT AccountId FROM Contact)", "cannot use: 'Name'"),
        ("Id IN (SELECT LastName FROM Contact)", "cannot use: 'LastName'"),
        ("Id IN (SELECT Contact.AccountId FROM Case)", "cannot follow a relationship"),
        ("Owner.Id IN (SELECT OwnerId FROM Contact)", "cannot follow a relationship"),
        ("Id IN (SELECT AccountId, Id FROM Contact)", "exactly one field"),
        ("Id IN (SELECT COUNT() FROM Contact)", "must select a field, not a function"),
        ("Id IN (SELECT AccountId FROM Contact ORDER BY Id)", "are not allowed in semi join sub-selects"),
        ("Id IN (SELECT AccountId FROM Contact LIMIT 5)", "are not allowed in semi join sub-selects"),
    ],
)
def test_refuses_joins_that_the_vendor_refuses(eu, where: str, message: str) -> None:
    code, found = eu.refusal(f"SELECT Id FROM Account WHERE {where}")
    assert code == "MALFORMED_QUERY"
    assert message in found


def test_children_and_groups_take_no_joins(eu) -> None:
    inner = "(SELECT ContactId FROM Case)"
    children = f"SELECT Id, (SELECT Id FROM Contacts WHERE Id IN {inner}) FROM Account"
    assert "Nesting" in eu.refusal(children)[1]
    groups = f"SELECT AccountId, COUNT(Id) FROM Contact GROUP BY AccountId HAVING AccountId IN {OPEN}"
    assert "only allowed in WHERE" in eu.refusal(groups)[1]
