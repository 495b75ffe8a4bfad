"""What do the BAPIs of the sales order do?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

from .orders import MATERIALS, Order, Work, net_of
from .values import Line, Scalar, Value

_SENTENCES: Final = {
    ("V4", "233"): "{} has been processed successfully",
    ("V1", "311"): "{} {} has been saved",
    ("V1", "302"): "SD document {} is not in the database or has been archived",
    ("V1", "382"): "Material {} is not defined for sales org. {}, distr. chan. {}",
    ("V1", "329"): "Please enter sold-to party or ship-to party",
    ("V1", "555"): "The sales document is not yet complete: Edit data",
    ("V4", "219"): "Sales document {} was not changed",
    ("MC", "601"): "Object requested is currently locked by user {}",
}
_FLAGS: Final = ("U", "I", "X")


def create(work: Work, given: Mapping[str, Value]) -> dict[str, Value]:
    """Create a sales order, to be committed by its caller; where the X structure is given, it says what counts."""
    header = _flagged(_line(given, "ORDER_HEADER_IN"), _line(given, "ORDER_HEADER_INX"), always=False)
    partners = {str(one["PARTN_ROLE"]): str(one["PARTN_NUMB"]) for one in _lines(given, "ORDER_PARTNERS")}
    items = _items(_lines(given, "ORDER_ITEMS_IN"), _lines(given, "ORDER_ITEMS_INX"), {})
    wrong = [] if partners.get("AG") else [_message("E", "V1", "329", parameter="ORDER_PARTNERS")]
    if wrong := [*wrong, *_unknown(items, header)]:
        return {"SALESDOCUMENT": "", "RETURN": [*wrong, _message("E", "V4", "219", "")]}
    told = [_message("S", "V4", "233", one) for one in ("SALES_HEADER_IN", "SALES_ITEM_IN")[: 1 + bool(items)]]
    if not header.get("PURCH_NO_C"):
        told.append(_message("W", "V1", "555"))
    if given["TESTRUN"] == "X":
        return {"SALESDOCUMENT": "", "RETURN": told}
    number = work.orders.number()
    work.put(Order(number, header, items, partners, work.user))
    return {
        "SALESDOCUMENT": number,
        "RETURN": [*told, _message("S", "V1", "311", "Standard Order", number.lstrip("0"))],
    }


def change(work: Work, given: Mapping[str, Value]) -> dict[str, Value]:
    """Change a sales order; what the X structures do not flag is ignored without a word."""
    number, flags = str(given["SALESDOCUMENT"]), _line(given, "ORDER_HEADER_INX")
    order = work.read(number)
    if order is None:
        return {"RETURN": [_message("E", "V1", "302", number)]}
    if holder := work.holder(number):
        return {"RETURN": [_message("E", "MC", "601", holder)]}
    header = {**order.header, **_flagged(_line(given, "ORDER_HEADER_IN"), flags, always=True)}
    items = _items(_lines(given, "ORDER_ITEM_IN"), _lines(given, "ORDER_ITEM_INX"), order.items)
    if flags.get("UPDATEFLAG") != "U":
        return {"RETURN": [_message("E", "V4", "219", number, parameter="ORDER_HEADER_INX")]}
    if wrong := _unknown(items, header):
        return {"RETURN": [*wrong, _message("E", "V4", "219", number)]}
    if given["SIMULATION"] != "X":
        work.put(replace(order, header=header, items=items))
    told = [_message("S", "V4", "233", "ORDER_HEADER_IN")]
    return {"RETURN": [*told, _message("S", "V1", "311", "Standard Order", number.lstrip("0"))]}


def orders_of(work: Work, given: Mapping[str, Value]) -> dict[str, Value]:
    """List the committed orders of a customer, an item a row; the customer's number needs its leading zeros."""
    found = [
        _listed(order, item)
        for order in work.orders.committed.values()
        if order.partners.get("AG") == given["CUSTOMER_NUMBER"]
        and order.header.get("SALES_ORG") == given["SALES_ORGANIZATION"]
        and given["PURCHASE_ORDER_NUMBER"] in ("", order.header.get("PURCH_NO_C", ""))
        for item in order.items.values()
        if given["MATERIAL"] in ("", item["MATERIAL"])
    ]
    none: Line = {"TYPE": "W", "CODE": "V4010", "MESSAGE": "No data found for the selection criteria"}
    return {"SALES_ORDERS": found, "RETURN": {} if found else none}


