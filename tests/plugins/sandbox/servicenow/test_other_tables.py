import base64
import json

import httpx2
import pytest

from isthmus.plugins.sandbox import ServiceNowInstance

from .conftest import Open


class TestAggregate:
    def test_counts_and_sums_are_text(self, itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
        asked = {"sysparm_count": "true", "sysparm_max_fields": "number,urgency", "sysparm_avg_fields": "urgency"}
        found = itsm.get("stats/incident", params={**asked, "sysparm_query": "active=true"}).json()["result"]["stats"]
        rows = [row for row in instance.rows("incident") if row["active"] == "true"]
        assert found["count"] == str(len(rows))
        assert found["max"] == {"number": max(row["number"] for row in rows), "urgency": "3"}
        assert float(found["avg"]["urgency"]) == pytest.approx(
            sum(int(row["urgency"]) for row in rows) / len(rows), abs=1e-3
        )

    def test_groups(self, itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
        asked = {"sysparm_count": "true", "sysparm_group_by": "priority,caller_id.country"}
        groups = itsm.get("stats/incident", params=asked).json()["result"]
        assert sum(int(each["stats"]["count"]) for each in groups) == len(instance.rows("incident"))
        assert [field["field"] for field in groups[0]["groupby_fields"]] == ["priority", "caller_id.country"]
        few = {"sysparm_count": "true", "sysparm_group_by": "priority", "sysparm_having": "count^priority^>^50"}
        found = itsm.get("stats/incident", params=few).json()["result"]
        assert found
        assert all(int(each["stats"]["count"]) > 50 for each in found)
        assert itsm.get("stats/incident", params={**few, "sysparm_having": "count^x"}).status_code == 400

    def test_one_hidden_row_refuses_all(self, instance: ServiceNowInstance, session: Open) -> None:
        bob = session(instance, "bob")
        assert bob.get("stats/customer_contact?sysparm_count=true").status_code == 403
        asked = {"sysparm_count": "true", "sysparm_query": "country=FR"}
        assert bob.get("stats/customer_contact", params=asked).status_code == 200


class TestBatch:
    def part(self, number: object, method: str, url: str, body: object = None, **more: object) -> dict[str, object]:
        coded = base64.b64encode(json.dumps(body).encode()).decode() if body is not None else ""
        headers = [{"name": "Content-Type", "value": "application/json"}]
        return {"id": number, "method": method, "url": url, "headers": headers, "body": coded, **more}

    def test_parts_are_answered_in_order_and_on_their_own(
        self, itsm: httpx2.Client, instance: ServiceNowInstance
    ) -> None:
        parts = [
            self.part(1, "POST", "/api/now/table/incident", {"short_description": "in a batch"}),
            self.part(2, "GET", "/api/now/table/nope"),
            self.part("3", "GET", "/api/now/table/incident?sysparm_limit=1", exclude_response_headers=True),
            self.part(4, "DELETE", "/api/now/table/incident/nope"),
            self.part(5, "POST", "/api/now/batch", {"rest_requests": []}),
        ]
        answer = itsm.post("v1/batch", json={"batch_request_id": 7, "rest_requests": parts})
        found = answer.json()
        assert (answer.status_code, found["batch_request_id"], found["unserviced_requests"]) == (200, "7", [])
        told = [(each["id"], each["status_code"], each["status_text"]) for each in found["serviced_requests"]]
        assert told == [
            ("1", 201, "Created"),
            ("2", 400, "Bad Request"),
            ("3", 200, "OK"),
            ("4", 404, "Not Found"),
            ("5", 400, "Bad Request"),
        ]
        made = json.loads(base64.b64decode(found["serviced_requests"][0]["body"]))["result"]
        location = {each["name"]: each["value"] for each in found["serviced_requests"][0]["headers"]}["Location"]
        assert location.endswith(made["sys_id"])
        assert "headers" not in found["serviced_requests"][2]
        effects = instance.journal.entries[-1].effects
        assert [(each.action, each.object, each.id) for each in effects] == [("created", "incident", made["sys_id"])]

    @pytest.mark.parametrize("body", [{}, {"rest_requests": "x"}, {"rest_requests": ["x"]}])
    def test_what_is_no_batch_is_refused(self, itsm: httpx2.Client, body: dict[str, object]) -> None:
        assert itsm.post("v1/batch", json=body).status_code == 400

    def test_parts_have_the_users_rights_only(self, instance: ServiceNowInstance, session: Open) -> None:
        parts = [
            self.part("a", "GET", "/api/now/table/syslog"),
            self.part("b", "GET", "https://elsewhere.example/api/now/table/x"),
        ]
        found = session(instance, "bob").post("v1/batch", json={"rest_requests": parts}).json()["serviced_requests"]
        assert [each["status_code"] for each in found] == [403, 400]


class TestAttachments:
    @pytest.fixture
    def row(self, itsm: httpx2.Client) -> str:
        key: str = itsm.post("table/problem", json={"short_description": "with files"}).json()["result"]["sys_id"]
        return key

    def test_bytes_come_back(self, itsm: httpx2.Client, instance: ServiceNowInstance, row: str) -> None:
        empty = itsm.get("attachment", params={"sysparm_query": f"table_name=problem^table_sys_id={row}"})
        assert (empty.json(), empty.headers["x-total-count"]) == ({"result": []}, "0")
        content = bytes(range(256))
        where = {"table_name": "problem", "table_sys_id": row, "file_name": "b.bin"}
        answer = itsm.post("attachment/file", params=where, content=content, headers={"content-type": "x/y"})
        made = answer.json()["result"]
        assert answer.headers["location"] == f"{instance.url}/api/now/v1/attachment/{made['sys_id']}/file"
        assert (answer.status_code, made["size_bytes"], len(made["hash"])) == (201, "256", 64)
        file = itsm.get(answer.headers["location"])
        assert (file.content, file.headers["content-type"]) == (content, "x/y")
        assert itsm.get(made["download_link"]).content == content
        assert itsm.get(f"attachment/{made['sys_id']}").json()["result"]["file_name"] == "b.bin"
        assert itsm.delete(f"attachment/{made['sys_id']}").status_code == 204
        assert itsm.get(f"attachment/{made['sys_id']}/file").status_code == 404

    def test_forms_are_taken(self, itsm: httpx2.Client, row: str) -> None:
        form = {"table_name": "problem", "table_sys_id": row}
        answer = itsm.post("attachment/upload", data=form, files={"uploadFile": ("ü.txt", b"text", "text/plain")})
        found = answer.json()["result"]
        assert (answer.status_code, found["content_type"], found["size_bytes"]) == (201, "text/plain", "4")
        file = itsm.get(f"attachment/{found['sys_id']}/file")
        assert file.text == "text"
        told = json.loads(file.headers["x-attachment-metadata"])
        assert (told["sys_id"], told["file_name"], told["size_bytes"]) == (found["sys_id"], "ü.txt", "4")

    def test_files_hang_on_rows_that_are_there_and_seen(
        self, itsm: httpx2.Client, instance: ServiceNowInstance, session: Open, row: str
    ) -> None:
        where = {"table_name": "problem", "table_sys_id": row, "file_name": "a"}
        assert itsm.post("attachment/file", params={**where, "table_sys_id": "x"}, content=b"x").status_code == 404
        assert itsm.post("attachment/file", params={**where, "file_name": ""}, content=b"x").status_code == 400
        made = itsm.post("attachment/file", params=where, content=b"x").json()["result"]
        bob = session(instance, "bob")
        assert bob.get(f"attachment/{made['sys_id']}/file").status_code == 404
        assert bob.get("attachment").json()["result"] == []

    def test_files_go_with_their_row(self, admin: httpx2.Client, instance: ServiceNowInstance, row: str) -> None:
        where = {"table_name": "problem", "table_sys_id": row, "file_name": "a"}
        admin.post("attachment/file", params=where, content=b"x").raise_for_status()
        admin.delete(f"table/problem/{row}").raise_for_status()
        assert (instance.files, instance.rows("sys_attachment")) == ({}, [])


class TestImportSets:
    def test_a_coalescing_column_makes_it_an_upsert(self, itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
        sent = {"u_key": "K-1", "u_subject": "from a file", "u_urgency": "1"}
        first = itsm.post("import/u_imp_incident", json=sent)
        told = first.json()
        assert first.status_code == 201
        assert told["import_set"].startswith("ISET")
        result = told["result"][0]
        assert (told["staging_table"], result["table"], result["status"]) == ("u_imp_incident", "incident", "inserted")
        assert result["record_link"] == f"{instance.url}/api/now/table/incident/{result['sys_id']}"
        again = itsm.post("import/u_imp_incident", json=sent).json()["result"][0]
        assert (again["status"], again["sys_id"]) == ("ignored", result["sys_id"])
        changed = itsm.post("import/u_imp_incident", json={**sent, "u_urgency": "2"}).json()["result"][0]
        assert (changed["status"], changed["sys_id"]) == ("updated", result["sys_id"])
        assert [row["urgency"] for row in instance.rows("incident") if row["correlation_id"] == "K-1"] == ["2"]

    def test_many_at_once_tell_nothing(self, itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
        records = [{"u_key": f"M-{number}", "u_subject": "m"} for number in range(3)]
        answer = itsm.post("import/u_imp_incident/insertMultiple", json={"records": records})
        assert answer.status_code == 201
        assert set(answer.json()["result"]) == {"import_set_id", "multi_import_set_id"}
        assert sum(row["correlation_id"].startswith("M-") for row in instance.rows("incident")) == 3

    def test_whoever_may_not_is_told_nothing(self, instance: ServiceNowInstance, session: Open) -> None:
        answer = session(instance, "carol").post("import/u_imp_incident", json={"u_key": "N"})
        assert (answer.status_code, answer.content) == (201, b"")
        assert not [row for row in instance.rows("incident") if row["correlation_id"] == "N"]

    def test_a_refusal_stands_in_the_result(self, itsm: httpx2.Client) -> None:
        result = itsm.post("import/imp_user", json={"user_name": "new.one"}).json()["result"][0]
        assert (result["status"], "sys_id" in result) == ("error", False)
        assert itsm.post("import/incident", json={}).status_code == 400
