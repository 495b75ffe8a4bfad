"""Does no file of the state folder hold a person's name, a record's id or a value in clear?"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from isthmus.core.errors import ApprovalRequired, OutcomeUnknown, Refused
from isthmus.core.journal import Scope

from .conftest import DE, Desk, TwoOrgs, ref

SEQUENCES = """
[[sequence]]
id = "few-cases"
deny = "crm.Case.create"
at_most = { n = 50, per = "1h" }
"""
SUBJECT = "Frau Wintermantel rief an"


@pytest.fixture
def house(sandbox, tmp_path: Path) -> TwoOrgs:
    return TwoOrgs(tmp_path / "house", sandbox, sequences=SEQUENCES)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()


async def test_state_names_nobody(house: TwoOrgs) -> None:
    named = {"alice", "olga", "maria", SUBJECT}
    async with house.open() as gateway:
        us = Desk(gateway, house.caller("us"))
        tasked = Desk(gateway, house.caller("us", task=gateway.parts.tasks.mint(us.caller)))
        for desk in (us, tasked):
            person = await desk.person("eu", DE, "Name", "Email")
            await desk.query("Contact", ["Name"], where={"field": "Email", "op": "eq", "value": ref(person, "Email")})
            named.add(person.id.partition("~")[2])
        made = await us.call("create", object="Case", values={"Subject": SUBJECT}, key="k-1")
        await us.call("update", object="Case", id=made.id, values={"Subject": f"{SUBJECT} again"})
        with suppress(Refused):
            await us.call("delete", object="Contact", id=person.id)
        account = (await us.query("Account", ["Name"], limit=1)).records[0]
        with pytest.raises(ApprovalRequired) as asked:
            await us.call("update", object="Account", id=account.id, values={"Description": SUBJECT})
        now = gateway.parts.now() + timedelta(seconds=1)
        decide = {"approved": False, "approver": "maria", "at": now}
        await gateway.parts.journal.transact(lambda tx: tx.decide(asked.value.approval, **decide))
        house.sandbox.salesforce["us"].faults.arm("server_error", method="POST")
        with pytest.raises(OutcomeUnknown):
            await us.call("create", object="Case", values={"Subject": f"{SUBJECT} once more"})
        await gateway.parts.journal.transact(lambda tx: tx.pause(Scope.WRITES, by="olga", why=SUBJECT))
        named |= {made.id.partition("~")[2], account.id.partition("~")[2]}
        state = house.folder / "state"
        found = [(name, one) for name, content in files(state) for one in named if one.encode() in content]
        assert found == []
        assert len(list(files(state))) > 5
