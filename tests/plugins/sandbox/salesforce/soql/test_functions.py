"""What do the functions of a row give?"""

from datetime import date, timedelta

import pytest

BORN = "SELECT Birthdate FROM Contact WHERE Birthdate != null AND "


def week_in_year(day: date) -> int:
    first = date(day.year, 1, 1)
    return next(week for week in range(1, 54) if first + timedelta(days=7 * week) > day)


@pytest.mark.parametrize(
    ("function", "naive"),
    [
        ("CALENDAR_QUARTER", lambda day: {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3}.get(day.month, 4)),
        ("CALENDAR_MONTH", lambda day: day.month),
        ("FISCAL_YEAR", lambda day: day.year),
        ("FISCAL_MONTH", lambda day: day.month),
        ("FISCAL_QUARTER", lambda day: (day.month - 1) // 3 + 1),
        ("DAY_IN_MONTH", lambda day: day.day),
        ("DAY_IN_WEEK", lambda day: {"Sun": 1, "Mon": 2, "Tue": 3, "Wed": 4, "Thu": 5, "Fri": 6}.get(f"{day:%a}", 7)),
        ("DAY_IN_YEAR", lambda day: int(f"{day:%j}")),
        (
            "WEEK_IN_MONTH",
            lambda day: {1: 1, 8: 2, 15: 3, 22: 4, 29: 5}[max(d for d in (1, 8, 15, 22, 29) if d <= day.day)],
        ),
        ("WEEK_IN_YEAR", week_in_year),
    ],
)
def test_parts_of_dates_are_those_of_the_calendar(eu, function: str, naive) -> None:
    days = [date.fromisoformat(str(row["Birthdate"])) for row in eu.org.rows("Contact")[:60]]
    wanted = naive(days[0])
    text = f"SELECT Birthdate FROM Contact WHERE {function}(Birthdate) = {wanted} LIMIT 2000"
    found = [date.fromisoformat(str(each)) for each in eu.column(text)]
    assert days[0] in found
    assert {naive(day) for day in found} == {wanted}
    total = sum(naive(date.fromisoformat(str(row["Birthdate"]))) == wanted for row in eu.org.rows("Contact"))
    assert eu.results(text.replace(" LIMIT 2000", "")).total == total


def test_hours_and_days_are_cut_from_datetimes(eu) -> None:
    stamps = [str(row["CreatedDate"]) for row in eu.org.rows("Case")]
    day = stamps[0][:10]
    hours = eu.column("SELECT CreatedDate FROM Case WHERE HOUR_IN_DAY(convertTimezone(CreatedDate)) = 7")
    assert sorted(map(str, hours)) == sorted(each for each in stamps if each[11:13] == "07")
    assert len(eu.column(f"SELECT Id FROM Case WHERE DAY_ONLY(CreatedDate) = {day}")) == sum(
        each.startswith(day) for each in stamps
    )


@pytest.mark.parametrize(
    "where",
    [
        "DAY_ONLY(CreatedDate) = TODAY",
        "CALENDAR_YEAR(CreatedDate) = THIS_YEAR",
        "convertTimezone(CreatedDate) > 2026-01-01T00:00:00Z",
        "CALENDAR_YEAR(convertTimezone(ActivityDate)) = 2026",
        "HOUR_IN_DAY(ActivityDate) = 1",
        "DAY_ONLY(ActivityDate) = 2026-01-01",
        "CALENDAR_YEAR(Subject) = 2026",
        "FORMAT(CreatedDate) = 'x'",
        "CALENDAR_YEAR(CreatedDate, Subject) = 1",
        "NOSUCH(CreatedDate) = 1",
        "COUNT(Id) = 1",
    ],
)
def test_refuses_functions_out_of_place(eu, where: str) -> None:
    assert eu.refusal(f"SELECT Id FROM Task WHERE {where}")[0] == "MALFORMED_QUERY"


def test_formats_for_the_users_locale(whole, eu) -> None:
    text = "SELECT Amount, FORMAT(Amount) money, CloseDate, FORMAT(CloseDate) day, FORMAT(CreatedDate) at FROM Opportunity WHERE Amount > 1000 ORDER BY Id LIMIT 1"
    [german] = eu.records(text)
    [american] = type(eu)(whole.salesforce["us"]).records(text)
    plain = f"{german['Amount']:,.2f}"
    assert german["money"] == plain.replace(",", " ").replace(".", ",").replace(" ", ".") + " €"
    assert american["money"] == f"${american['Amount']:,.2f}"
    assert german["day"] == date.fromisoformat(str(german["CloseDate"])).strftime("%d.%m.%Y")
    assert str(american["at"]).endswith((" AM", " PM"))


def test_labels_and_currencies_keep_their_place(eu) -> None:
    text = "SELECT StageName, toLabel(StageName) label, Amount, convertCurrency(Amount) mine, Account.Name, toLabel(Account.Industry) FROM Opportunity LIMIT 1"
    [record] = eu.records(text)
    assert record["label"] == record["StageName"]
    assert record["mine"] == record["Amount"]
    assert list(record) == ["attributes", "StageName", "label", "Amount", "mine", "Account"]
    assert list(record["Account"]) == ["attributes", "Name", "Industry"]
    closed = eu.results("SELECT Id FROM Case WHERE toLabel(Status) LIKE 'clo%'").total
    assert closed == sum(row["Status"] == "Closed" for row in eu.org.rows("Case"))


@pytest.mark.parametrize("column", ["toLabel(Name)", "convertCurrency(Name)", "FORMAT(Name)", "Name alias"])
def test_functions_fit_their_fields_only(eu, column: str) -> None:
    assert eu.refusal(f"SELECT {column} FROM Account")[0] == "MALFORMED_QUERY"


def test_distances_are_measured_between_addresses(ask) -> None:
    asker = ask()
    munich, paris = "GEOLOCATION(48.1372, 11.5756)", "GEOLOCATION(48.8566, 2.3522)"
    row = next(iter(asker.org.store["Account"]))
    row["BillingAddress"] = {"latitude": "48.8566", "longitude": "2.3522"}
    [record] = asker.records(
        f"SELECT Name, DISTANCE(BillingAddress, {munich}, 'km') far FROM Account WHERE Id = '{row['Id']}'"
    )
    assert record["far"] == pytest.approx(685, abs=5)
    assert asker.column(f"SELECT Id FROM Account WHERE DISTANCE(BillingAddress, {paris}, 'mi') < 1") == [row["Id"]]
    last = asker.column(f"SELECT Id FROM Account ORDER BY DISTANCE(BillingAddress, {munich}, 'km') DESC NULLS LAST")
    assert last[0] == row["Id"]


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("DISTANCE(Name, GEOLOCATION(1, 2), 'km') < 5", "INVALID_FIELD"),
        ("DISTANCE(BillingAddress, GEOLOCATION(1, 2), 'ly') < 5", "MALFORMED_QUERY"),
        ("DISTANCE(BillingAddress, GEOLOCATION(1, 2), 'km') = 5", "MALFORMED_QUERY"),
        ("DISTANCE(BillingAddress, GEOLOCATION(1, 'x'), 'km') < 5", "MALFORMED_QUERY"),
        ("GEOLOCATION(1, 2) < 5", "MALFORMED_QUERY"),
    ],
)
def test_refuses_distances_between_nothing(eu, where: str, code: str) -> None:
    assert eu.refusal(f"SELECT Id FROM Account WHERE {where}")[0] == code


def test_picklists_sort_as_they_are_listed(eu) -> None:
    order = list(eu.org.schema.objects["Case"].by_name["priority"].values)
    found = eu.column("SELECT Priority FROM Case ORDER BY Priority NULLS LAST")
    assert found == sorted(found, key=order.index)
    assert order != sorted(order)
