"""Do answers written by hand do for an upstream, and does the kit load without pytest?"""

import subprocess
import sys
from dataclasses import replace

import pytest

from isthmus.core.connector import Connector
from isthmus.core.testing import Canned, Subject, Violation, conformance

from .desk import Desk
from .examples import EXAMPLES
from .server import FIXED

TICKETS = [{"id": f"T-{n}", "version": "1", "subject": f"No coffee {n}", "status": "open"} for n in range(3)]
ANSWERS = Canned(
    {
        "GET /me": (200, FIXED["me"]),
        "GET /describe/Ticket": (200, FIXED["describe/Ticket"]),
        "GET /tickets/T-2": (200, TICKETS[2]),
        "GET /find": (200, {"tickets": TICKETS}),
        "GET /find?q=nothing": (200, {"tickets": []}),
    }
)


class Reader(Desk):
    """Reads single tickets, and searches."""

    query, changes, load = Connector.query, Connector.changes, Connector.load
    attach, download, invoke = Connector.attach, Connector.download, Connector.invoke
    aggregate, create, update = Connector.aggregate, Connector.create, Connector.update
    upsert, delete, reconcile = Connector.upsert, Connector.delete, Connector.reconcile
    quota = Connector.quota


READER = Subject(connector=Reader, upstream=lambda: ANSWERS, examples=replace(EXAMPLES, more=None))


@pytest.mark.parametrize("check", conformance(READER), ids=str)
def test_a_reader_is_checked_against_canned_answers(check):
    check()


def test_only_what_concerns_a_connector_is_checked():
    names = {check.name for check in conformance(READER)}
    assert "an address that leads elsewhere is refused and never asked" not in names
    assert "a reading back that fails settles nothing" not in names


def test_an_example_without_an_answer_is_the_authors_to_mend():
    missing = replace(READER, examples=replace(EXAMPLES, id="T-9", more=None))
    (check,) = (one for one in conformance(missing) if one.name.startswith("every method answers"))
    with pytest.raises(Violation, match=r"the example of get failed: NotFound.*give examples"):
        check()


def test_loads_without_pytest():
    code = "import isthmus.core.testing, sys; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
