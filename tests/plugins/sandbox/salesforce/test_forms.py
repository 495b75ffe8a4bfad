import json
import tempfile
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox.message import Request
from isthmus.plugins.sandbox.salesforce.blobs import Blobs
from isthmus.plugins.sandbox.salesforce.errors import ApiError
from isthmus.plugins.sandbox.salesforce.forms import read_form

BOUNDARY = b"edge"
CONTENT = st.lists(st.sampled_from([b"\r\n", b"\n", b"--", b"edge", b"-", b"\r", b"x", b"\x00\xff"]), max_size=12).map(
    b"".join
)


def request(body: bytes, spool: IO[bytes] | None = None) -> Request:
    path, headers = (
        "/services/data/v60.0/sobjects/ContentVersion",
        {"content-type": "multipart/form-data; boundary=edge"},
    )
    return Request("POST", path, path, "", headers, body, "http", spool)


def form(content: bytes, fields: bytes = b"{}") -> bytes:
    head = b'--edge\r\nContent-Disposition: form-data; name="entity_content"\r\nContent-Type: application/json\r\n\r\n'
    file = b'\r\n--edge\r\nContent-Disposition: form-data; name="VersionData"; filename="a"\r\n\r\n'
    return head + fields + file + content + b"\r\n--edge--\r\n"


@given(content=CONTENT)
def test_any_bytes_but_the_boundary_come_out_as_they_went_in(content: bytes) -> None:
    if b"\n--edge" in b"\n" + content:
        return
    blobs = Blobs()
    fields = read_form(request(form(content, json.dumps({"Title": "ü"}).encode())), blobs)
    assert fields["Title"] == "ü"
    assert b"".join(blobs[str(fields["VersionData"])].chunks()) == content


@given(content=st.binary(max_size=64))
def test_a_form_on_disk_reads_as_one_in_memory(content: bytes) -> None:
    if b"\n--edge" in b"\n" + content:
        return
    with tempfile.TemporaryFile() as spool:
        spool.write(form(content))
        spool.flush()
        blobs = Blobs()
        fields = read_form(request(b"", spool), blobs)
    assert b"".join(blobs[str(fields["VersionData"])].chunks()) == content


@given(
    body=st.one_of(
        st.binary(max_size=200),
        CONTENT,
        CONTENT.map(lambda each: form(each)[:-8]),
        CONTENT.map(lambda each: form(b"", each)),
    )
)
def test_no_body_does_more_than_be_refused(body: bytes) -> None:
    assert outcome(body) in {"read", "INVALID_MULTIPART_REQUEST", "JSON_PARSER_ERROR"}


def outcome(body: bytes) -> str:
    try:
        read_form(request(body), Blobs())
    except ApiError as refusal:
        return refusal.code if refusal.status == 400 else "another status"
    return "read"


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary_is_refused(kind: str) -> None:
    one = request(form(b"x"))
    with pytest.raises(ApiError, match="boundary"):
        read_form(Request(one.method, one.path, one.raw_path, "", {"content-type": kind}, one.body, "http"), Blobs())
