"""Does a service pause less, and is the process afterwards as it was?"""

import gc

import pytest

from isthmus.core import few_collections


def test_what_exists_is_not_looked_through_until_it_is_left() -> None:
    frozen, thresholds = gc.get_freeze_count(), gc.get_threshold()
    with few_collections():
        assert gc.get_freeze_count() > frozen
        assert gc.get_threshold()[0] > thresholds[0]
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == thresholds


def test_what_ends_in_an_error_leaves_the_collector_as_it_was() -> None:
    thresholds = gc.get_threshold()
    with pytest.raises(KeyError), few_collections():
        raise KeyError
    assert gc.get_threshold() == thresholds


def test_garbage_that_refers_to_itself_is_still_found() -> None:
    class Self:
        def __init__(self) -> None:
            self.itself = self

    with few_collections():
        gc.collect()
        for _ in range(100_000):
            Self()
        assert sum(type(one) is Self for one in gc.get_objects()) < 50_000
