"""An error says what to do next, in data that a caller may branch on."""

import inspect
import json
from datetime import UTC, datetime

import pytest

from isthmus.core import errors
from isthmus.core.errors import ApprovalRequired, IsthmusError, OutcomeUnknown, QuotaExhausted, RetryLater, UnderWay

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MORE = {
    ApprovalRequired: {"approval": "ap_1", "expires": NOW, "asked_of": "manager"},
    OutcomeUnknown: {"intent": "i1"},
    UnderWay: {"intent": "i1"},
}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, IsthmusError)]


@pytest.mark.parametrize("kind", KINDS)
def test_details_are_json_and_hold_no_vendor_text(kind):
    error = kind("do this next", **MORE.get(kind, {}))
    error.vendor_text = "duplicate of Falk"
    details = error.details()
    json.dumps(details)
    assert details["message"] == str(error) == "do this next"
    assert details["code"] == kind.code
    assert details["retryable"] is kind.retryable
    assert "Falk" not in json.dumps(details) + str(error) + repr(error)


def test_every_kind_has_a_code_of_its_own_and_stands_in_the_tree():
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in KINDS)
    assert set(errors.__all__) == {kind.__name__ for kind in KINDS}


def test_what_some_errors_add():
    assert QuotaExhausted("x", resets_at=NOW, budget="crm-eu").details()["resets_at"] == NOW.isoformat()
    assert (
        RetryLater("x", after=3.5, quota=True).details() | {"after": 3.5, "quota": True}
        == RetryLater("x", after=3.5, quota=True).details()
    )
    assert ApprovalRequired("x", **MORE[ApprovalRequired]).details()["asked_of"] == "manager"
    assert OutcomeUnknown("x", intent="i1").details()["intent"] == "i1"
