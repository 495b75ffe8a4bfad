"""Do arguments fit an action of the system, and where does it bring the record that it acts on?"""

from collections.abc import Mapping

import jsonschema_rs

from isthmus.core.errors import InvalidArguments
from isthmus.core.facts import Action, ObjectFacts
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect, Transition
from isthmus.core.records import Ref, Row, Value
from isthmus.core.request import Invoke
from isthmus.core.results import value_json

__all__ = ["check_action", "move_of"]


def check_action(request: Invoke, facts: ObjectFacts) -> Action:
    """Return the action of a request whose arguments fit it; raises InvalidArguments."""
    action, told = facts.action(request.action), request.arguments
    if bool(request.id) is not action.on_record:
        wants = "acts on one record: give its id" if action.on_record else "acts on no record, so it takes no id"
        raise _misfit(action, facts, "id", wants)
    for name in told:
        if name not in action.parameters:
            takes = ", ".join(action.parameters) or "none"
            raise _misfit(
                action, facts, name, f"has no such argument{nearest(name, action.parameters)} (it takes {takes})"
            )
    for name in action.required:
        if name not in told:
            raise _misfit(action, facts, name, f"needs {name!r}")
    for name, value in told.items():
        if not isinstance(value, Ref) and not _fits(value, action.parameters[name]):
            raise _misfit(action, facts, name, f"takes another kind of {name!r}; see `describe`")
    return action


def move_of(request: Invoke, action: Action, facts: ObjectFacts, before: Row | None) -> Transition | None:
    """Return the change of state that an action makes; None where it makes none."""
    if Effect.TRANSITION not in action.effects:
        return None
    told = request.arguments.get(action.state_argument) if action.state_argument else action.to_state
    if action.state:
        return Transition(action.state, action.from_state, told if isinstance(told, str) else "")
    field = facts.state_field or ""
    was = before.fields.get(field) if before else None
    return Transition(field, was if isinstance(was, str) else "", told if isinstance(told, str) else "")


def _fits(value: Value, schema: Mapping[str, object]) -> bool:
    return jsonschema_rs.Draft202012Validator(dict(schema)).is_valid(value_json(value))


def _misfit(action: Action, facts: ObjectFacts, field: str, why: str) -> InvalidArguments:
    return InvalidArguments(f"{facts.name}: action {action.name!r} {why}", object=facts.name, field=field)
