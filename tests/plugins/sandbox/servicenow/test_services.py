from collections.abc import Callable

import httpx2
import pytest

from isthmus.plugins.sandbox import ServiceNowInstance

from .conftest import Open

Api = Callable[..., httpx2.Response]


@pytest.fixture
def api(instance: ServiceNowInstance, session: Open) -> Api:
    """Ask below `/api/`, as the integration user unless told otherwise."""

    def ask(method: str, path: str, body: object = None, user: str = "integration", **params: str) -> httpx2.Response:
        client = session(instance, user)
        return client.request(method, f"{instance.url}/api/{path}", json=body, params=params)

    return ask


class TestCatalog:
    BASE = "sn_sc/servicecatalog"

    def item(self, api: Api, name: str) -> str:
        return str(
            next(each["sys_id"] for each in api("GET", f"{self.BASE}/items").json()["result"] if each["name"] == name)
        )

    def test_items_are_typed(self, api: Api) -> None:
        found = api("GET", f"{self.BASE}/items/{self.item(api, 'Standard Laptop')}").json()["result"]
        assert (found["mandatory_attachment"], found["recurring_price_value"], found["price"]) == (
            False,
            100,
            "$1,100.00",
        )
        assert [(each["name"], each["mandatory"]) for each in found["variables"]] == [
            ("keyboard", True),
            ("note", False),
        ]
        assert len(api("GET", f"{self.BASE}/items", sysparm_text="laptop").json()["result"]) == 1
        catalog = api("GET", f"{self.BASE}/catalogs").json()["result"][0]
        categories = api("GET", f"{self.BASE}/catalogs/{catalog['sys_id']}/categories").json()["result"]
        assert [each["title"] for each in categories] == ["Hardware", "Access"]

    def test_ordering_twice_orders_twice(self, api: Api, instance: ServiceNowInstance) -> None:
        url = f"{self.BASE}/v1/items".replace("/v1", "") + f"/{self.item(api, 'Standard Laptop')}/order_now"
        body = {"sysparm_quantity": 2, "variables": {"keyboard": "fr"}, "sysparm_also_request_for": "bob,dave"}
        one, two = (api("POST", url, body) for _ in range(2))
        assert one.status_code == 200
        told = one.json()["result"]
        assert (told["table"], told["number"][:3], told["request_id"]) == ("sc_request", "REQ", told["sys_id"])
        assert told["sys_id"] != two.json()["result"]["sys_id"]
        lines = [row for row in instance.rows("sc_req_item") if row["request"] == told["sys_id"]]
        tasks = [row for row in instance.rows("sc_task") if row["request"] == told["sys_id"]]
        assert ([row["quantity"] for row in lines], len(tasks)) == (["2", "2", "2"], 3)
        assert {row["request_item"] for row in tasks} == {row["sys_id"] for row in lines}
        answers = [row["value"] for row in instance.rows("sc_item_option") if row["request_item"] == lines[0]["sys_id"]]
        assert answers == ["fr", ""]

    def test_mandatory_variables_are_asked_for(self, api: Api, instance: ServiceNowInstance) -> None:
        before = len(instance.rows("sc_request"))
        answer = api("POST", f"{self.BASE}/items/{self.item(api, 'VPN Access')}/order_now", {"sysparm_quantity": 1})
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Mandatory Variables are required")
        assert len(instance.rows("sc_request")) == before

    def test_a_cart_is_filled_and_ordered_once(self, api: Api, instance: ServiceNowInstance) -> None:
        url = f"{self.BASE}/items/{self.item(api, 'Headset')}/add_to_cart"
        for quantity in ("1", "2"):
            cart = api("POST", url, {"sysparm_quantity": quantity}, user="bob").json()["result"]
        assert (cart["subtotal"], len(cart["items"])) == ("$147.00", 2)
        assert api("GET", f"{self.BASE}/cart").json()["result"]["items"] == []
        line = cart["items"][0]["cart_item_id"]
        assert api("DELETE", f"{self.BASE}/cart/{line}").status_code == 404
        assert api("DELETE", f"{self.BASE}/cart/{line}", user="bob").status_code == 204
        order = api("POST", f"{self.BASE}/cart/submit_order", user="bob").json()["result"]
        assert [row["quantity"] for row in instance.rows("sc_req_item") if row["request"] == order["request_id"]] == [
            "2"
        ]
        assert api("POST", f"{self.BASE}/cart/submit_order", user="bob").status_code == 400


