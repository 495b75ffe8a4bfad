"""Which new records hang below another one, and what does policy see of them?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from isthmus.core.errors import InvalidArguments
from isthmus.core.facts import ObjectFacts
from isthmus.core.nearest import nearest
from isthmus.core.operation import Transition
from isthmus.core.policy import Related
from isthmus.core.records import Value
from isthmus.core.request import Create

if TYPE_CHECKING:
    from isthmus.core.plan import Plan

__all__ = ["MOST_BELOW", "check_below", "parted", "related_to"]

MOST_BELOW = 199
"""Records below a new one: with it they are 200, the most that a tree of Salesforce takes."""
MOST_LEVELS = 5


def parted(request: Create, facts: ObjectFacts, level: int = 1) -> tuple[Create, Sequence[tuple[str, Create]]]:
    """Part a new record from the records that its values put directly below it, each with its relationship.

    Raises:
        InvalidArguments: what stands where records belong is none, or they lie too deep.
    """
    own: dict[str, Value] = {}
    below: list[tuple[str, Create]] = []
    for name, value in request.values.items():
        relationship = facts.child(name)
        if not relationship:
            own[name] = _no_records(name, value, facts)
            continue
        if level == MOST_LEVELS:
            raise InvalidArguments(f"records lie below others at most {MOST_LEVELS - 1} levels deep", field=name)
        below += [(relationship, Create(facts.children[relationship], one)) for one in _records(name, value, facts)]
    return Create(request.object, own, request.key), below


def _no_records(name: str, value: Value, facts: ObjectFacts) -> Value:
    if isinstance(value, tuple) and any(isinstance(one, Mapping) for one in value):
        raise InvalidArguments(
            f"{facts.name} has no records below it called {name!r}{nearest(name, facts.children)}",
            object=facts.name,
            field=name,
        )
    return value


def _records(name: str, value: Value, facts: ObjectFacts) -> Iterator[Mapping[str, Value]]:
    told = value if isinstance(value, tuple) else ()
    if not told or not all(isinstance(one, Mapping) and one for one in told):
        raise InvalidArguments(
            f"{name!r} are records of {facts.children[facts.child(name)]} below this {facts.name}: give a list of "
            "their values",
            object=facts.name,
            field=name,
        )
    yield from (one for one in told if isinstance(one, Mapping))


def check_below(facts: ObjectFacts, plans: Sequence["Plan"]) -> None:
    """Refuse more than one call can make, and records of its own object: policy judges each object once."""
    if len(plans) > MOST_BELOW:
        raise InvalidArguments(
            f"one create makes at most {MOST_BELOW} records below a {facts.name}, not {len(plans)}; use load for more",
            object=facts.name,
        )
    if any(plan.facts is not None and plan.facts.name == facts.name for plan in plans):
        raise InvalidArguments(
            f"a {facts.name} below a {facts.name} is made by a call of its own", object=facts.name, field="values"
        )


def related_to(plan: "Plan") -> tuple[Related, ...]:
    """Return what is read, and what is made, of other objects than the plan's own."""
    fields: dict[str, set[str]] = {}
    begins: dict[str, set[Transition | None]] = {}
    for one in plan.below:
        name = one.facts.name if one.facts else ""
        fields.setdefault(name, set()).update(one.reach.own_fields)
        begins.setdefault(name, set()).add(one.transition())
    made = (
        Related(name, frozenset(fields[name]), creates=True, transitions=tuple(sorted(begins[name], key=str)))
        for name in sorted(fields)
    )
    return (*(one for one in plan.reach.related if one.object not in fields), *made)
