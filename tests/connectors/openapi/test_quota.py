"""What does an answer say of the limits of a service?"""

from datetime import UTC, datetime

import pytest

from isthmus.connectors.openapi.quota import quota_of
from isthmus.core.connector import QuotaReading
from isthmus.core.http import Response

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
DATE = {"date": "Mon, 23 Nov 2026 10:00:00 GMT"}
SOON = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "readings"),
    [
        ({"ratelimit": '"a";r=50;t=30', "ratelimit-policy": '"a";q=100;w=60'}, [(100, 50, 60.0, SOON, "a")]),
        (
            {"ratelimit": '"a";r=5;t=30, "b";r=9', "ratelimit-policy": '"a";q=10;w=1,"b";q=90;w=3600'},
            [(10, 5, 1.0, SOON, "a"), (90, 9, 3600.0, None, "b")],
        ),
        ({"ratelimit": "limit=100, remaining=7, reset=30", "ratelimit-policy": "100;w=60"}, [(100, 7, 60.0, SOON, "")]),
        ({"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "7", "ratelimit-reset": "30"}, [(100, 7, 60.0, SOON, "")]),
        ({"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(SOON.timestamp()))}, [(60, 0, None, SOON, "")]),
        ({"x-rate-limit-limit": "60", "x-rate-limit-remaining": "3.0"}, [(60, 3, None, None, "")]),
        ({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "0"}, []),
        ({"ratelimit": '"a";r=minus;t=30'}, []),
        ({"x-ratelimit-reset": "9" * 40, "x-ratelimit-limit": "1", "x-ratelimit-remaining": "1"}, [(1, 1, None, None, "")]),
        ({}, []),
    ],
)  # fmt: skip
def test_reads_the_usual_headers(headers: dict[str, str], readings: list[tuple[object, ...]]) -> None:
    found = quota_of(Response(200, DATE | headers, b""))
    assert [(one.limit, one.remaining, one.window, one.resets_at, one.quota) for one in found] == readings
    assert all(isinstance(one, QuotaReading) and one.at == AT for one in found)
