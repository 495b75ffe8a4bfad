"""Is each clause read as the vendor means it, and everything that writes, locks or smuggles refused?"""

import re
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from isthmus.connectors.salesforce.soql import (
    Aliased,
    And,
    Call,
    Comparison,
    FieldRef,
    Fields,
    GroupBy,
    In,
    Includes,
    InSelect,
    Not,
    Null,
    Number,
    Or,
    OrderBy,
    Select,
    SoqlError,
    Text,
    TypeOf,
    When,
    parse,
    render,
)

FIXTURES = Path(__file__).parents[5] / "shared" / "fixtures" / "salesforce" / "cumulusci"


def field(path):
    return FieldRef(tuple(path.split(".")))


def equals(path, text):
    return Comparison(field(path), "=", Text(text))


@pytest.mark.parametrize(
    ("text", "select"),
    [
        ("select Id from Account", Select((field("Id"),), "Account")),
        ("SELECT\tId\r\nFROM Account\n", Select((field("Id"),), "Account")),
        (
            "SELECT COUNT() FROM Account LIMIT 10 OFFSET 20 ALL ROWS",
            Select((Call("COUNT"),), "Account", limit=10, offset=20, all_rows=True),
        ),
        (
            "SELECT FIELDS(standard), fields(CUSTOM) FROM Account LIMIT 200",
            Select((Fields("STANDARD"), Fields("CUSTOM")), "Account", limit=200),
        ),
        (
            "SELECT Name n, max(Amount) top, FORMAT(convertCurrency(MIN(Amount))) FROM Opportunity GROUP BY Name",
            Select(
                (
                    Aliased(field("Name"), "n"),
                    Aliased(Call("MAX", (field("Amount"),)), "top"),
                    Call("FORMAT", (Call("convertCurrency", (Call("MIN", (field("Amount"),)),)),)),
                ),
                "Opportunity",
                group_by=GroupBy((field("Name"),)),
            ),
        ),
        (
            "SELECT COUNT(Id) FROM Lead GROUP BY CUBE(Status, CALENDAR_YEAR(CreatedDate)) HAVING COUNT(Id) > 1",
            Select(
                (Call("COUNT", (field("Id"),)),),
                "Lead",
                group_by=GroupBy((field("Status"), Call("CALENDAR_YEAR", (field("CreatedDate"),))), "CUBE"),
                having=Comparison(Call("COUNT", (field("Id"),)), ">", Number("1")),
            ),
        ),
        (
            "SELECT Id FROM Lead USING SCOPE mine WITH SECURITY_ENFORCED ORDER BY Name, Owner.Name DESC NULLS LAST",
            Select(
                (field("Id"),),
                "Lead",
                scope="mine",
                mode="SECURITY_ENFORCED",
                order_by=(OrderBy(field("Name")), OrderBy(field("Owner.Name"), descending=True, nulls="LAST")),
            ),
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Phone, Owner.Name WHEN Lead THEN Company ELSE Name END FROM Event",
            Select(
                (
                    TypeOf(
                        field("What"),
                        (When("Account", (field("Phone"), field("Owner.Name"))), When("Lead", (field("Company"),))),
                        (field("Name"),),
                    ),
                ),
                "Event",
            ),
        ),
        (
            "SELECT Id FROM A WHERE DISTANCE(Loc__c, GEOLOCATION(37.5, -122), 'mi') < 20",
            Select(
                (field("Id"),),
                "A",
                where=Comparison(
                    Call(
                        "DISTANCE",
                        (field("Loc__c"), Call("GEOLOCATION", (Number("37.5"), Number("-122"))), Text("mi")),
                    ),
                    "<",
                    Number("20"),
                ),
            ),
        ),
        (
            "SELECT Id FROM A WHERE (a = 'x' OR b <> NULL) AND (NOT c IN ('y', 1)) AND ((d = 'z'))",
            Select(
                (field("Id"),),
                "A",
                where=And(
                    (
                        Or((equals("a", "x"), Comparison(field("b"), "!=", Null()))),
                        Not(In(field("c"), (Text("y"), Number("1")))),
                        equals("d", "z"),
                    )
                ),
            ),
        ),
        (
            "SELECT Id FROM A WHERE p INCLUDES ('x;y', 'z') OR p EXCLUDES ('w') OR q NOT IN (NULL)",
            Select(
                (field("Id"),),
                "A",
                where=Or(
                    (
                        Includes(field("p"), (Text("x;y"), Text("z"))),
                        Includes(field("p"), (Text("w"),), negated=True),
                        In(field("q"), (Null(),), negated=True),
                    )
                ),
            ),
        ),
        (
            "SELECT Id FROM Account WHERE Id NOT IN (SELECT c.AccountId FROM Contact c WHERE c.Name = 'x')",
            Select(
                (field("Id"),),
                "Account",
                where=InSelect(
                    field("Id"),
                    Select((field("AccountId"),), "Contact", where=equals("Name", "x")),
                    negated=True,
                ),
            ),
        ),
        (
            "SELECT x.From, x.Select, (SELECT y.From FROM Ys) FROM A",
            Select((field("x.From"), field("x.Select"), Select((field("y.From"),), "Ys")), "A"),
        ),
        (
            "SELECT Group.Name, Order FROM Order GROUP BY Group.Name, Order ORDER BY Group.Name",
            Select(
                (field("Group.Name"), field("Order")),
                "Order",
                group_by=GroupBy((field("Group.Name"), field("Order"))),
                order_by=(OrderBy(field("Group.Name")),),
            ),
        ),
    ],
)
def test_reads_each_clause(text, select):
    assert parse(text) == select
    assert parse(render(select)) == select


