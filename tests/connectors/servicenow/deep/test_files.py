"""Does a file come to its own record only, whole, and is a lost answer told by the very bytes?"""

import hashlib

import pytest

from isthmus.core.errors import InvalidArguments, NotFound, OutcomeUnknown, UpstreamError
from isthmus.core.records import Compare, Operator, Query
from isthmus.core.session import Session
from isthmus.plugins.sandbox import ServiceNowInstance

PICTURE = bytes(range(256)) * 40


def incidents(org: ServiceNowInstance) -> list[str]:
    return [row["sys_id"] for row in org.rows("incident")]


def files(org: ServiceNowInstance, id: str) -> list[str]:
    return [row["file_name"] for row in org.rows("sys_attachment") if row["table_sys_id"] == id]


async def test_a_file_goes_in_and_comes_back_whole(home: Session, org: ServiceNowInstance):
    id = incidents(org)[0]
    made = await home.attach("itsm", "incident", id, PICTURE, name="lämp.png", type="image/png")
    assert "lämp.png" in files(org, id)
    with await home.download("itsm", "incident", id, made.id) as found:
        assert (found.name, found.type, found.read()) == ("lämp.png", "image/png", PICTURE)
        assert found.sha256 == hashlib.sha256(PICTURE).hexdigest()
    listed = await home.query("itsm", Query("sys_attachment", ("file_name",), Compare("table_sys_id", Operator.EQ, id)))
    assert made.id in [one.id for one in listed.records]


@pytest.mark.parametrize(("name", "type"), [("a.json", "application/json"), ("error.html", "text/html")])
async def test_a_file_of_the_types_that_errors_have_is_still_a_file(
    home: Session, org: ServiceNowInstance, name: str, type: str
):
    id, body = incidents(org)[0], b'{"error": {"message": "Transaction cancelled"}}'
    made = await home.attach("itsm", "incident", id, body, name=name, type=type)
    with await home.download("itsm", "incident", id, made.id) as found:
        assert found.read() == body


async def test_a_file_of_another_record_is_not_found(home: Session, org: ServiceNowInstance):
    one, other = incidents(org)[:2]
    made = await home.attach("itsm", "incident", one, PICTURE, name="lamp.png")
    sent = len(org.journal.entries)
    with pytest.raises(NotFound):
        await home.download("itsm", "incident", other, made.id)
    with pytest.raises(NotFound):
        await home.download("itsm", "task", one, made.id)
    assert not [one for one in org.journal.entries[sent:] if one.path.endswith("/file")]


async def test_a_page_instead_of_a_file_is_no_file(home: Session, org: ServiceNowInstance):
    id = incidents(org)[0]
    made = await home.attach("itsm", "incident", id, PICTURE, name="lamp.png")
    org.faults.arm("html_200", path=f"/attachment/{made.id}/file", times=9)
    with pytest.raises(UpstreamError):
        await home.download("itsm", "incident", id, made.id)


async def test_a_lost_answer_is_found_by_name_and_bytes_and_sent_once(home: Session, org: ServiceNowInstance):
    id = incidents(org)[0]
    await home.attach("itsm", "incident", id, PICTURE[:-1], name="lamp.png")
    org.faults.arm("lost_answer", method="POST", path="/attachment/file")
    made = await home.attach("itsm", "incident", id, PICTURE, name="lamp.png")
    rows = [row for row in org.rows("sys_attachment") if row["sys_id"] == made.id]
    assert rows[0]["hash"] == hashlib.sha256(PICTURE).hexdigest()
    assert files(org, id).count("lamp.png") == 2


async def test_a_file_that_is_only_alike_proves_nothing(
    home: Session, org: ServiceNowInstance, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))
    id = incidents(org)[0]
    await home.attach("itsm", "incident", id, PICTURE[:-1] + b"?", name="lamp.png")
    org.faults.arm("server_error", method="POST", path="/attachment/file")
    with pytest.raises(OutcomeUnknown):
        await home.attach("itsm", "incident", id, PICTURE, name="lamp.png")


async def test_a_name_that_the_table_would_cut_is_refused_unsent(home: Session, org: ServiceNowInstance):
    sent = len([one for one in org.journal.entries if one.method == "POST"])
    with pytest.raises(InvalidArguments, match="100 characters"):
        await home.attach("itsm", "incident", incidents(org)[0], b"x", name="n" * 101)
    assert len([one for one in org.journal.entries if one.method == "POST"]) == sent
