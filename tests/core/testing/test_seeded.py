"""Can each check fail? For every promise there is a connector that breaks it, and the check says what to do."""

import re

import pytest

from isthmus.core.testing import Violation, conformance

from .broken import afterwards, answers, below, judgements, parts, sending
from .broken.seed import Seed
from .desk import Desk
from .examples import subject_of

SEEDS = [*answers.SEEDS, *sending.SEEDS, *judgements.SEEDS, *afterwards.SEEDS, *parts.SEEDS, *below.SEEDS]


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_the_check_catches_the_connector_that_breaks_it(seed: Seed) -> None:
    (check,) = (one for one in conformance(seed.subject) if one.name == seed.sentence)
    with pytest.raises(Violation, match=seed.says) as caught:
        check()
    said = str(caught.value)
    assert re.search(r"To mend it: .{15,}", said)
    assert len(said) < 1_000
    assert "object at 0x" not in said


def test_every_check_has_a_seed() -> None:
    assert {one.name for one in conformance(subject_of(Desk))} == {seed.sentence for seed in SEEDS}
