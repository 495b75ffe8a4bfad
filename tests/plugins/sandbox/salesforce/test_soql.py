import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox
from isthmus.plugins.sandbox.salesforce.soql import Results, SoqlError, parse_query, run

BASE = "/services/data/v60.0"


@pytest.fixture(scope="module")
def eu(whole: Sandbox) -> SalesforceOrg:
    return whole.salesforce["eu"]


@pytest.fixture(scope="module")
def org_once() -> SalesforceOrg:
    return Sandbox(accounts=5, contacts=10).salesforce["eu"]


def answer(org: SalesforceOrg, text: str, user: str = "integration") -> Results:
    user_row = org.user(org.usernames[user])
    assert user_row is not None
    return run(parse_query(text), org.store, org.view(str(user_row["Id"])))


def records(org: SalesforceOrg, text: str) -> list[dict[str, object]]:
    results = answer(org, text)
    return [dict(results.render(row, BASE)) for row in results.rows]


def column(org: SalesforceOrg, text: str) -> list[object]:
    return [list(record.values())[1] for record in records(org, text)]


def contacts(org: SalesforceOrg, keep) -> list[object]:
    return [row["Id"] for row in org.rows("Contact") if keep(row)]


def code(org: SalesforceOrg, text: str) -> str:
    with pytest.raises(SoqlError) as caught:
        answer(org, text)
    return caught.value.code


@pytest.mark.parametrize(
    ("where", "keep"),
    [
        ("MailingCountryCode = 'de'", lambda row: row["MailingCountryCode"] == "DE"),
        ("MailingCountryCode != 'DE'", lambda row: row["MailingCountryCode"] != "DE"),
        ("MailingCountryCode = null", lambda row: row["MailingCountryCode"] is None),
        ("MailingCountryCode = ''", lambda row: row["MailingCountryCode"] is None),
        ("mailingcountrycode <> NULL", lambda row: row["MailingCountryCode"] is not None),
        ("MailingCountryCode IN ('DE','fr')", lambda row: row["MailingCountryCode"] in ("DE", "FR")),
        ("MailingCountryCode NOT IN ('DE','FR')", lambda row: row["MailingCountryCode"] not in ("DE", "FR")),
        ("LastName LIKE 'm%'", lambda row: row["LastName"].startswith("M")),
        ("LastName LIKE '_öh%'", lambda row: row["LastName"][1:3] == "öh"),
        ("NOT LastName LIKE 'M%'", lambda row: not row["LastName"].startswith("M")),
        ("LastName < 'c'", lambda row: row["LastName"].casefold() < "c"),
        ("HasOptedOutOfEmail = TRUE", lambda row: row["HasOptedOutOfEmail"]),
        ("Birthdate >= 1990-01-01", lambda row: row["Birthdate"] >= "1990-01-01"),
        ("CALENDAR_YEAR(Birthdate) = 1970", lambda row: row["Birthdate"].startswith("1970")),
        (
            "Interests__c INCLUDES ('Events;Training','Research')",
            lambda row: (
                {"Events", "Training"} <= set((row["Interests__c"] or "").split(";"))
                or "Research" in (row["Interests__c"] or "")
            ),
        ),
        ("Interests__c EXCLUDES ('Events')", lambda row: "Events" not in (row["Interests__c"] or "")),
        (
            "(MailingCountryCode = 'DE' OR MailingCountryCode = 'FR') AND NOT (Title = 'Buyer' OR Title = 'Controller')",
            lambda row: row["MailingCountryCode"] in ("DE", "FR") and row["Title"] not in ("Buyer", "Controller"),
        ),
    ],
)
def test_conditions_keep_exactly_what_they_say(eu: SalesforceOrg, where: str, keep) -> None:
    wanted = contacts(eu, keep)
    assert wanted
    assert column(eu, f"SELECT Id FROM Contact WHERE {where}") == wanted


def test_finds_rows_by_short_and_long_ids(eu: SalesforceOrg) -> None:
    key = str(eu.rows("Contact")[5]["Id"])
    for text in (key, key[:15], key.lower()[:15] + key[15:]):
        assert column(eu, f"SELECT Id FROM Contact WHERE Id = '{text}'") == [key]


