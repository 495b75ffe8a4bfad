"""Who must agree to a change, and what follows from an answer?"""

from typing import TYPE_CHECKING, Final

from .schema import TableDefinition
from .store import Row

if TYPE_CHECKING:
    from .call import Call

AUTHORIZE: Final = "-3"
_SCHEDULED: Final = "-2"
_NEW: Final = "-5"
_BOARD: Final = "CAB Approval"


def settle(call: "Call", table: TableDefinition, row: Row, old: Row | None) -> None:
    """Do what follows from a stored write: ask the board about a change, or carry its answer back to the change."""
    if table.name == "change_request" and row["state"] == AUTHORIZE and (old is None or old["state"] != AUTHORIZE):
        ask_board(call, row)
    if table.name == "sysapproval_approver" and old is not None and old["state"] != row["state"]:
        _answer(call, row)


def ask_board(call: "Call", change: Row) -> None:
    """Ask every member of the board to approve a change."""
    store = call.store
    board = store.first("sys_user_group", name=_BOARD)
    if board is None:
        return
    for member in list(store.find("sys_user_grmember", group=board["sys_id"])):
        values = {
            "state": "requested",
            "approver": member["user"],
            "sysapproval": change["sys_id"],
            "document_id": change["sys_id"],
            "source_table": "change_request",
            "group": board["sys_id"],
        }
        made = store.insert("sysapproval_approver", values, "system")
        call.did("created", "sysapproval_approver", made["sys_id"])
    store.change("change_request", change, {"approval": "requested"}, "system")


def _answer(call: "Call", approval: Row) -> None:
    """One answer decides: yes moves an authorized change on, no sends it back; the others need not answer any more."""
    store = call.store
    change = store.get("change_request", approval["sysapproval"])
    if change is None or approval["state"] not in ("approved", "rejected"):
        return
    for other in list(store.find("sysapproval_approver", sysapproval=change["sys_id"], state="requested")):
        store.change("sysapproval_approver", other, {"state": "no_longer_required"}, "system")
    values = {"approval": approval["state"]}
    if change["state"] == AUTHORIZE:
        values["state"] = _SCHEDULED if approval["state"] == "approved" else _NEW
    store.change("change_request", change, values, "system")
    call.did("updated", "change_request", change["sys_id"])
