"""How are changes read, written and moved through their own API?"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import ApiError, acl_failed, may_not_query, no_record
from .routes import Route, route
from .schema import MOMENTS, NUMBERS, TableDefinition
from .states import model_of
from .store import Row
from .table_api import matching, paged, visible
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call

_CHANGE: Final = "change_request"
_TASK: Final = "change_task"


def typed(call: "Call", table: TableDefinition, row: Row) -> dict[str, Json]:
    """Return a row as this API writes it: a pair for every field, with numbers and booleans that are such."""
    found: dict[str, Json] = {}
    for name, column in table.columns.items():
        hidden = not call.access.field("read", table, name)
        value = "" if hidden else call.shown.value(column, row)
        pair: dict[str, Json] = {
            "display_value": "" if hidden else call.shown.display(table, column, row),
            "value": value,
        }
        if column.type == "boolean":
            pair["value"] = value == "true"
        elif column.type in NUMBERS and value:
            pair["value"] = float(value)
        elif column.type in MOMENTS:
            pair["display_value_internal"] = value
        found[name] = pair
    return found


def _answer(call: "Call", table: TableDefinition, row: Row, sent: Mapping[str, Json], operation: str) -> Json:
    """Return a written row, with the names of what was sent and not taken."""
    lost = [name for name in sent if name not in table.columns or not _taken(call, table, name, operation)]
    return {**typed(call, table, row), "__meta": {"ignoredFields": lost}}


def _taken(call: "Call", table: TableDefinition, name: str, operation: str) -> bool:
    column = table.columns[name]
    given_id = name == "sys_id" and operation == "create"
    return (given_id or not column.read_only) and call.access.field(operation, table, name) and not call.loses(name)


def _of_type(kind: str) -> Callable[["Call", Sequence[str]], Reply]:
    def read_changes(call: "Call", _arguments: Sequence[str]) -> Reply:
        table = call.table(_CHANGE)
        if not call.access.may("read", table):
            raise may_not_query()
        rows = [row for row in matching(call, table) if kind in ("", row["type"])]
        page, headers = paged(call, rows, call.request.path)
        seen = [row for row in page if call.access.row("read", table, row)]
        return Reply(200, {"result": [typed(call, table, row) for row in seen]}, headers)

    return read_changes


def _create(kind: str) -> Callable[["Call", Sequence[str]], Reply]:
    def create_change(call: "Call", _arguments: Sequence[str]) -> Reply:
        table = call.table(_CHANGE)
        sent = {**call.query, **call.json} if call.request.body else dict(call.query)
        sent = {name: value for name, value in sent.items() if not name.startswith("sysparm_")}
        row = Writer(call).insert(table, {**sent, "type": kind} if kind else sent)
        return Reply(200, {"result": _answer(call, table, row, sent, "create")})

    return create_change


def create_standard(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of a change that follows a template."""
    table = call.table(_CHANGE)
    template = call.store.get("std_change_producer_version", arguments[0])
    if template is None:
        raise no_record()
    names = ("short_description", "description", "implementation_plan", "backout_plan", "test_plan")
    given: dict[str, Json] = {name: template[name] for name in names}
    sent = dict(call.json)
    kept: dict[str, Json] = {"type": "standard", "std_change_producer_version": template["sys_id"]}
    row = Writer(call).insert(table, {**given, **sent, **kept})
    return Reply(200, {"result": _answer(call, table, row, sent, "create")})


def _change(call: "Call", sys_id: str) -> Row:
    return visible(call, call.table(_CHANGE), sys_id)


