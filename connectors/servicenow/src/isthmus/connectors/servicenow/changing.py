"""How are changes made and moved by their own API, the only one that says what it ignored?"""

from collections.abc import Awaitable, Callable, Mapping

from isthmus.connectors.servicenow.answers import ID, VERSION, strange, text_at
from isthmus.connectors.servicenow.deeds import (
    AN_ID,
    LEAN,
    VALUES,
    Deed,
    Run,
    Settled,
    given,
    listed_in,
    result_of,
    settle_values,
    values_in,
)
from isthmus.connectors.servicenow.ids import checked_id, is_id
from isthmus.connectors.servicenow.readback import absent, readable
from isthmus.connectors.servicenow.tables import Tables
from isthmus.connectors.servicenow.values import same_value
from isthmus.connectors.servicenow.writing import sent_of
from isthmus.core.connector import Action, Invoked, Key, ObjectFacts, Pending, Settlement
from isthmus.core.http import Path, Response, path
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["CHANGES"]

BASE = "/api/sn_chg_rest/change"
KEY = "correlation_id"
_APPROVALS = "approvals are given by those who are asked"
_NEVER = {"approval": _APPROVALS, "incident_state": "it mirrors another field", "sys_id": "the instance chooses it"}
_MADE = {
    **_NEVER,
    "state": "a change begins in its first state; `move` leads on",
    "type": "the action says it",
    KEY: "it holds the call's key",
}
_WORKED = {**_NEVER, "state": "use `move`", "type": "make another change"}
_MOVED = {**_NEVER, "state": "say it once, in `state`"}


def _creating(kind: str) -> Callable[[Tables, Run], Awaitable[Invoked]]:
    async def create(tables: Tables, run: Run) -> Invoked:
        facts = await tables.facts_of(run.object)
        sent = sent_of(facts, values_in(run.arguments, "values", _MADE))
        if KEY in facts.fields:
            sent[KEY] = run.key
        template = given(run, "template")
        where = path(f"{BASE}/{kind}/{{}}", checked_id(template)) if kind == "standard" else path(f"{BASE}/{kind}")
        return _told(facts, sent, await tables.http.post(where, json={**sent}))

    return create


async def _created(tables: Tables, pending: Pending) -> Settled:
    """Find the change by the key that it was made with."""
    facts = await tables.facts_of(pending.object)
    if pending.key is None or KEY not in facts.fields:
        return Settlement.CANNOT_TELL, None
    found = await tables.by_key(pending.object, Key(KEY, pending.key.value), (ID, "number", "state"))
    if found.hidden or len(found.records) > 1:
        return Settlement.CANNOT_TELL, None
    if not found.records:
        return absent(pending), None
    row = found.records[0]
    return Settlement.HAPPENED, Invoked({"id": text_at(row, ID), "number": text_at(row, "number")}, (text_at(row, ID),))


async def _update(tables: Tables, run: Run) -> Invoked:
    return await _patch(tables, run, values_in(run.arguments, "values", _WORKED))


async def _updated(tables: Tables, pending: Pending) -> Settled:
    return await settle_values(tables, pending, values_in(pending.values, "values", {}))


async def _move(tables: Tables, run: Run) -> Invoked:
    values = values_in(run.arguments, "values", _MOVED)
    return await _patch(tables, run, {"state": run.arguments["state"], **values})


async def _moved(tables: Tables, pending: Pending) -> Settled:
    values = values_in(pending.values, "values", {})
    return await settle_values(tables, pending, {"state": pending.values.get("state"), **values})


async def _patch(tables: Tables, run: Run, values: Mapping[str, JSON]) -> Invoked:
    facts = await tables.facts_of(run.object)
    sent = sent_of(facts, values)
    return _told(facts, sent, await tables.http.patch(_at(run.id), json={**sent}), run.id)


def _told(facts: ObjectFacts, sent: Mapping[str, str], answer: Response, id: str = "") -> Invoked:
    """Read what became of a change: what was ignored, and what is stored otherwise than it was sent."""
    found = result_of(answer)
    made = _text(found, ID)
    if not is_id(made) or (id and made.lower() != id.lower()):
        raise strange()
    about = found.get("__meta")
    told = about.get("ignoredFields") if isinstance(about, Mapping) else None
    ignored: list[JSON] = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    other: list[JSON] = [
        name
        for name in readable(facts, sent)
        if name in found and name not in ignored and not same_value(sent[name], _text(found, name))
    ]
    values: dict[str, JSON] = {"id": made, "number": _text(found, "number"), "state": _text(found, "state")}
    values |= {"version": _text(found, VERSION), "ignored_fields": ignored, "altered": other}
    return Invoked(values, (made,))


