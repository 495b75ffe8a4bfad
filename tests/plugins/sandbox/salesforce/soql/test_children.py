"""Do children page on their own, within the life of their statement?"""

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg

TEXT = "SELECT Id, (SELECT LastName FROM Contacts ORDER BY LastName DESC) FROM Account"


def follow(client: httpx2.Client, url: str) -> httpx2.Response:
    return client.get(httpx2.URL(str(client.base_url)).join(url))


def soql(client: httpx2.Client, text: str, **parameters: str) -> httpx2.Response:
    return client.get("query", params={"q": text, **parameters})


@pytest.fixture
def crowded(org: SalesforceOrg) -> str:
    """The id of an account with 2,500 people more than it had."""
    row = org.rows("Account")[0]
    for number in range(2_500):
        values = {"LastName": f"Crowd {number:04}", "AccountId": row["Id"], "OwnerId": row["OwnerId"]}
        org.store.insert("Contact", values, "")
    return str(row["Id"])


def test_a_crowd_of_children_has_pages_of_its_own(crm: httpx2.Client, org: SalesforceOrg, crowded: str) -> None:
    [record] = soql(crm, f"{TEXT} WHERE Id = '{crowded}'").json()["records"]
    page = record["Contacts"]
    total = sum(row["AccountId"] == crowded for row in org.rows("Contact"))
    assert (page["totalSize"], page["done"], len(page["records"])) == (total, False, 199)
    names = [each["LastName"] for each in page["records"]]
    sizes = []
    while not page["done"]:
        page = follow(crm, page["nextRecordsUrl"]).json()
        sizes.append(len(page["records"]))
        names += [each["LastName"] for each in page["records"]]
    assert sizes == [2_000, total - 2_199]
    assert names == sorted(names, key=str.casefold, reverse=True)
    assert page["records"][0]["attributes"]["type"] == "Contact"


def test_a_window_is_cut_for_each_parent(crm: httpx2.Client, crowded: str) -> None:
    text = f"SELECT Id, (SELECT Id FROM Contacts WHERE LastName LIKE 'Crowd%' LIMIT 300) FROM Account WHERE Id = '{crowded}'"
    [record] = soql(crm, text).json()["records"]
    assert record["Contacts"]["totalSize"] == 300
    rest = follow(crm, record["Contacts"]["nextRecordsUrl"]).json()
    assert (rest["done"], len(rest["records"])) == (True, 101)


def test_the_pages_of_children_end_with_their_statement_and_count_as_one_cursor(
    crm: httpx2.Client, org: SalesforceOrg, crowded: str
) -> None:
    owner = org.rows("User")[0]["Id"]
    for _ in range(250):
        org.store.insert("Case", {"Subject": "x", "AccountId": crowded, "OwnerId": owner, "Status": "New"}, "")
    text = f"SELECT Id, (SELECT Id FROM Contacts), (SELECT Id FROM Cases) FROM Account WHERE Id = '{crowded}'"
    first, *others = (soql(crm, text).json()["records"][0] for _ in range(11))
    for name in ("Contacts", "Cases"):
        assert follow(crm, first[name]["nextRecordsUrl"]).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
        assert all(follow(crm, each[name]["nextRecordsUrl"]).status_code == 200 for each in others)


def test_a_relationship_is_selected_once(crm: httpx2.Client) -> None:
    text = "SELECT Id, (SELECT Id FROM Contacts), (SELECT Id FROM Account.Contacts) FROM Account"
    assert soql(crm, text).json()[0]["message"].endswith("duplicate field selected: Contacts")


def test_children_of_children_are_nested_five_levels_deep_at_most(crm: httpx2.Client) -> None:
    two = "SELECT Id, (SELECT Id, (SELECT Subject FROM Cases) FROM Contacts) FROM Account"
    found = soql(crm, two).json()["records"]
    assert any(contact["Cases"] for record in found if record["Contacts"] for contact in record["Contacts"]["records"])

    def nest(levels: int) -> str:
        return "SELECT Id FROM Cases" if levels == 1 else f"SELECT Id, ({nest(levels - 1)}) FROM Cases"

    assert soql(crm, f"SELECT Id, ({nest(4)}) FROM Contact LIMIT 1").status_code == 200
    assert "five levels deep" in soql(crm, f"SELECT Id, ({nest(5)}) FROM Contact LIMIT 1").text


@pytest.mark.parametrize(
    "nested",
    [
        "SELECT Id FROM Contacts WHERE Nope = 1",
        "SELECT Id FROM Contacts ORDER BY Description",
        "SELECT Id FROM Contacts OFFSET 5",
        "SELECT Id FROM Contacts FOR VIEW",
        "SELECT Id FROM Contact",
        "SELECT Id FROM Contact.Contacts",
        "SELECT FIELDS(ALL) FROM Contacts",
    ],
)
def test_a_wrong_nested_statement_is_refused_as_a_whole(crm: httpx2.Client, nested: str) -> None:
    answer = soql(crm, f"SELECT Id, ({nested}) FROM Account")
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] in ("MALFORMED_QUERY", "INVALID_FIELD", "INVALID_TYPE")


def test_offsets_of_children_need_one_parent(crm: httpx2.Client) -> None:
    assert soql(crm, "SELECT Id, (SELECT Id FROM Contacts LIMIT 2 OFFSET 1) FROM Account LIMIT 1").status_code == 200
