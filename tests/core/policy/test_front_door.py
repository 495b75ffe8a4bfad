"""Is what leaves the package complete and sorted?"""

import isthmus.core.policy as front


def test_the_public_names_are_sorted_and_there():
    assert list(front.__all__) == sorted(front.__all__)
    assert all(getattr(front, name).__doc__ for name in front.__all__)
