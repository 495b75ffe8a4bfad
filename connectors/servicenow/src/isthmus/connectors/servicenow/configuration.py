"""How are configuration items identified, written and related, by the rules that keep them from being doubled?"""

from collections.abc import Mapping, Sequence

from isthmus.connectors.servicenow.answers import strange, text_at
from isthmus.connectors.servicenow.deeds import AN_ID, LEAN, VALUES, Deed, Run, Settled, given, listed_in, result_of
from isthmus.connectors.servicenow.ids import checked_id, is_id
from isthmus.connectors.servicenow.readback import absent
from isthmus.connectors.servicenow.tables import Tables
from isthmus.connectors.servicenow.writing import sent_of
from isthmus.core.connector import Action, Invoked, Pending, Settlement
from isthmus.core.errors import NotFound
from isthmus.core.http import Path
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["ITEMS"]

MOST = 50
SOURCE = "ServiceNow"
SIDES = ("inbound", "outbound")


async def _identify(tables: Tables, run: Run) -> Invoked:
    return Invoked({"items": list[JSON](await _told(tables, run, "/identifyreconcile/query"))})


async def _reconcile(tables: Tables, run: Run) -> Invoked:
    items = await _told(tables, run, "/identifyreconcile")
    touched = tuple(str(one["id"]) for one in items if one["operation"] in ("INSERT", "UPDATE") and one["id"])
    return Invoked({"items": list[JSON](items)}, touched)


async def _reconciled(tables: Tables, pending: Pending) -> Settled:
    """Ask what the same items would change now: nothing, where all of it is stored."""
    again = Run(pending.object, "", pending.values, "")
    items = await _told(tables, again, "/identifyreconcile/query")
    left = {one["operation"] for one in items if not one.get("errors")}
    if left <= {"NO_CHANGE"} and left:
        return Settlement.HAPPENED, Invoked({"items": list[JSON](items)}, tuple(str(one["id"]) for one in items))
    return (absent(pending) if left == {"INSERT"} else Settlement.CANNOT_TELL), None


async def _told(tables: Tables, run: Run, where: str) -> Sequence[Mapping[str, JSON]]:
    facts, raw = await tables.facts_of(run.object), run.arguments.get("items")
    values = [one for one in raw if isinstance(one, Mapping)] if isinstance(raw, Sequence) else []
    body: JSON = {"items": [{"className": run.object, "values": {**sent_of(facts, one)}} for one in values]}
    params = {"sysparm_data_source": given(run, "data_source") or SOURCE}
    found = listed_in(result_of(await tables.http.post(tables.path(where), json=body, params=params)), "items")
    if len(found) != len(values):
        raise strange()
    return [_item(one) for one in found]


