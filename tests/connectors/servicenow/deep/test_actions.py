"""Does an action do what it says, tell what was ignored, and stay within what policy let pass?"""

import pytest
from tests.connectors.servicenow.test_over_sandbox import House

from isthmus.core.errors import Denied, InvalidArguments, OutcomeUnknown, UpstreamRejected
from isthmus.core.session import Session
from isthmus.plugins.sandbox import ServiceNowInstance

WORDS = {"short_description": "Swap the disk"}


def one(org: ServiceNowInstance, table: str, **wanted: str) -> dict[str, str]:
    return next(row for row in org.rows(table) if all(row[name] == value for name, value in wanted.items()))


def posts(org: ServiceNowInstance, path: str) -> int:
    return len([entry for entry in org.journal.entries if entry.method != "GET" and path in entry.path])


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))


async def test_describe_names_the_actions_of_a_table(home: Session):
    async def names(object: str) -> set[str]:
        facts = (await home.describe("itsm", object)).facts
        assert facts is not None
        return {one.name for one in facts.actions}

    assert await names("sc_cat_item") == {"order", "variables"}
    assert {"create_normal", "create_standard", "move", "conflicts"} <= await names("change_request")
    assert {"identify", "reconcile", "relate"} <= await names("cmdb_ci_linux_server")
    assert await names("u_imp_incident") == {"import_row"}
    assert await names("sys_import_set_row") == await names("incident") == set()


class TestOrders:
    async def test_an_order_is_made_with_answers_that_the_item_knows(self, home: Session, org: ServiceNowInstance):
        item = one(org, "sc_cat_item", name="Standard Laptop")["sys_id"]
        asked = await home.invoke("itsm", "sc_cat_item", "variables", id=item)
        assert [(each["name"], each["mandatory"]) for each in asked.values["variables"]] == [
            ("keyboard", True),
            ("note", False),
        ]
        person = org.rows("sys_user")[3]["sys_id"]
        arguments = {"quantity": 2, "variables": {"keyboard": "fr"}, "requested_for": person}
        made = await home.invoke("itsm", "sc_cat_item", "order", arguments, id=item)
        request = one(org, "sc_request", sys_id=made.records[0])
        assert (request["number"], request["requested_for"]) == (made.values["number"], person)
        assert one(org, "sc_req_item", request=request["sys_id"])["quantity"] == "2"

    @pytest.mark.parametrize(
        ("variables", "match"), [({"keybord": "fr"}, "did you mean"), ({}, "needs variables keyboard")]
    )
    async def test_an_answer_that_would_be_dropped_or_is_missing_is_refused(
        self, home: Session, org: ServiceNowInstance, variables: dict[str, str], match: str
    ):
        item = one(org, "sc_cat_item", name="Standard Laptop")["sys_id"]
        with pytest.raises(InvalidArguments, match=match):
            await home.invoke("itsm", "sc_cat_item", "order", {"variables": variables}, id=item)
        assert posts(org, "order_now") == 0

    async def test_a_lost_answer_is_not_guessed_and_never_ordered_again(
        self, home: Session, org: ServiceNowInstance, patient: None
    ):
        item = one(org, "sc_cat_item", name="Headset")["sys_id"]
        org.faults.arm("lost_answer", method="POST", path="order_now")
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await home.invoke("itsm", "sc_cat_item", "order", {}, id=item, key="headset")
        assert posts(org, "order_now") == 1


