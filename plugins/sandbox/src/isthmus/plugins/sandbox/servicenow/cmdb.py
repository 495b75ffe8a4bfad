"""How are configuration items and their relations read and written?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import ApiError, acl_failed, bad_body, may_not_query, no_record
from .incoming import text_of
from .routes import route
from .schema import TableDefinition
from .shown import Style
from .store import Row
from .table_api import matching, paged, visible
from .writer import Writer

if TYPE_CHECKING:
    from .call import Call

_PAIRS: Final = Style("all")


def _class(call: "Call", name: str) -> TableDefinition:
    table = call.table(name)
    if not table.extends("cmdb"):
        raise ApiError(400, f"Invalid class {name}", "The class does not extend cmdb")
    return table


def read_items(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a class."""
    table = _class(call, arguments[0])
    if not call.access.may("read", table):
        raise may_not_query()
    page, headers = paged(call, matching(call, table), call.request.path)
    seen = [row for row in page if call.access.row("read", table, row)]
    return Reply(200, {"result": [{"sys_id": row["sys_id"], "name": row["name"]} for row in seen]}, headers)


def read_item(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on an item."""
    table = _class(call, arguments[0])
    return Reply(200, {"result": _item(call, table, visible(call, table, arguments[1]))})


def create_item(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of an item with its relations."""
    table = _class(call, arguments[0])
    attributes = _attributes(call)
    row = Writer(call).insert(table, attributes)
    _relate(call, row, call.json)
    reply = Reply(201, {"result": _item(call, table, row)})
    reply.headers["Location"] = f"{call.request.origin}/api/now/cmdb/instance/{table.name}/{row['sys_id']}"
    return reply


def update_item(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer PATCH and PUT on an item."""
    table = _class(call, arguments[0])
    row = Writer(call).update(table, visible(call, table, arguments[1]), _attributes(call))
    return Reply(200, {"result": _item(call, table, row)})


def add_relations(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of relations of an item; unlike an item, they come without a source."""
    table = _class(call, arguments[0])
    row = visible(call, table, arguments[1])
    _relate(call, row, call.json)
    return Reply(201, {"result": _item(call, table, row)})


def remove_relation(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on a relation of an item."""
    row = visible(call, _class(call, arguments[0]), arguments[1])
    relation = call.store.get("cmdb_rel_ci", arguments[2])
    if relation is None or row["sys_id"] not in (relation["parent"], relation["child"]):
        raise no_record()
    Writer(call).delete(call.table("cmdb_rel_ci"), relation)
    return Reply(204, empty=True)


def describe_class(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on what a class is made of."""
    table = _class(call, arguments[0])
    attributes: list[Json] = [
        {
            "element": column.name,
            "label": column.label,
            "type": column.type,
            "max_length": str(column.size),
            "reference": column.to,
            "is_inherited": str(column.name not in table.own).lower(),
            "is_mandatory": "false",
            "is_read_only": str(column.read_only).lower(),
            "is_display": str(column.name == table.display).lower(),
            "default_value": column.default,
        }
        for column in table.columns.values()
    ]
    known: dict[str, Json] = {"name": table.name, "label": table.label, "is_extendable": bool(table.children)}
    known["parent"] = table.parent.name if table.parent else ""
    return Reply(
        200, {"result": {**known, "attributes": attributes, "children": [each.name for each in table.children]}}
    )


def _attributes(call: "Call") -> Mapping[str, Json]:
    _source(call)
    attributes = call.json.get("attributes", {})
    if not isinstance(attributes, Mapping):
        raise bad_body("attributes is no JSON object")
    return attributes


def _source(call: "Call") -> None:
    if not call.json.get("source"):
        raise bad_body("source is missing")


def _relate(call: "Call", row: Row, body: Mapping[str, Json]) -> None:
    table = call.table("cmdb_rel_ci")
    for name, mine, theirs in (("inbound_relations", "child", "parent"), ("outbound_relations", "parent", "child")):
        listed = body.get(name, [])
        for each in listed if isinstance(listed, list) else []:
            if not isinstance(each, Mapping):
                raise bad_body(f"{name} is no list of relations")
            target = text_of(each.get("target"))
            if call.store.get("cmdb_ci", target) is None:
                raise ApiError(400, "Invalid target", f"{target} is no configuration item")
            Writer(call).insert(table, {mine: row["sys_id"], theirs: target, "type": text_of(each.get("type"))})


def _item(call: "Call", table: TableDefinition, row: Row) -> Json:
    shown = call.shown.record(table, row, _PAIRS)
    attributes = {name: _attribute(pair) for name, pair in shown.items()}
    return {
        "attributes": attributes,
        "inbound_relations": _relations(call, row, "child", "parent"),
        "outbound_relations": _relations(call, row, "parent", "child"),
    }


def _attribute(pair: Json) -> Json:
    """Return a reference with its link and name, and of everything else the value."""
    return pair["value"] if isinstance(pair, Mapping) and "link" not in pair else pair


def _relations(call: "Call", row: Row, mine: str, theirs: str) -> list[Json]:
    store, found = call.store, list[Json]()
    for each in store.find("cmdb_rel_ci", **{mine: row["sys_id"]}):
        parts = {"type": ("cmdb_rel_type", each["type"]), "target": ("cmdb_ci", each[theirs])}
        pairs: dict[str, Json] = {"sys_id": each["sys_id"]}
        for name, (table, key) in parts.items():
            other = store.get(table, key)
            display = store.display(table, other) if other else ""
            pairs[name] = {"display_value": display, "link": call.shown.link(table, key), "value": key}
        found.append(pairs)
    return found


def may_identify(call: "Call") -> None:
    """Let only those with the role itil or asset pass; raises ApiError."""
    if not call.viewer.has_any(frozenset({"itil", "asset"})):
        raise acl_failed("Insert")


ROUTES: Final = (
    route("GET", "now/cmdb/instance/{}", read_items),
    route("POST", "now/cmdb/instance/{}", create_item),
    route("GET", "now/cmdb/instance/{}/{}", read_item),
    route("PATCH", "now/cmdb/instance/{}/{}", update_item),
    route("PUT", "now/cmdb/instance/{}/{}", update_item),
    route("POST", "now/cmdb/instance/{}/{}/relation", add_relations),
    route("DELETE", "now/cmdb/instance/{}/{}/relation/{}", remove_relation),
    route("GET", "now/cmdb/meta/{}", describe_class),
)