class TestChange:
    BASE = "sn_chg_rest/v1/change"

    def test_values_are_typed_and_losses_are_told(self, api: Api) -> None:
        sent = {
            "short_description": "x",
            "bunk": 1,
            "sys_scope": "x",
            "cab_required": True,
            "start_date": "2026-12-01 10:00:00",
        }
        answer = api("POST", f"{self.BASE}/normal", sent)
        found = answer.json()["result"]
        assert answer.status_code == 200
        assert found["state"] == {"display_value": "New", "value": -5.0}
        assert (found["cab_required"]["value"], found["production_system"]["value"]) == (True, False)
        assert found["start_date"] == {
            "display_value": "01-12-2026 11:00:00",
            "value": "2026-12-01 10:00:00",
            "display_value_internal": "2026-12-01 10:00:00",
        }
        assert found["__meta"] == {"ignoredFields": ["bunk", "sys_scope"]}
        url = f"{self.BASE}/{found['sys_id']['value']}"
        changed = api("PATCH", url, {"risk": "2", "sys_created_by": "me"}).json()["result"]
        assert (changed["risk"]["value"], changed["__meta"]) == (2.0, {"ignoredFields": ["sys_created_by"]})
        assert api("GET", url).json()["result"]["risk"]["display_value"] == "High"

    def test_kinds_have_their_own_paths(self, api: Api) -> None:
        template = api("GET", f"{self.BASE}/standard/template").json()["result"][0]["sys_id"]["value"]
        made = api("POST", f"{self.BASE}/standard/{template}", {}).json()["result"]
        assert (made["type"]["value"], made["short_description"]["value"]) == ("standard", "Restart the mail relay")
        emergency = api("POST", f"{self.BASE}/emergency", {"short_description": "now"}).json()["result"]
        key = emergency["sys_id"]["value"]
        rows = api("GET", f"{self.BASE}/emergency", sysparm_limit="200").json()["result"]
        assert {row["type"]["value"] for row in rows} == {"emergency"}
        assert key in {row["sys_id"]["value"] for row in rows}
        assert api("GET", f"{self.BASE}/standard/{'0' * 32}").status_code == 404
        assert [each["name"]["value"] for each in api("GET", f"{self.BASE}/model").json()["result"]] == [
            "Normal",
            "Standard",
            "Emergency",
        ]

    def test_a_change_goes_its_way(self, api: Api, instance: ServiceNowInstance) -> None:
        made = api("POST", self.BASE, {"short_description": "whole way"}).json()["result"]
        url = f"{self.BASE}/{made['sys_id']['value']}"
        told = api("GET", f"{url}/nextstate").json()["result"]
        assert told["available_states"] == ["-4", "-3", "4", "-5"]
        assert told["state_label"]["-4"] == "Assess"
        for state in ("-4", "-3"):
            assert api("PATCH", url, {"state": state}).status_code == 200
        assert api("PATCH", f"{url}/approvals", {"state": "approved"}, user="frank").status_code == 400
        assert api("PATCH", f"{url}/approvals", {"state": "maybe"}, user="greta").status_code == 400
        approvals = api("PATCH", f"{url}/approvals", {"state": "approved"}, user="greta").json()["result"]
        assert sorted(each["state"]["value"] for each in approvals) == ["approved", *["no_longer_required"] * 2]
        assert api("GET", url).json()["result"]["state"]["display_value"] == "Scheduled"
        for state in ("-1", "0"):
            assert api("PATCH", url, {"state": state}).status_code == 200
        assert api("PATCH", url, {"state": "3"}).status_code == 403
        closed = api("PATCH", url, {"state": "3", "close_code": "successful", "close_notes": "ok"})
        assert (closed.status_code, closed.json()["result"]["active"]["value"]) == (200, False)
        assert api("PATCH", url, {"risk": "2"}).status_code == 403
        assert api("GET", f"{url}/nextstate").json()["result"]["available_states"] == ["3"]

    def test_a_rejected_change_is_new_again(self, api: Api) -> None:
        made = api("POST", self.BASE, {"short_description": "no"}).json()["result"]
        url = f"{self.BASE}/{made['sys_id']['value']}"
        api("PATCH", url, {"state": "-3"}).raise_for_status()
        api(
            "PATCH", f"{url}/approvals", {"state": "rejected", "comments": "no"}, user="natasha.ingram"
        ).raise_for_status()
        found = api("GET", url).json()["result"]
        assert (found["state"]["value"], found["approval"]["value"]) == (-5.0, "rejected")

    def test_conflicts_are_found_on_the_same_machine_at_the_same_time(
        self, api: Api, instance: ServiceNowInstance
    ) -> None:
        machine = instance.rows("cmdb_ci_linux_server")[0]["sys_id"]
        when = {"cmdb_ci": machine, "start_date": "2027-03-01 10:00:00", "end_date": "2027-03-01 12:00:00"}
        later = {**when, "start_date": "2027-03-01 12:30:00", "end_date": "2027-03-01 13:00:00"}
        one, two, three = (
            api("POST", self.BASE, body).json()["result"]["sys_id"]["value"] for body in (when, when, later)
        )
        found = api("POST", f"{self.BASE}/{one}/conflict").json()["result"]
        assert found["status"]["value"] == "Conflict"
        assert [each["conflicting_change"]["value"] for each in found["conflicts"]] == [two]
        assert api("GET", f"{self.BASE}/{one}/conflict").json()["result"] == found
        assert api("POST", f"{self.BASE}/{three}/conflict").json()["result"]["status"]["value"] == "No Conflict"
        assert api("DELETE", f"{self.BASE}/{one}/conflict").status_code == 204
        assert api("GET", f"{self.BASE}/{one}/conflict").json()["result"]["conflicts"] == []

    def test_tasks_belong_to_their_change(self, api: Api) -> None:
        one, two = (api("POST", self.BASE, {}).json()["result"]["sys_id"]["value"] for _ in range(2))
        task = api("POST", f"{self.BASE}/{one}/task", {"short_description": "t"}).json()["result"]
        key = task["sys_id"]["value"]
        assert (task["change_request"]["value"], task["number"]["value"][:5]) == (one, "CTASK")
        assert [each["sys_id"]["value"] for each in api("GET", f"{self.BASE}/{one}/task").json()["result"]] == [key]
        assert api("GET", f"{self.BASE}/{two}/task").json()["result"] == []
        assert api("PATCH", f"{self.BASE}/{two}/task/{key}", {"state": "2"}).status_code == 404
        assert api("PATCH", f"{self.BASE}/{one}/task/{key}", {"state": "2"}).json()["result"]["state"]["value"] == 2.0


