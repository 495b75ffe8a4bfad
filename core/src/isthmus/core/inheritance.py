"""Which records of an answer lie in another object than the one asked, and may the caller read those of that object?"""

from collections.abc import Sequence
from dataclasses import replace

from msgspec.structs import replace as changed

from isthmus.core.calls import Judged
from isthmus.core.errors import Denied, NotFound
from isthmus.core.policy import Duty, Policy, Related
from isthmus.core.reach import Lying
from isthmus.core.records import Aggregate, Row
from isthmus.core.request import Get, Relay

__all__ = ["check_figures", "check_record", "forbidden_kind", "readable"]

Rules = tuple[str, ...]
_WHOLE = (Aggregate, Relay)
"""Reads that are answered as a whole."""
_DONE_HERE = (Duty.MASK, Duty.LIMIT_ROWS)


def readable(judged: Judged, rows: Sequence[Row], policy: Policy) -> tuple[Sequence[bool], Rules]:
    """Tell of each row whether the caller may read all that it shows by the objects it lies in; with what forbade."""
    shown, rules = [True] * len(rows), dict[str, None]()
    for lying in judged.plan.reach.lying:
        known: dict[str, Rules | None] = {}
        for at, row in enumerate(rows):
            told = row.fields.get(lying.field)
            name = told if isinstance(told, str) else ""
            if name == lying.object or not (name or _holds(row, lying)):
                continue
            if name not in known:
                known[name] = _forbidden(judged, lying, (name,) if name else lying.kinds, policy)
            if (forbidden := known[name]) is not None:
                shown[at] = False
                rules |= dict.fromkeys(forbidden)
    return shown, tuple(rules)


def check_record(judged: Judged, rows: Sequence[Row], policy: Policy) -> None:
    """Refuse a record that was named through an object that its own is a kind of, as if it were not there.

    Raises:
        NotFound: the caller may not read records of the object that it lies in.
    """
    plan = judged.plan
    if isinstance(plan.request, Get) and not all(readable(judged, rows, policy)[0]):
        raise NotFound(f"there is no {judged.operation.object} {plan.record!r} that this caller may see")


def check_figures(judged: Judged, policy: Policy) -> None:
    """Refuse what is answered as a whole where it may hold records of a kind that may not be read.

    Raises:
        Denied: there is such an object.
    """
    if isinstance(judged.plan.request, _WHOLE) and (rules := forbidden_kind(judged, policy)) is not None:
        raise Denied(
            f"records of {judged.operation.target} may be of kinds that this caller may not read, and "
            "figures cannot leave them out; ask for each kind by its own name",
            subject=judged.leg.caller.agent,
            object=judged.operation.target,
            rules=rules,
        )


def forbidden_kind(judged: Judged, policy: Policy) -> Rules | None:
    """Return what forbids the caller to read some kind of the object asked; None where it may read all of them."""
    found = (_forbidden(judged, lying, lying.kinds, policy) for lying in judged.plan.reach.lying)
    return next((rules for rules in found if rules is not None), None)


def _holds(row: Row, lying: Lying) -> bool:
    """Tell whether a row shows anything of a record that does not say where it lies; nothing is a missing relation."""
    return not lying.prefix or any(row.fields.get(lying.prefix + name) is not None for name in lying.fields)


def _forbidden(judged: Judged, lying: Lying, objects: Sequence[str], policy: Policy) -> Rules | None:
    """Ask whether the same would be allowed if it read these objects, too; returns what forbids it, None for nothing.

    What a further obligation asks for is not carried out record by record, so it forbids.
    """
    for name in objects:
        operation, related = judged.operation, judged.question.related
        if name == operation.object:
            operation = changed(operation, fields=operation.fields | lying.fields)
        else:
            operation = changed(operation, objects=operation.objects | {name})
            related = (*related, Related(name, lying.fields))
        approved = bool(judged.needs_approval_of)
        question = replace(judged.question, operation=operation, related=related, approved=approved)
        verdict, own = policy.decide(question), judged.verdict
        more = not verdict.masked <= own.masked or verdict.row_limit != own.row_limit
        if not verdict.allowed or more or any(one.duty not in _DONE_HERE for one in verdict.obligations):
            return verdict.rules or (Denied.code,)
    return None