def test_aliases_and_object_prefixes_are_resolved():
    text = (
        "SELECT a.Name, Account.Owner.Name, (SELECT c.Email FROM a.Contacts c WHERE c.Name != 'x') FROM Account a "
        "WHERE a.Parent.Name = 'p' ORDER BY ACCOUNT.Name"
    )
    assert render(parse(text)) == (
        "SELECT Name, Owner.Name, (SELECT Email FROM Contacts WHERE Name != 'x') FROM Account "
        "WHERE Parent.Name = 'p' ORDER BY Name ASC"
    )


def test_a_relationship_named_like_its_object_keeps_the_prefix():
    select = Select((field("Account.Name"),), "Account")
    assert render(select) == "SELECT Account.Account.Name FROM Account"
    assert parse(render(select)) == select


def test_nested_groups_are_always_parenthesised():
    either = Or((equals("b", "2"), And((equals("c", "3"), Not(equals("d", "4"))))))
    where = And((equals("a", "1"), either, Not(either)))
    assert render(Select((field("Id"),), "A", where=where)) == (
        "SELECT Id FROM A WHERE a = '1' AND (b = '2' OR (c = '3' AND (NOT d = '4'))) "
        "AND (NOT (b = '2' OR (c = '3' AND (NOT d = '4'))))"
    )


