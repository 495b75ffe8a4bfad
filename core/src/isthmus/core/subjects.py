"""Whose country does what a call reads or writes belong to, as far as that is known before it is sent?"""

from collections.abc import Iterable, Mapping

from isthmus.core.metadata import FieldPath
from isthmus.core.plan import Plan
from isthmus.core.records import AllOf, Compare, Condition, Operator, Value

__all__ = ["country_after", "may_turn_out", "pinned"]


def country_after(values: Mapping[str, Value], plan: Plan, *, linked: bool = True) -> str:
    """Return the subject's country as it will be after the write: told by its values and links, else as it was."""
    paths = plan.facts.country if plan.facts else ()
    told = {**(plan.state.fields if plan.state else {}), **(plan.linked if linked else {}), **values}
    return next((one for path in paths if isinstance(one := told.get(path), str) and one.strip()), "")


def may_turn_out(plan: Plan) -> bool:
    """Tell whether the record may turn out to be of a country that nothing told when it was judged.

    What the system links a new record to, and what an old one that nobody read is linked to, is seen only later.
    """
    return plan.facts is not None and bool(plan.facts.country) and not (plan.state and plan.state.id)


def pinned(where: Condition | None, path: FieldPath) -> str:
    """Return the one country that every row must have, if the condition says so; otherwise unknown."""
    for leaf in _required(where):
        if leaf.field in path.country_paths[:1] and leaf.op is Operator.EQ and isinstance(leaf.value, str):
            return leaf.value
    return ""


def _required(where: Condition | None) -> Iterable[Compare]:
    match where:
        case Compare():
            yield where
        case AllOf(terms):
            for term in terms:
                yield from _required(term)
