"""How is a problem moved where the instance ignores its state in an ordinary write?

By a service that names it by its number: the base system has none, the store app of the Ansible collection has one.
Problem Management, "Assess a problem", "Investigate root cause of a problem", "Resolve and complete a problem": one is
assessed, confirmed, fixed, resolved and completed, and may be closed earlier as a duplicate, canceled, or with its risk
accepted; from Resolved and Closed it may be analyzed anew.
"""

import re
from collections.abc import Mapping

from isthmus.connectors.servicenow.answers import CLASS, ID, VERSION, strange, text_at
from isthmus.connectors.servicenow.deeds import AN_ID, LEAN, Deed, Run, Settled, result_of, settle_values, values_in
from isthmus.connectors.servicenow.readback import altered
from isthmus.connectors.servicenow.tables import Tables, by, check_class
from isthmus.connectors.servicenow.values import plain
from isthmus.connectors.servicenow.writing import sent_of
from isthmus.core.connector import Action, FieldType, Invoked, Pending
from isthmus.core.errors import InvalidArguments, UpstreamRejected
from isthmus.core.http import path
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["NUMBER", "PROBLEM", "PROBLEMS"]

PROBLEM = "problem"
NUMBER = re.compile(r"[A-Za-z]{1,20}[0-9]{1,20}")


async def _move(tables: Tables, run: Run) -> Invoked:
    facts, state = await tables.facts_of(run.object), str(run.arguments["state"])
    sent = sent_of(facts, values_in(run.arguments, "values", {}))
    number = await _number(tables, run)
    where = path(f"{tables.problems}/{{}}/new_state/{{}}", number, state)
    stored = result_of(await tables.http.on(number).patch(where, json={**sent}))
    if text_at(stored, ID).lower() != run.id.lower():
        raise strange()
    wanted = {**sent, "state": state}
    other: list[JSON] = [name for name in altered(facts, wanted, stored) if name in stored]
    told: dict[str, JSON] = {"id": run.id, "number": number, "version": text_at(stored, VERSION), "altered": other}
    return Invoked({**told, "state": plain(stored.get("state"), FieldType.STRING)}, (run.id,))


async def _number(tables: Tables, run: Run) -> str:
    """Return the number of the problem, which must be no other's: the service acts on the first that has it."""
    own = await tables.record(run.object, run.id, (ID, "number", *await tables.classed(run.object)))
    if CLASS in own:
        check_class(run.object, own)
    number = text_at(own, "number")
    if not NUMBER.fullmatch(number):
        raise InvalidArguments("this problem has no number that the service for moves takes", object=run.object)
    named = await tables.list(run.object, by("number", number), (ID,), 2)
    if named.hidden or [text_at(one, ID).lower() for one in named.records] != [run.id.lower()]:
        raise UpstreamRejected(
            "another problem may have the same number, and the service for moves takes numbers only; have the numbers "
            "made unique, or move it by hand",
            code="ambiguous_number",
            object=run.object,
        )
    return number


async def _moved(tables: Tables, pending: Pending) -> Settled:
    values = values_in(pending.values, "values", {})
    return await settle_values(tables, pending, {"state": pending.values.get("state"), **values})


_NOTES: Mapping[str, JSON] = {"type": "string", "minLength": 1}
_FIELDS: Mapping[str, JSON] = {
    "assigned_to": {**AN_ID, "description": "needed from Assess on"},
    "cause_notes": {**_NOTES, "description": "needed to fix, and with fix_applied or risk_accepted"},
    "fix_notes": {**_NOTES, "description": "needed to fix, and with fix_applied"},
    "close_notes": {**_NOTES, "description": "needed with risk_accepted or canceled"},
    "duplicate_of": {**AN_ID, "description": "needed with duplicate"},
    "resolution_code": {
        "type": "string",
        "description": "needed to resolve or close: fix_applied, risk_accepted, duplicate, canceled",
    },
    "short_description": _NOTES,
}
_PARAMETERS: Mapping[str, Mapping[str, JSON]] = {
    "state": {
        "type": "string",
        "pattern": "^[0-9]{1,3}$",
        "description": "a value of `state`; Root Cause Analysis from Closed or Resolved is a re-analysis",
    },
    "values": {"type": "object", "properties": _FIELDS, "additionalProperties": False},
}
PROBLEMS = (
    Deed(
        Action(
            "move",
            "Bring a problem to another state by the service for that; `altered` names what it did not take.",
            frozenset({Effect.TRANSITION, Effect.UPDATE}),
            _PARAMETERS,
            ("state",),
            on_record=True,
            state_argument="state",
            classes=LEAN,
        ),
        _move,
        _moved,
    ),
)