def read_change(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a change."""
    return Reply(200, {"result": typed(call, call.table(_CHANGE), _change(call, arguments[-1]))})


def update_change(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer PATCH on a change."""
    table, sent = call.table(_CHANGE), call.json
    row = Writer(call).update(table, _change(call, arguments[-1]), sent)
    return Reply(200, {"result": _answer(call, table, row, sent, "write")})


def delete_change(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on a change."""
    Writer(call).delete(call.table(_CHANGE), _change(call, arguments[-1]))
    return Reply(204, empty=True)


def read_next_states(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on the states that a change may go to; where it is counts as one of them."""
    table, row = call.table(_CHANGE), _change(call, arguments[0])
    model = model_of(table)
    after = model.next_states(row) if model else ()
    labels = call.store.schema.offered(table, table.columns["state"])
    moves: list[Json] = [
        {
            "from_state": row["state"],
            "to_state": state,
            "display_value": f"{labels[row['state']]} to {labels[state]}",
            "transition_available": True,
            "automatic_transition": False,
            "conditions": [],
        }
        for state in after
    ]
    states = [*after, row["state"]]
    label: dict[str, Json] = {state: labels[state] for state in states}
    return Reply(200, {"result": {"available_states": states, "state_transitions": [moves], "state_label": label}})


def read_conflicts(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on what was found when somebody last looked for conflicts."""
    return Reply(200, {"result": _conflicts(call, _change(call, arguments[0]))})


def find_conflicts(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST: look for changes of the same machine at the same time."""
    table, row = call.table(_CHANGE), _change(call, arguments[0])
    if not call.access.row("write", table, row):
        raise acl_failed("Update")
    _forget_conflicts(call, row)
    now = call.now.strftime("%Y-%m-%d %H:%M:%S")
    others = [other for other in call.store.find(_CHANGE, cmdb_ci=row["cmdb_ci"]) if _overlap(row, other)]
    for other in others:
        values = {"change": row["sys_id"], "conflicting_change": other["sys_id"], "configuration_item": row["cmdb_ci"]}
        call.store.insert("conflict", {**values, "type": "ci_already_scheduled", "last_checked": now}, "system")
    status = {"conflict_status": "Conflict" if others else "No Conflict", "conflict_last_run": now}
    changed = call.store.change(_CHANGE, row, status, call.viewer.user_name)
    call.did("updated", _CHANGE, row["sys_id"])
    return Reply(200, {"result": _conflicts(call, changed)})


def forget_conflicts(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on the conflicts of a change."""
    table, row = call.table(_CHANGE), _change(call, arguments[0])
    if not call.access.row("write", table, row):
        raise acl_failed("Update")
    _forget_conflicts(call, row)
    return Reply(204, empty=True)


def _overlap(one: Row, other: Row) -> bool:
    if one["sys_id"] == other["sys_id"] or not one["cmdb_ci"] or other["active"] != "true":
        return False
    dated = all(row[name] for row in (one, other) for name in ("start_date", "end_date"))
    return dated and one["start_date"] <= other["end_date"] and other["start_date"] <= one["end_date"]


def _forget_conflicts(call: "Call", row: Row) -> None:
    for each in list(call.store.find("conflict", change=row["sys_id"])):
        call.store.delete("conflict", each)


def _conflicts(call: "Call", row: Row) -> Json:
    table = call.store.schema["conflict"]
    found: list[Json] = [typed(call, table, each) for each in call.store.find("conflict", change=row["sys_id"])]
    status = {"value": row["conflict_status"], "last_run": row["conflict_last_run"]}
    return {"status": status, "conflicts": found}


def answer_approvals(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer PATCH that approves or rejects a change as one of those who were asked."""
    row, table = _change(call, arguments[0]), call.table("sysapproval_approver")
    state = str(call.json.get("state", ""))
    if state not in ("approved", "rejected"):
        raise ApiError(400, "Invalid state", "state must be approved or rejected")
    asked = call.store.first(
        "sysapproval_approver", sysapproval=row["sys_id"], approver=call.viewer.user_id, state="requested"
    )
    if asked is None:
        raise ApiError(400, "No approval found", "No requested approval of this change is assigned to the user")
    Writer(call).update(table, asked, call.json)
    found = call.store.find("sysapproval_approver", sysapproval=row["sys_id"])
    return Reply(200, {"result": [typed(call, table, each) for each in found]})


def read_tasks(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on the tasks of a change."""
    table, row = call.table(_TASK), _change(call, arguments[0])
    found = [
        each for each in call.store.find(_TASK, change_request=row["sys_id"]) if call.access.row("read", table, each)
    ]
    return Reply(200, {"result": [typed(call, table, each) for each in found]})


def create_task(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of a task of a change."""
    table, row, sent = call.table(_TASK), _change(call, arguments[0]), call.json
    made = Writer(call).insert(table, {**sent, "change_request": row["sys_id"], "parent": row["sys_id"]})
    return Reply(200, {"result": _answer(call, table, made, sent, "create")})


def _task(call: "Call", arguments: Sequence[str]) -> Row:
    row = visible(call, call.table(_TASK), arguments[1])
    if row["change_request"] != _change(call, arguments[0])["sys_id"]:
        raise no_record()
    return row


def read_task(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a task of a change."""
    return Reply(200, {"result": typed(call, call.table(_TASK), _task(call, arguments))})


def update_task(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer PATCH on a task of a change."""
    table, sent = call.table(_TASK), call.json
    row = Writer(call).update(table, _task(call, arguments), sent)
    return Reply(200, {"result": _answer(call, table, row, sent, "write")})


def delete_task(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on a task of a change."""
    Writer(call).delete(call.table(_TASK), _task(call, arguments))
    return Reply(204, empty=True)


def _listed(name: str) -> Callable[["Call", Sequence[str]], Reply]:
    def read_all(call: "Call", _arguments: Sequence[str]) -> Reply:
        table = call.table(name)
        return Reply(200, {"result": [typed(call, table, row) for row in call.store.find(name, active="true")]})

    return read_all


def _routes() -> list[Route]:
    base = "sn_chg_rest/change"
    routes = [
        route("GET", f"{base}/model", _listed("chg_model")),
        route("GET", f"{base}/standard/template", _listed("std_change_producer_version")),
        route("GET", base, _of_type("")),
        route("POST", base, _create("")),
        route("POST", f"{base}/standard/{{}}", create_standard),
    ]
    for kind in ("normal", "emergency", "standard"):
        routes.append(route("GET", f"{base}/{kind}", _of_type(kind)))
        if kind != "standard":
            routes.append(route("POST", f"{base}/{kind}", _create(kind)))
        routes.append(route("GET", f"{base}/{kind}/{{}}", read_change))
        routes.append(route("PATCH", f"{base}/{kind}/{{}}", update_change))
        routes.append(route("DELETE", f"{base}/{kind}/{{}}", delete_change))
    return routes


ROUTES: Final = (
    *_routes(),
    route("GET", "sn_chg_rest/change/{}", read_change),
    route("PATCH", "sn_chg_rest/change/{}", update_change),
    route("DELETE", "sn_chg_rest/change/{}", delete_change),
    route("GET", "sn_chg_rest/change/{}/nextstate", read_next_states),
    route("GET", "sn_chg_rest/change/{}/conflict", read_conflicts),
    route("POST", "sn_chg_rest/change/{}/conflict", find_conflicts),
    route("DELETE", "sn_chg_rest/change/{}/conflict", forget_conflicts),
    route("PATCH", "sn_chg_rest/change/{}/approvals", answer_approvals),
    route("GET", "sn_chg_rest/change/{}/task", read_tasks),
    route("POST", "sn_chg_rest/change/{}/task", create_task),
    route("GET", "sn_chg_rest/change/{}/task/{}", read_task),
    route("PATCH", "sn_chg_rest/change/{}/task/{}", update_task),
    route("DELETE", "sn_chg_rest/change/{}/task/{}", delete_task),
)
