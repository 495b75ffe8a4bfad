"""What does an answer say of the hourly rules? Headers where a call matched one, and nothing is made up where not."""

import pytest

from isthmus.connectors.servicenow.faults import quota_of
from isthmus.core.connector import UNCOUNTED
from isthmus.core.http import Response

JSON = {"content-type": "application/json;charset=UTF-8"}
RATES = {"x-ratelimit-limit": "100", "x-ratelimit-reset": "4102444800", "x-ratelimit-rule": "5f" * 16}


@pytest.mark.parametrize("status", [200, 201, 400, 403, 404])
def test_an_answer_without_rate_headers_counted_against_no_rule(status):
    assert list(quota_of(Response(status, JSON, b"{}"))) == [UNCOUNTED]
    assert [one.limit for one in quota_of(Response(status, JSON | RATES, b"{}"))] == [100]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (204, {}),
        (401, JSON),
        (429, JSON),
        (503, JSON),
        (202, JSON),
        (200, {"content-type": "text/html"}),
        (200, JSON | {"x-ratelimit-rule": "5f" * 16}),
    ],
)
def test_an_answer_that_does_not_tell_says_nothing(status, headers):
    assert list(quota_of(Response(status, headers, b""))) == []
