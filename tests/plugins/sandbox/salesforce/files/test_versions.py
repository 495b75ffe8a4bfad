"""Does a document hold its versions, and a version its bytes?"""

import hashlib

import httpx2
import pytest

from isthmus.plugins.sandbox import Effect, SalesforceOrg

from .contents import PATH, TEXT, coded, error, form, links, send, version


class TestVersions:
    def test_a_first_version_makes_a_document_and_links_it_to_its_owner_and_its_place(
        self, crm: httpx2.Client, org: SalesforceOrg, case: str
    ) -> None:
        key = send(crm, FirstPublishLocationId=case)
        made = version(crm, key)
        me = org.user(org.username)["Id"]
        assert [made[name] for name in ("Title", "FileExtension", "FileType", "ContentSize", "VersionNumber")] == [
            "service-report",
            "txt",
            "TEXT",
            len(TEXT),
            "1",
        ]
        assert made["Checksum"] == hashlib.md5(TEXT).hexdigest()
        assert (made["IsLatest"], made["FirstPublishLocationId"], made["OwnerId"]) == (True, case, me)
        document = crm.get(f"sobjects/ContentDocument/{made['ContentDocumentId']}").json()
        assert (document["LatestPublishedVersionId"], document["Title"]) == (key, "service-report")
        assert {name: each["ShareType"] for name, each in links(crm, document["Id"]).items()} == {me: "I", case: "I"}
        effects = next(each.effects for each in org.journal.entries if each.effects)
        assert effects[0] == Effect("created", "ContentVersion", key)
        assert sorted(each.object for each in effects[1:]) == ["ContentDocument"] + ["ContentDocumentLink"] * 2

    def test_a_further_version_is_the_latest_and_moves_the_document(self, crm: httpx2.Client, case: str) -> None:
        first = send(crm, Title="Draft", FirstPublishLocationId=case)
        document = version(crm, first)["ContentDocumentId"]
        before = crm.get(f"sobjects/ContentDocument/{document}").json()["SystemModstamp"]
        second = send(crm, b"signed", Title="Signed", ContentDocumentId=document)
        assert version(crm, first)["IsLatest"] is False
        told = version(crm, second)
        assert (told["IsLatest"], told["VersionNumber"], told["FirstPublishLocationId"]) == (True, "2", case)
        after = crm.get(f"sobjects/ContentDocument/{document}").json()
        assert (after["LatestPublishedVersionId"], after["Title"], after["ContentSize"]) == (second, "Signed", 6)
        assert after["SystemModstamp"] > before
        assert len(links(crm, document)) == 2

    def test_a_place_goes_with_the_first_version_only(self, crm: httpx2.Client, case: str) -> None:
        document = version(crm, send(crm))["ContentDocumentId"]
        body = {"PathOnClient": PATH, "VersionData": coded(), "ContentDocumentId": document}
        answer = crm.post("sobjects/ContentVersion", json={**body, "FirstPublishLocationId": case})
        assert error(answer) == (400, "FIELD_INTEGRITY_EXCEPTION")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"VersionData": coded()}, "REQUIRED_FIELD_MISSING"),
            ({"PathOnClient": PATH}, "REQUIRED_FIELD_MISSING"),
            ({"PathOnClient": PATH, "VersionData": "no base64!"}, "JSON_PARSER_ERROR"),
            ({"PathOnClient": PATH, "VersionData": 5}, "JSON_PARSER_ERROR"),
            ({"PathOnClient": PATH, "VersionData": coded(), "ContentSize": 5}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
            ({"PathOnClient": PATH, "VersionData": coded(), "FirstPublishLocationId": "5008d00000000zz"},
             "INVALID_CROSS_REFERENCE_KEY"),
        ],
    )  # fmt: skip
    def test_a_bad_version_leaves_nothing(
        self, crm: httpx2.Client, org: SalesforceOrg, body: dict[str, object], code: str
    ) -> None:
        before = [org.rows(name) for name in ("ContentVersion", "ContentDocument", "ContentDocumentLink")]
        assert error(crm.post("sobjects/ContentVersion", json=body)) == (400, code)
        assert [org.rows(name) for name in ("ContentVersion", "ContentDocument", "ContentDocumentLink")] == before

    def test_a_version_keeps_its_bytes_and_its_document(self, crm: httpx2.Client) -> None:
        key = send(crm)
        for change in ({"VersionData": coded(b"other")}, {"PathOnClient": "x"}, {"ContentDocumentId": None}):
            answer = crm.patch(f"sobjects/ContentVersion/{key}", json=change)
            assert error(answer) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
        assert error(crm.delete(f"sobjects/ContentVersion/{key}")) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")

    def test_a_title_is_that_of_the_document_and_of_its_latest_version(self, crm: httpx2.Client) -> None:
        key = send(crm)
        document = f"sobjects/ContentDocument/{version(crm, key)['ContentDocumentId']}"
        assert crm.patch(document, json={"Title": "One"}).status_code == 204
        assert version(crm, key)["Title"] == "One"
        assert crm.patch(f"sobjects/ContentVersion/{key}", json={"Title": "Two"}).status_code == 204
        assert crm.get(document).json()["Title"] == "Two"

    def test_a_document_is_made_by_a_version_only_and_takes_all_of_them_along(self, crm: httpx2.Client) -> None:
        answer = crm.post("sobjects/ContentDocument", json={"Title": "x"})
        assert error(answer) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
        first = send(crm)
        document = version(crm, first)["ContentDocumentId"]
        second = send(crm, ContentDocumentId=document)
        assert crm.delete(f"sobjects/ContentDocument/{document}").status_code == 204
        for key in (first, second):
            assert error(crm.get(f"sobjects/ContentVersion/{key}")) == (404, "ENTITY_IS_DELETED")
        assert links(crm, document) == {}

    def test_an_upload_by_key_is_done_once(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        org.faults.arm("lost_answer", method="PATCH")
        url, body = "sobjects/ContentVersion/Isthmus_Key__c/k-1", {"PathOnClient": PATH, "VersionData": coded()}
        with pytest.raises(httpx2.RemoteProtocolError):
            crm.patch(url, json=body)
        assert crm.get(url).json()["Checksum"] == hashlib.md5(TEXT).hexdigest()
        assert crm.patch(url, json={"Title": "x"}).json()["created"] is False

    def test_a_lost_answer_leaves_the_file_there(self, crm: httpx2.Client, org: SalesforceOrg, case: str) -> None:
        org.faults.arm("lost_answer", method="POST", path="/sobjects/ContentVersion")
        with pytest.raises(httpx2.RemoteProtocolError, match="disconnected"):
            crm.post(
                "sobjects/ContentVersion", files=form(TEXT, {"PathOnClient": PATH, "FirstPublishLocationId": case})
            )
        entry = org.journal.entries[-1]
        assert (entry.status, entry.fault, len(entry.effects)) == (None, "lost_answer", 4)
        assert sum(row["LinkedEntityId"] == case for row in org.rows("ContentDocumentLink")) == 1

    def test_what_is_taken_back_was_never_published(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        before = {name: org.rows(name) for name in ("ContentVersion", "ContentDocument", "ContentDocumentLink")}
        made = {"attributes": {"type": "ContentVersion"}, "PathOnClient": PATH, "VersionData": coded()}
        bad = {"attributes": {"type": "Contact"}}
        answer = crm.post("composite/sobjects", json={"allOrNone": True, "records": [made, bad]})
        assert [each["success"] for each in answer.json()] == [False, False]
        assert {name: org.rows(name) for name in before} == before
