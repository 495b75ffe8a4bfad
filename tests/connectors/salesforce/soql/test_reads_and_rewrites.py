"""Is everything a query reads listed where policy looks for it, and is a query changed without widening it?"""

import pytest

from isthmus.connectors.salesforce.soql import (
    Column,
    Comparison,
    FieldRef,
    Null,
    ObjectRead,
    OrderBy,
    SoqlError,
    aggregates,
    and_where,
    columns,
    expand_fields,
    parse,
    reads,
    render,
    with_fields,
    with_limit,
    with_order,
)

NOT_NULL = Comparison(FieldRef(("Region__c",)), "!=", Null())


def test_lists_every_role_of_the_main_query():
    text = (
        "SELECT a.Name, toLabel(Type), MAX(Amount) FROM Account a WHERE (Owner.Email LIKE 'x%' OR NOT_IT__c = 1) "
        "GROUP BY Name, CALENDAR_YEAR(CreatedDate) HAVING SUM(Salary__c) > 5 ORDER BY Parent.Name, COUNT(Id)"
    )
    assert reads(parse(text)) == (
        ObjectRead(
            kind="main",
            source=("Account",),
            object="Account",
            selected=(("Name",), ("Type",)),
            aggregated=(("Amount",),),
            filtered=(("Owner", "Email"), ("NOT_IT__c",), ("Salary__c",)),
            sorted=(("Parent", "Name"), ("Id",)),
            grouped=(("Name",), ("CreatedDate",)),
        ),
    )


def test_lists_subqueries_by_their_relationships():
    text = "SELECT Id, (SELECT Email, (SELECT Subject FROM Tasks) FROM Contacts WHERE Age__c > 5 ORDER BY Name) FROM Account"
    assert reads(parse(text)) == (
        ObjectRead("main", ("Account",), "Account", selected=(("Id",),)),
        ObjectRead(
            "child",
            ("Account", "Contacts"),
            None,
            selected=(("Email",),),
            filtered=(("Age__c",),),
            sorted=(("Name",),),
        ),
        ObjectRead("child", ("Account", "Contacts", "Tasks"), None, selected=(("Subject",),)),
    )


def test_a_semi_join_reads_its_own_object_by_filtering():
    text = (
        "SELECT Id FROM Account WHERE Id IN (SELECT c.AccountId FROM Contact c WHERE c.Salary__c > 5 ORDER BY c.Name)"
    )
    _, join = reads(parse(text))
    assert join == ObjectRead(
        "semi_join", ("Contact",), "Contact", filtered=(("AccountId",), ("Salary__c",)), sorted=(("Name",),)
    )


def test_a_typeof_branch_reads_the_object_it_names():
    text = "SELECT TYPEOF Owner WHEN User THEN Email, Manager.Name ELSE Name END FROM Case"
    main, branch = reads(parse(text))
    assert main.selected == (("Owner", "Type"), ("Owner", "Name"))
    assert branch == ObjectRead("typeof", ("Case", "Owner"), "User", selected=(("Email",), ("Manager", "Name")))


def test_fields_is_reported_and_expanded_once():
    select = parse("SELECT Id, FIELDS(ALL), (SELECT FIELDS(STANDARD) FROM Contacts) FROM Account LIMIT 10")
    assert [read.fields for read in reads(select)] == [("ALL",), ("STANDARD",)]
    select = expand_fields(select, {"ALL": ["ID", "Name", "Name"]})
    select = expand_fields(select, {"STANDARD": ["Id", "Email"]}, child=("contacts",))
    assert render(select) == "SELECT Id, Name, (SELECT Id, Email FROM Contacts) FROM Account LIMIT 10"
    with pytest.raises(SoqlError, match=r"FIELDS\(ALL\)"):
        expand_fields(parse("SELECT FIELDS(ALL) FROM Account"), {"CUSTOM": ["X__c"]})


def test_adds_control_fields_once_whatever_their_case():
    select = parse("SELECT name, (SELECT Email FROM Contacts) FROM Account")
    select = with_fields(select, [("Name",), ("SystemModstamp",), ("Owner", "Country")])
    select = with_fields(select, [("email",), ("MailingCountryCode",)], child=("Contacts",))
    assert render(select) == (
        "SELECT name, (SELECT Email, MailingCountryCode FROM Contacts), SystemModstamp, Owner.Country FROM Account"
    )
    with pytest.raises(SoqlError, match="no subquery over Cases"):
        with_fields(select, [("Id",)], child=("Cases",))


@pytest.mark.parametrize(
    "text", ["SELECT COUNT() FROM A", "SELECT FORMAT(MAX(b)) c FROM A", "SELECT b FROM A GROUP BY b"]
)
def test_groups_get_no_fields_and_no_order(text):
    select = parse(text)
    assert with_fields(select, [("Id",)]) == select
    assert with_order(select, [OrderBy(FieldRef(("Id",)))]) == select


def test_a_field_is_not_added_where_the_answer_would_be_ambiguous():
    for text in ("SELECT FIELDS(ALL) FROM A", "SELECT toLabel(FORMAT(Country)) FROM A", "SELECT Name Country FROM A"):
        with pytest.raises(SoqlError):
            with_fields(parse(text), [("Country",)])


def test_limits_only_shrink():
    assert with_limit(parse("SELECT Id FROM A"), 50).limit == 50
    assert with_limit(parse("SELECT Id FROM A LIMIT 10"), 50).limit == 10
    assert with_limit(parse("SELECT Id FROM A LIMIT 100"), 50).limit == 50


def test_orders_are_appended_behind_the_query_s_own():
    select = with_order(
        parse("SELECT Id FROM A ORDER BY Name DESC"), [OrderBy(FieldRef(("Name",))), OrderBy(FieldRef(("Id",)))]
    )
    assert render(select) == "SELECT Id FROM A ORDER BY Name DESC, Id ASC"


@pytest.mark.parametrize(
    ("where", "result"),
    [
        ("", "Region__c != NULL"),
        ("WHERE a = 1 AND b = 2", "a = 1 AND b = 2 AND Region__c != NULL"),
        ("WHERE a = 1 OR b = 2", "(a = 1 OR b = 2) AND Region__c != NULL"),
        ("WHERE NOT a = 1", "(NOT a = 1) AND Region__c != NULL"),
    ],
)
def test_an_added_filter_holds_for_every_row(where, result):
    assert render(and_where(parse(f"SELECT Id FROM A {where}"), NOT_NULL)) == f"SELECT Id FROM A WHERE {result}"


def test_columns_say_where_a_renamed_value_comes_back():
    grouped = parse("SELECT Account.Name, MAX(Email) m, MIN(Email), COUNT(Id) FROM Contact GROUP BY Account.Name")
    assert [column.key for column in columns(grouped)] == [("Name",), ("m",), ("expr0",), ("expr1",)]
    assert [aggregates(column.expression) for column in columns(grouped)] == [False, True, True, True]
    plain = parse("SELECT Account.Name, toLabel(Status), DISTANCE(L__c, GEOLOCATION(1, 2), 'km') FROM Contact")
    assert [column.key for column in columns(plain)] == [("Account", "Name"), ("Status",), ("expr0",)]
    assert columns(plain)[0] == Column(("Account", "Name"), FieldRef(("Account", "Name")))
    assert columns(parse("SELECT COUNT() FROM A")) == ()