class TestConfigurationItems:
    def test_an_item_has_attributes_and_relations(self, api: Api, instance: ServiceNowInstance) -> None:
        base = "now/cmdb/instance/cmdb_ci_linux_server"
        kind = next(row["sys_id"] for row in instance.rows("cmdb_rel_type") if row["name"] == "Runs on::Runs")
        other = instance.rows("cmdb_ci_win_server")[0]["sys_id"]
        body = {
            "attributes": {"name": "new"},
            "source": "ServiceNow",
            "outbound_relations": [{"type": kind, "target": other}],
        }
        made = api("POST", base, body)
        found = made.json()["result"]
        key = found["attributes"]["sys_id"]
        assert (made.status_code, found["attributes"]["name"], found["inbound_relations"]) == (201, "new", [])
        relation = found["outbound_relations"][0]
        assert (relation["type"]["display_value"], relation["target"]["value"]) == ("Runs on::Runs", other)
        assert (
            api(
                "POST",
                f"{base}/{key}/relation",
                {"inbound_relations": [{"type": kind, "target": other}]},
            ).status_code
            == 201
        )
        assert len([row for row in instance.rows("cmdb_rel_ci") if key in (row["parent"], row["child"])]) == 2
        assert api("DELETE", f"{base}/{key}/relation/{relation['sys_id']}", user="integration").status_code == 204
        assert api("GET", f"{base}/{key}").json()["result"]["outbound_relations"] == []
        changed = api("PATCH", f"{base}/{key}", {"attributes": {"os": "Linux"}, "source": "S"}).json()["result"]
        assert changed["attributes"]["os"] == "Linux"
        assert api("PATCH", f"{base}/{key}", {"attributes": {}}).status_code == 400
        assert api("GET", "now/cmdb/instance/incident").status_code == 400
        assert {"sys_id": key, "name": "new"} in api("GET", "now/cmdb/instance/cmdb_ci").json()["result"]

    def test_a_class_is_described(self, api: Api) -> None:
        found = api("GET", "now/cmdb/meta/cmdb_ci_server").json()["result"]
        assert (found["parent"], found["children"]) == (
            "cmdb_ci_computer",
            ["cmdb_ci_linux_server", "cmdb_ci_win_server"],
        )

    def test_a_dry_run_tells_what_the_real_one_does(self, api: Api, instance: ServiceNowInstance) -> None:
        known = instance.rows("cmdb_ci_linux_server")[0]
        linux, same = "cmdb_ci_linux_server", {"name": known["name"], "serial_number": known["serial_number"]}
        body = {
            "items": [
                {"className": linux, "values": {"serial_number": "NEW1", "name": "fresh"}},
                {"className": linux, "values": {**same, "ram": "1"}},
                {"className": linux, "values": same},
                {"className": linux, "values": {"ram": "1"}},
                {"className": "incident", "values": {"name": "x"}},
            ],
            "relations": [{"parent": 0, "child": 1, "type": "Runs on::Runs"}, {"parent": 0, "child": 9, "type": "x"}],
        }
        before = instance.rows("cmdb"), instance.rows("cmdb_rel_ci")
        dry = api("POST", "now/identifyreconcile/query", body, sysparm_data_source="X").json()["result"]
        assert (instance.rows("cmdb"), instance.rows("cmdb_rel_ci")) == before
        assert instance.journal.entries[-1].effects == ()
        wet = api("POST", "now/identifyreconcile", body, sysparm_data_source="X").json()["result"]
        for told in (dry, wet):
            assert [each["operation"] for each in told["items"]] == [
                "INSERT",
                "UPDATE",
                "NO_CHANGE",
                "NO_CHANGE",
                "NO_CHANGE",
            ]
            assert [bool(each["errors"]) for each in told["items"]] == [False, False, False, True, True]
            assert [each["operation"] for each in told["relations"]] == ["INSERT", "NO_CHANGE"]
        made = next(row for row in instance.rows(linux) if row["name"] == "fresh")
        assert (made["sys_id"], made["discovery_source"]) == (wet["items"][0]["sysId"], "X")
        assert wet["items"][1]["sysId"] == known["sys_id"]
        again = api("POST", "now/identifyreconcile", body).json()["result"]
        assert {each["operation"] for each in again["items"] + again["relations"]} == {"NO_CHANGE"}
        assert api("POST", "now/identifyreconcile", body, user="bob").status_code == 403


