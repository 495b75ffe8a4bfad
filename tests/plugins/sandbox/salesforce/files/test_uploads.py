"""Which bytes get in, by which way, and how many?"""

import hashlib
from pathlib import Path

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox
from isthmus.plugins.sandbox.salesforce.blobs import MEGABYTE, Blobs, Limits

from .contents import PATH, TEXT, coded, error, form, send, version


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
