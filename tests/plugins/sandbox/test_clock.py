from datetime import UTC, datetime, timedelta

import pytest

from isthmus.plugins.sandbox import Clock


def test_stands_still_until_advanced() -> None:
    clock = Clock()
    before = clock.now()
    assert clock.now() == before
    assert clock.advance(hours=2) == before + timedelta(hours=2)
    assert clock() == (before + timedelta(hours=2)).timestamp()


def test_refuses_to_run_backwards() -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        Clock().advance(seconds=-1)


def test_refuses_a_start_without_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Clock(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
    assert Clock(datetime(2026, 1, 1, tzinfo=UTC)).now().year == 2026