def _text(found: Mapping[str, JSON], name: str) -> str:
    """Write a value as the Table API would: here numbers and booleans are such."""
    raw = found.get(name)
    value = raw.get("value") if isinstance(raw, Mapping) else raw
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


async def _next_states(tables: Tables, run: Run) -> Invoked:
    told = result_of(await tables.http.get(_at(run.id, "/nextstate")))
    states = told.get("available_states")
    labels = told.get("state_label")
    if not isinstance(states, list) or not all(isinstance(one, str) for one in states):
        raise strange()
    named = labels if isinstance(labels, Mapping) else {}
    found: list[JSON] = [{"state": one, "label": text_at(named, str(one))} for one in states]
    return Invoked({"next_states": found})


async def _conflicts(tables: Tables, run: Run) -> Invoked:
    return _conflicting(await tables.http.get(_at(run.id, "/conflict")))


async def _find_conflicts(tables: Tables, run: Run) -> Invoked:
    return _conflicting(await tables.http.post(_at(run.id, "/conflict"), json={}))


def _conflicting(answer: Response) -> Invoked:
    told = result_of(answer)
    status = told.get("status")
    found: list[JSON] = [
        {
            "change": _text(one, "conflicting_change"),
            "item": _text(one, "configuration_item"),
            "type": _text(one, "type"),
        }
        for one in listed_in(told, "conflicts")
    ]
    at = status if isinstance(status, Mapping) else {}
    return Invoked({"status": _text(at, "value"), "last_run": _text(at, "last_run"), "conflicts": found})


def _at(id: str, more: str = "") -> Path:
    return path(f"{BASE}/{{}}{more}", checked_id(id))


_FIELDS: Mapping[str, Mapping[str, JSON]] = {"values": {**VALUES, "description": "fields of change_request"}}
_MAKES, _READS = frozenset({Effect.CREATE}), frozenset({Effect.READ})
_MOVES = frozenset({Effect.TRANSITION, Effect.UPDATE})
_TEMPLATE: Mapping[str, Mapping[str, JSON]] = {
    "template": {**AN_ID, "description": "sys_id of the std_change_producer_version"},
    "values": {**VALUES, "minProperties": 0},
}
_STATE: Mapping[str, Mapping[str, JSON]] = {
    "state": {"type": "string", "pattern": "^-?[0-9]{1,3}$", "description": "one that `next_states` tells"},
    "values": {**VALUES, "minProperties": 0},
}
CHANGES = (
    *(
        Deed(
            Action(f"create_{kind}", f"Open {word} change.", _MAKES, _FIELDS, ("values",), classes=LEAN),
            _creating(kind),
            _created,
        )
        for kind, word in (("normal", "a normal"), ("emergency", "an emergency"))
    ),
    Deed(
        Action(
            "create_standard", "Open a standard change by its template.", _MAKES, _TEMPLATE, ("template",), classes=LEAN
        ),
        _creating("standard"),
        _created,
    ),
    Deed(
        Action(
            "update",
            "Change fields, not the state; `ignored_fields` names what the instance did not take.",
            frozenset({Effect.UPDATE}),
            _FIELDS,
            ("values",),
            on_record=True,
            classes=LEAN,
        ),
        _update,
        _updated,
    ),
    Deed(
        Action(
            "move",
            "Bring a change to another state; `ignored_fields` names what the instance did not take.",
            _MOVES,
            _STATE,
            ("state",),
            on_record=True,
            state_argument="state",
            classes=LEAN,
        ),
        _move,
        _moved,
    ),
    Deed(Action("next_states", "Tell where it may go.", _READS, on_record=True, classes=LEAN), _next_states),
    Deed(Action("conflicts", "Tell the conflicts last found.", _READS, on_record=True, classes=LEAN), _conflicts),
    Deed(
        Action(
            "find_conflicts",
            "Look for conflicts with other changes.",
            frozenset({Effect.EXECUTE}),
            on_record=True,
            classes=LEAN,
        ),
        _find_conflicts,
    ),
)
