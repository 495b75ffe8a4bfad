"""Does an SDK see two orgs as one, without mixing up their ids?"""

import asyncio

from tests.conftest import House

from isthmus.connectors.salesforce import simple_salesforce
from isthmus.core.gateway import Gateway


async def test_ids_of_several_orgs_go_in_as_they_came_out(gateway: Gateway, house: House) -> None:
    session = gateway.session(house.caller("eu"))
    sf = simple_salesforce(session, "crm")

    def work() -> None:
        found = sf.query("SELECT Id, Name FROM Account LIMIT 40")["records"]
        assert {one["Id"].partition("~")[0] for one in found} == {"crm-eu", "crm-us"}
        for one in (found[0], found[-1]):
            assert sf.Account.get(one["Id"])["Name"] == one["Name"]

    await asyncio.to_thread(work)
