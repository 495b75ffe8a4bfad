"""Are risk points counted as they are written down?"""

import pytest

from isthmus.core.policy import Circumstances, assess

from .house import operation


@pytest.mark.parametrize(
    ("call", "facts", "points", "reasons"),
    [
        (operation("query"), {}, 0, ()),
        (operation("create"), {}, 1, ("create +1",)),
        (operation("upsert"), {}, 1, None),
        (operation("transition"), {}, 1, ("transition +1",)),
        (operation("transition"), {"final": True}, 3, ("final transition +3",)),
        (operation("delete"), {"irreversible": True}, 4, ("delete +3", "cannot be undone +1")),
        (operation("invoke"), {}, 3, ("execute +3",)),
        (operation("create"), {"money_or_identity": True}, 3, ("money or identity +3",)),
        (operation("query"), {"money_or_identity": True, "final": True}, 0, ()),
        (operation("query", rows=20), {}, 0, ()),
        (operation("query", rows=21), {}, 1, ("more than 20 rows +1",)),
        (operation("get"), {"classes": frozenset({"phi", "pii", "pii.special"})}, 1, ("phi and pii.special data +1",)),
        (operation("get"), {"classes": frozenset({"financial.card"})}, 1, ("financial.card data +1",)),
        (operation("get"), {"classes": frozenset({"pii", "pii.child", "free_text", "unclassified", "hr"})}, 0, ()),
        (operation("get"), {"classes": frozenset({"known only to the system"})}, 1, None),
        (operation("update"), {"untrusted": True}, 3, ("update +1", "the task holds untrusted text +2")),
        (operation("get"), {"after_hours": True}, 1, ("outside business hours +1",)),
        (operation("query", effects=()), {}, 3, ("undeclared effect +3",)),
    ],
)
def test_points_and_their_reasons(call, facts, points, reasons):
    risk = assess(call, Circumstances(**facts))
    assert risk.points == points
    assert reasons is None or risk.reasons == reasons


def test_everything_at_once_adds_up():
    all_of_it = Circumstances(
        frozenset({"financial"}),
        final=True,
        money_or_identity=True,
        irreversible=True,
        untrusted=True,
        after_hours=True,
    )
    assert assess(operation("delete", rows=100), all_of_it).points == 3 + 1 + 1 + 1 + 2 + 1