@pytest.mark.parametrize(
    ("rest", "says", "at"),
    [
        ("FOR VIEW", "viewed", "FOR"),
        ("for reference", "referenced", "for"),
        ("WHERE a = 1 LIMIT 1 FOR UPDATE", "locks", "FOR"),
        ("UPDATE TRACKING", "statistics", "UPDATE"),
        ("UPDATE VIEWSTAT", "statistics", "UPDATE"),
        ("WHERE a = :b", "Bind variables", ":"),
        ("WHERE a IN :b", "Bind variables", ":"),
        ("LIMIT :b", "Bind variables", ":"),
        ("; DELETE FROM A", "One statement", ";"),
        ("SELECT Id FROM B", "second", "SELECT"),
        ("-- x", "no comments", "--"),
        ("/* x */", "no comments", "/*"),
        ("// x", "no comments", "//"),
        ("WHERE a = 1 AND b = 2 OR c = 3", "not mixed", "OR"),
        ("WHERE a = 1 OR b = 2 AND c = 3", "not mixed", "AND"),
        ("WHERE NOT a = 1 AND b = 2", "not mixed", "AND"),
        ("WHERE a = 1 AND NOT b = 2", "parentheses of its own", "NOT"),
        ("WHERE a NOT LIKE 'x'", "NOT LIKE", "LIKE"),
        ("WHERE a LIKE b", "one string", " b"),
        ("WHERE a = b__c", "not a value", "b__c"),
        ('WHERE a = "x"', "single quotes", '"'),
        ("WHERE a = \u2018x\u2019", "U+2018", "\u2018"),
        ("WHERE a = 'x", "no end", "'"),
        ("WHERE a IN ()", "Expected a value", ")"),
        ("WHERE SLEEP(a) = 1", "not a SOQL function", "SLEEP"),
        ("WHERE DISTANCE(a, b, 'furlong') < 1", "does not take", "DISTANCE"),
        ("WHERE a IN (SELECT b, c FROM D)", "exactly one field", " a"),
        ("WHERE a IN (SELECT COUNT(b) FROM D)", "exactly one field", " a"),
        ("WHERE a INCLUDES (1)", "list strings", "(1"),
        ("GROUP BY a HAVING", "Expected a name", None),
        ("HAVING a = 1", "HAVING filters groups", "SELECT"),
        ("LIMIT 1 WHERE a = 1", "vendor's order", "WHERE"),
        ("LIMIT -1", "whole number", "-1"),
        ("LIMIT 9999999999", "LIMIT counts rows", "SELECT"),
        ("WITH SYSTEM_MODE", "USER_MODE", "WITH"),
        ("WITH DATA CATEGORY Geography__c AT usa__c", "USER_MODE", "WITH"),
        ("USING SCOPE 'mine'", "Expected a name", "'"),
        (", B", "one object", ","),
        ("AS a", "no AS", "AS"),
        ("WHERE z.b.c.d.e.f.g = 1", "1 to 6 parts", " z.b"),
        ("ALL", "Expected ROWS", None),
        (")", "The query ends", ")"),
        ("\u00a0WHERE a = 1", "U+00A0", "\u00a0"),
        ("WHERE \u0430 = 1", "U+0430", "\u0430"),
    ],
)
def test_refuses_with_place_and_remedy(rest, says, at):
    text = f"SELECT Id FROM A {rest}"
    with pytest.raises(SoqlError) as caught:
        parse(text)
    error = caught.value
    assert says in error.message
    start = 0 if at == "SELECT" and "second" not in says else 17
    wanted = len(text) if at is None else text.index(at, start) + (1 if at.startswith(" ") else 0)
    assert error.position == wanted
    assert str(error).startswith(f"At character {wanted + 1}: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DELETE FROM A",
        "SELECT FROM A",
        "SELECT FROM FROM A",
        "SELECT * FROM A",
        "SELECT DISTINCT Name FROM A",
        "SELECT COUNT(DISTINCT Name) FROM A",
        "SELECT Id",
        "SELECT Id, FROM A",
        "SELECT Id FROM",
        "SELECT Id FROM Where",
        "SELECT Id FROM A.B",
        "SELECT Id WHERE a = 1 FROM A",
        "SELECT SELECT Id FROM A",
        "SELECT Id AS x FROM A",
        "SELECT Id Limit FROM A",
        "SELECT (Id) FROM A",
        "SELECT (SELECT Id FROM B FOR VIEW) FROM A",
        "SELECT (SELECT Id FROM B.C) FROM A",
        "SELECT (SELECT Id FROM B FROM A",
        "SELECT FIELDS(Name) FROM A",
        "SELECT TYPEOF What ELSE Name END FROM A",
        "SELECT TYPEOF What WHEN FROM THEN Id END FROM A",
        "SELECT COUNT(a, b) FROM A",
        "SELECT SUM() FROM A",
        "SELECT MAX(GEOLOCATION(1, 2)) FROM A",
        "SELECT a..b FROM A",
        "SELECT a.1 FROM A",
        "SELECT Ａ FROM A",
        f"SELECT {'a' * 81} FROM A",
    ],
)
def test_refuses_broken_statements(text):
    with pytest.raises(SoqlError):
        parse(text)


