"""Which record do files belong to?"""

import pytest

from isthmus.plugins.sandbox import SalesforceOrg


@pytest.fixture
def case(org: SalesforceOrg) -> str:
    return str(org.rows("Case")[7]["Id"])
