"""How does a problem go through its states, and what must be said on the way?

Problem Management, state model of release Madrid: "Assess a problem", "Investigate root cause of a problem",
"Resolve and complete a problem", "Problem management properties"; which fields are needed is said by the data policies
of its release notes. The service is that of the store app for the Ansible collection.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import ApiError, no_record
from .routes import route
from .store import Row, written
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call

_TAKEN: Final = frozenset(
    {
        "assigned_to",
        "resolution_code",
        "short_description",
        "fix_notes",
        "cause_notes",
        "close_notes",
        "duplicate_of",
    }
)
NEW, ASSESS, ANALYSIS, FIX, RESOLVED, CLOSED = "101", "102", "103", "104", "106", "107"
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "fix_applied": ("cause_notes", "fix_notes"),
    "risk_accepted": ("cause_notes", "close_notes"),
    "canceled": ("close_notes",),
    "duplicate": ("duplicate_of",),
}
_ENDS: Final[Mapping[str, frozenset[tuple[str, str]]]] = {
    "fix_applied": frozenset({(FIX, RESOLVED), (RESOLVED, CLOSED)}),
    "risk_accepted": frozenset({(ANALYSIS, CLOSED), (FIX, CLOSED), (ANALYSIS, RESOLVED), (FIX, RESOLVED),
                                (RESOLVED, CLOSED)}),
    "canceled": frozenset({(NEW, CLOSED), (ASSESS, CLOSED), (ANALYSIS, CLOSED)}),
    "duplicate": frozenset({(NEW, CLOSED), (ASSESS, CLOSED), (ANALYSIS, CLOSED)}),
}  # fmt: skip
_REOPENS: Final = frozenset({"problem_manager", "problem_admin"})


def move_problem(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer PATCH that moves a problem, named by number, to another state."""
    table, (number, state) = call.table("problem"), arguments
    row = call.store.first("problem", number=number) or call.store.get("problem", number)
    if row is None or not call.access.row("read", table, row):
        raise no_record()
    unknown = sorted(set(call.json) - _TAKEN)
    if unknown:
        raise ApiError(400, "Invalid fields", f"not taken here: {', '.join(unknown)}")
    if state not in call.store.schema.offered(table, table.columns["state"]):
        raise ApiError(400, "Invalid state", state)
    said: Row = {**row, **{name: str(value or "") for name, value in call.json.items()}}
    missing = [name for name in needed(said, state) if not said[name]]
    if missing:
        raise ApiError(400, "Missing fields", f"{', '.join(dict.fromkeys(missing))} needed for this state")
    _check(call, row["state"], state, said["resolution_code"])
    values: dict[str, Json] = {**call.json, "state": state, **_stamps(call, row["state"], state)}
    moved = Writer(call, service=True).update(table, row, values)
    return Reply(200, {"result": call.shown.record(table, moved, call.style, call.fields)})


def needed(said: Row, state: str) -> Iterator[str]:
    """Name the fields that must not be empty in a state."""
    if state != NEW:
        yield "assigned_to"
    if state == FIX:
        yield from ("cause_notes", "fix_notes")
    if state in (RESOLVED, CLOSED):
        yield "resolution_code"
        yield from _NEEDS.get(said["resolution_code"], ())


def _check(call: "Call", before: str, state: str, code: str) -> None:
    """Refuse an end that its resolution code does not lead to, and a re-analysis by who may not begin one."""
    if before != state and state in (RESOLVED, CLOSED) and (before, state) not in _ENDS.get(code, ()):
        raise ApiError(403, "Operation Failed", f"{code} does not lead from {before} to {state}")
    if before == CLOSED and state == ANALYSIS and not call.viewer.has_any(_REOPENS):
        raise ApiError(403, "Operation Failed", "only a problem manager may re-analyze a closed problem")


def _stamps(call: "Call", before: str, state: str) -> Mapping[str, Json]:
    now = written(call.now)
    if (before, state) == (ASSESS, ANALYSIS):
        return {"confirmed_at": now, "confirmed_by": call.viewer.user_id}
    if state == ANALYSIS and before in (RESOLVED, CLOSED):
        return {"reopened_at": now, "reopened_by": call.viewer.user_id, "resolution_code": ""}
    return {}


ROUTES: Final = (route("PATCH", "*/problem/{}/new_state/{}", move_problem),)