def test_datetimes_compare_across_offsets(eu: SalesforceOrg) -> None:
    stamps = sorted(str(row["CreatedDate"]) for row in eu.rows("Contact"))
    middle = stamps[len(stamps) // 2]
    plain = middle.replace(".000+0000", "")
    hour = f"{(int(plain[11:13]) + 1) % 24:02d}"
    wanted = sum(each < middle for each in stamps)
    assert answer(eu, f"SELECT Id FROM Contact WHERE CreatedDate < {plain}Z").total == wanted
    if hour != "00":
        shifted = f"{plain[:11]}{hour}{plain[13:]}+01:00"
        assert answer(eu, f"SELECT Id FROM Contact WHERE CreatedDate < {shifted}").total == wanted


@pytest.mark.parametrize(
    ("literal", "first", "last"),
    [
        ("TODAY", "2026-11-20", "2026-11-20"),
        ("YESTERDAY", "2026-11-19", "2026-11-19"),
        ("LAST_N_DAYS:3", "2026-11-17", "2026-11-20"),
        ("NEXT_N_DAYS:3", "2026-11-21", "2026-11-23"),
        ("THIS_WEEK", "2026-11-16", "2026-11-22"),
        ("LAST_N_WEEKS:2", "2026-11-02", "2026-11-15"),
        ("N_WEEKS_AGO:2", "2026-11-02", "2026-11-08"),
        ("NEXT_N_WEEKS:1", "2026-11-23", "2026-11-29"),
        ("N_DAYS_AGO:2", "2026-11-18", "2026-11-18"),
        ("LAST_90_DAYS", "2026-08-22", "2026-11-20"),
        ("NEXT_90_DAYS", "2026-11-21", "2027-02-18"),
        ("N_MONTHS_AGO:3", "2026-08-01", "2026-08-31"),
        ("NEXT_N_QUARTERS:2", "2027-01-01", "2027-06-30"),
        ("N_QUARTERS_AGO:1", "2026-07-01", "2026-09-30"),
        ("THIS_FISCAL_QUARTER", "2026-10-01", "2026-12-31"),
        ("NEXT_N_FISCAL_QUARTERS:1", "2027-01-01", "2027-03-31"),
        ("N_FISCAL_QUARTERS_AGO:2", "2026-04-01", "2026-06-30"),
        ("LAST_FISCAL_YEAR", "2025-01-01", "2025-12-31"),
        ("LAST_N_FISCAL_YEARS:1", "2025-01-01", "2025-12-31"),
        ("N_YEARS_AGO:1", "2025-01-01", "2025-12-31"),
        ("LAST_MONTH", "2026-10-01", "2026-10-31"),
        ("THIS_QUARTER", "2026-10-01", "2026-12-31"),
        ("NEXT_YEAR", "2027-01-01", "2027-12-31"),
        ("LAST_N_MONTHS:2", "2026-09-01", "2026-10-31"),
    ],
)
def test_date_literals_cover_their_stretch(eu: SalesforceOrg, literal: str, first: str, last: str) -> None:
    def ids(where: str) -> list[object]:
        return column(eu, f"SELECT Id FROM Opportunity WHERE {where}")

    rows = {row["Id"]: str(row["CloseDate"]) for row in eu.rows("Opportunity")}
    assert ids(f"CloseDate = {literal}") == [key for key, day in rows.items() if first <= day <= last]
    assert ids(f"CloseDate < {literal}") == [key for key, day in rows.items() if day < first]
    assert ids(f"CloseDate >= {literal}") == [key for key, day in rows.items() if day >= first]
    assert ids(f"CloseDate > {literal}") == [key for key, day in rows.items() if day > last]


def test_parents_are_nested_and_named_as_described(eu: SalesforceOrg) -> None:
    [record] = records(eu, "SELECT c.account.owner.NAME, c.Account.Name, ReportsTo.Name FROM Contact c LIMIT 1")
    account = record["Account"]
    assert isinstance(account, dict)
    assert list(account) == ["attributes", "Owner", "Name"]
    assert account["attributes"]["url"].startswith(f"{BASE}/sobjects/Account/001")
    assert list(account["Owner"]) == ["attributes", "Name"]
    assert record["ReportsTo"] is None


def test_a_parent_of_any_object_is_called_a_name(eu: SalesforceOrg) -> None:
    [record] = records(eu, "SELECT Who.Name, Who.Type FROM Task LIMIT 1")
    assert record["Who"]["attributes"]["type"] == "Name"
    assert record["Who"]["Type"] == "Contact"
    assert code(eu, "SELECT Who.Department FROM Task") == "INVALID_FIELD"


def test_children_are_nested_or_null(eu: SalesforceOrg) -> None:
    found = records(eu, "SELECT Id, (SELECT LastName FROM Contacts ORDER BY LastName LIMIT 2) FROM Account LIMIT 300")
    filled = [record["Contacts"] for record in found if record["Contacts"]]
    assert any(record["Contacts"] is None for record in found)
    assert all(each["totalSize"] == len(each["records"]) <= 2 and each["done"] for each in filled)


def test_joins_within_conditions(eu: SalesforceOrg) -> None:
    with_de = {row["AccountId"] for row in eu.rows("Contact") if row["MailingCountryCode"] == "DE"}
    inner = "(SELECT AccountId FROM Contact WHERE MailingCountryCode = 'DE')"
    accounts = {row["Id"] for row in eu.rows("Account")}
    assert set(column(eu, f"SELECT Id FROM Account WHERE Id IN {inner}")) == with_de
    assert set(column(eu, f"SELECT Id FROM Account WHERE Id NOT IN {inner}")) == accounts - with_de


def test_orders_by_several_keys_with_nulls_first_unless_told(eu: SalesforceOrg) -> None:
    rows = column(eu, "SELECT MailingCountryCode FROM Contact ORDER BY MailingCountryCode DESC")
    filled = [each for each in rows if each is not None]
    assert rows[0] is None
    assert filled == sorted(filled, reverse=True)
    assert column(eu, "SELECT MailingCountryCode FROM Contact ORDER BY MailingCountryCode NULLS LAST")[-1] is None
    pairs = [
        (record["LastName"].casefold(), record["FirstName"].casefold())
        for record in records(eu, "SELECT LastName, FirstName FROM Contact ORDER BY LastName, FirstName DESC")
    ]
    assert pairs == sorted(sorted(pairs, key=lambda each: each[1], reverse=True), key=lambda each: each[0])


def test_limit_and_offset_cut_a_window(eu: SalesforceOrg) -> None:
    everything = column(eu, "SELECT Id FROM Contact ORDER BY Email")
    assert column(eu, "SELECT Id FROM Contact ORDER BY Email LIMIT 5 OFFSET 10") == everything[10:15]
    assert code(eu, "SELECT Id FROM Contact LIMIT 5 OFFSET 2001") == "NUMBER_OUTSIDE_VALID_RANGE"


def test_counts_and_groups(eu: SalesforceOrg) -> None:
    bare = answer(eu, "SELECT COUNT() FROM Contact WHERE MailingCountryCode = 'FR'")
    french = sum(row["MailingCountryCode"] == "FR" for row in eu.rows("Contact"))
    assert (bare.total, list(bare.rows)) == (french, [])
    text = (
        "SELECT MailingCountryCode country, COUNT(Id), COUNT_DISTINCT(LastName) names, MAX(CreatedDate) FROM Contact "
        "GROUP BY MailingCountryCode HAVING COUNT(Id) > 200 ORDER BY COUNT(Id) DESC"
    )
    found = records(eu, text)
    assert found[0]["attributes"] == {"type": "AggregateResult"}
    assert list(found[0]) == ["attributes", "country", "expr0", "names", "expr1"]
    counts = [record["expr0"] for record in found]
    assert counts == sorted(counts, reverse=True)
    assert None not in [record["country"] for record in found]


def test_sums_and_means(eu: SalesforceOrg) -> None:
    amounts = [float(row["Amount__c"]) for row in eu.rows("Invoice__c") if row["Status__c"] == "Paid"]
    [record] = records(
        eu, "SELECT SUM(Amount__c) s, AVG(Amount__c) m, MIN(Amount__c) FROM Invoice__c WHERE Status__c = 'Paid'"
    )
    assert record["s"] == pytest.approx(sum(amounts))
    assert record["m"] == pytest.approx(sum(amounts) / len(amounts))
    assert record["expr0"] == min(amounts)


def test_groups_by_a_parents_field(eu: SalesforceOrg) -> None:
    found = records(
        eu, "SELECT Account.Industry, COUNT(Id) n FROM Contact GROUP BY Account.Industry ORDER BY Account.Industry"
    )
    assert sum(record["n"] for record in found) == len(eu.rows("Contact"))
    assert len(found) == 12


def test_field_groups_need_a_limit(eu: SalesforceOrg) -> None:
    [record] = records(eu, "SELECT FIELDS(ALL) FROM Account LIMIT 1")
    assert set(record) == {"attributes", *(each.name for each in eu.schema.objects["Account"].fields)}
    assert code(eu, "SELECT FIELDS(ALL) FROM Account") == "MALFORMED_QUERY"
    assert len(records(eu, "SELECT FIELDS(STANDARD) FROM Account")) == len(eu.rows("Account"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SELECT Id FROM Contact WHERE Title = 'a' AND Email = 'b' OR Phone = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact LIMIT -1", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact; DELETE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Name = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Name = :bound", "MALFORMED_QUERY"),
        ("SELECT Id name2 FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id, LastName FROM Contact GROUP BY LastName", "MALFORMED_QUERY"),
        ("SELECT SUM(LastName) FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact ORDER BY Description", "MALFORMED_QUERY"),
        ("SELECT Amount, COUNT(Id) FROM Opportunity GROUP BY Amount", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Birthdate = '1970-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE HasOptedOutOfEmail = 'true'", "INVALID_FIELD"),
        ("SELECT Id, id FROM Contact", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id = 'short'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Contact WHERE AccountId > '001'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Contact WHERE HasOptedOutOfEmail LIKE 't%'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT QualifiedApiName FROM EntityDefinition WHERE Label = 'a' OR Label = 'b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE " + "(" * 70 + "Id = null" + ")" * 70, "QUERY_TOO_COMPLICATED"),
        ("SELECT Id FROM Contact WHERE LastName = '" + "a" * 4001 + "'", "MALFORMED_QUERY"),
    ],
)
def test_refuses_what_the_org_would_refuse(eu: SalesforceOrg, text: str, wanted: str) -> None:
    assert code(eu, text) == wanted


def test_errors_point_at_the_place(eu: SalesforceOrg) -> None:
    text = "select count() from XYZZY"
    with pytest.raises(SoqlError) as caught:
        answer(eu, text)
    shown = caught.value.render(text)
    assert shown.startswith(f"\n{text}\n{' ' * 20}^\nERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported.")


def test_escapes_are_those_of_the_language_and_no_others(org: SalesforceOrg) -> None:
    odd = 'it\'s \\ "odd"\tname_50%'
    org.store.insert("Account", {"Name": odd, "OwnerId": org.rows("User")[0]["Id"]}, "")
    quoted = r"it\'s \\ \"odd\"\tname_50%"
    assert column(org, f"SELECT Name FROM Account WHERE Name = '{quoted}'") == [odd]
    assert column(org, r"SELECT Name FROM Account WHERE Name LIKE '%name\_50\%'") == [odd]
    assert column(org, r"SELECT Name FROM Account WHERE Name LIKE '%name\_5\%'") == []
    for wrong in (r"a\q", r"a\_", r"a\%", r"\u0041"):
        assert code(org, f"SELECT Name FROM Account WHERE Name = '{wrong}'") == "MALFORMED_QUERY"


@given(st.text(max_size=40))
def test_an_escaped_text_stays_one_literal(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    query = parse_query(f"SELECT Id FROM Account WHERE Name = '{escaped}' LIMIT 1")
    assert query.limit == 1
    assert query.where is not None


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_politely(text: str) -> None:
    try:
        parse_query(f"SELECT Id FROM Account WHERE {text}")
    except SoqlError as refusal:
        found = refusal.code
    else:
        found = "MALFORMED_QUERY"
    assert found in ("MALFORMED_QUERY", "QUERY_TOO_COMPLICATED")


WORDS = st.sampled_from(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "IN",
        "LIKE",
        "INCLUDES",
        "GROUP",
        "BY",
        "HAVING",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "FOR",
        "VIEW",
        "ASC",
        "DESC",
        "NULLS",
        "FIRST",
        "COUNT",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        ">=",
        ":",
        "Id",
        "LastName",
        "Account.Name",
        "Email",
        "Birthdate",
        "CreatedDate",
        "Contact",
        "Account",
        "Contacts",
        "TODAY",
        "LAST_N_DAYS:3",
        "null",
        "true",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "5",
        "-1",
        "'x'",
        "'0018d0000000001'",
        "FIELDS(ALL)",
        "COUNT()",
        "SUM(Amount)",
        "n",
    ]
)


@given(st.lists(WORDS, max_size=14))
def test_any_words_are_answered_or_refused_politely(org_once: SalesforceOrg, words: list[str]) -> None:
    text = f"SELECT Id FROM Contact {' '.join(words)}"
    try:
        results = answer(org_once, text)
    except SoqlError as refusal:
        assert refusal.render(text)  # noqa: PT017 - either outcome is fine, no other
    else:
        assert results.total >= 0


def test_extreme_dates_are_refused_politely(eu: SalesforceOrg) -> None:
    for literal in ("LAST_N_DAYS:999999999", "LAST_N_YEARS:9999", "0001-01-01T00:00:00+10:00", "2026-02-30T00:00:00Z"):
        assert code(eu, f"SELECT Id FROM Contact WHERE CreatedDate > {literal}") == "MALFORMED_QUERY"
    deep = "SELECT (" * 80 + "SELECT Id FROM Contact"
    assert code(eu, deep) == "QUERY_TOO_COMPLICATED"


def test_a_filtered_and_ordered_query_is_quick(whole: Sandbox) -> None:
    org = whole.salesforce["eu"]
    text = "SELECT Id, Name, Account.Name FROM Contact WHERE MailingCountryCode = 'DE' AND Email LIKE '%.example' ORDER BY LastName"
    answer(org, text)
    best = min(_seconds(org, text) for _ in range(5))
    assert best < 0.05


def _seconds(org: SalesforceOrg, text: str) -> float:
    start = time.thread_time()
    answer(org, text)
    return time.thread_time() - start