def _item(raw: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Keep what an item came to; the instance's own words may quote its values."""
    id, operation, errors = text_at(raw, "sysId"), text_at(raw, "operation"), raw.get("errors")
    if not operation:
        raise strange()
    codes: list[JSON] = (
        [text_at(one, "error") for one in errors if isinstance(one, Mapping)] if isinstance(errors, list) else []
    )
    about: dict[str, JSON] = {"operation": operation, "id": id if is_id(id) else ""}
    return about | ({"errors": codes} if codes else {})


async def _instance(tables: Tables, run: Run) -> Invoked:
    found = await _read(tables, run.object, run.id)
    attributes = found.get("attributes")
    told = attributes if isinstance(attributes, Mapping) else {}
    values: dict[str, JSON] = {name: text_at(told, name) for name in told if text_at(told, name)}
    return Invoked({"attributes": values, "relations": _relations(found)})


async def _related(tables: Tables, run: Run) -> Invoked:
    return Invoked({"relations": _relations(await _read(tables, run.object, run.id))})


async def _relate(tables: Tables, run: Run) -> Invoked:
    """Relate two items, unless they are: the instance would keep the same relation twice."""
    if known := _same(await _read(tables, run.object, run.id), run.arguments):
        return Invoked({"relation": known, "was_there": True}, (run.id,))
    side = given(run, "direction") or "outbound"
    one: JSON = {"type": checked_id(given(run, "type")), "target": checked_id(given(run, "target"))}
    where = tables.path("/cmdb/instance/{}/{}/relation", run.object, checked_id(run.id))
    found = result_of(await tables.http.post(where, json={f"{side}_relations": [one], "source": SOURCE}))
    made = _same(found, run.arguments)
    # The class's own rules may drop it without a word.
    return Invoked({"relation": made or None, "was_there": False}, (run.id,) if made else ())


async def _relates(tables: Tables, pending: Pending) -> Settled:
    made = _same(await _read(tables, pending.object, pending.id), pending.values)
    told = Settlement.HAPPENED if made else absent(pending)
    return told, Invoked({"relation": made}, (pending.id,))


async def _unrelate(tables: Tables, run: Run) -> Invoked:
    link = checked_id(given(run, "relation"))
    if not _has(await _read(tables, run.object, run.id), link):
        raise NotFound(f"{run.object} {run.id} has no relation {link}", object=run.object, field="relation")
    where = tables.path("/cmdb/instance/{}/{}/relation/{}", run.object, checked_id(run.id), link)
    answer = await tables.http.delete(where)
    if answer.status not in (200, 204):
        raise strange()
    return Invoked({"relation": link}, (run.id,))


async def _unrelated(tables: Tables, pending: Pending) -> Settled:
    link = pending.values.get("relation")
    left = _has(await _read(tables, pending.object, pending.id), str(link))
    return (absent(pending) if left else Settlement.HAPPENED), Invoked({"relation": link}, (pending.id,))


async def _read(tables: Tables, object: str, id: str) -> Mapping[str, JSON]:
    return result_of(await tables.http.get(_at(tables, object, id)))


def _at(tables: Tables, object: str, id: str) -> Path:
    return tables.path("/cmdb/instance/{}/{}", object, checked_id(id))


def _relations(found: Mapping[str, JSON]) -> list[JSON]:
    told: list[JSON] = []
    for side in SIDES:
        for one in listed_in(found, f"{side}_relations"):
            kind = one.get("type")
            name = kind.get("display_value") if isinstance(kind, Mapping) else ""
            link: dict[str, JSON] = {"relation": text_at(one, "sys_id"), "direction": side}
            told.append(link | {"type": text_at(one, "type"), "type_name": name, "target": text_at(one, "target")})
    return told


def _same(found: Mapping[str, JSON], arguments: Mapping[str, JSON]) -> str:
    """Return the id of the relation that the arguments describe; empty where there is none."""
    side = arguments.get("direction") or "outbound"
    for one in listed_in(found, f"{side}_relations"):
        if all(text_at(one, name) == arguments.get(name) for name in ("type", "target")):
            return text_at(one, "sys_id")
    return ""


def _has(found: Mapping[str, JSON], link: str) -> bool:
    every = [one for side in SIDES for one in listed_in(found, f"{side}_relations")]
    return any(text_at(one, "sys_id") == link for one in every)


_MANY: Mapping[str, Mapping[str, JSON]] = {
    "items": {"type": "array", "minItems": 1, "maxItems": MOST, "items": VALUES, "description": "values of each item"},
    "data_source": {"type": "string", "pattern": "^[A-Za-z0-9 _.-]{1,80}$"},
}
_READS, _CHANGES = frozenset({Effect.READ}), frozenset({Effect.UPDATE})
_ALL = frozenset({"internal", "unclassified", "free_text", "pii"})
_LINK: Mapping[str, Mapping[str, JSON]] = {
    "type": {**AN_ID, "description": "sys_id of the cmdb_rel_type"},
    "target": {**AN_ID, "description": "sys_id of the other item"},
    "direction": {"type": "string", "enum": list[JSON](SIDES)},
}
ITEMS = (
    Deed(
        Action(
            "identify",
            "Tell what `reconcile` would do with these items; nothing is written.",
            _READS,
            _MANY,
            ("items",),
            classes=LEAN,
        ),
        _identify,
    ),
    Deed(
        Action(
            "reconcile",
            "Write items of this class by the identification rules: each is found and changed, or made.",
            frozenset({Effect.CREATE, Effect.UPDATE}),
            _MANY,
            ("items",),
            classes=LEAN,
        ),
        _reconcile,
        _reconciled,
    ),
    Deed(Action("instance", "Read attributes and relations.", _READS, on_record=True, classes=_ALL), _instance),
    Deed(Action("relations", "Read relations.", _READS, on_record=True, classes=LEAN), _related),
    Deed(
        Action("relate", "Relate to another item.", _CHANGES, _LINK, ("type", "target"), on_record=True, classes=LEAN),
        _relate,
        _relates,
    ),
    Deed(
        Action(
            "unrelate", "End a relation.", _CHANGES, {"relation": AN_ID}, ("relation",), on_record=True, classes=LEAN
        ),
        _unrelate,
        _unrelated,
    ),
)
