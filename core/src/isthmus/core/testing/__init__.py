"""Does a connector keep its contract? A suite of named checks that its author runs.

    DESK = Subject(connector=AcmeDesk, upstream=lambda: httpx2.MockTransport(desk), examples=Examples(...))

    @pytest.mark.parametrize("check", conformance(DESK), ids=str)
    def test_keeps_the_contract(check: Check) -> None:
        check()

A check raises `Violation`, whose text says what to do. Nothing here needs pytest.
"""

from isthmus.core.testing.subject import Canned, Examples, Run, Subject
from isthmus.core.testing.suite import Check, conformance
from isthmus.core.testing.violation import Violation

__all__ = ["Canned", "Check", "Examples", "Run", "Subject", "Violation", "conformance"]
