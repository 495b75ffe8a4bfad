"""Are XML, batches and lines of JSON scrubbed by label as JSON is, and what cannot be looked through left out?"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.cassettes.form import Interaction
from isthmus.core.cassettes.held import Held
from isthmus.core.cassettes.judging import Judgement, Known, known_of
from isthmus.core.cassettes.learning import Learnt
from isthmus.core.cassettes.matching import Aliases, line_of, matches, recorded
from isthmus.core.cassettes.scrubbing import Scrubber
from isthmus.core.cassettes.standins import StandIns
from isthmus.core.connector import FieldFacts, ObjectFacts
from isthmus.core.metadata import FieldPath

SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
SOAP = f"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="urn:w"
 xmlns:z="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">
<s:Header><o:Security xmlns:o="{SECEXT}"><o:UsernameToken><o:Username>zebrina</o:Username><o:Password>Hush-4711-Hush
</o:Password></o:UsernameToken><d:Signature xmlns:d="{DSIG}"><d:SignatureValue>c2lnbmVkIGJ5IFplYnJpbmE=</d:SignatureValue>
</d:Signature></o:Security></s:Header><s:Body z:Id="body-of-zebrina"><!-- about Zebrina --><w:Worker w:Kind="Zebrina's">
<w:Name w:Formatted="Zebrina Vogel">Zebrina Vogel</w:Name><w:Site>BER-7</w:Site><w:Note>ring <b>Zebrina</b> again</w:Note>
<w:Total>25</w:Total><w:Pay>85000.50</w:Pay><w:ID w:type="Employee_ID">21001</w:ID><w:Passport>ZK19719</w:Passport>
</w:Worker></s:Body></s:Envelope>"""
BATCH = (
    "--b_Zebrina\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\n"
    "Content-ID: 1\r\nContent-Transfer-Encoding: binary\r\n\r\n{first}\r\nContent-Type: application/json\r\n"
    "Authorization: Basic WmVicmluYTpodXNo\r\nContent-Length: {length}\r\n\r\n{body}\r\n--c--\r\n\r\n--b_Zebrina--\r\n"
)
TYPE = "multipart/mixed; boundary=b_Zebrina"


def known(**classes: str) -> Judgement:
    fields = {name: Known(FieldFacts(name), frozenset(told.split())) for name, told in classes.items()}
    return Judgement("call", fields, frozenset(classes))


LABELS = known(Name="pii", Site="internal", Owner="pii", Pay="pii hr", Note="free_text pii")


def held(body: str, kind: str, judgement: Judgement = LABELS, asked: str = "", **more: Any) -> Held:
    return Held(
        "hr-eu", "https://hr.real", "call", 1, "POST", "/service", {"content-type": kind} if asked else {},
        asked.encode(), 200, {"content-type": kind}, body.encode(), judgement=judgement, **more,
    )  # fmt: skip


def scrubbed(one: Held, ran: tuple[float, float] = (0.0, 0.0)) -> Interaction:
    learnt = Learnt(StandIns(b"k" * 32))
    learnt.spare(one)
    learnt.learn(one)
    return Scrubber(learnt, ran).scrub(one)


def batch(first: str, body: Mapping[str, object]) -> str:
    text = json.dumps(body)
    return BATCH.format(first=first, length=len(text), body=text)


def test_xml_keeps_what_may_stay_and_nothing_that_proves_who_asked() -> None:
    found = scrubbed(held(SOAP, "text/xml;charset=utf-8"))
    text = found.response.body.string
    assert found.isthmus.answered == ""
    assert ">BER-7<" in text
    assert ">25<" in text
    assert "Employee_ID" in text
    for gone in ("ebrina", "Vogel", "Hush", "Security", "Signature", "85000", "again", "ZK19719", "<!--"):
        assert gone not in text
    assert found.isthmus.labels["Pay"] == ["hr", "pii"]


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "text/xml", "document type"),
        ('<!DOCTYPE a SYSTEM "http://elsewhere.example/a.dtd"><a/>', "application/soap+xml", "document type"),
        ("<a><b></a>", "application/atom+xml", "is not"),
        ("<a>" * 99 + "</a>" * 99, "text/xml", "too deeply"),
        ("<Zebrína-Vögel/>", "text/xml", "names"),
        (f'<d:Signature xmlns:d="{DSIG}"/>', "text/xml", "nothing but"),
        ("<a>ä</a>", "text/xml; charset=iso-8859-1", "encoding"),
        ("--b_Zebrina\r\n\r\nfile\r\n--b_Zebrina--", TYPE, "no request"),
        ("--b_Zebrina\r\n\r\ncut", TYPE, "no request"),
        (batch("HTTP/1.1 200 OK", {}).replace("/json", "/pdf"), TYPE, "application/pdf"),
        ("<p>Zebrina</p>", "text/html", "text/html"),
        ("Zebrina", "text/plain", "text/plain"),
        ('{"Name": "Zebrina"}\n{"Name": ', "application/x-ndjson", "is not"),
    ],
)
def test_what_cannot_be_looked_through_is_left_out_with_the_reason(body: str, kind: str, why: str) -> None:
    found = scrubbed(held(body, kind))
    assert found.response.body.string == ""
    assert why in found.isthmus.answered


def test_a_batch_is_scrubbed_part_by_part_and_its_boundary_is_made_of_nothing() -> None:
    told = {"Name": "Zebrina Vogel", "Site": "BER-7"}
    asked = batch("POST Workers?for='Zebrina%20Vogel' HTTP/1.1", told)
    found = scrubbed(held(batch("HTTP/1.1 201 Zebrina made", told), TYPE, asked=asked))
    for text in (found.request.body or "", found.response.body.string):
        assert "BER-7" in text
        assert "ebrina" not in text
        assert "Authorization" not in text
        assert "WmVicm" not in text
    assert found.request.headers["content-type"] == found.response.headers["content-type"]
    assert "HTTP/1.1 201 -\r\n" in found.response.body.string


