import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg


def soql(client: httpx2.Client, text: str) -> httpx2.Response:
    return client.get("query", params={"q": text})


def test_hidden_fields_are_missing_everywhere(org: SalesforceOrg, login) -> None:
    alice = login(org, "alice")
    key = org.rows("Contact")[0]["Id"]
    assert "SSN__c" not in {each["name"] for each in alice.get("sobjects/Contact/describe").json()["fields"]}
    record = alice.get(f"sobjects/Contact/{key}").json()
    assert not {"SSN__c", "Diagnosis__c"} & set(record)
    assert record["LastName"]
    assert org.rows("Contact")[0]["SSN__c"]
    rows = soql(alice, "SELECT FIELDS(ALL) FROM Contact LIMIT 1").json()["records"]
    assert "SSN__c" not in rows[0]
    known = "SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Contact'"
    assert "SSN__c" not in {each["QualifiedApiName"] for each in soql(alice, known).json()["records"]}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT {} FROM Contact",
        "SELECT Id FROM Contact WHERE {} = 'x'",
        "SELECT Id FROM Contact ORDER BY {}",
        "SELECT COUNT(Id) FROM Contact GROUP BY {}",
        "SELECT COUNT({}) FROM Contact",
        "SELECT Contact.{} FROM Case",
        "SELECT Id FROM Case WHERE Contact.{} = 'x'",
        "SELECT Id, (SELECT {} FROM Contacts) FROM Account",
    ],
)
def test_a_hidden_field_looks_like_a_typo(org: SalesforceOrg, login, text: str) -> None:
    alice = login(org, "alice")
    hidden, typo = (soql(alice, text.format(name)) for name in ("SSN__c", "SSX__c"))
    assert hidden.status_code == typo.status_code == 400
    assert hidden.json()[0]["errorCode"] == "INVALID_FIELD"
    assert hidden.text.replace("SSN__c", "SSX__c") == typo.text


def test_a_hidden_field_cannot_be_written(org: SalesforceOrg, login) -> None:
    key = org.rows("Contact")[0]["Id"]
    answer = login(org, "alice").patch(f"sobjects/Contact/{key}", json={"SSN__c": "1"})
    assert answer.json()[0]["message"] == "No such column 'SSN__c' on sobject of type Contact"


def test_sharing_drops_rows_silently(org: SalesforceOrg, login) -> None:
    bob = login(org, "bob")
    me = org.user(org.usernames["bob"])
    assert me is not None
    mine = [row for row in org.rows("Contact") if row["OwnerId"] == me["Id"]]
    foreign = next(row for row in org.rows("Contact") if row["OwnerId"] != me["Id"])
    assert 0 < len(mine) < len(org.rows("Contact"))
    assert soql(bob, "SELECT Id FROM Contact").json()["totalSize"] == len(mine)
    assert soql(bob, "SELECT COUNT() FROM Contact").json()["totalSize"] == len(mine)
    for answer in (
        bob.get(f"sobjects/Contact/{foreign['Id']}"),
        bob.patch(f"sobjects/Contact/{foreign['Id']}", json={"Title": "x"}),
        bob.delete(f"sobjects/Contact/{foreign['Id']}"),
        bob.get(f"sobjects/Contact/Email/{foreign['Email']}"),
    ):
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    asked = {"q": str(foreign["Email"]), "sobject": "Contact"}
    assert bob.get("parameterizedSearch", params=asked).json()["searchRecords"] == []


def test_a_hidden_parent_is_null_and_joins_do_not_see_it(org: SalesforceOrg, login) -> None:
    bob = login(org, "bob")
    me = org.user(org.usernames["bob"])
    assert me is not None
    foreign = next(row for row in org.rows("Contact") if row["OwnerId"] != me["Id"])
    org.store.insert(
        "Case", {"Subject": "borrowed", "ContactId": foreign["Id"], "OwnerId": me["Id"], "Status": "New"}, ""
    )
    [record] = soql(bob, "SELECT Contact.Email FROM Case WHERE Subject = 'borrowed'").json()["records"]
    assert record["Contact"] is None
    inner = f"SELECT Id FROM Contact WHERE Id = '{foreign['Id']}'"
    assert soql(bob, f"SELECT Id FROM Case WHERE ContactId IN ({inner})").json()["totalSize"] == 0


def test_a_duplicate_of_a_hidden_row_gives_nothing_away(org: SalesforceOrg, login, crm: httpx2.Client) -> None:
    crm.post("sobjects/Contact", json={"LastName": "Hidden", "Isthmus_Key__c": "k"})
    answer = login(org, "bob").patch("sobjects/Contact/Isthmus_Key__c/k", json={"LastName": "Mine"})
    message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    assert answer.json() == [{"message": message, "errorCode": "DUPLICATE_VALUE", "fields": []}]


def test_an_auditor_reads_but_never_writes(org: SalesforceOrg, login) -> None:
    carol = login(org, "carol")
    key = org.rows("Case")[0]["Id"]
    assert carol.get(f"sobjects/Case/{key}").status_code == 200
    assert carol.post("sobjects/Case", json={"Subject": "x"}).status_code == 400
    for answer in (carol.patch(f"sobjects/Case/{key}", json={"Subject": "x"}), carol.delete(f"sobjects/Case/{key}")):
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert carol.get("sobjects/Case/describe").json()["updateable"] is False


def test_a_hidden_object_does_not_exist(org: SalesforceOrg, login) -> None:
    carol = login(org, "carol")
    assert soql(carol, "SELECT Id FROM Asset_Note__c").json()[0]["errorCode"] == "INVALID_TYPE"
    assert carol.get("sobjects/Asset_Note__c/describe").status_code == 404
    assert "Asset_Note__c" not in carol.get("sobjects").text


def test_two_users_get_two_describes(org: SalesforceOrg, login) -> None:
    tags = {login(org, user).get("sobjects/Contact/describe").headers["etag"] for user in ("integration", "alice")}
    assert len(tags) == 2


def test_cookies_belong_to_one_login_and_the_journal_tells_whose_came_back(org: SalesforceOrg, login) -> None:
    alice, bob = login(org, "alice"), login(org, "bob")
    cookie = alice.get("limits").headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("BrowserId=")
    assert bob.get("limits").headers["set-cookie"].partition(";")[0] != cookie
    bob.get("limits", headers={"cookie": cookie})
    crossed = org.journal.entries[-1]
    assert (crossed.user, crossed.cookie_user) == (org.usernames["bob"], org.usernames["alice"])
