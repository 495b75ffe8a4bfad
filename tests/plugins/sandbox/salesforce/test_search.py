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
    "text",
    [
        "zander",
        "FIND {}",
        "FIND {z}",
        "FIND {z*}",
        "FIND {zander AND}",
        "FIND {zander OR OR fels}",
        "FIND {(zander}",
        "FIND {zander)}",
        "FIND {" + "(" * 400 + "zander" + ")" * 400 + "}",
        "FIND {zander} RETURNING Contact(",
        "FIND {zander} IN NO FIELDS",
        "FIND {zander} RETURNING Contact(COUNT(Id))",
        "FIND {zander} RETURNING Contact(Id, (SELECT Id FROM Cases))",
        "FIND {zander} RETURNING Contact(Id OFFSET 1), Account(Id)",
        "FIND {zander} RETURNING Contact(Id) WITH DIVISION = 'x'",
        "FIND {zander} RETURNING Contact(Id) LIMIT many",
    ],
)
def test_refuses_malformed_searches(people: httpx2.Client, text: str) -> None:
    answer = people.get("search", params={"q": text})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_SEARCH")


def test_sosl_cuts_windows_and_sorts(people: httpx2.Client) -> None:
    def found(rest: str) -> list[str]:
        return names(people.get("search", params={"q": f"FIND {{zander*}} RETURNING Contact({rest}"}))

    berg, fels = "Anne-Marie Zanderberg", "Anne-Marie Zanderfels"
    assert found("Name ORDER BY LastName DESC)") == [fels, berg]
    assert found("Name ORDER BY LastName LIMIT 1 OFFSET 1)") == [fels]
    assert found("Name WHERE Email LIKE 'z%' ORDER BY LastName LIMIT 1)") == [fels]
    assert found("Name ORDER BY LastName) WITH SPELL_CORRECTION = false WITH HIGHLIGHT LIMIT 1") == [berg]


def test_parameters_sort_and_skip_too(people: httpx2.Client) -> None:
    url = {"q": "zander*", "sobject": "Contact", "fields": "Name", "Contact.orderBy": "LastName DESC", "offset": "1"}
    assert names(people.get("parameterizedSearch", params=url)) == ["Anne-Marie Zanderberg"]
    entry = {"name": "Contact", "orderBy": "LastName DESC", "limit": 1}
    body = {"q": "zander*", "fields": ["Name"], "sobjects": [entry], "overallLimit": 5}
    assert names(people.post("parameterizedSearch", json=body)) == ["Anne-Marie Zanderfels"]


def test_words_may_stand_in_several_fields_of_a_record(people: httpx2.Client) -> None:
    text = "FIND {Zanderfels AND zander@fels.example} RETURNING Contact(Name)"
    assert names(people.get("search", params={"q": text})) == ["Anne-Marie Zanderfels"]
    text = "FIND {zander* AND NOT zander@fels.example} RETURNING Contact(Name)"
    assert names(people.get("search", params={"q": text})) == ["Anne-Marie Zanderberg"]


def test_old_versions_answer_with_a_bare_list(people: httpx2.Client) -> None:
    address = str(people.base_url).replace("v60.0", "v36.0")
    answer = people.get(f"{address}search", params={"q": "FIND {zander*} RETURNING Contact(Name)"})
    assert len(answer.json()) == 2


def test_errors_of_a_search_point_at_the_place_in_it(people: httpx2.Client) -> None:
    text = "FIND {zander fels} RETURNING Contact(Id LIMIT x)"
    message = people.get("search", params={"q": text}).json()[0]["message"]
    assert message.endswith("ERROR at Row:1:Column:47\nunexpected token: 'x'")


def test_hidden_fields_neither_find_nor_show(people: httpx2.Client, org, login) -> None:
    alice = login(org, "alice")
    for rest in ("Name, SSN__c", "Name WHERE SSN__c = 'x'", "Name ORDER BY SSN__c"):
        answer = alice.get("search", params={"q": f"FIND {{zander*}} RETURNING Contact({rest})"})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_terms_know_wildcards_words_and_escapes() -> None:
    assert matcher("fel?")("Zander Fels")
    assert matcher("zander AND fels")("Fels, Zander")
    assert matcher("nobody OR fels")("Fels")
    assert matcher('"zander fels"')("Anne Zander Fels")
    assert not matcher("zander")("Zanderfels")
    assert not matcher(r"fel\?")("Fels")
    assert not matcher(r"zan\*")("Zander")
    assert matcher(r"zan\*der")("zan*der")


def test_terms_know_operators_phrases_and_parentheses() -> None:
    assert matcher("(zander OR berg) AND fels")("Fels Berg")
    assert not matcher("(zander OR berg) AND fels")("Zander Berg")
    assert matcher("zander AND fels OR berg")("Berg")
    assert not matcher("zander AND (fels OR berg)")("Berg")
    assert matcher("zander AND NOT berg")("Zander Fels")
    assert not matcher("zander AND NOT berg")("Zander Berg")
    assert matcher("zander fels")("Fels", "Zander")
    assert not matcher('"zander fels"')("Fels Zander")
    assert not matcher('"zander fels"')("Zander Felsen")
    assert matcher('"zander fels*"')("Zander Felsen")
    assert matcher('"and"')("This and that")
    assert matcher("z**der")("Zander")
    assert matcher("*fels")("Fels")
    assert not matcher("*fels")("Zanderfels")


@pytest.mark.parametrize(
    "body", [{"q": "ab", "sobjects": "x"}, {"q": "ab", "sobjects": ["x"]}, {"q": "ab", "defaultLimit": "x"}]
)
def test_refuses_malformed_bodies(people: httpx2.Client, body: dict[str, object]) -> None:
    assert people.post("parameterizedSearch", json=body).status_code == 400