class TestChanges:
    async def test_what_was_ignored_is_told(self, home: Session, org: ServiceNowInstance):
        made = await home.invoke("itsm", "change_request", "create_normal", {"values": WORDS}, key="c-1")
        row = one(org, "change_request", sys_id=made.records[0])
        assert (row["type"], row["correlation_id"], made.values["ignored_fields"]) == ("normal", "c-1", [])
        org.faults.arm("drop_field", field="risk")
        done = await home.invoke(
            "itsm", "change_request", "update", {"values": {"risk": "2", "impact": "1"}}, id=made.records[0]
        )
        assert done.values["ignored_fields"] == ["risk"]
        assert one(org, "change_request", sys_id=made.records[0])["impact"] == "1"

    async def test_a_rule_that_stores_something_else_is_told(self, home: Session, org: ServiceNowInstance):
        org.faults.arm("altered_write", field="impact", value="3")
        values = {**WORDS, "impact": "1"}
        made = await home.invoke("itsm", "change_request", "create_emergency", {"values": values})
        assert (made.values["altered"], made.values["ignored_fields"]) == (["impact"], [])

    async def test_a_standard_change_follows_its_template(self, home: Session, org: ServiceNowInstance):
        template = org.rows("std_change_producer_version")[0]["sys_id"]
        made = await home.invoke("itsm", "change_request", "create_standard", {"template": template})
        row = one(org, "change_request", sys_id=made.records[0])
        assert (row["type"], row["short_description"]) == ("standard", "Restart the mail relay")

    async def test_a_lost_answer_is_found_by_the_key_of_the_call(self, home: Session, org: ServiceNowInstance):
        await home.describe("itsm", "change_request")
        org.faults.arm("lost_answer", method="POST", path="/change/normal")
        made = await home.invoke("itsm", "change_request", "create_normal", {"values": WORDS}, key="c-2")
        assert [made.records[0]] == [
            row["sys_id"] for row in org.rows("change_request") if row["correlation_id"] == "c-2"
        ]
        assert posts(org, "/change/normal") == 1

    async def test_states_are_moved_by_what_policy_sees_alone(
        self, house: House, home: Session, org: ServiceNowInstance
    ):
        made = await home.invoke("itsm", "change_request", "create_normal", {"values": WORDS})
        id = made.records[0]
        told = await home.invoke("itsm", "change_request", "next_states", id=id)
        assert [each["state"] for each in told.values["next_states"]] == ["-4", "-3", "4", "-5"]
        moved = await home.invoke("itsm", "change_request", "move", {"state": "-4"}, id=id)
        assert moved.values["state"] == "-4"
        sent = posts(org, "/change/")
        for action, values in (("update", {"state": "4"}), ("update", {"State": "4"}), ("update", {"approval": "x"})):
            with pytest.raises(InvalidArguments):
                await home.invoke("itsm", "change_request", action, {"values": values}, id=id)
        with pytest.raises(InvalidArguments):
            await home.invoke("itsm", "change_request", "create_normal", {"values": {**WORDS, "state": "3"}})
        assert posts(org, "/change/") == sent
        with pytest.raises(UpstreamRejected):
            await home.invoke("itsm", "change_request", "move", {"state": "-1"}, id=id)

    async def test_a_move_that_the_instance_ignored_is_no_move(self, home: Session, org: ServiceNowInstance):
        made = await home.invoke("itsm", "change_request", "create_normal", {"values": WORDS})
        org.faults.arm("drop_field", field="state")
        told = await home.invoke("itsm", "change_request", "move", {"state": "-4"}, id=made.records[0])
        assert (told.values["state"], told.values["ignored_fields"]) == ("-5", ["state"])

    async def test_policy_stops_a_move_to_where_it_may_not_go(self, house: House, org: ServiceNowInstance):
        house.cedar += """
@id("never-cancel") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource) when
  { context.transition.to == "4" };
"""
        async with house.open() as gateway:
            home = gateway.session(house.caller("eu"))
            made = await home.invoke("itsm", "change_request", "create_normal", {"values": WORDS})
            sent = posts(org, "/change/")
            with pytest.raises(Denied) as refused:
                await home.invoke("itsm", "change_request", "move", {"state": "4"}, id=made.records[0])
            assert "never-cancel" in refused.value.rules
            assert posts(org, "/change/") == sent

    async def test_conflicts_are_looked_for_and_told_by_ids(self, home: Session, org: ServiceNowInstance):
        when = {"start_date": "2027-03-01T10:00:00Z", "end_date": "2027-03-01T12:00:00Z"}
        values = {**WORDS, **when, "cmdb_ci": org.rows("cmdb_ci_linux_server")[0]["sys_id"]}
        ids = [
            (await home.invoke("itsm", "change_request", "create_normal", {"values": values}, key=key)).records[0]
            for key in ("a", "b")
        ]
        found = await home.invoke("itsm", "change_request", "find_conflicts", id=ids[0])
        assert [each["change"] for each in found.values["conflicts"]] == [ids[1]]
        again = await home.invoke("itsm", "change_request", "conflicts", id=ids[0])
        assert again.values == found.values


