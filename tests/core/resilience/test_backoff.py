import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.resilience import Deadline, RetryTokens, SystemClock, full_jitter, retry_after
from isthmus.core.resilience.pushback import LONGEST_WAIT


def test_jitter_spreads_a_crowd_evenly():
    draw = random.Random(1).random
    buckets = [0] * 10
    for _ in range(10_000):
        buckets[int(full_jitter(3, base=0.1, ceiling=20, random=draw) / 0.4 * 10)] += 1
    assert max(buckets) < 2 * 1_000


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_below_its_bound(attempt, drawn):
    assert (
        0
        <= full_jitter(attempt, base=0.05, ceiling=20, random=lambda: drawn)
        <= min(20, 0.05 * 2.0 ** min(attempt - 1, 32))
    )


def test_retries_stay_a_share_of_the_requests():
    tokens, retries = RetryTokens(share=0.1, most=10), 0
    for _ in range(10_000):
        tokens.earn()
        retries += tokens.spend()
    assert 1_000 <= retries <= 1_011


NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["4"], 4.0),
        ([" 4 "], 4.0),
        (["0"], 0.0),
        (["2.5"], 2.5),
        (["-1"], None),
        (["1e9"], None),
        (["nan"], None),
        (["later"], None),
        ([""], None),
        (["9" * 400], LONGEST_WAIT),
        (["99999999999"], LONGEST_WAIT),
        (["3", "9", "x"], 9.0),
        (["Thu, 01 Jan 2026 00:00:30 GMT"], 30.0),
        (["Thursday, 01-Jan-26 00:00:30 GMT"], 30.0),
        (["Wed, 31 Dec 2025 00:00:30 GMT"], 0.0),
        (["Thu, 99 Jan 2026 00:00:30 GMT"], None),
    ],
)
def test_retry_after(values, expected):
    assert retry_after(values, now=NOW) == expected


def test_a_date_is_read_against_the_answers_own():
    said = retry_after(["Thu, 01 Jan 2026 00:00:30 GMT"], now=NOW + 500, date="Thu, 01 Jan 2026 00:00:20 GMT")
    assert said == 10.0


@given(st.text(max_size=30))
def test_any_header_is_survived(value):
    found = retry_after([value], now=NOW, date=value)
    assert found is None or 0 <= found <= LONGEST_WAIT


async def test_a_deadline_counts_down_and_stops_at_zero():
    deadline = Deadline.after(0.5)
    assert 0 < deadline.remaining() <= 0.5
    assert not deadline.expired
    await SystemClock().sleep(0.51)
    assert deadline.remaining() == 0
    assert deadline.expired
