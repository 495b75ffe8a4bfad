"""Does every value stay one value of its own parameter, in every place and style?"""

from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.openapi.document import Operation
from isthmus.connectors.openapi.reading import read_document
from isthmus.connectors.openapi.writing import write
from isthmus.core.errors import InvalidArguments

ARRAY = {"type": "array", "items": {"type": "string"}}
OBJECT = {"type": "object", "properties": {"r": {"type": "integer"}, "g": {"type": "string"}}}


def operation(
    parameters: list[dict[str, object]], path: str = "/x", body: dict[str, object] | None = None
) -> Operation:
    told: dict[str, object] = {"operationId": "x", "parameters": parameters, "responses": {}}
    if body:
        told["requestBody"] = {"required": True, "content": body}
    [one] = read_document("x", {"openapi": "3.1.0", "paths": {path: {"post": told}}}).operations.values()
    assert not one.problem, one.problem
    return one


@pytest.mark.parametrize(
    ("more", "value", "query"),
    [
        ({"schema": ARRAY}, ["a", "b c"], "p=a&p=b%20c"),
        ({"schema": ARRAY, "explode": False}, ["a", "b"], "p=a,b"),
        ({"schema": ARRAY, "style": "spaceDelimited"}, ["a", "b"], "p=a%20b"),
        ({"schema": ARRAY, "style": "pipeDelimited"}, ["a", "b"], "p=a%7Cb"),
        ({"schema": OBJECT, "style": "deepObject"}, {"r": 1, "g": "x&y"}, "p%5Br%5D=1&p%5Bg%5D=x%26y"),
        ({"schema": OBJECT}, {"r": 1}, "r=1"),
        ({"schema": OBJECT, "explode": False}, {"r": 1, "g": "x"}, "p=r,1,g,x"),
        ({"schema": {"type": "boolean"}}, True, "p=true"),
        ({"content": {"application/json": {"schema": OBJECT}}}, {"r": 1}, "p=%7B%22r%22%3A1%7D"),
    ],
)
def test_a_query_parameter_is_written_in_its_style(more: dict[str, object], value: object, query: str) -> None:
    one = operation([{"name": "p", "in": "query", **more}])
    assert write(one, "", {"p": value}).query == query  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("more", "value", "path"),
    [
        ({"schema": {"type": "string"}}, "a/b", None),
        ({"schema": {"type": "string"}}, "a b", "/x/a%20b/y"),
        ({"schema": ARRAY}, ["a", "b"], "/x/a,b/y"),
        ({"schema": ARRAY, "style": "label", "explode": True}, ["a", "b"], "/x/.a.b/y"),
        ({"schema": ARRAY, "style": "matrix"}, ["a", "b"], "/x/;p=a,b/y"),
        ({"schema": ARRAY, "style": "matrix", "explode": True}, ["a", "b"], "/x/;p=a;p=b/y"),
        ({"schema": OBJECT, "explode": True}, {"r": 1, "g": "x"}, "/x/r=1,g=x/y"),
        ({"schema": ARRAY}, ["a,b"], None),
    ],
)
def test_a_path_parameter_is_written_in_its_style(more: dict[str, object], value: object, path: str | None) -> None:
    one = operation([{"name": "p", "in": "path", "required": True, **more}], "/x/{p}/y")
    if path is None:
        try:
            assert write(one, "", {"p": value}).path.count("/") == 3  # type: ignore[dict-item]
        except InvalidArguments:
            return
    else:
        assert write(one, "", {"p": value}).path == path  # type: ignore[dict-item]


@given(text=st.text(max_size=30))
def test_any_text_is_one_parameter_wherever_it_goes(text: str) -> None:
    one = operation(
        [
            {"name": "at", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "q", "in": "query", "schema": {"type": "string"}},
            {"name": "h", "in": "header", "schema": {"type": "string"}},
            {"name": "c", "in": "cookie", "schema": {"type": "string"}},
            {"name": "list", "in": "query", "explode": False, "schema": ARRAY},
        ],
        "/x/{at}",
        {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"f": {"type": "string"}}}}},
    )
    plain = {"at": "a", "q": "a", "h": "a", "c": "a", "list": ["a", "b"], "f": "a"}
    for name in plain:
        told = {**plain, name: [text, "b"] if name == "list" else text}
        try:
            sent = write(one, "/base", told)
        except InvalidArguments:
            continue
        assert [unquote(part) for part in sent.path.split("/")] == ["", "base", "x", text if name == "at" else "a"]
        assert parse_qsl(sent.query, keep_blank_values=True) == [
            ("q", text if name == "q" else "a"),
            ("list", ",".join(told["list"])),
        ]
        assert sent.headers["h"] == (text if name == "h" else "a")
        assert sent.headers["cookie"] == "c=" + (text if name == "c" else "a")
        assert parse_qsl((sent.content or b"").decode(), keep_blank_values=True) == [
            ("f", text if name == "f" else "a")
        ]
        if name == "list":
            assert "," not in text


@pytest.mark.parametrize("name", ["h", "c"])
@pytest.mark.parametrize("text", ["a\r\nx: 1", "a\nb", "ä", " a", "", "\x00"])
def test_a_header_and_a_cookie_hold_one_line_of_plain_text(name: str, text: str) -> None:
    place = {"h": "header", "c": "cookie"}[name]
    one = operation([{"name": name, "in": place, "schema": {"type": "string"}}])
    if (name, text) == ("c", ""):
        assert write(one, "", {name: text}).headers["cookie"] == "c="
        return
    with pytest.raises(InvalidArguments):
        write(one, "", {name: text})


def test_arguments_of_one_name_are_told_apart_by_their_places() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "Name": {"type": "string"}},
        "required": ["id"],
    }
    one = operation(
        [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "id", "in": "query", "schema": {"type": "string"}},
            {"name": "filter[x]", "in": "query", "schema": {"type": "string"}},
        ],
        "/x/{id}",
        {"application/json": {"schema": schema}},
    )
    assert [each.name for each in one.arguments] == ["path_id", "query_id", "filter_x", "body_id", "Name"]
    sent = write(one, "", {"path_id": "1", "body_id": "2", "filter_x": "3"})
    assert (sent.path, sent.query, sent.content) == ("/x/1", "filter%5Bx%5D=3", b'{"id":"2"}')


def test_a_multipart_body_has_a_boundary_that_no_part_holds() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "object"}}}
    one = operation([], "/x", {"multipart/form-data": {"schema": schema}})
    sent = write(one, "", {"a": '--x\r\nContent-Disposition: form-data; name="b"', "b": {"c": 1}})
    boundary = sent.headers["content-type"].partition("boundary=")[2].encode()
    assert (sent.content or b"").count(b"--" + boundary) == 3
    assert b'name="b"\r\nContent-Type: application/json\r\n\r\n{"c":1}\r\n' in (sent.content or b"")


@pytest.mark.parametrize("name", ["Host", "X-HTTP-Method-Override", "Cookie", "Proxy-Authorization", "a b"])
def test_an_operation_with_a_header_that_steers_cannot_be_called(name: str) -> None:
    parameters = [{"name": name, "in": "header", "schema": {"type": "string"}}]
    told = {"get": {"operationId": "x", "parameters": parameters, "responses": {}}}
    [one] = read_document("x", {"openapi": "3.1.0", "paths": {"/x": told}}).operations.values()
    assert "may not be set by a call" in one.problem
