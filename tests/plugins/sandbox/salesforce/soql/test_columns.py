"""Does `columns=true` describe the columns instead of answering?"""

import httpx2


def described(client: httpx2.Client, text: str) -> httpx2.Response:
    return client.get("query", params={"q": text, "columns": "true"})


def test_records_parents_and_children_are_described(crm: httpx2.Client) -> None:
    text = "SELECT Id, Name, Owner.Name, AnnualRevenue, (SELECT LastName FROM Contacts) FROM Account"
    body = described(crm, text).json()
    assert (body["entityName"], body["groupBy"], body["idSelected"], body["keyPrefix"]) == (
        "Account",
        False,
        True,
        "001",
    )
    key, name, owner, revenue, contacts = body["columnMetadata"]
    assert (key["columnName"], key["apexType"], key["textType"], key["insertable"]) == ("Id", "Id", False, False)
    assert (name["displayName"], name["textType"], name["aggregate"]) == ("Name", True, False)
    assert (owner["foreignKeyName"], owner["aggregate"]) == ("OwnerId", False)
    assert [each["columnName"] for each in owner["joinColumns"]] == ["Name"]
    assert revenue["numberType"] is True
    assert contacts["aggregate"] is True
    assert [each["columnName"] for each in contacts["joinColumns"]] == ["LastName"]


def test_groups_are_described(crm: httpx2.Client) -> None:
    body = described(crm, "SELECT StageName, avg(Amount), COUNT(Id) n FROM Opportunity GROUP BY StageName").json()
    stage, mean, count = body["columnMetadata"]
    assert (stage["columnName"], stage["aggregate"]) == ("StageName", False)
    assert (mean["columnName"], mean["displayName"], mean["numberType"]) == ("expr0", "avg(Amount)", True)
    assert (count["columnName"], count["displayName"]) == ("n", "COUNT(Id)")
    assert body["groupBy"] is True
    assert described(crm, "SELECT COUNT() FROM Account").json()["columnMetadata"] == []


def test_all_shapes_of_a_parent_are_described(crm: httpx2.Client) -> None:
    text = "SELECT TYPEOF Who WHEN Contact THEN LastName, Email WHEN Lead THEN LastName, Company ELSE Id END FROM Task"
    [who] = described(crm, text).json()["columnMetadata"]
    assert [each["columnName"] for each in who["joinColumns"]] == ["LastName", "Email", "Company", "Id"]


def test_a_wrong_statement_has_no_columns(crm: httpx2.Client) -> None:
    for text in (
        "SELECT Nope FROM Account",
        "SELECT Id FROM Account WHERE Nope = 1",
        "SELECT Id FROM Account ORDER BY Nope",
    ):
        answer = described(crm, text)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
