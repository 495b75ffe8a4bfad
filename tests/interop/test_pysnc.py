"""Does PySNC, ServiceNow's own library, as it is, work against the sandbox?"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pysnc import ServiceNowClient
from pysnc.auth import ServiceNowClientCredentialsFlow
from pysnc.exceptions import AuthenticationException, InstanceException, RoleException

from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance

Client = Callable[..., ServiceNowClient]


@pytest.fixture
def instance(sandbox: Sandbox) -> ServiceNowInstance:
    return sandbox.servicenow["us"]


@pytest.fixture
def client(gate: Sandbox, instance: ServiceNowInstance) -> Iterator[Client]:
    """Open clients that know nothing but the instance's name, `kessmarus`."""
    with ExitStack() as opened:

        def open_client(auth: object = None) -> ServiceNowClient:
            name = instance.host.partition(".")[0]
            found = ServiceNowClient(name, auth or ("admin", instance.password("admin")))
            opened.callback(found.session.close)
            return found

        yield open_client


def test_rows_are_read_page_by_page(client: Client, instance: ServiceNowInstance) -> None:
    gr = client().GlideRecord("incident", batch_size=50)
    gr.add_query("active", "true")
    gr.add_query("caller_id.country", "IN", "US,DE")
    gr.fields = "number,caller_id,caller_id.country"
    gr.query()
    found = [(str(row.number), str(row.caller_id.country)) for row in gr]
    countries = {row["sys_id"]: row["country"] for row in instance.rows("sys_user")}
    wanted = [row for row in instance.rows("incident") if row["active"] == "true"]
    assert sorted(found) == sorted(
        (row["number"], countries[row["caller_id"]])
        for row in wanted
        if countries.get(row["caller_id"]) in ("US", "DE")
    )
    assert len(found) > 50


def test_rows_are_made_changed_and_removed(client: Client) -> None:
    gr = client().GlideRecord("problem")
    gr.initialize()
    gr.short_description = "made by PySNC"
    gr.bunk_field = "dropped"
    key = gr.insert()
    assert gr.get_display_value("opened_by") == "System Administrator"
    again = client().GlideRecord("problem")
    assert again.get(key)
    again.urgency = 1
    assert again.update()
    assert (again.get_value("urgency"), again.get_display_value("urgency")) == ("1", "1 - High")
    assert again.delete()
    assert not client().GlideRecord("problem").get(key)


def test_many_rows_are_changed_in_one_batch(client: Client, instance: ServiceNowInstance) -> None:
    gr = client().GlideRecord("change_request")
    gr.add_query("state", "-5")
    gr.query()
    while gr.next():
        gr.short_description = "changed in a batch"
    assert gr.update_multiple()
    entry = instance.journal.entries[-1]
    changed = {
        row["sys_id"] for row in instance.rows("change_request") if row["short_description"] == "changed in a batch"
    }
    assert entry.path == "/api/now/v1/batch"
    assert {each.id for each in entry.effects} == changed != set()


def test_files_are_attached_and_read(client: Client, instance: ServiceNowInstance) -> None:
    gr = client().GlideRecord("incident")
    gr.limit = 1
    gr.query()
    assert gr.next()
    url = gr.add_attachment("lines.txt", "one\ntwo")
    assert url.startswith(f"https://{instance.host}/api/now/v1/attachment/")
    files = gr.get_attachments()
    assert files.next()
    assert (files.file_name, files.readlines()) == ("lines.txt", ["one", "two"])


def test_joins_and_related_lists(client: Client) -> None:
    managers = client().GlideRecord("sys_user")
    managers.add_join_query("sys_user_group", join_table_field="manager").add_query("active", "true")
    managers.query()
    groups = client().GlideRecord("sys_user_group")
    groups.add_rl_query("sys_group_has_role", "group", ">0", True).add_query("role.name", "LIKE", "admin")
    groups.query()
    assert (len(managers) > 1, 2 < len(groups) < 8) == (True, True)


def test_client_credentials_stand_for_the_integration_user(client: Client, instance: ServiceNowInstance) -> None:
    flow = ServiceNowClientCredentialsFlow(instance.client_id, instance.client_secret)
    gr = client(flow).GlideRecord("incident")
    gr.limit = 1
    gr.query()
    assert instance.journal.entries[-1].user == "integration"


def test_refusals_are_what_the_library_expects(client: Client, instance: ServiceNowInstance) -> None:
    with pytest.raises(AuthenticationException, match="User Not Authenticated"):
        client(("admin", "wrong")).GlideRecord("incident").query()
    with pytest.raises(RoleException, match="Insufficient rights"):
        client(("bob", instance.password("bob"))).GlideRecord("syslog").query()
    with pytest.raises(InstanceException, match="Must provide https"):
        ServiceNowClient(f"http://{instance.host}", ("admin", "x"))
