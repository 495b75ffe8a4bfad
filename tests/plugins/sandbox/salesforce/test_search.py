import httpx2
import pytest

from isthmus.plugins.sandbox.salesforce.search import matcher


@pytest.fixture
def people(crm: httpx2.Client) -> httpx2.Client:
    for last, email in (("Zanderfels", "zander@fels.example"), ("Zanderberg", "berg@fels.example")):
        crm.post(
            "sobjects/Contact",
            json={"LastName": last, "FirstName": "Anne-Marie", "Email": email, "SSN__c": "zz-secret"},
        )
    return crm


def names(answer: httpx2.Response) -> list[str]:
    return [record["Name"] for record in answer.json()["searchRecords"]]


def test_sosl_returns_the_asked_fields_within_its_own_conditions(people: httpx2.Client) -> None:
    text = "FIND {zander*} IN NAME FIELDS RETURNING Contact(Id, Name WHERE Email LIKE 'berg%' ORDER BY Name LIMIT 5), Account"
    assert names(people.get("search", params={"q": text})) == ["Anne-Marie Zanderberg"]


def test_parameters_may_stand_in_the_url_or_in_the_body(people: httpx2.Client) -> None:
    url = {"q": "Zanderfels", "sobject": "Contact", "Contact.fields": "Id,Name"}
    assert names(people.get("parameterizedSearch/", params=url)) == ["Anne-Marie Zanderfels"]
    body = {
        "q": "zander*",
        "fields": ["Name"],
        "sobjects": [{"name": "Contact", "where": "Email LIKE 'z%'"}],
        "in": "NAME",
    }
    assert names(people.post("parameterizedSearch", json=body)) == ["Anne-Marie Zanderfels"]


def test_finds_only_in_the_asked_group_and_only_what_is_searchable(people: httpx2.Client) -> None:
    def found(term: str, group: str) -> int:
        asked = {"q": term, "sobject": "Contact", "fields": "Name", "in": group}
        return len(names(people.get("parameterizedSearch", params=asked)))

    assert (found("berg@fels.example", "EMAIL"), found("berg@fels.example", "NAME")) == (1, 0)
    assert found("zz-secret", "ALL") == 0


@pytest.mark.parametrize(
    "text", ["zander", "FIND {z}", "FIND {zander} RETURNING Contact(", "FIND {zander} IN NO FIELDS"]
)
def test_refuses_malformed_searches(people: httpx2.Client, text: str) -> None:
    answer = people.get("search", params={"q": text})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_SEARCH")


def test_terms_know_wildcards_words_and_escapes() -> None:
    assert matcher("fel?")("Zander Fels")
    assert matcher("zander AND fels")("Fels, Zander")
    assert matcher("nobody OR fels")("Fels")
    assert matcher('"zander fels"')("Anne Zander Fels")
    assert not matcher("zander")("Zanderfels")
    assert not matcher(r"fel\?")("Fels")
    assert not matcher(r"zan\*")("Zander")


@pytest.mark.parametrize(
    "body", [{"q": "ab", "sobjects": "x"}, {"q": "ab", "sobjects": ["x"]}, {"q": "ab", "defaultLimit": "x"}]
)
def test_refuses_malformed_bodies(people: httpx2.Client, body: dict[str, object]) -> None:
    assert people.post("parameterizedSearch", json=body).status_code == 400
