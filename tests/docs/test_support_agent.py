"""Does the support agent of the page may exactly what its matrix says, cell by cell, on real calls?"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import ITSM, House

from isthmus.core.caller import Caller
from isthmus.core.cli.policy import known
from isthmus.core.errors import Denied, Refused, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.core.policy import matrix
from isthmus.core.policy.matrix import Row, rows
from isthmus.core.session import Session
from isthmus.plugins.sandbox import Sandbox

HERE = Path(__file__).parents[2] / "docs/examples/support"
OBJECTS = ("itsm/incident", "crm/Contact")
BUDGET = """
[connections.itsm-eu.budget]
per_second = 1000
"""


@dataclass
class Company(House):
    orgs: tuple[str, ...] = ("eu",)
    cedar: str = (HERE / "policy.cedar").read_text()

    def write(self) -> Path:
        path, instance = super().write(), self.sandbox.servicenow["eu"]
        path.write_text(path.read_text() + ITSM.format(url=instance.url, username="integration") + BUDGET)
        self.environ["ITSM_PASSWORD"] = instance.password("integration")
        return path

    def sent(self) -> int:
        itsm, crm = self.sandbox.servicenow["eu"], self.sandbox.salesforce["eu"]
        return len(itsm.journal.entries) + len(crm.journal.entries)


@pytest.fixture
def company(tmp_path: Path, sandbox: Sandbox) -> Company:
    return Company(tmp_path / "company", sandbox)


@pytest.fixture
async def gateway(company: Company) -> AsyncIterator[Gateway]:
    async with company.open() as gateway:
        yield gateway


async def test_the_matrix_is_the_one_that_was_reviewed(gateway: Gateway) -> None:
    written = matrix(gateway.parts.policy, *await known(gateway, OBJECTS, "alice"))
    golden = HERE / "matrix.txt"
    assert written == golden.read_text(), "review what has changed, then write the new matrix into the file"


async def test_every_cell_is_what_happens(gateway: Gateway, company: Company) -> None:
    cells = list(rows(gateway.parts.policy, *await known(gateway, OBJECTS, "alice")))
    assert {cell.answer.partition(" ")[0] for cell in cells} == {"allow", "deny"}
    for cell in cells:
        user = None if cell.user == "-" else cell.user
        session = gateway.session(Caller(cell.agent, user, cell.purpose, "model-eu", "", "desktop-eu"))
        for arguments in calls(cell, company):
            assert await allowed(session, cell, arguments) == (cell.answer == "allow"), (cell, arguments)


async def test_a_field_that_is_not_listed_is_refused(gateway: Gateway, company: Company) -> None:
    session = gateway.session(company.caller("eu"))
    await session.describe("crm", "Contact")
    for arguments in ({"select": ["Name", "SSN__c"]}, {"select": ["Name"], "order_by": [{"field": "SSN__c"}]}):
        before = company.sent()
        with pytest.raises(Denied):
            await session.call("query", system="crm", object="Contact", **arguments)
        assert company.sent() == before


async def allowed(session: Session, cell: Row, arguments: dict[str, object]) -> bool:
    """Tell whether policy let the call pass; what the system itself says of it does not matter here."""
    try:
        await session.call(cell.verb, **arguments)
    except UpstreamRejected:
        return True
    except Refused as error:
        # A tool that is not offered, or not on this system, or an action that its table lacks, is refused by name.
        if error.reason in ("denied", "unknown_tool") or error.field in ("system", "action"):
            return False
        raise
    return True


def calls(cell: Row, company: Company) -> list[dict[str, object]]:
    """Make the calls that a cell is about."""
    connection, _, name = cell.object.partition("/")
    about: dict[str, object] = {"system": connection.partition("-")[0], "object": name}
    before, _, after = cell.transition.partition(" -> ")
    text = "short_description" if name == "incident" else "Title"
    listed = [] if cell.fields in ("-", "none", "all asked") else cell.fields.split(", ")
    fields, values, id = listed or [text], {text: "x"}, {"id": some(company, name, before)}
    key = {"key_field": "correlation_id" if name == "incident" else "Isthmus_Key__c", "key": "k-1"}
    beside: dict[str, list[dict[str, object]]] = {
        "aggregate": [{"measures": [{"function": "count"}]}],
        "query": [{"select": fields, "limit": 1}],
        "search": [{"text": "printer", "fields": fields}],
        "get": [id | {"fields": fields}],
        "create": [{"values": values | ({"state": after} if after else {})}],
        "update": [id | {"values": values}],
        "transition": [id | {"to": after}, id | {"to": after, "values": values}],
        "upsert": [key | {"values": values}],
        "delete": [id],
        "attach": [id | {"name": "lamp.txt", "content": "eA=="}],
        "download": [id | {"file": "0" * 32}],
        "load": [{"action": "create", "lines": [values], "key": "k-1"}],
        "invoke": [{"action": "close"}],
    }
    return [about | one for one in beside.get(cell.verb, [{}])]


def some(company: Company, name: str, state: str) -> str:
    """Return a record, of a ticket one in this state."""
    if name == "Contact":
        return str(company.sandbox.salesforce["eu"].rows("Contact")[0]["Id"])
    tickets = company.sandbox.servicenow["eu"].rows("incident")
    return next(row["sys_id"] for row in tickets if state in ("-", "(new)", row["state"]))
