"""Who sees which file?"""

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg

from .contents import PATH, TEXT, coded, error, links, send, version


def bobs_case(org: SalesforceOrg, *, own: bool) -> str:
    bob = str(org.user(org.usernames["bob"])["Id"])
    return next(str(row["Id"]) for row in org.rows("Case") if (row["OwnerId"] == bob) is own)


class TestLinks:
    def test_a_file_may_be_shared_with_another_record_once(self, crm: httpx2.Client, case: str) -> None:
        document = version(crm, send(crm))["ContentDocumentId"]
        link = {"ContentDocumentId": document, "LinkedEntityId": case, "ShareType": "V"}
        made = crm.post("sobjects/ContentDocumentLink", json=link)
        assert made.status_code == 201
        assert error(crm.post("sobjects/ContentDocumentLink", json=link)) == (400, "DUPLICATE_VALUE")
        key = f"sobjects/ContentDocumentLink/{made.json()['id']}"
        assert crm.get(key).json()["Visibility"] == "AllUsers"
        assert crm.patch(key, json={"ShareType": "C"}).status_code == 204
        assert error(crm.patch(key, json={"LinkedEntityId": case})) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
        assert crm.delete(key).status_code == 204
        assert case not in links(crm, document)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"ShareType": None}, "REQUIRED_FIELD_MISSING"),
            ({"ShareType": "X"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
            ({"LinkedEntityId": "0698d0000000001"}, "FIELD_INTEGRITY_EXCEPTION"),
            ({"ContentDocumentId": "0698d0000000zzz"}, "INVALID_CROSS_REFERENCE_KEY"),
        ],
    )
    def test_a_bad_link_is_refused(self, crm: httpx2.Client, case: str, change: dict, code: str) -> None:
        document = version(crm, send(crm))["ContentDocumentId"]
        link = {"ContentDocumentId": document, "LinkedEntityId": case, "ShareType": "V", **change}
        assert error(crm.post("sobjects/ContentDocumentLink", json=link)) == (400, code)


class TestAccess:
    """Bob sees his own cases only, and owns no file."""

    @pytest.fixture
    def bob(self, org: SalesforceOrg, login) -> httpx2.Client:
        return login(org, "bob")

    @pytest.mark.parametrize("own", [True, False])
    def test_files_come_with_their_record(
        self, crm: httpx2.Client, bob: httpx2.Client, org: SalesforceOrg, own: bool
    ) -> None:
        key = send(crm, FirstPublishLocationId=bobs_case(org, own=own))
        document = version(crm, key)["ContentDocumentId"]
        expected = 200 if own else 404
        for path in (f"ContentVersion/{key}", f"ContentVersion/{key}/VersionData", f"ContentDocument/{document}"):
            assert bob.get(f"sobjects/{path}").status_code == expected
        by_id = f"SELECT Id FROM ContentVersion WHERE ContentDocumentId = '{document}'"
        assert bob.get("query", params={"q": by_id}).json()["totalSize"] == own
        assert len(links(bob, document)) == own

    def test_files_that_come_with_a_record_are_found_by_id_only(
        self, crm: httpx2.Client, bob: httpx2.Client, org: SalesforceOrg
    ) -> None:
        shared = version(crm, send(crm, FirstPublishLocationId=bobs_case(org, own=True)))["ContentDocumentId"]
        mine = version(bob, send(bob))["ContentDocumentId"]
        everything = "SELECT ContentDocumentId FROM ContentVersion"
        seen = {each["ContentDocumentId"] for each in bob.get("query", params={"q": everything}).json()["records"]}
        assert mine in seen
        assert shared not in seen
        whole = {each["ContentDocumentId"] for each in crm.get("query", params={"q": everything}).json()["records"]}
        assert {mine, shared} <= whole

    def test_a_file_may_be_shared_with_a_person(
        self, crm: httpx2.Client, bob: httpx2.Client, org: SalesforceOrg
    ) -> None:
        key = send(crm)
        assert bob.get(f"sobjects/ContentVersion/{key}").status_code == 404
        person = org.user(org.usernames["bob"])["Id"]
        link = {"ContentDocumentId": version(crm, key)["ContentDocumentId"], "LinkedEntityId": person, "ShareType": "V"}
        assert crm.post("sobjects/ContentDocumentLink", json=link).status_code == 201
        assert bob.get(f"sobjects/ContentVersion/{key}/VersionData").content == TEXT
        assert bob.get("query", params={"q": "SELECT Id FROM ContentDocument"}).json()["totalSize"] >= 1

    def test_a_file_is_not_put_where_its_sender_sees_nothing(self, bob: httpx2.Client, org: SalesforceOrg) -> None:
        body = {"PathOnClient": PATH, "VersionData": coded(), "FirstPublishLocationId": bobs_case(org, own=False)}
        assert error(bob.post("sobjects/ContentVersion", json=body)) == (400, "INVALID_CROSS_REFERENCE_KEY")

    def test_a_file_goes_with_the_record_that_was_deleted(
        self, crm: httpx2.Client, bob: httpx2.Client, org: SalesforceOrg
    ) -> None:
        case = bobs_case(org, own=True)
        key = send(crm, FirstPublishLocationId=case)
        assert bob.delete(f"sobjects/Case/{case}").status_code == 204
        assert bob.get(f"sobjects/ContentVersion/{key}").status_code == 404
        document = version(crm, key)["ContentDocumentId"]
        assert case not in links(crm, document)

    def test_attachments_come_with_their_record(
        self, crm: httpx2.Client, bob: httpx2.Client, org: SalesforceOrg
    ) -> None:
        for own, status in ((True, 200), (False, 404)):
            body = {"ParentId": bobs_case(org, own=own), "Name": "a.txt", "Body": coded()}
            key = crm.post("sobjects/Attachment", json=body).json()["id"]
            assert bob.get(f"sobjects/Attachment/{key}/Body").status_code == status
