import httpx2
import pytest

from isthmus.plugins.sandbox import ServiceNowInstance

from .conftest import Open

ADMIN = "6816f79cc0a8016401c5a33be04be441"


@pytest.fixture
def made(itsm: httpx2.Client) -> dict[str, object]:
    values = {"short_description": "one", "caller_id": ADMIN, "category": "software"}
    found: dict[str, object] = itsm.post("table/incident", json=values).json()["result"]
    return found


def test_values_are_text_and_references_are_links(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    answer = itsm.post("table/incident", json={"short_description": "one", "caller_id": ADMIN, "active": True})
    found = answer.json()["result"]
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{instance.url}/api/now/table/incident/{found['sys_id']}"
    assert found["caller_id"] == {"link": f"{instance.url}/api/now/table/sys_user/{ADMIN}", "value": ADMIN}
    assert found["sys_domain"]["link"].endswith("/sys_user_group/global")
    assert (found["active"], found["sys_mod_count"], found["problem_id"]) == ("true", "0", "")
    assert len(found["sys_id"]) == 32
    assert {type(value) for value in found.values()} == {str, dict}


@pytest.mark.parametrize(
    ("display", "bare", "state", "caller"),
    [
        ("false", "false", "1", {"link", "value"}),
        ("false", "true", "1", ADMIN),
        ("true", "False", "New", {"display_value", "link"}),
        ("True", "TRUE", "New", "System Administrator"),
        ("all", "", {"display_value": "New", "value": "1"}, {"display_value", "link", "value"}),
        ("all", "true", {"display_value": "New", "value": "1"}, {"display_value", "value"}),
    ],
)
def test_display_values(
    itsm: httpx2.Client, made: dict[str, object], display: str, bare: str, state: object, caller: object
) -> None:
    asked = {"sysparm_display_value": display, "sysparm_exclude_reference_link": bare}
    found = itsm.get(f"table/incident/{made['sys_id']}", params=asked).json()["result"]
    assert found["state"] == state
    assert (set(found["caller_id"]) if isinstance(caller, set) else found["caller_id"]) == caller


def test_fields_walk_over_dots_and_unknown_ones_are_left_out(itsm: httpx2.Client, made: dict[str, object]) -> None:
    fields = "number,caller_id.department.dept_head.email,caller_id.manager.email,nope,caller_id.nope"
    found = itsm.get(f"table/incident/{made['sys_id']}", params={"sysparm_fields": fields}).json()["result"]
    assert found == {
        "number": made["number"],
        "caller_id.department.dept_head.email": "natasha.ingram@example.com",
        "caller_id.manager.email": "",
    }


def test_dates_are_displayed_in_the_users_zone_and_form(
    made: dict[str, object], itsm: httpx2.Client, admin: httpx2.Client
) -> None:
    asked = {"sysparm_fields": "opened_at", "sysparm_display_value": "all"}
    url = f"table/incident/{made['sys_id']}"
    values = [client.get(url, params=asked).json()["result"]["opened_at"] for client in (itsm, admin)]
    assert [each["value"] for each in values] == ["2026-11-20 09:00:00"] * 2
    assert [each["display_value"] for each in values] == ["20-11-2026 10:00:00", "2026-11-20 10:00:00"]


def test_a_moment_may_be_written_with_a_t(itsm: httpx2.Client) -> None:
    body = {"short_description": "when", "due_date": "2027-07-15T08:00:00"}
    assert itsm.post("table/incident", json=body).json()["result"]["due_date"] == "2027-07-15 08:00:00"


def test_pages_have_links_and_a_count(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    answer = itsm.get("table/change_request", params={"sysparm_limit": "2", "sysparm_fields": "number"})
    base = f"{instance.url}/api/now/table/change_request?sysparm_fields=number&sysparm_limit=2&sysparm_offset="
    assert answer.headers["x-total-count"] == "69"
    assert answer.headers["link"] == f'<{base}0>;rel="first",<{base}2>;rel="next",<{base}68>;rel="last"'
    end = itsm.get(f"{base}68")
    assert len(end.json()["result"]) == 1
    assert end.headers["link"] == f'<{base}0>;rel="first",<{base}66>;rel="prev",<{base}68>;rel="last"'
    assert "link" not in itsm.get("table/change_request").headers
    assert (
        "link" not in itsm.get("table/change_request?sysparm_limit=2&sysparm_suppress_pagination_header=true").headers
    )
    assert "x-total-count" not in itsm.get("table/change_request?sysparm_no_count=True").headers


@pytest.mark.parametrize("prefix", ["/api/now", "/api/now/v1", "/api/now/v2"])
def test_versions_lead_to_the_same_rows(itsm: httpx2.Client, instance: ServiceNowInstance, prefix: str) -> None:
    found = itsm.get(f"{instance.url}{prefix}/table/sys_user/{ADMIN}?sysparm_fields=user_name").json()
    assert found == {"result": {"user_name": "admin"}}


def test_plain_parameters_select_by_value_or_display_value(itsm: httpx2.Client, made: dict[str, object]) -> None:
    for asked in ({"number": made["number"]}, {"caller_id": "System Administrator", "state": "New"}):
        rows = itsm.get("table/incident", params=asked).json()["result"]
        assert [row["sys_id"] for row in rows] == [made["sys_id"]]


@pytest.mark.parametrize(
    ("method", "path", "status", "message", "detail"),
    [
        ("GET", "table/sys_nope", 400, "Invalid table sys_nope", "Table sys_nope does not exist"),
        ("GET", "nope/incident", 400, "Requested URI does not represent any resource", None),
        (
            "GET",
            "table/incident/nope",
            404,
            "No Record found",
            "Record doesn't exist or ACL restricts the record retrieval",
        ),
        ("GET", "table/sys_encryption_context", 403, "User Not Authorized", "Failed API level ACL Validation"),
        ("GET", "table/syslog", 403, "Insufficient rights to query records", None),
        ("POST", "table/syslog", 403, "Operation Failed", "ACL Exception Insert Failed due to security constraints"),
    ],
)
def test_refusals(itsm: httpx2.Client, method: str, path: str, status: int, message: str, detail: str | None) -> None:
    answer = itsm.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == status
    assert answer.json() == {"error": {"message": message, "detail": detail}, "status": "failure"}


def test_an_absurd_path_meets_html(itsm: httpx2.Client) -> None:
    answer = itsm.get(f"table/{'A' * 23_000}")
    assert (answer.status_code, answer.headers["content-type"]) == (414, "text/html")
    assert answer.text.startswith("<html>")


def test_a_long_query_passes(itsm: httpx2.Client) -> None:
    query = "AAAA=BBBB^" * 2_300 + f"sys_id={ADMIN}"
    rows = itsm.get("table/sys_user", params={"sysparm_query": query, "sysparm_fields": "user_name"}).json()["result"]
    assert rows == [{"user_name": "admin"}]


def test_a_short_link_stands_for_a_long_query(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    url = f"{instance.url}/incident_list.do?sysparm_query=state%3D1^urgency%3D1&sysparm_fields=state,urgency"
    short = itsm.post("tinyurl", json={"url": url}).json()["result"]
    assert short.startswith("incident_list.do?sysparm_tiny=")
    rows = itsm.get("table/incident", params={"sysparm_tiny": short.partition("=")[2]}).json()["result"]
    assert {(row["state"], row["urgency"]) for row in rows} == {("1", "1")}


def test_a_property_turns_ignored_parts_into_empty_answers(itsm: httpx2.Client, admin: httpx2.Client) -> None:
    asked = {"sysparm_query": "typo=1", "sysparm_limit": "3"}
    assert len(itsm.get("table/incident", params=asked).json()["result"]) == 3
    name = "glide.invalid_query.returns_no_rows"
    setting = admin.get("table/sys_properties", params={"name": name}).json()["result"][0]
    admin.patch(f"table/sys_properties/{setting['sys_id']}", json={"value": "true"})
    assert itsm.get("table/incident", params=asked).json()["result"] == []


class TestWrites:
    def test_unknown_and_read_only_fields_are_dropped(self, itsm: httpx2.Client) -> None:
        sent = {"bunk": "x", "sys_created_by": "me", "sys_mod_count": "9", "urgency": "no number"}
        answer = itsm.post("table/incident", json=sent)
        found = answer.json()["result"]
        assert answer.status_code == 201
        assert (found["sys_created_by"], found["sys_mod_count"], found["urgency"]) == ("integration", "0", "3")
        assert "bunk" not in found

    def test_read_only_fields_stay_in_an_update(self, itsm: httpx2.Client, made: dict[str, object]) -> None:
        sent = {"sys_created_by": "me", "sys_created_on": "2020-01-01 00:00:00", "sys_id": "f" * 32, "urgency": "1"}
        found = itsm.patch(f"table/incident/{made['sys_id']}", json=sent).json()["result"]
        assert {name: found[name] for name in sent} == {**{name: made[name] for name in sent}, "urgency": "1"}

    def test_a_given_sys_id_is_kept_and_unique(self, itsm: httpx2.Client) -> None:
        key = "AAAABBBBCCCCDDDDEEEEFFFF00001111"
        assert itsm.post("table/problem", json={"sys_id": key}).json()["result"]["sys_id"] == key
        assert itsm.get(f"table/problem/{key}").status_code == 200
        assert itsm.post("table/incident", json={"sys_id": key}).status_code == 403

    def test_long_texts_are_cut(self, itsm: httpx2.Client) -> None:
        found = itsm.post("table/incident", json={"short_description": "x" * 500}).json()["result"]
        assert found["short_description"] == "x" * 160

    def test_references_take_ids_unseen_and_names_when_known(self, itsm: httpx2.Client) -> None:
        sent = {"assigned_to": "Alice Ahrendt", "caller_id": "f" * 32, "cmdb_ci": "no such machine"}
        found = itsm.post("table/incident", json=sent, params={"sysparm_display_value": "all"}).json()["result"]
        assert found["assigned_to"]["display_value"] == "Alice Ahrendt"
        assert (found["caller_id"]["value"], found["caller_id"]["display_value"]) == ("f" * 32, "")
        assert found["cmdb_ci"]["value"] == ""

    def test_display_values_are_taken_when_asked(self, itsm: httpx2.Client) -> None:
        sent = {"state": "In Progress", "caller_id": "System Administrator", "due_date": "24-12-2026 18:00:00"}
        found = itsm.post("table/incident?sysparm_input_display_value=true", json=sent).json()["result"]
        assert (found["state"], found["caller_id"]["value"]) == ("2", ADMIN)
        assert found["due_date"] == "2026-12-24 17:00:00"

    def test_a_change_is_never_standard_without_a_template(self, itsm: httpx2.Client) -> None:
        answer = itsm.post("table/change_request", json={"type": "standard"})
        assert (answer.status_code, answer.json()["result"]["type"]) == (201, "normal")

    def test_business_rules_stop_writes_and_say_so(self, itsm: httpx2.Client, admin: httpx2.Client) -> None:
        rule = {"name": "no gremlins", "collection": "task", "action_insert": True, "abort_action": True}
        made = admin.post("table/sys_script", json={**rule, "filter_condition": "short_descriptionLIKEgremlin^EQ"})
        key = made.json()["result"]["sys_id"]
        answer = itsm.post("table/incident", json={"short_description": "Gremlins!"})
        assert answer.status_code == 403
        assert answer.json()["error"]["detail"] == (
            f"Operation against file 'incident' was aborted by Business Rule 'no gremlins^{key}'. "
            "Business Rule Stack:no gremlins"
        )
        assert itsm.post("table/incident", json={"short_description": "fine"}).status_code == 201

    def test_states_move_along_their_model(self, itsm: httpx2.Client) -> None:
        made = itsm.post("table/change_request", json={"short_description": "x"}).json()["result"]
        url = f"table/change_request/{made['sys_id']}"
        refused = itsm.patch(url, json={"state": "-1"})
        assert refused.status_code == 403
        assert "'Change Model: Check State Transition^" in refused.json()["error"]["detail"]
        assert itsm.patch(url, json={"state": "-4"}).json()["result"]["state"] == "-4"

    def test_problems_are_not_moved_directly(self, itsm: httpx2.Client) -> None:
        made = itsm.post("table/problem", json={"short_description": "x"}).json()["result"]
        answer = itsm.patch(f"table/problem/{made['sys_id']}", json={"state": "102", "urgency": "1"})
        found = answer.json()["result"]
        assert (answer.status_code, found["state"], found["problem_state"], found["urgency"]) == (
            200,
            "101",
            "101",
            "1",
        )

    @pytest.mark.parametrize("body", [b"{", b"[]", b'"\\ud800"', b""])
    def test_a_broken_body_is_refused(self, itsm: httpx2.Client, made: dict[str, object], body: bytes) -> None:
        assert itsm.patch(f"table/incident/{made['sys_id']}", content=body).status_code == 400

    def test_approving_is_for_the_approver_and_moves_the_change(
        self, itsm: httpx2.Client, instance: ServiceNowInstance, session: Open
    ) -> None:
        made = itsm.post("table/change_request", json={"short_description": "x"}).json()["result"]
        url = f"table/change_request/{made['sys_id']}"
        for state in ("-4", "-3"):
            assert itsm.patch(url, json={"state": state}).status_code == 200
        approver = session(instance, "greta")
        asked = {"sysapproval": made["sys_id"], "approver": "Greta Grimbold"}
        mine = approver.get("table/sysapproval_approver", params=asked).json()["result"]
        assert [each["state"] for each in mine] == ["requested"]
        row = f"table/sysapproval_approver/{mine[0]['sys_id']}"
        assert itsm.patch(row, json={"state": "approved"}).status_code == 403
        answer = approver.patch(row, json={"state": "approved", "comments": "go"}).json()["result"]
        assert (answer["state"], answer["comments"]) == ("approved", "")
        moved = itsm.get(url).json()["result"]
        assert (moved["approval"], moved["state"]) == ("approved", "-2")

    def test_a_delegate_may_answer_for_the_approver(
        self, admin: httpx2.Client, instance: ServiceNowInstance, session: Open
    ) -> None:
        people = {row["user_name"]: row["sys_id"] for row in instance.rows("sys_user")}
        asked = next(
            row
            for row in instance.rows("sysapproval_approver")
            if (row["state"], row["approver"]) == ("requested", people["natasha.ingram"])
        )
        url, henri = f"table/sysapproval_approver/{asked['sys_id']}", session(instance, "henri")
        assert henri.patch(url, json={"state": "approved"}).status_code == 404
        given = {"user": people["natasha.ingram"], "delegate": people["henri"], "approvals": "true"}
        admin.post("table/sys_user_delegate", json=given).raise_for_status()
        assert henri.patch(url, json={"state": "approved"}).json()["result"]["state"] == "approved"


class TestAccess:
    def test_hidden_rows_shorten_the_page_and_not_the_count(self, instance: ServiceNowInstance, session: Open) -> None:
        answer = session(instance, "bob").get("table/customer_contact?sysparm_limit=30&sysparm_fields=country")
        rows = answer.json()["result"]
        assert int(answer.headers["x-total-count"]) == len(instance.rows("customer_contact"))
        assert {row["country"] for row in rows} == {"FR"}
        assert 0 < len(rows) < 30

    def test_hidden_rows_look_missing(self, instance: ServiceNowInstance, session: Open) -> None:
        german = next(row for row in instance.rows("customer_contact") if row["country"] == "DE")
        for table in ("customer_contact", "sys_user"):
            answer = session(instance, "bob").get(f"table/{table}/{german['sys_id']}")
            assert (answer.status_code, answer.json()["error"]["message"]) == (404, "No Record found")

    def test_hidden_fields_look_empty_and_writes_of_them_vanish(
        self, instance: ServiceNowInstance, session: Open, admin: httpx2.Client
    ) -> None:
        row = next(row for row in instance.rows("customer_contact") if row["u_national_id"])
        url, alice = f"table/customer_contact/{row['sys_id']}", session(instance, "alice")
        assert alice.get(url).json()["result"]["u_national_id"] == ""
        assert alice.patch(url, json={"u_national_id": "X", "u_hobby": "Y"}).status_code == 200
        found = admin.get(url).json()["result"]
        assert (found["u_national_id"], found["u_hobby"]) == (row["u_national_id"], "Y")

    def test_fields_behind_a_dot_are_hidden_as_well(self, instance: ServiceNowInstance, session: Open) -> None:
        incident = next(row for row in instance.rows("incident") if row["caller_id"])
        fields = {"sysparm_fields": "number,caller_id.home_phone,caller_id.name"}
        found = session(instance, "alice").get(f"table/incident/{incident['sys_id']}", params=fields).json()["result"]
        assert (found["caller_id.home_phone"], bool(found["caller_id.name"])) == ("", True)

    @pytest.mark.parametrize("display", ["false", "true", "all"])
    def test_passwords_are_neither_shown_nor_guessed(
        self, admin: httpx2.Client, instance: ServiceNowInstance, display: str
    ) -> None:
        secret = instance.password("alice")
        asked = {"sysparm_query": f"user_password={secret}", "sysparm_limit": "200", "sysparm_display_value": display}
        answer = admin.get("table/sys_user", params=asked)
        assert secret[:8] not in answer.text
        assert answer.headers["x-total-count"] == str(len(instance.rows("sys_user")))
        least = admin.get("stats/sys_user", params={"sysparm_min_fields": "user_password,name"}).json()["result"][
            "stats"
        ]
        assert set(least["min"]) == {"name"}

    def test_hidden_fields_are_not_summed_up(self, instance: ServiceNowInstance, session: Open) -> None:
        asked = {"sysparm_count": "true", "sysparm_min_fields": "u_national_id", "sysparm_group_by": "u_diagnosis"}
        found = session(instance, "alice").get("stats/customer_contact", params=asked).json()["result"]
        assert found == {"stats": {"count": str(len(instance.rows("customer_contact")))}}

    def test_callers_see_their_own_incidents(
        self, instance: ServiceNowInstance, session: Open, itsm: httpx2.Client
    ) -> None:
        bob = session(instance, "bob")
        mine = bob.post("table/incident", json={"short_description": "mine", "assignment_group": "Network"})
        assert mine.json()["result"]["assignment_group"] == ""
        rows = bob.get("table/incident").json()["result"]
        assert [row["short_description"] for row in rows] == ["mine"]
        assert itsm.get("table/incident").headers["x-total-count"] == "241"

    def test_readers_write_nothing(self, instance: ServiceNowInstance, session: Open) -> None:
        carol = session(instance, "carol")
        row = carol.get("table/change_request?sysparm_limit=1").json()["result"][0]
        url = f"table/change_request/{row['sys_id']}"
        for answer, what in (
            (carol.post("table/change_request", json={}), "Insert"),
            (carol.patch(url, json={"risk": "2"}), "Update"),
            (carol.delete(url), "Delete"),
        ):
            assert answer.status_code == 403
            assert answer.json()["error"]["detail"] == f"ACL Exception {what} Failed due to security constraints"
