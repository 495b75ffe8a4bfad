"""What does an approver read? The call as it will be done, written by us from checked values, refs kept as refs."""

from collections.abc import Iterator

from isthmus.core.calls import Judged
from isthmus.core.records import JSON, Value
from isthmus.core.request import Attach, Create, Delete, Invoke, Loading, Update, Upsert
from isthmus.core.results import value_json
from isthmus.core.wording import visible

__all__ = ["summarise"]

SHOWN_LINES = 20
"""Lines of a load that an approver sees."""


def summarise(judged: Judged) -> str:
    """Render who wants to do what to which record; before and after are shown for an update.

    Values of the record as it was are shown by name only, since the approver's zone is not known here.
    """
    leg, request = judged.leg, judged.plan.request
    lines = [
        f"{leg.caller.subject} wants to {judged.operation.verb.value} {judged.operation.target}"
        + (f" {judged.plan.record}" if judged.plan.record else "")
    ]
    if leg.caller.purpose:
        lines.append(f"  purpose: {visible(leg.caller.purpose)}")
    if isinstance(request, Create | Update | Upsert):
        lines += [f"  {name} = {_shown(value)}" for name, value in sorted(request.values.items())]
    match request:
        case Create():
            lines += _below(request, "  ")
        case Loading():
            lines += _lines(request)
        case Attach():
            lines.append(f"  file {visible(request.name)}, {request.size} bytes, SHA-256 {request.sha256}")
        case Invoke(action=action, arguments=arguments):
            lines.append(f"  action {action}")
            lines += [f"  {name} = {_shown(value)}" for name, value in sorted(arguments.items())]
    transition = judged.operation.transition
    if transition is not None:
        lines.append(f"  state: {visible(transition.from_state) or 'none'} -> {visible(transition.to_state)}")
    if judged.plan.state is not None and judged.plan.state.version:
        lines.append(f"  on version: {judged.plan.state.version}")
    lines.append(f"  risk: {judged.operation.risk}")
    return "\n".join(lines)


def _below(request: Create, indent: str) -> Iterator[str]:
    """Show every record below a new one: none is approved unseen."""
    for relationship, records in request.below.items():
        for one in records:
            told = [f"{name} = {_shown(value)}" for name, value in sorted(one.values.items())]
            yield f"{indent}{relationship}: {one.object} {', '.join(told)}"
            yield from _below(one, f"{indent}  ")


def _lines(request: Loading) -> list[str]:
    """Show the first lines of a load; the approval is of all of them, as their digest says."""
    told = [f"  {request.action} {len(request.lines)} records"]
    for number, line in enumerate(request.lines[:SHOWN_LINES]):
        named = line.id if isinstance(line, Update | Delete) else ""
        values = {} if isinstance(line, Delete) else line.values
        key = [f"{line.key_field} = {_shown(line.key)}"] if isinstance(line, Upsert) else []
        told.append(
            "  "
            + ", ".join(
                [
                    f"{number}: {named}".rstrip(),
                    *key,
                    *(f"{name} = {_shown(value)}" for name, value in sorted(values.items())),
                ]
            )
        )
    if len(request.lines) > SHOWN_LINES:
        told.append(f"  and {len(request.lines) - SHOWN_LINES} more")
    return told


def _shown(value: Value) -> str:
    plain: JSON = value_json(value)
    text = plain if isinstance(plain, str) else str(plain)
    return f"{visible(text)} ({len(text)} characters)" if len(text) > 200 else visible(text)
