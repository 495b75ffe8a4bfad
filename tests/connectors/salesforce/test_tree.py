"""A tree of new records: written for the org, taken apart to be judged, and read back record by record."""

import httpx2
import pytest

from isthmus.connectors.salesforce.classify import classify
from isthmus.connectors.salesforce.faults import fault_of
from isthmus.connectors.salesforce.tree import Tree, has_below
from isthmus.core.connector import Key, ObjectFacts
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.operation import Effect

OBJECTS = {
    "Account": ObjectFacts("Account", {}, children={"Contacts": "Contact", "Cases": "Case"}),
    "Contact": ObjectFacts("Contact", {}, children={"Cases": "Case"}),
    "Case": ObjectFacts("Case", {}),
}
VALUES = {
    "Name": "x",
    "Contacts": [{"LastName": "a", "Cases": [{"Subject": "a1"}]}, {"LastName": "b"}],
    "Tags": ["p", "q"],
}


def node(object: str, reference: str, **values: object) -> dict[str, object]:
    return {"attributes": {"type": object, "referenceId": reference}, **values}


async def facts_of(object: str) -> ObjectFacts:
    return OBJECTS[object]


def parts(body: object, object: str = "Account") -> list[str]:
    url = f"https://crm.example/services/data/v62.0/composite/tree/{object}"
    found = classify(httpx2.Request("POST", url, json=body))
    assert {one.effect for one in found} <= {Effect.CREATE}
    return [one.object for one in found]


def answered(status: int, **body: object) -> Response:
    content = httpx2.Response(status, json=body)
    return Response(status, {"content-type": "application/json"}, content.content)


async def test_a_tree_is_written_with_its_key_on_the_first_record() -> None:
    body = await Tree(facts_of).body("Account", VALUES, Key("Key__c", "k-1"))
    a1 = node("Case", "r2", Subject="a1")
    a = node("Contact", "r1", LastName="a", Cases={"records": [a1]})
    b = node("Contact", "r3", LastName="b")
    assert body == {
        "records": [node("Account", "r0", Name="x", Tags="p;q", Key__c="k-1", Contacts={"records": [a, b]})]
    }
    assert parts(body) == ["Account", "Contact", "Case", "Contact"]


def test_several_choices_are_no_records() -> None:
    assert not has_below({"Tags": ["p", "q"], "Empty": [], "Mixed": [{"a": 1}, "q"]})
    assert has_below(VALUES)


@pytest.mark.parametrize(
    "body",
    [
        {"records": []},
        {"records": [node("Contact", "r0")]},
        {"records": [node("Account", "r0")], "allOrNone": False},
        {"records": [node("Account", "r0"), "text"]},
        {"records": [{"Name": "x"}]},
        {"records": [{"attributes": {"type": "Account", "referenceId": "r0", "url": "/x"}}]},
        {"records": [node("Account", "r0", Name="x", name="y")]},
        {"records": [node("Account", "r0", Owner={"Key__c": "k"})]},
        {"records": [node("Account", "r0", Contacts={"records": [node("Contact", "r1")], "done": True})]},
        {"records": [node("Account", "r0", Contacts={"records": []})]},
        {"records": [node("Account", "r0", Contacts={"records": [{"LastName": "x"}]})]},
        {"records": [node("Account", "r0", Contacts=[node("Contact", "r1")])]},
    ],
)
def test_what_is_no_plain_tree_is_not_known_to_be_harmless(body: object) -> None:
    assert parts(body) == []


async def test_each_record_is_told_by_its_reference() -> None:
    tree = Tree(facts_of)
    await tree.body("Account", VALUES, None)
    told = [{"referenceId": f"r{at}", "id": f"id{at}"} for at in (2, 0, 3, 1)]
    answer = answered(201, hasErrors=False, results=told)
    assert fault_of(answer) is None
    found = tree.written(answer)
    assert (found.id, found.created) == ("id0", True)
    assert found.below == (("Contact", "id1"), ("Case", "id2"), ("Contact", "id3"))


@pytest.mark.parametrize("lacks", ["a record", "an id", "everything"])
async def test_an_answer_that_leaves_a_record_out_is_not_believed(lacks: str) -> None:
    tree = Tree(facts_of)
    await tree.body("Account", VALUES, None)
    told: list[dict[str, object]] = [{"referenceId": f"r{at}", "id": f"id{at}"} for at in range(4)]
    told = {"a record": told[:3], "an id": [*told[:3], {"referenceId": "r3", "id": None}], "everything": []}[lacks]
    with pytest.raises(UpstreamError):
        tree.written(answered(201, hasErrors=False, results=told))


@pytest.mark.parametrize("status", [201, 400])
def test_one_failure_inside_is_the_failure_of_the_whole(status: int) -> None:
    errors = [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "LastName", "fields": ["LastName"]}]
    fault = fault_of(answered(status, hasErrors=True, results=[{"referenceId": "r1", "errors": errors}]))
    assert fault is not None
    assert (fault.code, fault.field) == ("REQUIRED_FIELD_MISSING", "LastName")
