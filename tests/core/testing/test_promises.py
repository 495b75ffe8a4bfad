"""Does a connector that keeps the contract pass every check?"""

import pytest

from isthmus.core.testing import Check, conformance

from .desk import Desk
from .examples import subject_of


@pytest.mark.parametrize("check", conformance(subject_of(Desk)), ids=str)
def test_a_connector_that_keeps_it_passes(check: Check) -> None:
    check()
