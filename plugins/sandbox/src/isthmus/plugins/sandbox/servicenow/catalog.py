"""How are things ordered from the service catalog?"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import ApiError, no_record
from .incoming import text_of
from .routes import route
from .store import Row
from .table_api import visible

if TYPE_CHECKING:
    from .call import Call

_TYPES: Final = {"1": "yes_no", "2": "multi_line_text", "5": "select_box", "6": "single_line_text", "8": "reference"}


def read_catalogs(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer GET on all catalogs."""
    return Reply(200, {"result": [_catalog(each) for each in call.store.find("sc_catalog", active="true")]})


def read_catalog(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a catalog."""
    return Reply(200, {"result": _catalog(visible(call, call.table("sc_catalog"), arguments[0]))})


def read_categories(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a catalog's categories."""
    catalog = visible(call, call.table("sc_catalog"), arguments[0])
    found = call.store.find("sc_category", sc_catalog=catalog["sys_id"], active="true")
    return Reply(200, {"result": [_category(each) for each in found]})


def read_category(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on a category."""
    return Reply(200, {"result": _category(visible(call, call.table("sc_category"), arguments[0]))})


def read_items(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer GET on items: by category, by catalog, by words."""
    query = call.query
    words = query.get("sysparm_text", "").casefold()
    found = [
        row
        for row in call.store.find("sc_cat_item", active="true")
        if query.get("sysparm_category", row["category"]) == row["category"]
        and query.get("sysparm_catalog", "") in row["sc_catalogs"]
        and words in f"{row['name']} {row['short_description']}".casefold()
    ]
    offset, limit = (call.number(name, default) for name, default in (("sysparm_offset", 0), ("sysparm_limit", 10)))
    return Reply(200, {"result": [_item(call, row) for row in found[offset : offset + limit]]})


def read_item(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on an item, with the questions it asks."""
    row = _offered(call, arguments[0])
    return Reply(
        200, {"result": {**_item(call, row), "variables": [_variable(each) for each in _questions(call, row)]}}
    )


def order_now(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of an order: asked twice, it orders twice."""
    item, body = _offered(call, arguments[0]), call.json
    variables = _answers(call, item, body.get("variables"))
    quantity = _quantity(body)
    people = [_person(call, text_of(body.get("sysparm_requested_for")) or call.viewer.user_id)]
    also = text_of(body.get("sysparm_also_request_for"))
    people += [_person(call, each.strip()) for each in also.split(",") if each.strip()]
    request = _request(call, people[0], float(item["price"] or 0) * quantity * len(people))
    for person in people:
        _line(call, request, item, person, quantity, variables)
    return Reply(200, {"result": _ordered(request)})


def add_to_cart(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer POST of an item into one's cart."""
    item = _offered(call, arguments[0])
    variables = _answers(call, item, call.json.get("variables"))
    cart = _cart(call)
    values = {"cart": cart["sys_id"], "cat_item": item["sys_id"], "quantity": str(_quantity(call.json))}
    row = call.store.insert("sc_cart_item", {**values, "variables": json.dumps(variables)}, call.viewer.user_name)
    call.did("created", "sc_cart_item", row["sys_id"])
    return Reply(200, {"result": _cart_content(call, cart)})


def read_cart(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer GET on one's cart."""
    return Reply(200, {"result": _cart_content(call, _cart(call))})


def submit_order(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer POST that orders what lies in one's cart."""
    cart = _cart(call)
    lines = list(call.store.find("sc_cart_item", cart=cart["sys_id"]))
    if not lines:
        raise ApiError(400, "Cart is empty", "There is nothing to order")
    items = [(line, call.store.get("sc_cat_item", line["cat_item"])) for line in lines]
    total = sum(float(item["price"] or 0) * int(line["quantity"]) for line, item in items if item)
    request = _request(call, call.viewer.user_id, total)
    for line, item in items:
        if item is not None:
            _line(call, request, item, call.viewer.user_id, int(line["quantity"]), json.loads(line["variables"]))
        call.store.delete("sc_cart_item", line)
    return Reply(200, {"result": _ordered(request)})


def remove_from_cart(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer DELETE on a line of one's cart."""
    line = call.store.get("sc_cart_item", arguments[0])
    if line is None or line["cart"] != _cart(call)["sys_id"]:
        raise no_record()
    call.store.delete("sc_cart_item", line)
    return Reply(204, empty=True)


def _offered(call: "Call", sys_id: str) -> Row:
    row = visible(call, call.table("sc_cat_item"), sys_id)
    if row["active"] != "true":
        raise no_record()
    return row


def _answers(call: "Call", item: Row, given: Json) -> dict[str, str]:
    answers = {name: text_of(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    missing = [
        each["name"] for each in _questions(call, item) if each["mandatory"] == "true" and not answers.get(each["name"])
    ]
    if missing:
        raise ApiError(
            400, "Mandatory Variables are required", f"Mandatory Variables are required: {', '.join(missing)}"
        )
    return answers


def _questions(call: "Call", item: Row) -> list[Row]:
    found = call.store.find("item_option_new", cat_item=item["sys_id"], active="true")
    return sorted(found, key=lambda row: int(row["order"] or 0))


def _quantity(body: Mapping[str, Json]) -> int:
    text = text_of(body.get("sysparm_quantity", 1))
    if not text.isdecimal() or int(text) < 1:
        raise ApiError(400, "Invalid quantity", text)
    return int(text)


def _person(call: "Call", key: str) -> str:
    row = call.store.get("sys_user", key) or call.instance.user(key)
    if row is None:
        raise ApiError(400, "Invalid requested for", key)
    return row["sys_id"]


def _request(call: "Call", person: str, price: float) -> Row:
    values = {
        "requested_for": person,
        "opened_by": call.viewer.user_id,
        "price": f"{price:.2f}",
        "request_state": "in_process",
    }
    row = call.store.insert("sc_request", {**values, "approval": "approved"}, call.viewer.user_name)
    call.did("created", "sc_request", row["sys_id"])
    return row


def _line(call: "Call", request: Row, item: Row, person: str, quantity: int, variables: Mapping[str, str]) -> None:
    store, by = call.store, call.viewer.user_name
    values = {
        "request": request["sys_id"],
        "cat_item": item["sys_id"],
        "requested_for": person,
        "opened_by": call.viewer.user_id,
        "quantity": str(quantity),
        "price": item["price"],
        "recurring_price": item["recurring_price"],
        "short_description": item["short_description"],
        "stage": "fulfillment",
    }
    line = store.insert("sc_req_item", values, by)
    call.did("created", "sc_req_item", line["sys_id"])
    for question in _questions(call, item):
        answer = {"item_option_new": question["sys_id"], "request_item": line["sys_id"]}
        store.insert("sc_item_option", {**answer, "value": variables.get(question["name"], "")}, by)
    task = {
        "request": request["sys_id"],
        "request_item": line["sys_id"],
        "short_description": f"Hand out {item['name']}",
    }
    made = store.insert("sc_task", {**task, "opened_by": call.viewer.user_id}, by)
    call.did("created", "sc_task", made["sys_id"])


def _ordered(request: Row) -> Json:
    key, number = request["sys_id"], request["number"]
    return {"sys_id": key, "number": number, "request_number": number, "request_id": key, "table": "sc_request"}


def _cart(call: "Call") -> Row:
    found = call.store.first("sc_cart", user=call.viewer.user_id)
    return found or call.store.insert("sc_cart", {"user": call.viewer.user_id}, call.viewer.user_name)


def _cart_content(call: "Call", cart: Row) -> Json:
    items: list[Json] = []
    total = 0.0
    for line in call.store.find("sc_cart_item", cart=cart["sys_id"]):
        item = call.store.get("sc_cat_item", line["cat_item"])
        if item is not None:
            total += float(item["price"] or 0) * int(line["quantity"])
            known: dict[str, Json] = {"cart_item_id": line["sys_id"], "catalog_item_id": item["sys_id"]}
            items.append(
                {**known, "item_name": item["name"], "quantity": line["quantity"], "price": _money(item["price"])}
            )
    return {"cart_id": cart["sys_id"], "subtotal": _money(str(total)), "items": items}


def _catalog(row: Row) -> Json:
    known: dict[str, Json] = {"title": row["title"], "sys_id": row["sys_id"], "description": row["description"]}
    return {**known, "has_categories": True, "has_items": True, "desktop_image": ""}


def _category(row: Row) -> Json:
    return {"title": row["title"], "sys_id": row["sys_id"], "description": row["description"], "subcategories": []}


def _item(call: "Call", row: Row) -> dict[str, Json]:
    category = call.store.get("sc_category", row["category"])
    return {
        "sys_id": row["sys_id"],
        "name": row["name"],
        "short_description": row["short_description"],
        "description": row["description"],
        "sys_class_name": "sc_cat_item",
        "type": "catalog_item",
        "order": int(row["order"] or 0),
        "mandatory_attachment": row["mandatory_attachment"] == "true",
        "show_price": True,
        "show_quantity": row["no_quantity"] != "true",
        "price": _money(row["price"]),
        "price_value": _amount(row["price"]),
        "recurring_price": _money(row["recurring_price"]),
        "recurring_price_value": _amount(row["recurring_price"]),
        "recurring_price_frequency": row["recurring_frequency"],
        "category": {"sys_id": row["category"], "title": category["title"] if category else ""},
        "url": f"com.glideapp.servicecatalog_cat_item_view.do?v=1&sysparm_id={row['sys_id']}",
    }


def _variable(row: Row) -> Json:
    return {
        "id": row["sys_id"],
        "name": row["name"],
        "label": row["question_text"],
        "type": int(row["type"]),
        "friendly_type": _TYPES.get(row["type"], "single_line_text"),
        "mandatory": row["mandatory"] == "true",
        "active": True,
        "read_only": False,
        "value": row["default_value"],
        "displayvalue": row["default_value"],
        "max_length": 0,
    }


def _amount(text: str) -> int | float:
    number = float(text or 0)
    return int(number) if number == int(number) else number


def _money(text: str) -> str:
    return f"${float(text or 0):,.2f}"


ROUTES: Final = (
    route("GET", "sn_sc/servicecatalog/catalogs", read_catalogs),
    route("GET", "sn_sc/servicecatalog/catalogs/{}", read_catalog),
    route("GET", "sn_sc/servicecatalog/catalogs/{}/categories", read_categories),
    route("GET", "sn_sc/servicecatalog/categories/{}", read_category),
    route("GET", "sn_sc/servicecatalog/items", read_items),
    route("GET", "sn_sc/servicecatalog/items/{}", read_item),
    route("POST", "sn_sc/servicecatalog/items/{}/order_now", order_now),
    route("POST", "sn_sc/servicecatalog/items/{}/add_to_cart", add_to_cart),
    route("GET", "sn_sc/servicecatalog/cart", read_cart),
    route("POST", "sn_sc/servicecatalog/cart/submit_order", submit_order),
    route("DELETE", "sn_sc/servicecatalog/cart/{}", remove_from_cart),
)
