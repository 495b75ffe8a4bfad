"""Are files found, and read as they were sent?"""

from collections.abc import Iterator

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

from .contents import TEXT, error, send, version


def refused(crm: httpx2.Client, soql: str) -> tuple[int, str]:
    return error(crm.get("query", params={"q": soql}))


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
