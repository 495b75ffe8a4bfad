"""Does a batch hold exactly its requests, and is what became of each read as the service meant it?"""

import email
import email.policy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from isthmus.connectors.sap.odata.batch import (
    ChangeSet,
    Entry,
    Part,
    answered_json,
    answered_multipart,
    read_json,
    read_multipart,
    written_json,
    written_multipart,
)
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Response

CREATE = Part("POST", "A_Order", {"content-type": "application/json"}, b'{"Type":"OR"}')
CHANGE = Part("MERGE", "A_Order('1')", {"if-match": 'W/"1"', "content-type": "application/json"}, b'{"Type":"OR"}')
READ = Part("GET", "A_Order('1')?$select=Type", {"accept": "application/json"})
SET = ChangeSet((CREATE, CHANGE))


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def plain(entries: list[Entry]) -> list[list[tuple[str, str, dict[str, str], bytes]]]:
    return [
        [
            (part.method, part.target, dict(part.headers), part.body)
            for part in (one.parts if isinstance(one, ChangeSet) else (one,))
        ]
        for one in entries
    ]


bodies = some.one_of(
    some.dictionaries(some.text(max_size=8), some.one_of(some.text(), some.integers(), some.none())).map(
        lambda told: json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    ),
    some.sampled_from(
        [b"\r\n--batch_x--\r\n", b"--batch_", b"\r\n\r\nGET /x HTTP/1.1\r\n\r\n", b"--", b"\n--changeset_"]
    ).map(lambda odd: json.dumps({"a": odd.decode()}).encode()),
)
targets = some.builds("A_Set({})".format, some.text(some.sampled_from("ab1'%=,-_~"), min_size=1, max_size=20))
writes = some.builds(
    Part,
    some.sampled_from(["POST", "PUT", "PATCH", "MERGE"]),
    targets,
    some.just({"content-type": "application/json"}),
    bodies,
)
reads = some.builds(Part, some.just("GET"), targets, some.just({"accept": "application/json"}))
entries = some.lists(some.one_of(reads, writes, some.builds(lambda found: ChangeSet(tuple(found)), some.lists(writes, min_size=1, max_size=4))), min_size=1, max_size=6)  # fmt: skip


@given(entries)
def test_every_part_survives_multipart(told: list[Entry]):
    found = read_multipart(*written_multipart(told))
    assert found is not None
    assert plain(list(found)) == plain(told)


@given(entries)
def test_every_part_survives_json(told: list[Entry]):
    found = read_json(json.dumps(written_json(told)).encode())
    assert found is not None

    def values(some: list[Entry]) -> list[object]:
        return [[(a, b, json.loads(d) if d else None) for a, b, _, d in one] for one in plain(some)]

    assert values(list(found)) == values(told)


@given(entries)
def test_another_reader_finds_the_same_parts(told: list[Entry]):
    kind, content = written_multipart(told)
    read = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content, policy=email.policy.HTTP)
    sections = list(read.iter_parts())
    assert len(sections) == len(told)
    for section, entry in zip(sections, told, strict=True):
        inner = list(section.iter_parts()) if section.is_multipart() else [section]
        parts = entry.parts if isinstance(entry, ChangeSet) else (entry,)
        assert [one.get_content_type() for one in inner] == ["application/http"] * len(parts)
        for one, part in zip(inner, parts, strict=True):
            raw = one.get_payload(decode=True)
            assert isinstance(raw, bytes)
            assert raw.startswith(f"{part.method} {part.target} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    "part",
    [
        Part("GET", "A('1')\r\nDELETE /A('2') HTTP/1.1"),
        Part("GET", "A('1') HTTP/1.1"),
        Part("GET", "/sap/opu/odata/sap/OTHER/A"),
        Part("GET", "https://elsewhere.example/A"),
        Part("GET", "A", {"accept": "x\r\ncookie: y"}),
        Part("GET", "A", {"acc ept": "x"}),
        Part("PURGE", "A"),
        Part("GET", "A", {}, b"{}"),
        Part("GET", "A('\u00e4')"),
        Part("GET", "A", {}, b"", "1\r\n"),
    ],
)
def test_refuses_what_could_begin_another_request(part: Part):
    with pytest.raises(InvalidArguments):
        written_multipart([part])
    with pytest.raises(InvalidArguments):
        written_json([part])


