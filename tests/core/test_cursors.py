"""A page continues after its last record, for whoever got it, whatever the order."""

from collections.abc import Sequence
from functools import cmp_to_key, reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.cursors import Cursor, CursorSeal, Scalar, after_condition, merged, query_digest, went_on
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.records import AllOf, AnyOf, Compare, Condition, Operator, Order, Query, Row

KEY = bytes(32)
SCALARS = st.none() | st.sampled_from(["a", "B", "ab", ""]) | st.integers(0, 3)
COLUMNS = {
    "text": st.none() | st.sampled_from(["a", "b", "ab"]),
    "number": st.none() | st.integers(0, 2),
    "flag": st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries(COLUMNS), max_size=25)
ORDERS = st.lists(
    st.builds(Order, st.sampled_from(list(COLUMNS)), st.booleans()), max_size=3, unique_by=lambda one: one.field
)


@given(
    legs=st.dictionaries(st.text(), st.none() | st.lists(SCALARS).map(tuple)),
    done=st.frozensets(st.text()),
    bound=st.text(),
)
def test_a_cursor_survives_its_seal(legs, done, bound):
    try:
        bound.encode()
    except UnicodeEncodeError:
        return
    cursor = Cursor(legs, done)
    sealed = CursorSeal(KEY).seal(cursor, bound)
    assert CursorSeal(KEY).open(sealed, bound) == cursor
    assert sealed != CursorSeal(KEY).seal(cursor, bound)
    for key, told, binding in (
        (bytes(31) + b"x", sealed, bound),
        (KEY, sealed[:-5] + "AAAA=", bound),
        (KEY, sealed, bound + "x"),
    ):
        with pytest.raises(InvalidArguments):
            CursorSeal(key).open(told, binding)


@given(after=st.text(max_size=60) | st.text("ABCDab01-_=", max_size=60))
def test_what_is_no_cursor_is_refused(after):
    with pytest.raises(InvalidArguments, match="start again without `after`"):
        CursorSeal(KEY).open(after, "x")


def test_a_digest_is_of_the_query_and_not_of_the_page():
    one = Query("Case", ("A",), Compare("A", Operator.EQ, 1))
    assert query_digest(one, "x") == query_digest(Query("Case", ("A",), Compare("A", Operator.EQ, 1), after="y"), "x")
    others = [
        Query("Case", ("A",)),
        Query("Case", ("A",), Compare("A", Operator.EQ, "1")),
        Query("case", ("A",), one.where),
    ]
    assert len({query_digest(each, "x") for each in (one, *others)} | {query_digest(one, "y")}) == 5


def holds(condition: Condition, row: dict[str, object]) -> bool:
    """Judge a row as systems of record do: a missing value is neither before nor after anything."""
    match condition:
        case AllOf(terms):
            return all(holds(term, row) for term in terms)
        case AnyOf(terms):
            return any(holds(term, row) for term in terms)
        case Compare(field, op, value):
            have = row[field]
            if op is Operator.EQ:
                return have == value
            if op is Operator.NE:
                return have != value
            assert not isinstance(have, bool)
            return have is not None and ((have > value) if op is Operator.GT else (have < value))  # type: ignore[operator]
    raise AssertionError(condition)


def sorted_rows(rows: Sequence[dict[str, object]], orders: Sequence[Order]) -> list[dict[str, object]]:
    def compare(one: dict[str, object], two: dict[str, object]) -> int:
        for order in (*orders, Order("id")):
            left, right = one[order.field], two[order.field]
            if left == right:
                continue
            if left is None or right is None:
                return -1 if left is None else 1
            return (-1 if left < right else 1) * (-1 if order.descending else 1)  # type: ignore[operator]
        return 0

    return sorted(rows, key=cmp_to_key(compare))


@given(rows=ROWS, orders=ORDERS, size=st.integers(1, 7))
def test_the_rows_after_the_last_one_are_all_that_are_left(rows, orders, size):
    rows = sorted_rows([{**row, "id": f"{at:03}"} for at, row in enumerate(rows)], orders)
    found, last = [], None
    while True:
        beyond = after_condition(orders, "id", last) if last is not None else None
        page = [row for row in rows if beyond is None or holds(beyond, row)][:size]
        if not page:
            break
        found += page
        last = (*(page[-1][order.field] for order in orders), page[-1]["id"])
    assert found == rows


@given(rows=ROWS, orders=ORDERS, limit=st.integers(1, 30), split=st.lists(st.booleans(), min_size=25, max_size=25))
def test_legs_merge_into_one_order_and_keep_their_own(rows, orders, limit, split):
    rows = sorted_rows([{**row, "id": f"{at:03}"} for at, row in enumerate(rows)], orders)
    legs: dict[str, list[Row]] = {"eu": [], "us": []}
    for row, here in zip(rows, split, strict=False):
        legs["eu" if here else "us"].append(Row("Case", str(row["id"]), row))
    kept, homes = merged(legs, orders, limit)
    assert len(homes) == min(limit, len(rows))
    keys = [tuple(row.fields[order.field] for order in orders) for row in in_order(kept, homes)]
    assert keys == [tuple(row[order.field] for order in orders) for row in rows[:limit]]
    for name, own in legs.items():
        assert kept[name] == own[: homes.count(name)]


def in_order(kept, homes):
    waiting = {name: iter(rows) for name, rows in kept.items()}
    return [next(waiting[name]) for name in homes]


def test_one_leg_keeps_its_first_rows_as_they_came():
    rows = [Row("C", str(at), {}) for at in range(5)]
    assert merged({"eu": rows}, [Order("a")], 3) == ({"eu": rows[:3]}, ["eu"] * 3)
    assert merged({"eu": rows}, [Order("a")], 9) == ({"eu": rows}, ["eu"] * 5)


def test_text_is_merged_without_case():
    legs = {
        "eu": [Row("C", "1", {"a": "apple"}), Row("C", "2", {"a": "Cherry"})],
        "us": [Row("C", "3", {"a": "Banana"})],
    }
    assert [row.id for row in in_order(*merged(legs, [Order("a")], 9))] == ["1", "3", "2"]


@given(before=st.integers(0, 40), circle=st.integers(1, 40))
def test_finds_a_circle_of_any_length_soon_after_it_is_closed(before: int, circle: int) -> None:
    walked: tuple[Scalar, ...] = ()
    steps = [step if step < before else before + (step - before) % circle for step in range(4 * (before + circle) + 4)]
    with pytest.raises(UpstreamError, match="same records again"):
        reduce(lambda passed, at: went_on(passed, f"id-{at}", "crm/Contact"), steps, walked)


def test_takes_no_long_way_for_a_circle() -> None:
    passed: tuple[Scalar, ...] = ()
    for step in range(2000):
        passed = went_on(passed, f"id-{step}", "crm/Contact")
    assert len(passed) == 4


def test_finds_the_same_batch_again_at_once() -> None:
    passed: tuple[Scalar, ...] = ()
    for step in range(100):
        passed = went_on(passed, f"id-{step}", "crm/Contact")
    with pytest.raises(UpstreamError, match="same records again"):
        went_on(passed, "id-99", "crm/Contact")
