"""Are attachments part of their record?"""

import httpx2
import pytest

from isthmus.plugins.sandbox import Effect, SalesforceOrg

from .contents import TEXT, coded, error, form


class TestAttachments:
    def test_an_attachment_is_written_read_changed_and_deleted(self, crm: httpx2.Client, case: str) -> None:
        body = {"ParentId": case, "Name": "note.txt", "Body": coded(), "ContentType": "text/x-note"}
        key = crm.post("sobjects/Attachment", json=body).json()["id"]
        told = crm.get(f"sobjects/Attachment/{key}").json()
        where = f"/services/data/v60.0/sobjects/Attachment/{key}/Body"
        assert (told["Body"], told["BodyLength"], told["ParentId"]) == (where, len(TEXT), case)
        got = crm.get(f"sobjects/Attachment/{key}/body")
        assert (got.content, got.headers["content-type"]) == (TEXT, "text/x-note")
        assert crm.patch(f"sobjects/Attachment/{key}", json={"Body": coded(b"new")}).status_code == 204
        assert crm.get(f"sobjects/Attachment/{key}").json()["BodyLength"] == 3
        assert error(crm.patch(f"sobjects/Attachment/{key}", json={"ParentId": case}))[1].startswith("INVALID_FIELD")
        assert crm.delete(f"sobjects/Attachment/{key}").status_code == 204
        assert error(crm.get(f"sobjects/Attachment/{key}/Body")) == (404, "ENTITY_IS_DELETED")

    def test_a_form_makes_one_and_changes_one(self, crm: httpx2.Client, case: str) -> None:
        fields = {"ParentId": case, "Name": "a.bin"}
        key = crm.post("sobjects/Attachment", files=form(b"one", fields, "Body")).json()["id"]
        files = {"entity_attachment": (None, "{}", "application/json"), "Body": ("b", b"other", "text/plain")}
        assert crm.patch(f"sobjects/Attachment/{key}", files=files).status_code == 204
        got = crm.get(f"sobjects/Attachment/{key}/Body")
        assert (got.content, got.headers["content-type"]) == (b"other", "application/octet-stream")

    @pytest.mark.parametrize("missing", ["ParentId", "Name", "Body"])
    def test_an_attachment_needs_parent_name_and_body(self, crm: httpx2.Client, case: str, missing: str) -> None:
        body = {"ParentId": case, "Name": "a", "Body": coded()}
        del body[missing]
        answer = crm.post("sobjects/Attachment", json=body)
        assert (error(answer), answer.json()[0]["fields"]) == ((400, "REQUIRED_FIELD_MISSING"), [missing])

    def test_attachments_are_deleted_along_with_their_record(
        self, crm: httpx2.Client, org: SalesforceOrg, case: str
    ) -> None:
        key = crm.post("sobjects/Attachment", json={"ParentId": case, "Name": "a", "Body": coded()}).json()["id"]
        crm.delete(f"sobjects/Case/{case}")
        assert org.journal.entries[-1].effects == (
            Effect("deleted", "Case", case),
            Effect("deleted", "Attachment", key),
        )
        told = crm.get("sobjects/Case/describe").json()["childRelationships"]
        assert {each["childSObject"] for each in told if each["cascadeDelete"]} == {
            "Attachment",
            "ContentDocumentLink",
            "ProcessInstance",
        }