def test_refuses_a_read_in_a_set():
    with pytest.raises(InvalidArguments):
        written_multipart([ChangeSet((READ,))])


@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: raw.replace(b"--batch", b"\n--batch", 1),
        lambda raw: raw + b"--x",
        lambda raw: raw[:-4],
        lambda raw: raw.replace(b"Content-Length: 13", b"Content-Length: 12"),
        lambda raw: raw.replace(b"Content-Length: 13", b"Content-Length: 13\r\nContent-Length: 13"),
        lambda raw: raw.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
        lambda raw: raw.replace(b"A_Order HTTP", b"/sap/opu/odata/sap/OTHER/A_Order HTTP"),
    ],
)
def test_a_batch_that_two_servers_could_read_differently_is_not_read(bend):
    kind, content = written_multipart([CREATE])
    assert read_multipart(kind, bend(content)) is None


def answer(sections: str, kind: str = "multipart/mixed; boundary=b") -> Response:
    return Response(202, {"content-type": kind}, crlf(sections))


PARTIAL = """--b
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 200 OK
Content-Type: application/json
Content-Length: 8

{"d":{}}
--b
Content-Type: application/http

HTTP/1.1 400 Bad Request
Content-Type: application/json

{"error":{"code":"V1/308"}}
--b--
"""
DONE = """--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-ID: 2

HTTP/1.1 204 No Content


--c
Content-Type: application/http
Content-ID: 1

HTTP/1.1 201 Created
Location: A_Order('7')

{}
--c--

--b--
"""


def test_a_refused_set_has_one_answer_for_all():
    read, changed = answered_multipart(answer(PARTIAL), [READ, SET])
    assert read.done
    assert read.responses[0].body == b'{"d":{}}'
    assert not changed.done
    assert changed.refusal is not None
    assert changed.refusal.status == 400


def test_answers_of_a_set_are_told_apart_by_their_ids():
    (found,) = answered_multipart(answer(DONE), [SET])
    assert found.done
    assert [one.status for one in found.responses] == [201, 204]


@pytest.mark.parametrize(
    "bent", [PARTIAL[:200], PARTIAL.replace("400 Bad Request", "200 OK"), "", DONE.replace("204", "2x4")]
)
def test_an_answer_that_does_not_say_is_an_error(bent: str):
    with pytest.raises(UpstreamError):
        answered_multipart(answer(bent), [READ, SET])


def member(id: str, status: int, **more: object) -> dict[str, object]:
    return {"id": id, "status": status, "headers": {}, **more}


def test_a_success_counts_only_if_all_of_its_group_succeeded():
    raw = {"responses": [member("1", 201, body={"ID": 2}), member("2", 500, body={"error": {"code": "x"}})]}
    (found,) = answered_json(raw, [SET])
    assert not found.done
    assert found.refusal is not None
    assert found.refusal.status == 500


def test_json_answers_come_in_any_order():
    raw = {"responses": [member("2", 204), member("1", 201, body={"ID": 2})]}
    (found,) = answered_json(raw, [SET])
    assert found.done
    assert [one.status for one in found.responses] == [201, 204]


def test_a_service_may_stop_at_the_first_failure():
    first, second = answered_json({"responses": [member("1", 400, body={})]}, [CREATE, CHANGE])
    assert not first.done
    assert not second.done
    assert second.responses == ()


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"responses": [member("1", 201)]},
        {"responses": [member("9", 201)]},
        {"responses": [member("1", 201), member("1", 201)]},
        {"responses": [{"id": "1"}]},
        {"responses": []},
        [],
    ],
)
def test_a_json_answer_that_does_not_say_is_an_error(raw: object):
    with pytest.raises(UpstreamError):
        answered_json(raw, [SET])  # type: ignore[arg-type]
