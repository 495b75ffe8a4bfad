"""Which of the records in an answer are those that were sent below a new one?"""

import pytest

from isthmus.connectors.sap.below import holds_below, ids_below
from isthmus.connectors.sap.odata.metadata import service_of

from .system import METADATA

SERVICE = service_of(METADATA)
ORDERS = SERVICE.sets["A_Order"]


def item(number: int, text: str) -> dict[str, object]:
    return {"Order": "1", "Item": number, "Text": text}


def told(sent: list[str], rows: object) -> list[str] | None:
    values = {"Note": "x", "to_Item": [{"Text": one} for one in sent]}
    found = ids_below("so", values, {"to_Item": rows}, ORDERS, SERVICE)  # type: ignore[arg-type, dict-item]
    return None if found is None else [id.rpartition("=")[2] for _, id in found]


A, B, C = item(10, "a"), item(20, "b"), item(30, "c")


@pytest.mark.parametrize(
    ("sent", "rows", "wanted"),
    [
        (["a", "b"], [A, B], ["10", "20"]),
        (["a", "b"], {"results": [A, B]}, ["10", "20"]),
        (["a", "b"], [B, A], ["10", "20"]),
        # What the system stores otherwise leaves the places as they are, unless another row fits better.
        (["a", "x"], [A, B], ["10", "20"]),
        (["b", "x"], [A, B], None),
        (["same", "same"], [item(10, "same"), item(20, "same")], ["10", "20"]),
        # The system added one of its own.
        (["b", "a"], [A, B, C], ["20", "10"]),
        (["a"], [A, item(20, "a")], None),
        (["a", "a"], [A, B], None),
        (["a"], [], None),
        (["a"], None, None),
        (["a"], {"__deferred": {"uri": "x"}}, None),
        (["a"], {"results": [A], "__next": "x"}, None),
        (["a"], [{"Text": "a"}], None),
    ],
)
def test_ids_are_told_where_it_is_sure_whose_they_are(sent: list[str], rows: object, wanted: list[str] | None):
    assert told(sent, rows) == wanted


@pytest.mark.parametrize(
    ("sent", "rows", "wanted"),
    [
        (["a", "b"], [B, A], True),
        (["a"], [A, B], True),
        (["a", "a"], [A, B], False),
        (["a", "b"], [A], False),
        (["a", "x"], [A, B], False),
        (["a"], None, False),
        (["a"], [{"Order": "1", "Item": 10}], False),
    ],
)
def test_all_are_there_or_it_is_another_order(sent: list[str], rows: object, wanted: bool):
    values = {"to_Item": [{"Text": one} for one in sent]}
    assert holds_below(values, {"to_Item": rows}, ORDERS, SERVICE) is wanted  # type: ignore[arg-type, dict-item]