class TestApprovals:
    def asked(self, org: ServiceNowInstance, login: str) -> str:
        change = org.rows("change_request")[0]["sys_id"]
        person = one(org, "sys_user", user_name=login)["sys_id"]
        values = {"state": "requested", "approver": person, "sysapproval": change, "document_id": change}
        return org.store.insert("sysapproval_approver", values, "admin")["sys_id"]

    @pytest.mark.parametrize(("action", "state"), [("approve", "approved"), ("reject", "rejected")])
    async def test_who_is_asked_answers(self, home: Session, org: ServiceNowInstance, action: str, state: str):
        id = self.asked(org, "integration")
        await home.invoke("itsm", "sysapproval_approver", action, {"comments": "seen"}, id=id)
        assert one(org, "sysapproval_approver", sys_id=id)["state"] == state
        with pytest.raises(UpstreamRejected, match="no longer asked"):
            await home.invoke("itsm", "sysapproval_approver", action, {"comments": "again"}, id=id)

    async def test_nobody_answers_for_another(self, home: Session, org: ServiceNowInstance):
        id = self.asked(org, "greta")
        with pytest.raises(UpstreamRejected, match="another person"):
            await home.invoke("itsm", "sysapproval_approver", "approve", id=id)
        assert one(org, "sysapproval_approver", sys_id=id)["state"] == "requested"
        assert posts(org, "sysapproval_approver") == 0

    async def test_an_answer_that_the_instance_ignored_is_no_answer(self, home: Session, org: ServiceNowInstance):
        id = self.asked(org, "integration")
        org.faults.arm("drop_field", field="state")
        told = await home.invoke("itsm", "sysapproval_approver", "approve", id=id)
        assert (told.values["state"], told.values["altered"]) == ("requested", ["state"])

    async def test_policy_sees_where_an_answer_leads(self, house: House, org: ServiceNowInstance):
        house.cedar += """
@id("never-approve") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource) when
  { context.transition.to == "approved" };
"""
        id = self.asked(org, "integration")
        async with house.open() as gateway:
            with pytest.raises(Denied):
                await gateway.session(house.caller("eu")).invoke("itsm", "sysapproval_approver", "approve", id=id)
        assert posts(org, "sysapproval_approver") == 0