def test_lines_of_json_and_plain_counts_are_looked_through() -> None:
    found = scrubbed(held('{"Name":"Zebrina","Site":"BER-7"}\n{"Name":"Anna","Site":"MUC-1"}\n', "application/jsonl"))
    rows = [json.loads(line) for line in found.response.body.string.splitlines()]
    assert [one["Site"] for one in rows] == ["BER-7", "MUC-1"]
    assert not {"Zebrina", "Anna"} & {one["Name"] for one in rows}
    assert scrubbed(held("512", "text/plain")).response.body.string == "512"


def test_what_lies_in_a_field_that_must_not_stay_is_part_of_it_whatever_it_is_called() -> None:
    found = scrubbed(
        held('{"Owner":{"Site":"Zebrina Vogel","plan":{"Site":"flies"}},"Site":"BER-7"}', "application/json")
    )
    told = json.loads(found.response.body.string)
    assert told["Site"] == "BER-7"
    assert "Zebrina" not in found.response.body.string
    assert told["Owner"]["plan"]["Site"] != "flies"


def test_records_of_another_object_below_a_field_have_labels_of_their_own() -> None:
    below = {"to_Items": Known(FieldFacts("to_Items", readable=False), frozenset({"unclassified"}))}
    judgement = replace(LABELS, fields={**LABELS.fields, **below})
    told = json.loads(
        scrubbed(
            held('{"to_Items":[{"Site":"BER-7","Name":"Zebrina"}]}', "application/json", judgement)
        ).response.body.string
    )
    assert told["to_Items"][0]["Site"] == "BER-7"
    assert told["to_Items"][0]["Name"] != "Zebrina"


@pytest.mark.parametrize("named", ["passport", "nationalID", "login"])
def test_a_short_text_without_a_label_is_no_id_unless_its_name_says_so(named: str) -> None:
    told = {named: "AB123456C", "jobId": "AB123456C", "seen": "1971-03-29T00:00:00Z", "id": "750xx000000004C"}
    found = json.loads(scrubbed(held(json.dumps(told), "application/json")).response.body.string)
    assert found[named] != "AB123456C"
    assert found["seen"] != told["seen"]
    assert found["id"] == told["id"]


def asking(moment: str, name: str, of: str = "w") -> str:
    return (
        f'<{of}:Get xmlns:{of}="urn:w"><{of}:Entered>{moment}</{of}:Entered>\n <{of}:Name>{name}</{of}:Name></{of}:Get>'
    )


def test_a_request_in_xml_is_the_same_with_another_time_of_the_clock_and_other_prefixes() -> None:
    one = held("", "text/xml", asked=asking("2026-11-23T10:00:01.500Z", "Zebrina Vogel"))
    kept = scrubbed(one, (1795428000.0, 1795428010.0))
    assert kept.isthmus.moments == ["2026-11-23T10:00:01.500Z"]
    line = recorded(kept)
    stand_ins = StandIns(b"k" * 32)
    stand_ins.text("Zebrina Vogel")

    def again(moment: str, of: str = "w", tag: str = "Get") -> bool:
        body = asking(moment, "Zebrina Vogel", of).replace("Get", tag)
        asked = line_of("hr-eu", "POST", "/service", body, "text/xml")
        return matches(asked, line, Aliases.of(stand_ins.listed())) is not None

    assert again("2026-11-23T10:00:00.000Z", of="x")
    assert not again("yesterday")
    assert not again("2026-11-23T10:00:00.000Z", tag="Put")


def test_a_short_id_that_was_replaced_is_replaced_in_paths_too_and_no_parameter_is_taken_for_it() -> None:
    labels = known(Number="unclassified")
    one = replace(held('{"Number":"561"}', "application/json", labels), target="/Orders/561/Of('561')?top=561")
    found = scrubbed(one)
    made = json.loads(found.response.body.string)["Number"]
    assert made != "561"
    assert found.request.uri.endswith(f"/Orders/{made}/Of('{made}')?top=561")


@pytest.mark.parametrize(("person", "stays"), [(False, True), (True, False)])
def test_money_stays_unless_it_is_a_persons(person: bool, stays: bool) -> None:
    facts = FieldFacts("IBAN", classes=frozenset({"financial"}))
    path = FieldPath("IBAN", facts, ObjectFacts("Account", {"IBAN": facts}, person=person))
    assert known_of(path, "erp-eu").stays is stays


KINDS = ("application/json", "text/xml", "application/x-ndjson", "text/csv", "text/plain", TYPE, "text/html", "")
PIECES = st.sampled_from(
    [b"<a b='c'>", b"</a>", b"<a/>", b"{", b"}", b'"Name":', b'"x"', b"[", b"]", b",", b"\n", b"\r\n", b"--b_Zebrina", b"--",
     b"Content-Type: application/http\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"POST x HTTP/1.1\r\n\r\n", b"\xff", b"/Date(-99999999999999)/",
     b"'", b"Name", b"0", b"1e999", b"\x00", "\u2028\ud7ff".encode()]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map(b"".join) | st.binary(max_size=60), st.sampled_from(KINDS))
def test_whatever_comes_it_is_written_or_left_out_with_a_reason(body: bytes, kind: str) -> None:
    found = scrubbed(replace(held("", kind), answer=body, body=body, asked_with={"content-type": kind}))
    for written, why in (
        (found.response.body.string, found.isthmus.answered),
        (found.request.body, found.isthmus.asked),
    ):
        assert not (written and why)
        assert written or why or not body.strip() or kind.startswith("application/x-ndjson")
    recorded(found)
