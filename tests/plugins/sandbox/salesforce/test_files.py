import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from isthmus.plugins.sandbox import Effect, SalesforceOrg, Sandbox
from isthmus.plugins.sandbox.salesforce.blobs import MEGABYTE, Blobs, Limits

TEXT = b"Bearing worn, seal renewed.\n"
PATH = "service-report.txt"


def coded(content: bytes = TEXT) -> str:
    return base64.b64encode(content).decode()


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def send(crm: httpx2.Client, content: bytes = TEXT, **fields: object) -> str:
    body = {"PathOnClient": PATH, "VersionData": coded(content), **fields}
    answer = crm.post("sobjects/ContentVersion", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def form(content: bytes, fields: dict[str, object], name: str = "VersionData", kind: str = "text/plain") -> dict:
    return {
        "entity_content": (None, json.dumps(fields), "application/json"),
        name: ("on-disk.bin", content, kind),
    }


def version(crm: httpx2.Client, key: str) -> dict:
    return crm.get(f"sobjects/ContentVersion/{key}").json()


def links(crm: httpx2.Client, document: str) -> dict[str, dict]:
    soql = f"SELECT Id, LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'"
    return {each["LinkedEntityId"]: each for each in crm.get("query", params={"q": soql}).json()["records"]}


def refused(crm: httpx2.Client, soql: str) -> tuple[int, str]:
    return error(crm.get("query", params={"q": soql}))


def bobs_case(org: SalesforceOrg, *, own: bool) -> str:
    bob = str(org.user(org.usernames["bob"])["Id"])
    return next(str(row["Id"]) for row in org.rows("Case") if (row["OwnerId"] == bob) is own)


@pytest.fixture
def case(org: SalesforceOrg) -> str:
    return str(org.rows("Case")[7]["Id"])


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


class TestForms:
    def test_a_form_carries_the_bytes_as_they_are(self, crm: httpx2.Client, case: str) -> None:
        content = bytes(range(256)) + b"\r\n--not a boundary\r\n"
        fields = {"Title": "Ü", "PathOnClient": "data.csv", "FirstPublishLocationId": case}
        answer = crm.post("sobjects/ContentVersion", files=form(content, fields))
        assert (answer.status_code, answer.json()["success"]) == (201, True)
        told = version(crm, answer.json()["id"])
        assert (told["Title"], told["ContentSize"], told["FileType"]) == ("Ü", len(content), "CSV")
        got = crm.get(f"sobjects/ContentVersion/{told['Id']}/VersionData")
        assert (got.content, got.headers["content-type"]) == (content, "text/csv")

    def test_a_form_may_be_written_by_hand(self, crm: httpx2.Client) -> None:
        lines = (
            '--b\nContent-Disposition: form-data; name="entity_content";\nContent-Type: application/json\n\n'
            '{"PathOnClient": "a.txt"}\n'
            '--b\nContent-Type: text/plain\nContent-Disposition: form-data; name="VersionData"; filename="a.txt"\n\n'
            "one\ntwo\n--b--\n"
        )
        kind = {"content-type": 'multipart/form-data; boundary="b"'}
        made = crm.post("sobjects/ContentVersion", content=lines.encode(), headers=kind)
        assert made.status_code == 201, made.text
        assert crm.get(f"sobjects/ContentVersion/{made.json()['id']}/VersionData").content == b"one\ntwo"

    @pytest.mark.parametrize(
        "files",
        [
            {"VersionData": ("a.txt", TEXT, "text/plain")},
            {"entity_content": (None, "{}"), "VersionData": ("a.txt", TEXT, "text/plain")},
            {"entity_content": (None, "{}", "application/json"), "a": ("a", TEXT), "b": ("b", TEXT)},
        ],
        ids=["no fields", "fields of no type", "two files"],
    )
    def test_a_form_needs_fields_as_json_and_one_file(self, crm: httpx2.Client, files: dict) -> None:
        assert error(crm.post("sobjects/ContentVersion", files=files)) == (400, "INVALID_MULTIPART_REQUEST")

    @pytest.mark.parametrize(
        "body", [b"", b"--b", b"--b\r\n\r\n", b"--b\r\nno head\r\n--b--", b"--b\r\n\r\nx\r\n--b--", b"--b--"]
    )
    def test_a_broken_form_is_refused(self, crm: httpx2.Client, body: bytes) -> None:
        kind = {"content-type": "multipart/form-data; boundary=b"}
        answer = crm.post("sobjects/ContentVersion", content=body, headers=kind)
        assert error(answer) == (400, "INVALID_MULTIPART_REQUEST")

    def test_a_file_fits_only_into_a_field_for_files(self, crm: httpx2.Client) -> None:
        fields = {"PathOnClient": "a.txt", "VersionData": coded()}
        answer = crm.post("sobjects/ContentVersion", files=form(TEXT, fields, name="Description"))
        assert error(answer) == (400, "JSON_PARSER_ERROR")
        answer = crm.post("sobjects/ContentVersion", files=form(TEXT, fields, name="Nothing"))
        assert error(answer) == (400, "INVALID_FIELD")


class TestSizes:
    def test_the_limits_are_those_that_the_vendor_documents(self) -> None:
        assert Limits() == Limits(in_json=39_321_600, version=2 << 30, other=500 << 20)

    def test_each_way_has_its_limit(self, crm: httpx2.Client, org: SalesforceOrg, case: str) -> None:
        org.file_limits = Limits(in_json=10, version=30, other=20)

        def ways(size: int) -> list[int]:
            content, head = b"x" * size, {"PathOnClient": PATH}
            attachment = {"ParentId": case, "Name": "a"}
            return [
                crm.post("sobjects/ContentVersion", json={**head, "VersionData": coded(content)}).status_code,
                crm.post("sobjects/ContentVersion", files=form(content, head)).status_code,
                crm.post("sobjects/Attachment", files=form(content, attachment, "Body")).status_code,
            ]

        assert [ways(size) for size in (10, 11, 20, 21, 30, 31)] == [
            [201, 201, 201], [400, 201, 201], [400, 201, 201], [400, 201, 400], [400, 201, 400], [400, 400, 400],
        ]  # fmt: skip
        answer = crm.post("sobjects/ContentVersion", files=form(b"x" * 31, {"PathOnClient": PATH}))
        assert error(answer) == (400, "FILE_SIZE_LIMIT_EXCEEDED")

    def test_a_large_file_lies_on_disk_and_ends_with_the_sandbox(self, login) -> None:
        content = b"0123456789abcdef" * (3 * MEGABYTE // 16) + b"\r\nend"
        with Sandbox(seed=7, accounts=1, contacts=1) as sandbox:
            org = sandbox.salesforce["eu"]
            crm = login(org)
            key = crm.post("sobjects/ContentVersion", files=form(content, {"PathOnClient": "big.bin"})).json()["id"]
            row = next(row for row in org.rows("ContentVersion") if row["Id"] == key)
            place = org.blobs[str(row["VersionData"])].place
            assert isinstance(place, Path)
            assert place.parent.stat().st_mode & 0o777 == 0o700
            sent = int(org.journal.entries[-1].body.strip("()").removesuffix(" bytes"))
            assert len(content) < sent < len(content) + 1_000
            with crm.stream("GET", f"sobjects/ContentVersion/{key}/VersionData") as answer:
                assert answer.headers["content-length"] == str(len(content))
                pieces = list(answer.iter_raw())
            assert len(pieces) > 10
            assert b"".join(pieces) == content
            assert row["Checksum"] == hashlib.md5(content).hexdigest()
        assert not place.parent.exists()

    def test_a_new_start_forgets_large_files(self, login) -> None:
        with Sandbox(seed=7, accounts=1, contacts=1) as sandbox:
            org = sandbox.salesforce["eu"]
            send(login(org), b"x" * (MEGABYTE + 1))
            place = org.blobs[str(org.rows("ContentVersion")[-1]["VersionData"])].place
            sandbox.reset()
            assert isinstance(place, Path)
            assert not place.exists()

    def test_bytes_come_out_as_they_went_in(self) -> None:
        blobs = Blobs()
        for size in (0, 1, MEGABYTE, MEGABYTE + 1):
            chunks = [b"a" * (size // 2), b"b" * (size - size // 2)]
            blob = blobs[blobs.keep(chunks)]
            assert (b"".join(blob.chunks()), blob.size) == (b"".join(chunks), size)
            assert isinstance(blob.place, Path) is (size > MEGABYTE)
        blobs.close()


class TestReading:
    def test_a_row_tells_where_the_bytes_are(self, crm: httpx2.Client) -> None:
        key = send(crm)
        where = f"/services/data/v60.0/sobjects/ContentVersion/{key}/VersionData"
        assert version(crm, key)["VersionData"] == where
        [row] = crm.get("query", params={"q": f"SELECT VersionData FROM ContentVersion WHERE Id = '{key}'"}).json()[
            "records"
        ]
        assert row["VersionData"] == where
        document = version(crm, key)["ContentDocumentId"]
        through = f"SELECT LatestPublishedVersion.VersionData FROM ContentDocument WHERE Id = '{document}'"
        [row] = crm.get("query", params={"q": through}).json()["records"]
        assert row["LatestPublishedVersion"]["VersionData"] == where
        got = crm.get(httpx2.URL(str(crm.base_url)).join(where), headers={"accept-encoding": "gzip"})
        assert (got.content, got.headers["content-type"]) == (TEXT, "text/plain")
        assert (got.headers["content-length"], "content-encoding" in got.headers) == (str(len(TEXT)), False)
        assert "sforce-limit-info" in got.headers

    def test_head_tells_the_size_only(self, crm: httpx2.Client) -> None:
        got = crm.head(f"sobjects/ContentVersion/{send(crm)}/VersionData")
        assert (got.status_code, got.headers["content-length"], got.content) == (200, str(len(TEXT)), b"")

    def test_a_file_in_drops_is_whole_in_the_end(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        key = send(crm)
        org.faults.arm("slow_body", seconds=0.05)
        assert crm.get(f"sobjects/ContentVersion/{key}/VersionData").content == TEXT

    def test_an_unknown_kind_is_a_stream_of_octets(self, crm: httpx2.Client) -> None:
        key = send(crm, PathOnClient="mystery")
        assert version(crm, key)["FileType"] == "UNKNOWN"
        got = crm.get(f"sobjects/ContentVersion/{key}/VersionData")
        assert got.headers["content-type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        "path", ["{key}/Title", "{key}/Nothing", "0688d0000000zzz/VersionData", "23foo/VersionData"]
    )
    def test_other_addresses_hold_no_bytes(self, crm: httpx2.Client, path: str) -> None:
        answer = crm.get(f"sobjects/ContentVersion/{path.format(key=send(crm))}")
        assert error(answer) == (404, "NOT_FOUND")

    def test_bulk_queries_give_no_bytes(self, crm: httpx2.Client) -> None:
        job = {"operation": "query", "query": "SELECT Id, VersionData FROM ContentVersion"}
        assert error(crm.post("jobs/query", json=job)) == (400, "FEATURENOTENABLED")


class TestQueries:
    def test_bytes_are_no_condition_and_no_order(self, crm: httpx2.Client) -> None:
        for clause in ("WHERE VersionData = 'x'", "ORDER BY VersionData"):
            assert refused(crm, f"SELECT Id FROM ContentVersion {clause}")[0] == 400

    @pytest.mark.parametrize(
        "where",
        [
            "",
            "WHERE ShareType = 'V'",
            "WHERE LinkedEntityId != '{case}'",
            "WHERE LinkedEntityId = '{case}' OR ShareType = 'V'",
            "WHERE NOT LinkedEntityId = '{case}'",
            "WHERE Id = '06A8d0000000001'",
        ],
    )
    def test_links_are_found_by_file_or_record_only(self, crm: httpx2.Client, case: str, where: str) -> None:
        answer = crm.get("query", params={"q": f"SELECT Id FROM ContentDocumentLink {where.format(case=case)}"})
        assert error(answer) == (400, "MALFORMED_QUERY")
        assert "requires a filter by a single Id on ContentDocumentId or LinkedEntityId" in answer.json()[0]["message"]

    def test_links_of_several_records_and_below_a_record(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        cases = [str(row["Id"]) for row in org.rows("Case")[10:12]]
        listed = "', '".join(cases)
        for where in (f"LinkedEntityId IN ('{listed}') AND ShareType = 'I'", f"LinkedEntityId = '{cases[0]}'"):
            soql = f"SELECT LinkedEntityId, ContentDocument.Title FROM ContentDocumentLink WHERE {where}"
            found = crm.get("query", params={"q": soql}).json()["records"]
            assert found[0]["ContentDocument"]["Title"] == "service-report"
        below = f"SELECT Id, (SELECT ContentDocumentId FROM ContentDocumentLinks) FROM Case WHERE Id = '{cases[1]}'"
        [row] = crm.get("query", params={"q": below}).json()["records"]
        assert row["ContentDocumentLinks"]["totalSize"] == 2
        nested = "SELECT Id FROM ContentDocument WHERE Id IN (SELECT ContentDocumentId FROM ContentDocumentLink)"
        assert refused(crm, nested) == (400, "MALFORMED_QUERY")

    def test_describe_tells_what_may_be_written_and_when(self, crm: httpx2.Client) -> None:
        told = crm.get("sobjects/ContentVersion/describe").json()
        fields = {each["name"]: each for each in told["fields"]}
        assert (told["keyPrefix"], told["createable"], told["deletable"]) == ("068", True, False)
        assert [fields["VersionData"][name] for name in ("type", "soapType", "createable", "updateable")] == [
            "base64", "xsd:base64Binary", True, False,
        ]  # fmt: skip
        assert (fields["VersionData"]["filterable"], fields["VersionData"]["sortable"]) == (False, False)
        prefixes = {"ContentDocument": "069", "ContentDocumentLink": "06A", "Attachment": "00P"}
        for name, prefix in prefixes.items():
            assert crm.get(f"sobjects/{name}/describe").json()["keyPrefix"] == prefix
        below = {each["relationshipName"] for each in crm.get("sobjects/Case/describe").json()["childRelationships"]}
        assert {"Attachments", "ContentDocumentLinks"} <= below


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


class TestSeeds:
    def test_some_cases_and_accounts_have_files(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        def titles(name: str, place: int) -> list[str]:
            key = org.rows(name)[place]["Id"]
            soql = f"SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId = '{key}'"
            return [each["ContentDocument"]["Title"] for each in crm.get("query", params={"q": soql}).json()["records"]]

        assert titles("Case", 11) == ["service-report", "nameplate"]
        assert titles("Account", 5) == ["framework-agreement"]
        contact = next(row for row in org.rows("Contact") if row["Id"] == org.rows("Case")[10]["ContactId"])
        report = org.rows("ContentVersion")[0]
        assert str(contact["Name"]) in crm.get(f"sobjects/ContentVersion/{report['Id']}/VersionData").text
        versions = [row for row in org.rows("ContentVersion") if row["Title"] == "framework-agreement"]
        assert [(row["VersionNumber"], row["IsLatest"]) for row in versions[:2]] == [("1", False), ("2", True)]
        assert len(org.rows("Attachment")) == 2

    def test_every_sandbox_of_a_seed_holds_the_same_files(self) -> None:
        def told() -> Iterator[tuple[object, object]]:
            org = Sandbox(seed=7, accounts=20, contacts=100).salesforce["us"]
            return ((row["Id"], row["Checksum"]) for row in org.rows("ContentVersion"))

        assert list(told()) == list(told()) != []