class TestItems:
    LINUX = "cmdb_ci_linux_server"

    async def test_a_dry_run_writes_nothing_and_tells_what_would_be(self, home: Session, org: ServiceNowInstance):
        known = org.rows(self.LINUX)[0]
        items = [
            {"serial_number": "NEW1", "name": "fresh"},
            {"name": known["name"], "serial_number": known["serial_number"], "ram": "1"},
            {"ram": "2"},
        ]
        before = org.rows("cmdb")
        dry = await home.invoke("itsm", self.LINUX, "identify", {"items": items})
        assert org.rows("cmdb") == before
        assert [each["operation"] for each in dry.values["items"]] == ["INSERT", "UPDATE", "NO_CHANGE"]
        assert dry.values["items"][2]["errors"] == ["MISSING_MATCHING_ATTRIBUTES"]
        wet = await home.invoke("itsm", self.LINUX, "reconcile", {"items": items})
        assert wet.records == (one(org, self.LINUX, name="fresh")["sys_id"], known["sys_id"])

    async def test_a_lost_answer_is_read_back_by_what_is_left_to_do(self, home: Session, org: ServiceNowInstance):
        items = [{"serial_number": "NEW2", "name": "lost"}]
        await home.describe("itsm", self.LINUX)
        org.faults.arm("lost_answer", method="POST", path="/identifyreconcile")
        done = await home.invoke("itsm", self.LINUX, "reconcile", {"items": items})
        assert done.records == (one(org, self.LINUX, name="lost")["sys_id"],)

    async def test_items_are_related_once_and_parted(self, home: Session, org: ServiceNowInstance):
        ours, other = org.rows(self.LINUX)[0]["sys_id"], org.rows("cmdb_ci_win_server")[0]["sys_id"]
        kind = one(org, "cmdb_rel_type", name="Runs on::Runs")["sys_id"]
        link = {"type": kind, "target": other}
        made = await home.invoke("itsm", self.LINUX, "relate", link, id=ours, key="r-1")
        again = await home.invoke("itsm", self.LINUX, "relate", link, id=ours, key="r-2")
        assert (made.values["was_there"], again.values["was_there"]) == (False, True)
        assert again.values["relation"] == made.values["relation"]
        told = await home.invoke("itsm", self.LINUX, "relations", id=ours)
        assert made.values["relation"] in [each["relation"] for each in told.values["relations"]]
        whole = await home.invoke("itsm", self.LINUX, "instance", id=ours)
        assert whole.values["attributes"]["sys_id"] == ours
        await home.invoke("itsm", self.LINUX, "unrelate", {"relation": made.values["relation"]}, id=ours)
        assert not [row for row in org.rows("cmdb_rel_ci") if row["sys_id"] == made.values["relation"]]

    async def test_attributes_may_be_about_people_and_relations_are_not(
        self, house: House, abroad: Session, org: ServiceNowInstance
    ):
        from isthmus.core.errors import ResidencyError

        ours = org.rows(self.LINUX)[0]["sys_id"]
        with pytest.raises(ResidencyError):
            await abroad.invoke("itsm", self.LINUX, "instance", id=ours)
        assert (await abroad.invoke("itsm", self.LINUX, "relations", id=ours)).values["relations"] is not None


class TestImports:
    async def test_each_map_tells_what_it_made(self, home: Session, org: ServiceNowInstance):
        values = {"u_key": "ext-1", "u_subject": "Lamp is out", "u_urgency": "2"}
        made = await home.invoke("itsm", "u_imp_incident", "import_row", {"values": values}, key="i-1")
        again = await home.invoke("itsm", "u_imp_incident", "import_row", {"values": values}, key="i-2")
        assert [one["status"] for one in made.values["results"] + again.values["results"]] == ["inserted", "ignored"]
        assert one(org, "incident", correlation_id="ext-1")["sys_id"] == made.records[0]

    async def test_an_empty_success_is_a_refusal(self, home: Session, org: ServiceNowInstance):
        await home.describe("itsm", "u_imp_incident")
        user = one(org, "sys_user", user_name="integration")["sys_id"]
        for row in list(org.store.find("sys_user_has_role", user=user)):
            org.store.delete("sys_user_has_role", row)
        with pytest.raises(UpstreamRejected, match="grant the role"):
            await home.invoke("itsm", "u_imp_incident", "import_row", {"values": {"u_key": "k"}})

    async def test_a_lost_answer_is_found_by_the_column_that_holds_the_key(
        self, home: Session, org: ServiceNowInstance
    ):
        await home.describe("itsm", "u_imp_incident")
        org.faults.arm("lost_answer", method="POST", path="/import/")
        arguments = {"values": {"u_subject": "Lamp is out"}, "key_field": "u_key"}
        await home.invoke("itsm", "u_imp_incident", "import_row", arguments, key="ext-9")
        assert posts(org, "/import/") == 1
        assert len([row for row in org.rows("incident") if row["correlation_id"] == "ext-9"]) == 1
