from typing import Any

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg

ROLLED_BACK = "ALL_OR_NONE_OPERATION_ROLLED_BACK"


def row(kind: str, **values: object) -> dict[str, object]:
    return {"attributes": {"type": kind}, **values}


def send(crm: httpx2.Client, method: str, path: str, *records: object, **flags: object) -> list[Any]:
    answer = crm.request(method, f"composite/sobjects{path}", json={"records": records, **flags})
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes(answers: list[Any]) -> list[str]:
    return ["" if each["success"] else each["errors"][0]["statusCode"] for each in answers]


def test_rows_succeed_and_fail_alone(crm: httpx2.Client, org: SalesforceOrg) -> None:
    told = send(
        crm,
        "POST",
        "",
        row("Account", Name="A"),
        row("Contact", LastName="B", Email="nobody"),
        {"LastName": "attributes may come last", "attributes": {"type": "Contact"}},
        {"LastName": "without attributes"},
        row("Nope", Name="x"),
        row("Account", Id="0018d0000000001", Name="x"),
    )
    assert codes(told) == [
        "",
        "INVALID_EMAIL_ADDRESS",
        "",
        "JSON_PARSER_ERROR",
        "INVALID_TYPE",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
    ]
    assert told[0] == {"id": told[0]["id"], "success": True, "errors": []}
    message = "Email: invalid email address: nobody"
    assert told[1] == {
        "success": False,
        "errors": [{"statusCode": "INVALID_EMAIL_ADDRESS", "message": message, "fields": ["Email"]}],
    }
    effects = org.journal.entries[-1].effects
    assert [(each.action, each.object) for each in effects] == [("created", "Account"), ("created", "Contact")]
    assert org.quota.used == 1


def test_all_or_none_takes_the_good_rows_back(crm: httpx2.Client, org: SalesforceOrg) -> None:
    before = org.rows("Account", deleted=True)
    good, bad = row("Account", Name="A"), row("Account")
    assert codes(send(crm, "POST", "", good, bad, good, allOrNone=True)) == [
        ROLLED_BACK,
        "REQUIRED_FIELD_MISSING",
        ROLLED_BACK,
    ]
    keys = [str(each["Id"]) for each in before[:2]]
    changes = [row("Account", id=keys[0], Name="New"), row("Account", id=keys[1], Name=None)]
    assert codes(send(crm, "PATCH", "", *changes, allOrNone=True)) == [ROLLED_BACK, "REQUIRED_FIELD_MISSING"]
    gone = crm.delete("composite/sobjects", params={"ids": f"{keys[0]},0018d0000000zzz", "allOrNone": "true"})
    assert codes(gone.json()) == [ROLLED_BACK, "INVALID_CROSS_REFERENCE_KEY"]
    assert org.rows("Account", deleted=True) == before
    assert org.journal.entries[-1].effects == ()


