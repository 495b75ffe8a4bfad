"""How does a row come in through a staging table, and what did the transform maps make of it?"""

from collections.abc import Mapping

from isthmus.connectors.servicenow.answers import ID, strange, text_at
from isthmus.connectors.servicenow.deeds import LEAN, VALUES, Deed, Run, Settled, listed_in, values_in
from isthmus.connectors.servicenow.ids import is_id
from isthmus.connectors.servicenow.readback import absent
from isthmus.connectors.servicenow.tables import Tables
from isthmus.connectors.servicenow.writing import sent_of
from isthmus.core.connector import Action, Invoked, Key, Pending, Settlement
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["IMPORTS"]

TARGET = "sys_target_sys_id"


async def _import_row(tables: Tables, run: Run) -> Invoked:
    facts = await tables.facts_of(run.object)
    sent = sent_of(facts, values_in(run.arguments, "values", {}))
    if field := run.arguments.get("key_field"):
        sent[facts.field(str(field)).name] = run.key
    body = (await tables.http.post(tables.path("/import/{}", run.object), json={**sent})).json()
    if not isinstance(body, Mapping):
        raise strange()
    made = [_result(one) for one in listed_in(body, "result")]
    touched = tuple(str(one["id"]) for one in made if one["status"] in ("inserted", "updated") and one["id"])
    return Invoked({"import_set": text_at(body, "import_set"), "results": list[JSON](made)}, touched)


def _result(raw: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Keep what became of the row under one map; what it displays is text of a record."""
    id, status = text_at(raw, "sys_id"), text_at(raw, "status")
    if not status:
        raise strange()
    about: dict[str, JSON] = {"map": text_at(raw, "transform_map"), "table": text_at(raw, "table")}
    return about | {"status": status, "id": id if is_id(id) else ""}


async def _imported(tables: Tables, pending: Pending) -> Settled:
    """Find the row by the column that holds the call's key; without one nothing tells."""
    field = pending.values.get("key_field")
    if not isinstance(field, str) or pending.key is None:
        return Settlement.CANNOT_TELL, None
    found = await tables.by_key(pending.object, Key(field, pending.key.value), (ID, TARGET))
    if found.hidden or len(found.records) > 1:
        return Settlement.CANNOT_TELL, None
    if not found.records:
        return absent(pending), None
    target = text_at(found.records[0], TARGET)
    return Settlement.HAPPENED, Invoked({"row": text_at(found.records[0], ID)}, (target,) if is_id(target) else ())


IMPORTS = (
    Deed(
        Action(
            "import_row",
            "Send a row into this staging table; its transform maps carry it over to other tables at once.",
            frozenset({Effect.CREATE, Effect.EXECUTE}),
            {
                "values": {**VALUES, "description": "columns of the staging table"},
                "key_field": {"type": "string", "description": "a column that is to hold the call's key"},
            },
            ("values",),
            classes=LEAN,
        ),
        _import_row,
        _imported,
    ),
)
