"""Are whole articles searched where the operator says so, and only for those who may read them?"""

import pytest
from tests.connectors.servicenow.test_over_sandbox import House

from isthmus.core.errors import ResidencyError
from isthmus.core.session import Session
from isthmus.plugins.sandbox import ServiceNowInstance

WORDS = "token button"


@pytest.fixture
def house(house: House) -> House:
    house.settings = "[connections.itsm-eu.settings]\nknowledge_search = true"
    return house


def asked(org: ServiceNowInstance) -> list[str]:
    return [one.path for one in org.journal.entries if "sn_km_api" in one.path]


def article(org: ServiceNowInstance) -> dict[str, str]:
    return next(row for row in org.rows("kb_knowledge") if "VPN token" in row["short_description"])


async def test_words_of_the_text_find_the_article(home: Session, org: ServiceNowInstance):
    words = article(org)["text"].replace("<", " <").replace(">", "> ").split()
    word = next(one for one in words if one.isalpha() and one.lower() not in article(org)["short_description"].lower())
    found = await home.search("itsm", "kb_knowledge", f"token {word}", fields=["number"])
    assert [one.id for one in found.records] == [article(org)["sys_id"]]
    assert found.records[0].fields["number"] == article(org)["number"]
    assert asked(org)


async def test_who_may_not_read_the_texts_cannot_probe_them(abroad: Session, org: ServiceNowInstance):
    with pytest.raises(ResidencyError):
        await abroad.search("itsm", "kb_knowledge", WORDS)
    assert not asked(org)


class TestByDefault:
    @pytest.fixture
    def house(self, house: House) -> House:
        house.settings = ""
        return house

    async def test_names_alone_are_searched(self, home: Session, org: ServiceNowInstance):
        found = await home.search("itsm", "kb_knowledge", "vpn token", fields=["number"])
        assert [one.id for one in found.records] == [article(org)["sys_id"]]
        assert not asked(org)
