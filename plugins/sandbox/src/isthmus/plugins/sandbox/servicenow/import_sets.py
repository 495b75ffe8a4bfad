"""How do rows come in through a staging table?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import ApiError, acl_failed, bad_body
from .incoming import text_of
from .routes import route
from .schema import TableDefinition
from .store import Row
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call


def load_one(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of one row: it is transformed at once. Whoever may not write gets 201 with nothing in it."""
    table = _staging(call, arguments[0])
    if not call.access.may("create", table):
        return Reply(201, empty=True)
    batch = _new_set(call, table)
    results = _transformed(call, table, batch, call.json)
    known: dict[str, Json] = {"import_set": batch["number"], "staging_table": table.name}
    return Reply(201, {**known, "result": results})


def load_many(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of several rows: they are transformed later, and nothing tells how that went."""
    table = _staging(call, arguments[0])
    records = call.json.get("records")
    if not isinstance(records, list) or not all(isinstance(each, Mapping) for each in records):
        raise bad_body("records is no list of rows")
    if not call.access.may("create", table):
        raise acl_failed("Insert")
    batch = _new_set(call, table)
    for record in records:
        _transformed(call, table, batch, record)
    known: dict[str, Json] = {"import_set_id": batch["sys_id"], "multi_import_set_id": call.store.mint("multi")}
    return Reply(201, {"result": known})


def _staging(call: "Call", name: str) -> TableDefinition:
    table = call.table(name)
    if not table.extends("sys_import_set_row"):
        raise ApiError(400, f"Invalid staging table {name}", "Table does not extend sys_import_set_row")
    return table


def _new_set(call: "Call", table: TableDefinition) -> Row:
    return call.store.insert("sys_import_set", {"table_name": table.name}, call.viewer.user_name)


def _transformed(call: "Call", table: TableDefinition, batch: Row, record: Mapping[str, Json]) -> list[Json]:
    known = {name: text_of(value) for name, value in record.items() if name in table.columns}
    staged = call.store.insert(table.name, {**known, "sys_import_set": batch["sys_id"]}, call.viewer.user_name)
    call.did("created", table.name, staged["sys_id"])
    maps = call.store.find("sys_transform_map", source_table=table.name, active="true")
    return [_mapped(call, staged, each) for each in list(maps)]


def _mapped(call: "Call", staged: Row, transform: Row) -> Json:
    """Carry one staged row over; the columns that coalesce say whether it is a new one."""
    target = call.store.schema[transform["target_table"]]
    entries = list(call.store.find("sys_transform_entry", map=transform["sys_id"]))
    values = {each["target_field"]: staged.get(each["source_field"], "") for each in entries}
    given: dict[str, Json] = {name: value for name, value in values.items() if value}
    keys = {each["target_field"]: values[each["target_field"]] for each in entries if each["coalesce"] == "true"}
    known = call.store.first(target.name, **keys) if keys and all(keys.values()) else None
    answer: dict[str, Json] = {"transform_map": transform["name"], "table": target.name}
    writer = Writer(call)
    try:
        if known is None:
            row, status = writer.insert(target, given), "inserted"
        else:
            row, status = writer.update(target, known, given), "updated"
            status = "ignored" if row is known else status
    except ApiError as refusal:
        return {**answer, "status": "error", "error_message": refusal.detail or refusal.message}
    display = target.display if target.display in row else "sys_id"
    return {
        **answer,
        "display_name": display,
        "display_value": row[display],
        "record_link": call.shown.link(target.name, row["sys_id"]),
        "status": status,
        "sys_id": row["sys_id"],
    }


ROUTES: Final = (
    route("POST", "now/import/{}", load_one),
    route("POST", "now/import/{}/insertMultiple", load_many),
)
