"""Does the tour of the page on ServiceNow run, and show what the page says?"""

import re
from collections.abc import Callable


def test_the_tour_of_the_sandbox_runs(printed: Callable[..., list[str]]):
    *people, made = printed("connectors/servicenow.md", 1)
    assert len(people) == 2
    assert all(re.fullmatch(r"INC\d+ Ref\(token='ref_[a-z2-7]{16}'\)", line) for line in people)
    assert made.endswith("('priority',) {'priority': '5'}")
