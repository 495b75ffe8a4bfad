"""What does RFC_READ_TABLE give away?"""

from collections.abc import Mapping
from typing import cast

from .messages import AbapException
from .orders import Work
from .values import Line, Value

_COLUMNS = {"VBELN": 10, "ERNAM": 12, "VKORG": 4}


def read_table(work: Work, given: Mapping[str, Value]) -> dict[str, Value]:
    """Read the columns asked for of VBAK, the table of order headers; conditions are not understood here."""
    if given["QUERY_TABLE"] != "VBAK":
        raise AbapException("TABLE_NOT_AVAILABLE", ("DA", "131"), str(given["QUERY_TABLE"]))
    if given["OPTIONS"]:
        raise AbapException("OPTION_NOT_VALID", ("DA", "132"))
    named = [str(one["FIELDNAME"]) for one in cast("list[Line]", given["FIELDS"])] or list(_COLUMNS)
    if unknown := [one for one in named if one not in _COLUMNS]:
        raise AbapException("FIELD_NOT_VALID", ("DA", "133"), unknown[0])
    between = str(given["DELIMITER"])
    rows: list[Line] = []
    for order in work.orders.committed.values():
        known = {"VBELN": order.number, "ERNAM": order.by, "VKORG": str(order.header.get("SALES_ORG", ""))}
        rows.append({"WA": between.join(known[name].ljust(_COLUMNS[name]) for name in named)})
    first, most = int(str(given["ROWSKIPS"])), int(str(given["ROWCOUNT"]))
    fields: list[Line] = [{"FIELDNAME": name, "LENGTH": str(_COLUMNS[name]), "TYPE": "C"} for name in named]
    return {"DATA": rows[first : first + most if most else None], "FIELDS": fields}