def test_a_refusal_does_not_repeat_values():
    with pytest.raises(SoqlError) as caught:
        parse("SELECT Id FROM A WHERE Name = 'ok' 'private@example.com'")
    assert "private" not in str(caught.value)


def test_statements_longer_than_the_vendor_takes_are_refused_both_ways():
    with pytest.raises(SoqlError, match="100000"):
        parse("SELECT Id FROM A WHERE a = '" + "x" * 100_000 + "'")
    with pytest.raises(SoqlError, match="100000"):
        render(Select((field("Id"),), "A", where=equals("a", "x" * 100_000)))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id FROM A WHERE " + "(" * 90_000,
        "SELECT Id FROM A WHERE " + "NOT (" * 15_000,
        "SELECT Id FROM A WHERE " + "(NOT a = 1 AND " * 6_000,
        "SELECT (" * 12_000,
        "SELECT (SELECT " * 6_000 + "Id FROM A)" * 500,
        "SELECT " + "FORMAT(" * 14_000 + "a",
        "SELECT Id FROM A WHERE a IN (" + "SELECT a FROM A WHERE a IN (" * 3_000,
        "SELECT " * 14_000,
        "SELECT " + "a." * 49_000,
        "SELECT Id FROM A WHERE a = '" + "\\'" * 49_000,
    ],
    ids=lambda text: text[:40],
)
def test_depth_is_refused_and_never_overflows(text):
    with pytest.raises(SoqlError):
        parse(text)


def test_depth_is_the_same_for_text_and_trees():
    deepest = parse("SELECT Id FROM A WHERE " + "NOT (" * 32 + "a = 1" + ")" * 32)
    assert parse(render(deepest)) == deepest
    with pytest.raises(SoqlError, match="32 deep"):
        parse("SELECT Id FROM A WHERE " + "NOT (" * 33 + "a = 1" + ")" * 33)
    condition = equals("a", "1")
    for _ in range(5_000):
        condition = Not(condition)
    with pytest.raises(SoqlError, match="32 deep"):
        render(Select((field("Id"),), "A", where=condition))


@pytest.mark.parametrize(
    "build",
    [
        lambda: FieldRef(()),
        lambda: FieldRef(("Name, Secret__c",)),
        lambda: FieldRef(("Name\n",)),
        lambda: FieldRef(("a",) * 7),
        lambda: FieldRef(("FROM",)),
        lambda: Select((field("Id"),), "A WHERE Id != null"),
        lambda: Select((field("Id"),), "A", scope="mine WHERE"),
        lambda: Select((field("Id"),), "A", mode="SYSTEM_MODE"),
        lambda: Select((field("Id"),), "A", limit=-1),
        lambda: Select((), "A"),
        lambda: Aliased(field("Id"), "FROM"),
        lambda: Call("count", (field("Id"),)),
        lambda: Call("SLEEP", (field("Id"),)),
        lambda: Comparison(field("a"), "= 1 OR a =", Text("x")),
        lambda: Comparison(field("a"), "<>", Text("x")),
        lambda: OrderBy(field("a"), nulls="LAST LIMIT 1"),
        lambda: GroupBy((field("a"),), "ROLLUP(b), CUBE"),
        lambda: Fields("ALL) FROM B"),
        lambda: When("A THEN", (field("a"),)),
        lambda: And((equals("a", "1"),)),
        lambda: In(field("a"), ()),
    ],
)
def test_no_tree_can_hold_more_than_names(build):
    with pytest.raises(SoqlError) as caught:
        build()
    assert caught.value.position is None


def recorded_queries():
    for cassette in sorted(FIXTURES.rglob("*.yaml")):
        for address in re.findall(r"uri: (\S+[?&]q=\S+)", cassette.read_text("utf-8")):
            query = unquote_plus(address.partition("q=")[2].partition("&")[0])
            if query.lower().startswith("select"):
                yield query


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recorded queries are not on this machine")
def test_recorded_queries_survive_the_round_trip():
    queries = set(recorded_queries())
    assert len(queries) > 15
    for query in queries:
        select = parse(query)
        assert parse(render(select)) == select