def details(work: Work, given: Mapping[str, Value]) -> dict[str, Value]:
    """Tell what the view asks for of the orders named; an order that is not there is left out without a word."""
    view, named = _line(given, "I_BAPI_VIEW"), [str(one["VBELN"]) for one in _lines(given, "SALES_DOCUMENTS")]
    found = [order for number in named if (order := work.orders.committed.get(number))]
    told: dict[str, Value] = {"SALES_DOCUMENTS": _lines(given, "SALES_DOCUMENTS")}
    if view["HEADER"] == "X":
        told["ORDER_HEADERS_OUT"] = [_header(one) for one in found]
    if view["ITEM"] == "X":
        told["ORDER_ITEMS_OUT"] = [_item(order, one) for order in found for one in order.items.values()]
    if view["PARTNER"] == "X":
        told["ORDER_PARTNERS_OUT"] = [
            {"SD_DOC": order.number, "ITM_NUMBER": "000000", "PARTN_ROLE": role, "CUSTOMER": number}
            for order in found
            for role, number in order.partners.items()
        ]
    return told


def _message(type: str, area: str, number: str, *variables: str, parameter: str = "") -> Line:
    said = _SENTENCES[(area, number)].format(*variables)
    named = {f"MESSAGE_V{place}": value for place, value in enumerate(variables, start=1)}
    return {"TYPE": type, "ID": area, "NUMBER": number, "MESSAGE": said, "PARAMETER": parameter, **named}


def _flagged(line: Line, flags: Line, *, always: bool) -> dict[str, Scalar]:
    """Return the values that the X structure flags; an empty one flags all, unless it `always` counts."""
    whole = not always and not any(flags.values())
    return {name: value for name, value in line.items() if whole or flags.get(name) == "X"}


def _items(
    lines: Sequence[Line], flags: Sequence[Line], before: Mapping[str, Mapping[str, Scalar]]
) -> dict[str, Mapping[str, Scalar]]:
    items = dict(before)
    flagged = {str(one["ITM_NUMBER"]): one for one in flags}
    for line in lines:
        number = str(line["ITM_NUMBER"])
        mark = flagged.get(number, {})
        if mark and mark.get("UPDATEFLAG") not in _FLAGS and before:
            continue
        known = items.get(number, {"ITM_NUMBER": number, "TARGET_QTY": Decimal(0), "MATERIAL": ""})
        items[number] = {**known, **_flagged(line, mark, always=bool(before)), "ITM_NUMBER": number}
    return items


def _unknown(items: Mapping[str, Mapping[str, Scalar]], header: Mapping[str, Scalar]) -> list[Line]:
    area = (str(header.get("SALES_ORG", "")), str(header.get("DISTR_CHAN", "")))
    return [
        {**_message("E", "V1", "382", str(one["MATERIAL"]), *area, parameter="SALES_ITEM_IN"), "ROW": place}
        for place, one in enumerate(items.values(), start=1)
        if one["MATERIAL"] not in MATERIALS
    ]


def _listed(order: Order, item: Mapping[str, Scalar]) -> Line:
    text, price = MATERIALS[str(item["MATERIAL"])]
    header = order.header
    return {
        "SD_DOC": order.number,
        "ITM_NUMBER": item["ITM_NUMBER"],
        "MATERIAL": item["MATERIAL"],
        "SHORT_TEXT": text,
        "DOC_TYPE": header.get("DOC_TYPE", ""),
        "REQ_QTY": item["TARGET_QTY"],
        "REQ_DATE": header.get("REQ_DATE_H", "00000000"),
        "PURCH_NO_C": header.get("PURCH_NO_C", ""),
        "SOLD_TO": order.partners["AG"],
        "NET_PRICE": price,
        "NET_VALUE": net_of(item),
        "CURRENCY": header.get("CURRENCY", ""),
    }


def _header(order: Order) -> Line:
    known = {
        name: order.header[name]
        for name in ("DOC_TYPE", "SALES_ORG", "DISTR_CHAN", "DIVISION", "PMNTTRMS", "CURRENCY", "REQ_DATE_H")
        if name in order.header
    }
    named = {"DOC_NUMBER": order.number, "CREATED_BY": order.by, "SOLD_TO": order.partners["AG"]}
    return {**known, **named, "PURCH_NO": order.header.get("PURCH_NO_C", ""), "NET_VAL_HD": order.net}


def _item(order: Order, item: Mapping[str, Scalar]) -> Line:
    text, _ = MATERIALS[str(item["MATERIAL"])]
    known = {
        name: item[name] for name in ("ITM_NUMBER", "MATERIAL", "TARGET_QTY", "TARGET_QU", "PLANT") if name in item
    }
    named = {"DOC_NUMBER": order.number, "SHORT_TEXT": text, "REA_FOR_RE": item.get("REASON_REJ", "")}
    return {**known, **named, "NET_VALUE": net_of(item), "CURRENCY": order.header.get("CURRENCY", "")}


def _line(given: Mapping[str, Value], name: str) -> Line:
    return cast("Line", given[name])


def _lines(given: Mapping[str, Value], name: str) -> list[Line]:
    return cast("list[Line]", given[name])
