"""Does the run of the page on cassettes come out the same without its systems?"""

from collections.abc import Callable


def test_the_run_is_recorded_and_replayed(printed: Callable[..., list[str]]):
    (line,) = printed("cassettes.md", 2)
    assert line == "True ()"
