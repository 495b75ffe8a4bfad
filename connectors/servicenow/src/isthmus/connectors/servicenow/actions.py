"""Which actions does a table have beside reading and writing its records?"""

from collections.abc import Sequence

from isthmus.connectors.servicenow.approvals import APPROVALS
from isthmus.connectors.servicenow.changing import CHANGES
from isthmus.connectors.servicenow.configuration import ITEMS
from isthmus.connectors.servicenow.deeds import Deed, Run, Settled
from isthmus.connectors.servicenow.imports import IMPORTS
from isthmus.connectors.servicenow.orders import ORDERS
from isthmus.connectors.servicenow.problems import PROBLEM, PROBLEMS
from isthmus.connectors.servicenow.tables import Tables
from isthmus.core.connector import Action, Invoked, ObjectFacts, Pending, Settlement

__all__ = ["actions_of", "run_action", "settle_action"]

_OF_A_TABLE = {
    "sc_cat_item": ORDERS,
    "change_request": CHANGES,
    "sysapproval_approver": APPROVALS,
    PROBLEM: PROBLEMS,
}
_OF_A_FAMILY = {"cmdb_ci": ITEMS, "sys_import_set_row": IMPORTS}


def actions_of(chain: Sequence[str], *, problems: bool = False) -> tuple[Action, ...]:
    """Name the actions of a table; the chain begins with it and goes up to its last parent.

    `problems` tells whether the instance has a service that moves them.
    """
    return tuple(one.action for one in _deeds(chain)) if problems or chain[0] != PROBLEM else ()


def _deeds(chain: Sequence[str]) -> Sequence[Deed]:
    inherited = [one for name in chain for one in _OF_A_FAMILY.get(name, ())]
    # A row of the root is no row of any staging table.
    return [*_OF_A_TABLE.get(chain[0], ()), *(inherited if chain[0] != "sys_import_set_row" else ())]


async def run_action(tables: Tables, action: str, run: Run) -> Invoked:
    """Run an action; raises InvalidArguments where the table has none of this name."""
    return await _deed(await tables.facts_of(run.object), action).work(tables, run)


async def settle_action(tables: Tables, pending: Pending) -> Settled:
    """Read back what became of an action, where something tells."""
    back = _deed(await tables.facts_of(pending.object), pending.action).back
    return await back(tables, pending) if back else (Settlement.CANNOT_TELL, None)


def _deed(facts: ObjectFacts, name: str) -> Deed:
    wanted = facts.action(name)
    every = [one for some in (*_OF_A_TABLE.values(), *_OF_A_FAMILY.values()) for one in some]
    return next(one for one in every if one.action is wanted or one.action == wanted)
