"""A call's digest is a keyed hash over one way of writing it, which does not change with how it is computed."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime

import pytest

from isthmus.core.authorization import _CANONICAL
from isthmus.core.records import (
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    InQuery,
    Measure,
    Negated,
    Operator,
    Order,
    Query,
    Relative,
)
from isthmus.core.request import Create, Delete, Get, Search, Update, Upsert


@pytest.mark.parametrize(
    "request_",
    [
        Get("Case", "1", ("Id", "Straße")),
        Search("Case", "x", (), 3),
        Delete("Case", "1"),
        Create("Case", {"b": 1, "a": ("x", None, True), "c": {"z": 1.5, "y": date(2026, 1, 2)}}, "k"),
        Update("Case", "1", {"at": datetime(2026, 1, 2, 3, tzinfo=UTC)}, "v"),
        Upsert("Case", "Key", "k", {}),
        Aggregate("Case", (Measure("count", "", "n"),), ("Status",), None),
        Query(
            "Case",
            ("Id",),
            AllOf(
                (
                    Negated(Compare("A", Operator.IN, ("x", 1))),
                    AnyOf((Compare("B", Operator.GT, Relative("TODAY")), InQuery("C", Query("D", ("Id",))))),
                )
            ),
            (Order("A", descending=True),),
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_request_is_written_as_ever(request_):
    ever = json.dumps(["x", asdict(request_)], sort_keys=True, default=str, separators=(",", ":"))
    assert _CANONICAL.encode(["x", request_]) == ever