def test_updates_name_their_rows_by_id(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = str(org.rows("Contact")[0]["Id"])
    told = send(
        crm,
        "PATCH",
        "",
        row("Contact", id=key[:15], Title="Dr"),
        row("Contact", Title="Dr"),
        row("Contact", Id="23foo", Title="Dr"),
        row("Contact", Id="0038d0000000zzz", Title="Dr"),
    )
    assert codes(told) == ["", "MISSING_ARGUMENT", "MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY"]
    assert told[3]["errors"][0] == {
        "statusCode": "INVALID_CROSS_REFERENCE_KEY",
        "message": "invalid cross reference id",
        "fields": [],
    }
    assert told[0]["id"] == key
    assert crm.get(f"sobjects/Contact/{key}").json()["Title"] == "Dr"


def test_deletes_mix_objects(crm: httpx2.Client, org: SalesforceOrg) -> None:
    keys = [str(org.rows(name)[0]["Id"]) for name in ("Case", "Task")]
    answer = crm.delete("composite/sobjects", params={"ids": ",".join([*keys, keys[0], "nope"])}).json()
    assert codes(answer) == ["", "", "ENTITY_IS_DELETED", "MALFORMED_ID"]
    assert [each["id"] for each in answer[:2]] == keys
    assert [each.action for each in org.journal.entries[-1].effects] == ["deleted", "deleted"]


def test_upserts_say_what_was_created(crm: httpx2.Client, org: SalesforceOrg) -> None:
    first = send(
        crm,
        "PATCH",
        "/Account/Customer_Number__c",
        row("Account", Name="A", Customer_Number__c="C-1x"),
        row("Account", Name="B"),
        row("Contact", LastName="C", Customer_Number__c="C-2x"),
    )
    assert codes(first) == ["", "MISSING_ARGUMENT", "INVALID_TYPE"]
    again = send(crm, "PATCH", "/Account/Customer_Number__c", row("Account", Name="Z", Customer_Number__c="c-1X"))
    assert again == [{"id": first[0]["id"], "success": True, "errors": [], "created": False}]
    assert first[0]["created"] is True
    assert crm.get(f"sobjects/Account/{first[0]['id']}").json()["Name"] == "Z"
    twins = [row("Account", Name=name, Customer_Number__c="C-3x") for name in "AB"]
    assert codes(send(crm, "PATCH", "/Account/Customer_Number__c", *twins)) == ["DUPLICATE_VALUE"] * 2


def test_upserts_by_id_make_rows_where_there_is_none(crm: httpx2.Client) -> None:
    made = send(crm, "PATCH", "/Contact/Id", row("Contact", LastName="A", Id=None))
    assert made[0]["created"] is True
    changed = send(crm, "PATCH", "/Contact/Id", row("Contact", LastName="B", Id=made[0]["id"]))
    assert (changed[0]["id"], changed[0]["created"]) == (made[0]["id"], False)


def test_upserts_refuse_a_key_that_several_rows_carry(crm: httpx2.Client) -> None:
    made = send(crm, "POST", "", *[row("Account", Name=name, Legacy_Number__c="L-same") for name in "AB"])
    told = send(crm, "PATCH", "/Account/Legacy_Number__c", row("Account", Name="C", Legacy_Number__c="L-same"))
    assert codes(told) == ["DUPLICATE_EXTERNAL_ID"]
    assert all(each["id"] in told[0]["errors"][0]["message"] for each in made)
    assert crm.patch("composite/sobjects/Account/Name", json={"records": [row("Account")]}).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rows_are_read_in_the_order_asked(crm: httpx2.Client, org: SalesforceOrg, method: str) -> None:
    keys = [str(each["Id"]) for each in org.rows("Contact")[:2]]
    ids, fields = [keys[1], "0038d0000000zzz", keys[0][:15]], ["LastName", "name"]
    if method == "GET":
        query = {"ids": ",".join(ids), "fields": ",".join(fields)}
        answer = crm.get("composite/sobjects/Contact", params=query)
    else:
        answer = crm.post("composite/sobjects/Contact", json={"ids": ids, "fields": fields})
    first, second, third = answer.json()
    assert (first["Id"], second, third["Id"]) == (keys[1], None, keys[0])
    assert list(first) == ["attributes", "LastName", "Name", "Id"]
    assert first["attributes"]["url"].endswith(f"/sobjects/Contact/{keys[1]}")


def test_collections_keep_to_what_the_user_may(org: SalesforceOrg, login) -> None:
    alice, bob, carol = (login(org, name) for name in ("alice", "bob", "carol"))
    me = org.user(org.usernames["bob"])["Id"]
    theirs = next(str(each["Id"]) for each in org.rows("Contact") if each["OwnerId"] != me)
    assert codes(send(bob, "PATCH", "", row("Contact", id=theirs, Title="x"))) == ["INVALID_CROSS_REFERENCE_KEY"]
    assert bob.get("composite/sobjects/Contact", params={"ids": theirs, "fields": "Name"}).json() == [None]
    assert codes(send(alice, "PATCH", "", row("Contact", id=theirs, SSN__c="1"))) == ["INVALID_FIELD"]
    hidden = alice.get("composite/sobjects/Contact", params={"ids": theirs, "fields": "SSN__c"})
    assert (hidden.status_code, hidden.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert codes(send(carol, "POST", "", row("Account", Name="x"))) == ["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"]
    assert codes(send(carol, "PATCH", "", row("Contact", id=theirs))) == ["INSUFFICIENT_ACCESS_OR_READONLY"]


def test_collections_have_limits(crm: httpx2.Client) -> None:
    assert len(send(crm, "POST", "", *[row("Case", Subject="x")] * 200)) == 200
    mixed = [row(kind, Name="x") for _ in range(6) for kind in ("Account", "Campaign")]
    bad: list[object] = [[], [row("Case")] * 201, mixed, ["x"], "x"]
    for records in bad:
        assert crm.post("composite/sobjects", json={"records": records}).status_code == 400
    assert crm.delete("composite/sobjects", params={"ids": ""}).status_code == 400
    for query in ({"ids": "", "fields": "Id"}, {"ids": "0018d0000000001"}):
        assert crm.get("composite/sobjects/Account", params=query).status_code == 400
    many = {"ids": ["0018d0000000001"] * 2_001, "fields": ["Id"]}
    assert crm.post("composite/sobjects/Account", json=many).status_code == 400


def test_a_lock_hits_one_row(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("lock_row")
    cases = [row("Case", Subject="x")] * 3
    assert codes(send(crm, "POST", "", *cases)) == ["UNABLE_TO_LOCK_ROW", "", ""]


def test_a_key_of_a_polymorphic_parent_says_first_what_it_is_about(crm: httpx2.Client, org: SalesforceOrg) -> None:
    contact = org.rows("Contact")[0]
    by_mail = {"attributes": {"type": "Contact"}, "Email": contact["Email"]}
    late = {"Email": contact["Email"], "attributes": {"type": "Contact"}}
    told = send(crm, "POST", "", *[row("Task", Subject="x", Who=who) for who in (by_mail, late, {"Email": "a@b.c"})])
    assert codes(told) == ["", "JSON_PARSER_ERROR", "JSON_PARSER_ERROR"]
    assert "must have an attributes field before any other fields" in told[1]["errors"][0]["message"]
    assert crm.get(f"sobjects/Task/{told[0]['id']}").json()["WhoId"] == contact["Id"]


def node(kind: str, reference: str, **values: object) -> dict[str, object]:
    return {"attributes": {"type": kind, "referenceId": reference}, **values}


def test_a_tree_is_made_with_all_that_hangs_below_it(crm: httpx2.Client, org: SalesforceOrg) -> None:
    cases = {"records": [node("Case", "ref3", Subject="x")]}
    people = {"records": [node("Contact", "ref2", LastName="A", Cases=cases), node("Contact", "ref4", LastName="B")]}
    tree = [node("Account", "ref1", Name="Tree", Contacts=people), node("Account", "ref5", Name="Bush")]
    answer = crm.post("composite/tree/Account/", json={"records": tree})
    assert (answer.status_code, answer.json()["hasErrors"]) == (201, False)
    made = [each.object for each in org.journal.entries[-1].effects]
    assert made == ["Account", "Contact", "Case", "Contact", "Account"]
    ids = {each["referenceId"]: each["id"] for each in answer.json()["results"]}
    assert list(ids) == ["ref1", "ref2", "ref3", "ref4", "ref5"]
    assert crm.get(f"sobjects/Contact/{ids['ref4']}").json()["AccountId"] == ids["ref1"]
    case = crm.get(f"sobjects/Case/{ids['ref3']}").json()
    assert (case["ContactId"], case["AccountId"]) == (ids["ref2"], ids["ref1"])


def test_one_bad_leaf_fells_the_tree(crm: httpx2.Client, org: SalesforceOrg) -> None:
    before = org.rows("Account")
    people = {"records": [node("Contact", "ref2", LastName="A", Email="nobody")]}
    answer = crm.post("composite/tree/Account", json={"records": [node("Account", "ref1", Name="T", Contacts=people)]})
    assert answer.status_code == 400
    told = answer.json()
    assert told["hasErrors"] is True
    assert [each["referenceId"] for each in told["results"]] == ["ref2"]
    assert told["results"][0]["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    assert org.rows("Account") == before
    assert org.journal.entries[-1].effects == ()


def deep(levels: int) -> dict[str, object]:
    below = {"ChildAccounts": {"records": [deep(levels - 1)]}} if levels > 1 else {}
    return node("Account", f"ref{levels}", Name="x", **below)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [node("Account", f"ref{number}", Name="x") for number in range(201)],
        [node("Account", "same", Name="x"), node("Account", "same", Name="y")],
        [node("Contact", "ref", LastName="x")],
        [{"Name": "x"}],
        [node("Account", "ref", Name="x", Nothings={"records": [node("Contact", "b", LastName="x")]})],
        [deep(6)],
    ],
)
def test_trees_have_limits(crm: httpx2.Client, org: SalesforceOrg, records: list[object]) -> None:
    before = org.rows("Account")
    assert crm.post("composite/tree/Account", json={"records": records}).status_code == 400
    assert org.rows("Account") == before
    assert crm.post("composite/tree/Account", json={"records": [deep(5)]}).status_code == 201
