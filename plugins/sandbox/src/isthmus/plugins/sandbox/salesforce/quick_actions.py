"""Which shortcuts does the org offer, and what does one fill in and do?"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from isthmus.plugins.sandbox.message import Json, Reply

from . import rows
from .call import Call
from .errors import ApiError, not_found
from .ids import normalise
from .schema import SObject


@dataclass(frozen=True, slots=True)
class QuickAction:
    """One shortcut: it makes a row of `target`, filled in with `defaults`, below the row it is used on.

    `object` is None for a shortcut that is offered everywhere, `parent` the field that points to the row it is used on.
    """

    name: str
    label: str
    target: str
    object: str | None = None
    parent: str | None = None
    defaults: Mapping[str, str] | None = None

    @property
    def full_name(self) -> str:
        """Return the name by which a URL addresses the action."""
        return self.name if self.object is None else f"{self.object}.{self.name}"


@cache
def _actions() -> tuple[QuickAction, ...]:
    data = tomllib.loads((files(__package__) / "data" / "quick_actions.toml").read_text("utf-8"))
    return tuple(QuickAction(**each) for each in data["actions"])


def global_actions(call: Call) -> Reply:
    """Answer `GET /quickActions`."""
    return Reply(200, [_brief(call, each, "") for each in _offered(call, None)])


def object_actions(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X/quickActions`: the object's own and those that are offered everywhere."""
    sobject = call.sobject(name)
    return Reply(200, [_brief(call, each, f"/sobjects/{sobject.name}") for each in _offered(call, sobject)])


def global_action(call: Call, action: str) -> Reply:
    """Answer `GET /quickActions/<name>`."""
    return Reply(200, _whole(_found(call, None, action)))


def object_action(call: Call, name: str, action: str) -> Reply:
    """Answer `GET /sobjects/X/quickActions/<name>`."""
    return Reply(200, _whole(_found(call, call.sobject(name), action)))


def global_default_values(call: Call, action: str) -> Reply:
    """Answer `GET /quickActions/<name>/defaultValues`."""
    return Reply(200, _defaults(call, _found(call, None, action), None))


def default_values(call: Call, name: str, action: str, context: str | None = None) -> Reply:
    """Answer `GET /sobjects/X/quickActions/<name>/defaultValues[/<context id>]`."""
    return Reply(200, _defaults(call, _found(call, call.sobject(name), action), context))


def perform(call: Call, name: str, action: str) -> Reply:
    """Answer `POST /sobjects/X/quickActions/<name>`: make the row, with the given values before the default ones."""
    found = _found(call, call.sobject(name), action)
    context, record = call.json.get("contextId"), call.json.get("record")
    if not isinstance(record, Mapping):
        raise ApiError(400, "JSON_PARSER_ERROR", "record must be a JSON object")
    values = {key: value for key, value in _filled(call, found, context).items() if value is not None}
    target = call.sobject(found.target)
    row = rows.insert(call, target, {**values, **record})
    told: dict[str, Json] = {"contextId": context, "created": True, "errors": [], "feedItemIds": None}
    return Reply(201, {**told, "ids": [row["Id"]], "success": True, "successMessage": None})


def _offered(call: Call, sobject: SObject | None) -> list[QuickAction]:
    wanted = {None} if sobject is None else {None, sobject.name}
    return [each for each in _actions() if each.object in wanted and call.view.object(each.target) is not None]


def _found(call: Call, sobject: SObject | None, name: str) -> QuickAction:
    for each in _offered(call, sobject):
        if name in (each.name, each.full_name):
            return each
    raise not_found()


def _brief(call: Call, action: QuickAction, below: str) -> Mapping[str, Json]:
    path = f"{call.base}{below}/quickActions/{action.full_name}"
    links: dict[str, Json] = {"defaultValues": f"{path}/defaultValues", "quickAction": path}
    if below:
        links["defaultValuesTemplate"] = f"{path}/defaultValues/{{ID}}"
    told: dict[str, Json] = {"label": action.label, "name": action.full_name, "type": "Create", "urls": links}
    return {"actionEnumOrId": action.full_name, **told}


def _whole(action: QuickAction) -> Mapping[str, Json]:
    return {
        "actionEnumOrId": action.full_name,
        "contextSobjectType": action.object,
        "defaultValues": [{"field": name, "value": value} for name, value in (action.defaults or {}).items()],
        "label": action.label,
        "name": action.full_name,
        "targetParentField": action.parent,
        "targetSobjectType": action.target,
        "type": "Create",
    }


def _defaults(call: Call, action: QuickAction, context: str | None) -> Mapping[str, Json]:
    return {"attributes": {"type": action.target}, **_filled(call, action, context)}


def _filled(call: Call, action: QuickAction, context: Json) -> Mapping[str, Json]:
    found: dict[str, Json] = dict(action.defaults or {})
    if action.parent is None or context is None:
        return found
    key = normalise(str(context))
    row = None if key is None or action.object is None else call.store[action.object].rows.get(key)
    sobject = None if action.object is None else call.view.object(action.object)
    if row is None or sobject is None or row["IsDeleted"] or not call.view.sees(sobject, row):
        raise not_found()
    return {**found, action.parent: key}
