"""How does somebody who is asked for an approval answer?"""

from collections.abc import Awaitable, Callable

from isthmus.connectors.servicenow.answers import ID, record_of, strange, text_at
from isthmus.connectors.servicenow.deeds import LEAN, Deed, Run, Settled, given, settle_values
from isthmus.connectors.servicenow.ids import checked_id
from isthmus.connectors.servicenow.tables import Tables
from isthmus.connectors.servicenow.who import WHO
from isthmus.connectors.servicenow.writing import shown
from isthmus.core.connector import Action, Invoked, Pending
from isthmus.core.errors import UpstreamRejected
from isthmus.core.operation import Effect

__all__ = ["APPROVALS"]


def _answering(state: str) -> Callable[[Tables, Run], Awaitable[Invoked]]:
    async def answer(tables: Tables, run: Run) -> Invoked:
        """Answer as the one who was asked: to answer for another would be to act as that person by a role."""
        asked = await tables.record(run.object, run.id, (ID, "state", "approver"))
        me = await tables.list("sys_user", WHO, (ID,), 1)
        mine = bool(me.records) and text_at(asked, "approver").lower() == text_at(me.records[0], ID).lower()
        if text_at(asked, "state") != "requested" or not mine:
            why = "it is no longer asked for" if mine else "another person is asked"
            raise UpstreamRejected(f"this approval cannot be answered here: {why}", object=run.object, field="approver")
        sent = {"state": state} | ({"comments": text} if (text := given(run, "comments")) else {})
        where = tables.path("/table/{}/{}", run.object, checked_id(run.id))
        stored = record_of(await tables.http.patch(where, json={**sent}, params=shown({"state": state})))
        if text_at(stored, ID).lower() != run.id.lower():
            raise strange()
        kept = text_at(stored, "state")
        return Invoked({"id": run.id, "state": kept, "altered": [] if kept == state else ["state"]}, (run.id,))

    return answer


def _answered(state: str) -> Callable[[Tables, Pending], Awaitable[Settled]]:
    async def back(tables: Tables, pending: Pending) -> Settled:
        return await settle_values(tables, pending, {"state": state})

    return back


APPROVALS = tuple(
    Deed(
        Action(
            name,
            f"{word} as the person who is asked; nobody can answer for another.",
            frozenset({Effect.TRANSITION, Effect.UPDATE}),
            {"comments": {"type": "string", "maxLength": 4000}},
            on_record=True,
            to_state=state,
            classes=LEAN,
        ),
        _answering(state),
        _answered(state),
    )
    for name, word, state in (("approve", "Approve", "approved"), ("reject", "Reject", "rejected"))
)
