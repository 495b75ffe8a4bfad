"""Is a lost write told from one that did not happen, by values as the org stores them?"""

from dataclasses import replace

import pytest

from isthmus.connectors.salesforce.readback import LONGEST_TRANSACTION, same_value, settle, settle_delete
from isthmus.core.connector import Key, Pending, Settlement
from isthmus.core.records import JSON, Row

HAPPENED, NOT_HAPPENED, CANNOT_TELL = Settlement.HAPPENED, Settlement.NOT_HAPPENED, Settlement.CANNOT_TELL
LATE = LONGEST_TRANSACTION + 1


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a", "a"),
        ("  a \n", "a"),
        ("a\r\nb", "a\nb"),
        ("", None),
        ("  ", None),
        (None, None),
        (None, False),
        (True, True),
        ("TRUE", True),
        ("false", False),
        (3, 3),
        (3, 3.0),
        (1.5, 1.5),
        ("12.50", 12.5),
        (0.1, 0.1),
        (7, "7"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000+0000"),
        ("2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000+0000"),
        ("2026-01-31T12:00:00.750Z", "2026-01-31T12:00:00.000+0000"),
        ("2026-01-31", "2026-01-31"),
        ("12:30", "12:30:00.000Z"),
        ("001xx000003DGb2", "001xx000003DGb2AAG"),
        ("b;a", "a;b"),
        (["b", "a"], "a;b"),
        (("a",), "a"),
    ],
)
def test_a_value_is_recognised_as_the_org_stores_it(sent: JSON, stored: JSON) -> None:
    assert same_value(sent, stored)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a", "A"),
        ("a", "b"),
        ("a", None),
        (None, "a"),
        (0, None),
        (False, True),
        (True, None),
        (1, True),
        ("1", True),
        (1.24, 1.2),
        (10.239, 10.24),
        ("x", 1),
        ("2026-01-31T12:00:00Z", "2026-01-31T13:00:00.000+0000"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00.000+0000"),
        ("2026-01-31", "2026-01-31T00:00:00.000+0000"),
        ("001xx000003DGb2", "001xx000003DGb3AAG"),
        ("a;b", "a;b;c"),
        ("12:30", "12:31:00.000Z"),
        ({"city": "x"}, {"city": "x"}),
    ],
)
def test_another_value_is_not_taken_for_it(sent: JSON, stored: JSON) -> None:
    assert not same_value(sent, stored)


def row(version: str | None = None, **fields: JSON) -> Row:
    return Row("Case", "500000000000001AAA", fields, version)


KEYED = Pending("create", "Case", key=Key("Isthmus_Key__c", "k"), values={"Subject": "new"})
UPSERT = Pending("upsert", "Case", key=Key("Isthmus_Key__c", "k"), values={"Subject": "new"})
UPDATE = Pending("update", "Case", id="500000000000001AAA", values={"Subject": "new"}, version="v1")
BLIND = Pending("update", "Case", id="500000000000001AAA", values={"Subject": "new"})


@pytest.mark.parametrize(
    ("pending", "found", "soon", "late"),
    [
        (KEYED, row(Subject="new"), HAPPENED, HAPPENED),
        (KEYED, row(Subject="older"), CANNOT_TELL, CANNOT_TELL),
        (KEYED, None, CANNOT_TELL, NOT_HAPPENED),
        (UPSERT, row(Subject="new"), HAPPENED, HAPPENED),
        (UPSERT, row(Subject="other"), CANNOT_TELL, CANNOT_TELL),
        (UPSERT, None, CANNOT_TELL, NOT_HAPPENED),
        (UPDATE, row("v2", Subject="new"), HAPPENED, HAPPENED),
        (UPDATE, row("v2", Subject="other"), CANNOT_TELL, CANNOT_TELL),
        (UPDATE, row("v1", Subject="old"), CANNOT_TELL, NOT_HAPPENED),
        (UPDATE, row("v1", Subject="new"), CANNOT_TELL, CANNOT_TELL),
        (UPDATE, None, CANNOT_TELL, CANNOT_TELL),
        (BLIND, row(Subject="new"), HAPPENED, HAPPENED),
        (BLIND, row(Subject="old"), CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_only_proof_settles_a_write(pending: Pending, found: Row | None, soon: Settlement, late: Settlement) -> None:
    aged = replace(pending, age=LONGEST_TRANSACTION + 1)
    assert (settle(pending, found), settle(aged, found)) == (soon, late)


@pytest.mark.parametrize(
    ("found", "soon", "late"),
    [
        ([{"IsDeleted": True}], HAPPENED, HAPPENED),
        ([{"IsDeleted": False}], CANNOT_TELL, NOT_HAPPENED),
        ([], CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_only_a_deleted_row_shows_a_delete(found: list[dict[str, JSON]], soon: Settlement, late: Settlement) -> None:
    assert settle_delete(Pending("delete", "Case", "500000000000001AAA"), found) is soon
    assert settle_delete(Pending("delete", "Case", "500000000000001AAA", age=LATE), found) is late
