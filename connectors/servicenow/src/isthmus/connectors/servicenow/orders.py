"""How is something ordered from the service catalog?

An order has no field for a key, and the same order twice is two: where the answer is lost nobody can tell.
"""

from collections.abc import Mapping, Sequence

from isthmus.connectors.servicenow.answers import strange, text_at
from isthmus.connectors.servicenow.deeds import AN_ID, LEAN, Deed, Run, given, listed_in, result_of
from isthmus.connectors.servicenow.ids import checked_id, is_id
from isthmus.connectors.servicenow.tables import Tables
from isthmus.core.connector import Action, Invoked
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import path
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["ORDERS"]

ITEM = "/api/sn_sc/servicecatalog/items/{}"
MOST = 100


async def _variables(tables: Tables, run: Run) -> Invoked:
    told = await _item(tables, run.id)
    variables: list[JSON] = [_variable(one) for one in listed_in(told, "variables")]
    return Invoked({"variables": variables, "takes_quantity": told.get("show_quantity") is not False})


def _variable(raw: Mapping[str, JSON]) -> Mapping[str, JSON]:
    choices = raw.get("choices")
    offered = (
        [text_at(one, "value") for one in choices if isinstance(one, Mapping)] if isinstance(choices, list) else []
    )
    about: dict[str, JSON] = {"name": text_at(raw, "name"), "label": text_at(raw, "label")}
    about |= {"type": text_at(raw, "friendly_type"), "mandatory": raw.get("mandatory") is True}
    return about | ({"choices": list[JSON](offered)} if offered else {})


async def _order(tables: Tables, run: Run) -> Invoked:
    """Order at once; an instance drops variables that it does not know without a word, so they are looked up first."""
    item, quantity = await _item(tables, run.id), run.arguments.get("quantity", 1)
    answers = run.arguments.get("variables", {})
    _check(listed_in(item, "variables"), answers if isinstance(answers, Mapping) else {})
    if quantity != 1 and item.get("show_quantity") is False:
        raise InvalidArguments("this item is ordered one at a time", field="quantity")
    body: dict[str, JSON] = {"sysparm_quantity": quantity, "variables": answers}
    if person := given(run, "requested_for"):
        body["sysparm_requested_for"] = checked_id(person)
    told = result_of(await tables.http.post(path(ITEM + "/order_now", checked_id(run.id)), json=body))
    request, number = text_at(told, "request_id") or text_at(told, "sys_id"), text_at(told, "request_number")
    if not is_id(request) or text_at(told, "table") not in ("", "sc_request"):
        raise strange()
    return Invoked({"request": request, "number": number or text_at(told, "number")}, (request,))


async def _item(tables: Tables, id: str) -> Mapping[str, JSON]:
    found = result_of(await tables.http.get(path(ITEM, checked_id(id))))
    if text_at(found, "sys_id").lower() != id.lower():
        raise strange()
    return found


def _check(variables: Sequence[Mapping[str, JSON]], answers: Mapping[str, JSON]) -> None:
    known = [text_at(one, "name") for one in variables]
    for name in answers:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise InvalidArguments(
                f"this item has no variable {name[:80]!a}{nearest(name, known)} (it has {takes})", field="variables"
            )
    due = [text_at(one, "name") for one in variables if one.get("mandatory") is True]
    if missing := [name for name in due if answers.get(name) in (None, "")]:
        raise InvalidArguments(f"this item needs variables {', '.join(missing)}", field="variables")


ORDERS = (
    Deed(
        Action(
            "order",
            "Order this item from the service catalog. The same order again orders again.",
            frozenset({Effect.CREATE}),
            {
                "quantity": {"type": "integer", "minimum": 1, "maximum": MOST},
                "variables": {
                    "type": "object",
                    "additionalProperties": {"type": ["string", "number", "boolean"]},
                    "description": "answers to the item's questions, by the names that `variables` tells",
                },
                "requested_for": {**AN_ID, "description": "sys_id of the user it is for"},
            },
            on_record=True,
            classes=LEAN,
        ),
        _order,
    ),
    Deed(
        Action(
            "variables",
            "Tell which questions this item asks, and whether a quantity can be given.",
            frozenset({Effect.READ}),
            on_record=True,
            classes=LEAN,
        ),
        _variables,
    ),
)