class TestSmallerServices:
    def test_problems_move_through_their_service(self, api: Api, instance: ServiceNowInstance) -> None:
        problem = api("POST", "now/table/problem", {"short_description": "p"}).json()["result"]
        base = f"x_rhtpp_ansible/problem/{problem['number']}/new_state"
        assert api("PATCH", f"{base}/102", {}).status_code == 400
        moved = api("PATCH", f"{base}/102", {"assigned_to": "greta"}).json()["result"]
        assert (moved["state"], moved["problem_state"]) == ("102", "102")
        notes = {"cause_notes": "c", "fix_notes": "f"}
        assert api("PATCH", f"{base}/104", notes).status_code == 403
        assert api("PATCH", f"{base}/106", {}).status_code == 400
        assert api("PATCH", f"{base}/106", {"priority": "1"}).status_code == 400
        assert api("PATCH", f"{base}/103", {}).status_code == 200
        assert api("PATCH", f"{base}/104", {"cause_notes": "c"}).status_code == 400
        assert api("PATCH", f"{base}/104", notes).status_code == 200
        done = api("PATCH", f"{base}/106", {"resolution_code": "fix_applied"}).json()["result"]
        assert (done["state"], bool(done["resolved_at"])) == ("106", True)
        assert api("PATCH", f"{base}/107", {"resolution_code": "canceled", "close_notes": "n"}).status_code == 403
        assert api("PATCH", f"{base}/107", {}).status_code == 200
        assert api("PATCH", f"{base}/103", {}, user="alice").status_code == 403
        again = api("PATCH", f"{base}/103", {}, user="admin").json()["result"]
        assert (again["state"], again["active"], again["resolution_code"]) == ("103", "true", "")
        assert api("PATCH", "x_rhtpp_ansible/problem/PRB9999999/new_state/102", {}).status_code == 404

    def test_articles_are_searched_and_drafts_hidden(self, api: Api) -> None:
        found = api("GET", "sn_km_api/knowledge/articles", query="vpn token", fields="number,text", user="bob").json()[
            "result"
        ]
        assert [each["title"] for each in found["articles"]] == ["How to reset a VPN token"]
        assert "<" not in found["articles"][0]["snippet"]
        article = api("GET", f"sn_km_api/knowledge/articles/{found['articles'][0]['number']}").json()["result"]
        assert "Tokens" in article["content"]
        counts = [
            api("GET", "sn_km_api/knowledge/articles", user=user).json()["result"]["meta"]["count"]
            for user in ("bob", "alice")
        ]
        assert counts == [2, 3]

    def test_classes_of_data_are_for_auditors(self, api: Api, instance: ServiceNowInstance) -> None:
        path = "sn_data_classification/data_classification/getAllDataClasses"
        names = [each["name"] for each in api("GET", path, user="carol").json()["result"]]
        assert names == ["Personal", "Sensitive Personal", "Financial", "Free Text", "Internal"]
        assert api("GET", path, user="alice").status_code == 403
        query = {"sysparm_query": "dictionary.name=task", "sysparm_fields": "dictionary.element,dataclass.name"}
        rows = api("GET", "now/table/m2m_dictionary_dataclass", **query).json()["result"]
        assert {"dictionary.element": "description", "dataclass.name": "Free Text"} in rows
