"""Can a document from a service make anything happen while it is read?"""

import pytest

from isthmus.connectors.sap.odata.metadata import MetadataError, service_of
from isthmus.connectors.sap.odata.xml import MOST_BYTES, XmlError, parsed

from .documents import PARTNER, document

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;">
<!ENTITY n "&m;&m;&m;&m;&m;&m;&m;&m;"><!ENTITY o "&n;&n;&n;&n;&n;&n;&n;&n;">]><a b="&o;">&o;</a>"""
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE, b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>'])
def test_refuses_a_document_type_before_it_is_read(text):
    with pytest.raises(XmlError, match="document type"):
        parsed(text)


def test_refuses_real_metadata_that_a_document_type_was_put_into():
    told, _, rest = document(PARTNER).partition(b"?>")
    assert service_of(told + b"?>" + rest).sets
    with pytest.raises(MetadataError, match="document type"):
        service_of(told + b'?><!DOCTYPE x [<!ENTITY y "z">]>' + rest)


def test_takes_one_encoding_whatever_a_document_says_of_itself():
    assert parsed('<?xml version="1.0" encoding="utf-16"?><a b="é"/>'.encode()).get("b") == "é"
    for encoding in ("utf-16", "utf-32", "utf-7"):
        with pytest.raises(XmlError):
            parsed(LAUGHS.decode().encode(encoding))


def test_leaves_out_entities_comments_and_instructions():
    found = parsed(b"<x:a xmlns:x='u' x:b='1' c='2'><!-- <d/> --><?php d?><x:d>&amp;</x:d></x:a>")
    assert (found.name, found.attributes) == ("a", {"{u}b": "1", "c": "2"})
    assert [(one.name, one.text) for one in found.children] == [("d", "&")]


@pytest.mark.parametrize(
    "text", [b"", b"<a>", b"<a>&undeclared;</a>", b"<a>" * 5_000, b" " * (MOST_BYTES + 1), b"\x00<a/>"]
)
def test_refuses_what_is_not_well_formed_or_too_long(text):
    with pytest.raises(XmlError):
        parsed(text)
