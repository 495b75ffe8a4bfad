"""How do these tests put a statement to an org?"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox
from isthmus.plugins.sandbox.salesforce.soql import Results, SoqlError, parse_query, run

BASE = "/services/data/v60.0"


@dataclass(frozen=True)
class Asker:
    """One user of one org."""

    org: SalesforceOrg
    user: str = "integration"

    def results(self, text: str, **options: bool) -> Results:
        row = self.org.user(self.org.usernames[self.user])
        assert row is not None
        return run(parse_query(text), self.org.store, self.org.view(str(row["Id"])), **options)

    def records(self, text: str, **options: bool) -> list[dict[str, object]]:
        results = self.results(text, **options)
        return [dict(results.render(row, BASE)) for row in results.rows]

    def column(self, text: str, **options: bool) -> list[object]:
        """Return the values of the one column that the statement selects."""
        return [list(record.values())[1] for record in self.records(text, **options)]

    def refusal(self, text: str) -> tuple[str, str]:
        with pytest.raises(SoqlError) as caught:
            self.results(text)
        return caught.value.code, caught.value.message


@pytest.fixture(scope="module")
def eu(whole: Sandbox) -> Asker:
    """The integration user in the full enterprise, for tests that only read."""
    return Asker(whole.salesforce["eu"])


@pytest.fixture
def ask(org: SalesforceOrg) -> Callable[[str], Asker]:
    """Any user in a small org that may be changed."""
    return lambda user="integration": Asker(org, user)


@pytest.fixture(scope="module")
def tiny() -> Asker:
    """The integration user in an org of a few rows."""
    return Asker(Sandbox(seed=3, accounts=8, contacts=90).salesforce["eu"])
