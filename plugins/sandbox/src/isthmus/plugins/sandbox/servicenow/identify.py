"""Which configuration items does a payload mean, and what would or does become of them?"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .cmdb import may_identify
from .errors import bad_body
from .incoming import text_of
from .routes import route
from .schema import TableDefinition
from .store import Row, written
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call

_IDENTIFIERS: Final = (("serial_number",), ("fqdn",), ("name",))
_UNKNOWN: Final = "Unknown"


def _handler(*, commits: bool) -> Callable[["Call", Sequence[str]], Reply]:
    def identify(call: "Call", _arguments: Sequence[str]) -> Reply:
        """Answer POST of a payload; a query commits nothing and tells what would have happened."""
        may_identify(call)
        listed = call.json.get("items")
        if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
            raise bad_body("items is no list of configuration items")
        found = [_item(call, each, commits=commits) for each in listed]
        relations = call.json.get("relations", [])
        keys = [text_of(each["sysId"]) for each in found]
        related = [
            _relation(call, each, keys, commits=commits)
            for each in (relations if isinstance(relations, list) else [])
            if isinstance(each, Mapping)
        ]
        return Reply(200, {"result": {"items": found, "relations": related}})

    return identify


def _item(call: "Call", payload: Mapping[str, Json], *, commits: bool) -> dict[str, Json]:
    name = text_of(payload.get("className"))
    table = call.store.schema.find(name)
    values = payload.get("values", {})
    known: dict[str, Json] = {"className": name, "internal_id": text_of(payload.get("internal_id"))}
    if table is None or not table.extends("cmdb_ci"):
        return _refused(known, "INVALID_CLASS_NAME", f"{name} is no class of configuration items")
    if not isinstance(values, Mapping):
        return _refused(known, "INVALID_INPUT_DATA", "values is no JSON object")
    attempts: list[Json] = []
    row, usable = None, False
    for identifier in _IDENTIFIERS:
        given = {key: text_of(values.get(key)) for key in identifier if key in table.columns}
        if not given or not all(given.values()):
            attempts.append({"attributes": list(identifier), "attemptResult": "SKIPPED"})
            continue
        usable = True
        row = call.store.first(_root(table).name, **given)
        attempts.append({"attributes": list(identifier), "attemptResult": "MATCHED" if row else "NO_MATCH"})
        if row is not None:
            break
    if not usable:
        return _refused(known, "MISSING_MATCHING_ATTRIBUTES", "no identifying attribute has a value")
    known["identificationAttempts"] = attempts
    return {**known, **_carried_out(call, table, row, values, commits=commits), "errors": []}


def _root(table: TableDefinition) -> TableDefinition:
    return next(each for each in table.line if each.name == "cmdb_ci")


def _refused(known: dict[str, Json], code: str, message: str) -> dict[str, Json]:
    errors: list[Json] = [{"error": code, "message": message}]
    return {**known, "operation": "NO_CHANGE", "sysId": _UNKNOWN, "identificationAttempts": [], "errors": errors}


def _carried_out(
    call: "Call", table: TableDefinition, row: Row | None, values: Mapping[str, Json], *, commits: bool
) -> dict[str, Json]:
    source = call.query.get("sysparm_data_source", "Other Automated")
    writer = Writer(call)
    if row is None:
        if not commits:
            return {"operation": "INSERT", "sysId": _UNKNOWN}
        seen: dict[str, Json] = {"discovery_source": source, "first_discovered": written(call.now)}
        made = writer.insert(table, {**seen, **values, "last_discovered": written(call.now)})
        return {"operation": "INSERT", "sysId": made["sys_id"]}
    owner = call.store.class_of("cmdb_ci", row)
    draft = writer.draft(owner, values, "write")
    changes = any(row[name] != value for name, value in draft.values.items())
    if commits and changes:
        writer.update(owner, row, {**values, "last_discovered": written(call.now)})
    return {"operation": "UPDATE" if changes else "NO_CHANGE", "sysId": row["sys_id"]}


def _relation(call: "Call", payload: Mapping[str, Json], keys: Sequence[str], *, commits: bool) -> Json:
    places = [payload.get(side) for side in ("parent", "child")]
    name = text_of(payload.get("type"))
    known: dict[str, Json] = {"className": "cmdb_rel_ci", "errors": []}
    kind = call.store.first("cmdb_rel_type", name=name)
    if kind is None or not all(isinstance(each, int) and 0 <= each < len(keys) for each in places):
        return {**_refused(known, "INVALID_RELATION", f"{name} between {places[0]} and {places[1]}")}
    parent, child = (keys[each] for each in places if isinstance(each, int))
    found = call.store.first("cmdb_rel_ci", parent=parent, child=child, type=kind["sys_id"])
    if found is not None:
        return {**known, "operation": "NO_CHANGE", "sysId": found["sys_id"]}
    if not commits or _UNKNOWN in (parent, child):
        return {**known, "operation": "INSERT", "sysId": _UNKNOWN}
    values: dict[str, Json] = {"parent": parent, "child": child, "type": kind["sys_id"]}
    made = Writer(call).insert(call.table("cmdb_rel_ci"), values)
    return {**known, "operation": "INSERT", "sysId": made["sys_id"]}


ROUTES: Final = (
    route("POST", "now/identifyreconcile", _handler(commits=True)),
    route("POST", "now/identifyreconcile/enhanced", _handler(commits=True)),
    route("POST", "now/identifyreconcile/query", _handler(commits=False)),
    route("POST", "now/identifyreconcile/queryEnhanced", _handler(commits=False)),
)
