from urllib.parse import quote

import httpx2
import pytest

from isthmus.plugins.sandbox import Effect, SalesforceOrg, Sandbox


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def make(crm: httpx2.Client, name: str, **values: object) -> str:
    answer = crm.post(f"sobjects/{name}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_create_answers_with_the_id_and_where_the_row_is(crm: httpx2.Client, org: SalesforceOrg) -> None:
    answer = crm.post("sobjects/Case/", json={"Subject": "Pump leaks"})
    key = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.json() == {"id": key, "success": True, "errors": []}
    assert answer.headers["location"] == f"/services/data/v60.0/sobjects/Case/{key}"
    assert org.journal.entries[-1].effects == (Effect("created", "Case", key),)
    stored = next(row for row in org.rows("Case") if row["Id"] == key)
    assert (stored["Subject"], stored["Status"], stored["Priority"]) == ("Pump leaks", "New", "Medium")


def test_get_returns_all_fields_or_those_asked_for(crm: httpx2.Client) -> None:
    key = make(crm, "Contact", LastName="Testmann", MailingCity="Köln", MailingCountryCode="DE")
    whole = crm.get(f"sobjects/Contact/{key}").json()
    assert whole["attributes"] == {"type": "Contact", "url": f"/services/data/v60.0/sobjects/Contact/{key}"}
    assert whole["Name"] == "Testmann"
    assert whole["MailingAddress"]["city"] == "Köln"
    some = crm.get(f"sobjects/Contact/{key[:15]}", params={"fields": "lastname,Email"}).json()
    assert list(some) == ["attributes", "LastName", "Email", "Id"]


def test_update_and_delete_answer_204_without_body_or_limit_header(crm: httpx2.Client) -> None:
    key = make(crm, "Case", Subject="x")
    for answer in (crm.patch(f"sobjects/Case/{key}", json={"Subject": "y"}), crm.delete(f"sobjects/Case/{key}")):
        assert (answer.status_code, answer.content) == (204, b"")
        assert "sforce-limit-info" not in answer.headers
        assert "content-length" not in answer.headers
    assert crm.get(f"sobjects/Case/{key}").json() == [
        {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}
    ]
    assert error(crm.delete(f"sobjects/Case/{key}")) == (404, "ENTITY_IS_DELETED")
    assert error(crm.patch(f"sobjects/Case/{key}", json={})) == (404, "ENTITY_IS_DELETED")


def test_upsert_creates_then_changes(crm: httpx2.Client, org: SalesforceOrg) -> None:
    url = f"sobjects/Case/Isthmus_Key__c/{quote('a/b c', safe='')}"
    made = crm.patch(url, json={"Subject": "one"})
    assert (made.status_code, made.json()["created"]) == (201, True)
    changed = crm.patch(url, json={"Subject": "two"})
    assert (changed.status_code, changed.json()) == (200, {**made.json(), "created": False})
    rows = [row for row in org.rows("Case") if row["Isthmus_Key__c"] == "a/b c"]
    assert [row["Subject"] for row in rows] == ["two"]
    assert crm.get(url).json()["Subject"] == "two"


def test_upsert_of_old_versions_answers_204(crm: httpx2.Client) -> None:
    url = "/services/data/v45.0/sobjects/Case/Isthmus_Key__c/k"
    assert crm.patch(httpx2.URL(str(crm.base_url)).join(url), json={}).status_code == 201
    assert crm.patch(httpx2.URL(str(crm.base_url)).join(url), json={}).status_code == 204


def test_upsert_names_the_candidates_when_several_match(crm: httpx2.Client) -> None:
    keys = [make(crm, "Account", Name=name, Legacy_Number__c="same") for name in ("A", "B")]
    answer = crm.patch("sobjects/Account/Legacy_Number__c/SAME", json={"Name": "C"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v60.0/sobjects/Account/{key}" for key in keys]


def test_upsert_works_by_email_too(crm: httpx2.Client) -> None:
    make(crm, "Contact", LastName="Mail", Email="one@mail.example")
    assert crm.patch("sobjects/Contact/Email/one@mail.example", json={"Title": "Dr"}).json()["created"] is False


def test_update_only_never_creates(crm: httpx2.Client, org: SalesforceOrg) -> None:
    before = len(org.rows("Case"))
    answer = crm.patch("sobjects/Case/Isthmus_Key__c/none", params={"updateOnly": "true"}, json={"Subject": "x"})
    assert error(answer) == (404, "NOT_FOUND")
    assert len(org.rows("Case")) == before


@pytest.mark.parametrize(
    ("name", "values", "code", "fields"),
    [
        ("Contact", {"FirstName": "A"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ("Contact", {"LastName": "x" * 81}, "STRING_TOO_LONG", ["LastName"]),
        ("Contact", {"LastName": "A", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ("Contact", {"LastName": "A", "AccountId": "23foo"}, "MALFORMED_ID", ["AccountId"]),
        ("Contact", {"LastName": "A", "AccountId": "0018d00000000zz"}, "INVALID_CROSS_REFERENCE_KEY", []),
        ("Contact", {"LastName": "A", "Foo__c": 1}, "INVALID_FIELD", None),
        ("Contact", {"LastName": "A", "Name": "B"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"]),
        ("Contact", {"LastName": "A", "Birthdate": "soon"}, "JSON_PARSER_ERROR", None),
        ("Case", {"Status": "Nope"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Status"]),
        ("Case", {"IsClosed": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsClosed"]),
        ("Opportunity", {"Name": "A", "Amount": "lots"}, "JSON_PARSER_ERROR", None),
        ("Invoice__c", {"Invoice_Number__c": "n", "Amount__c": -1}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", ["Amount__c"]),
        ("User", {"LastName": "A"}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", []),
    ],
)
def test_refuses_bad_values_and_stores_nothing(
    crm: httpx2.Client, org: SalesforceOrg, name: str, values: dict[str, object], code: str, fields: list[str] | None
) -> None:
    before = org.rows(name)
    answer = crm.post(f"sobjects/{name}", json=values)
    assert error(answer) == (400, code)
    assert answer.json()[0].get("fields") == fields
    assert org.rows(name) == before
    assert org.journal.entries[-1].effects == ()
    assert org.journal.entries[-1].error == code


def test_unique_fields_stay_unique(crm: httpx2.Client) -> None:
    key = make(crm, "Invoice__c", Invoice_Number__c="N-1", Amount__c=12.346)
    answer = crm.post("sobjects/Invoice__c", json={"Invoice_Number__c": "n-1"})
    message = f"duplicate value found: Invoice_Number__c duplicates value on record with id: {key}"
    assert answer.json() == [{"message": message, "errorCode": "DUPLICATE_VALUE", "fields": ["Invoice_Number__c"]}]
    assert crm.get(f"sobjects/Invoice__c/{key}").json()["Amount__c"] == 12.35
    crm.delete(f"sobjects/Invoice__c/{key}")
    make(crm, "Invoice__c", Invoice_Number__c="N-1")


def test_a_parent_may_be_named_by_its_key(crm: httpx2.Client, org: SalesforceOrg) -> None:
    account = org.rows("Account")[0]
    key = make(crm, "Contact", LastName="A", Account={"Customer_Number__c": account["Customer_Number__c"]})
    assert crm.get(f"sobjects/Contact/{key}").json()["AccountId"] == account["Id"]


def test_writes_change_what_was_sent(crm: httpx2.Client) -> None:
    key = make(crm, "Case", Subject="  trimmed ", Status="Closed", Description="")
    row = crm.get(f"sobjects/Case/{key}").json()
    assert (row["Subject"], row["Description"], row["IsClosed"]) == ("trimmed", None, True)
    assert row["ClosedDate"] is not None


def test_missing_rows_and_wrong_addresses(crm: httpx2.Client) -> None:
    assert crm.get("sobjects/Contact/0038d000000zzzz").json() == [
        {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    ]
    for url in ("sobjects/Contact/23foo", "sobjects/Contact/Nope__c/1", "sobjects/Contact/LastName/x"):
        answer = crm.get(url)
        assert error(answer) == (404, "NOT_FOUND")
        assert answer.json()[0]["message"].startswith("Provided external ID field does not exist or is not accessible:")
    assert error(crm.get("sobjects/Nope/describe")) == (404, "NOT_FOUND")
    assert error(crm.get("sobjects/Contact/0038d0000000001", params={"fields": "Foo"}))[1] in (
        "INVALID_FIELD",
        "NOT_FOUND",
    )


def test_refuses_methods_bodies_and_types_it_does_not_know(crm: httpx2.Client) -> None:
    assert error(crm.put("sobjects/Case/5008d0000000001", json={})) == (405, "METHOD_NOT_ALLOWED")
    assert error(crm.post("sobjects/Case", content=b"{", headers={"content-type": "application/json"}))[0] == 400
    assert error(crm.post("sobjects/Case", content=b"<a/>", headers={"content-type": "application/xml"}))[0] == 415
    assert error(crm.get("query", params={"q": "x" * 17_000})) == (414, "URI_TOO_LONG")


def test_a_post_may_stand_for_another_method(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = make(crm, "Case", Subject="x")
    answer = crm.post(f"sobjects/Case/{key}", params={"_HTTP_METHOD": "DELETE"})
    assert answer.status_code == 204
    assert org.journal.entries[-1].effects == (Effect("deleted", "Case", key),)


def test_if_match_guards_accounts_only_and_never_a_delete(crm: httpx2.Client) -> None:
    key = make(crm, "Account", Name="Guarded")
    tag = crm.get(f"sobjects/Account/{key}").headers["etag"]
    assert tag.endswith('--gzip"')
    assert crm.patch(f"sobjects/Account/{key}", json={"Type": "Other"}, headers={"if-match": tag}).status_code == 204
    stale = crm.patch(f"sobjects/Account/{key}", json={"Type": "Partner"}, headers={"if-match": tag})
    assert stale.status_code == 412
    assert crm.get(f"sobjects/Account/{key}").json()["Type"] == "Other"
    assert crm.delete(f"sobjects/Account/{key}", headers={"if-match": tag}).status_code == 204
    case = make(crm, "Case", Subject="x")
    assert "etag" not in crm.get(f"sobjects/Case/{case}").headers
    assert crm.patch(f"sobjects/Case/{case}", json={}, headers={"if-match": '"no"'}).status_code == 204


def test_dates_guard_writes_to_the_second(crm: httpx2.Client, sandbox: Sandbox) -> None:
    key = make(crm, "Case", Subject="x")
    seen = crm.get(f"sobjects/Case/{key}").headers["last-modified"]
    guard = {"if-unmodified-since": seen}
    assert crm.get(f"sobjects/Case/{key}", headers={"if-modified-since": seen}).status_code == 304
    sandbox.clock.advance(minutes=5)
    assert crm.patch(f"sobjects/Case/{key}", json={"Subject": "y"}, headers=guard).status_code == 204
    assert crm.patch(f"sobjects/Case/{key}", json={"Subject": "z"}, headers=guard).status_code == 412
    assert crm.patch(f"sobjects/Case/{key}", json={}, headers={"if-unmodified-since": "soon"}).status_code == 400
    assert crm.delete(f"sobjects/Case/{key}", headers=guard).status_code == 204


def test_every_change_moves_the_stamp_although_the_clock_stands(crm: httpx2.Client) -> None:
    key = make(crm, "Case", Subject="x")
    stamps = []
    for subject in ("a", "b", "c"):
        crm.patch(f"sobjects/Case/{key}", json={"Subject": subject})
        stamps.append(crm.get(f"sobjects/Case/{key}").json()["SystemModstamp"])
    assert stamps == sorted(set(stamps))


def test_updated_and_deleted_list_ids(crm: httpx2.Client) -> None:
    window = {"start": "2026-11-20T00:00:00+00:00", "end": "2026-11-21T00:00:00Z"}
    kept, gone = make(crm, "Case", Subject="kept"), make(crm, "Case", Subject="gone")
    crm.delete(f"sobjects/Case/{gone}")
    assert crm.get("sobjects/Case/updated/", params=window).json()["ids"] == [kept]
    assert [each["id"] for each in crm.get("sobjects/Case/deleted", params=window).json()["deletedRecords"]] == [gone]


@pytest.mark.parametrize(
    "body",
    ['{"Subject": "\\ud800"}', "[" * 100_000, '{"Subject": 1e999}', '{"IsEscalated": []}', "[]", '{"A": NaN}', "\xff"],
)
def test_strange_bodies_are_refused_politely(crm: httpx2.Client, org: SalesforceOrg, body: str) -> None:
    content = body.encode("latin-1")
    answer = crm.post("sobjects/Case", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (201, 400)
    assert org.journal.entries[-1].status == answer.status_code


@pytest.mark.parametrize("amount", ["nan", "inf", 10**400])
def test_numbers_must_be_finite(crm: httpx2.Client, amount: object) -> None:
    answer = crm.post("sobjects/Invoice__c", json={"Invoice_Number__c": "n", "Amount__c": amount})
    assert error(answer) == (400, "JSON_PARSER_ERROR")
