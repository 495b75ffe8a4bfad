"""What is read of a document's text, and what is refused?"""

import pytest

from isthmus.connectors.openapi.reading import read_document
from isthmus.connectors.openapi.text import read_text
from isthmus.core.errors import ConfigurationError


def test_yaml_and_json_say_the_same() -> None:
    yaml = b'a: {200: yes, b: true, c: 012, d: 1.5, e: ~, f: "1", g: 2026-01-01}\nlist: [x, -3]\n'
    json = b'{"a":{"200":"yes","b":true,"c":12,"d":1.5,"e":null,"f":"1","g":"2026-01-01"},"list":["x",-3]}'
    assert read_text(yaml, "x") == read_text(json, "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a: !!python/object/apply:os.system [x]", "has a tag"),
        (b"a: !x y", "has a tag"),
        (b"a: &x [1]\nb: *x", "has an anchor"),
        (b"a: 1\na: 2", "twice"),
        (b"? [a]\n: b", "no plain text"),
        (b"a: 1\n---\nb: 2", "several documents"),
        (b"[" * 300, "JSON"),
        (b"- " * 300 + b"x", "deeper"),
        (b"a: [", "YAML at line"),
        (b"a: \xff", "UTF-8"),
        (b'{"a": 1, "a": 2}', "twice"),
    ],
)
def test_refuses_what_two_readers_could_understand_differently(text: bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_text(text, "x.yaml")


def test_refuses_more_than_sixteen_megabytes() -> None:
    with pytest.raises(ConfigurationError, match="16 MB"):
        read_text(b"#" * ((16 << 20) + 1), "x.yaml")


def document(schema: object, **more: object) -> dict[str, object]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    paths = {"/x": {"post": {"operationId": "x", "requestBody": body, "responses": {}}}}
    return {"openapi": "3.0.3", "paths": paths, **more}


def test_a_circle_of_schemas_ends_in_definitions() -> None:
    node = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/components/schemas/N"}}}
    [one] = read_document(
        "x", document({"$ref": "#/components/schemas/N"}, components={"schemas": {"N": node}})
    ).operations.values()
    assert [each.name for each in one.arguments] == ["name", "next"]
    assert one.arguments[1].schema["$ref"] == "#/$defs/N"
    assert one.arguments[1].schema["$defs"] == {
        "N": node | {"properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/N"}}}
    }


@pytest.mark.parametrize(
    "reference",
    ["https://evil.example/x.yaml#/N", "file:///etc/passwd", "../x.yaml", "other.yaml#/N", "#/nothing", "#anchor"],
)
def test_a_reference_leads_nowhere_but_into_the_document(reference: str) -> None:
    [one] = read_document("x", document({"$ref": reference})).operations.values()
    assert one.problem


def test_a_listed_file_beside_may_be_referred_to() -> None:
    beside = {"other.yaml": {"N": {"type": "object", "properties": {"a": {"$ref": "#/A"}}}, "A": {"type": "integer"}}}
    [one] = read_document("x", document({"$ref": "./other.yaml#/N"}), beside).operations.values()
    assert (one.problem, [each.name for each in one.arguments]) == ("", ["a"])


def test_the_dialect_of_3_0_becomes_json_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "nullable": True, "minimum": 0, "exclusiveMinimum": True},
              "b": {"type": "string", "readOnly": True}}, "required": ["a", "b"]}  # fmt: skip
    [one] = read_document("x", document(schema)).operations.values()
    assert {each.name: dict(each.schema) for each in one.arguments} == {
        "a": {"type": ["integer", "null"], "exclusiveMinimum": 0}
    }
