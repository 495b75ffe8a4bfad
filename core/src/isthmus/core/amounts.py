"""How much is a write about? The greatest of what the operator named as amounts; unknown counts as the most."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, Decimal

from isthmus.core.errors import ConfigurationError
from isthmus.core.facts import ObjectFacts
from isthmus.core.nearest import nearest
from isthmus.core.operation import LARGEST_AMOUNT
from isthmus.core.plan import Plan
from isthmus.core.request import Create, Invoke, Loading, Update, Upsert

__all__ = ["UNKNOWN", "Amounts"]

UNKNOWN = str(LARGEST_AMOUNT)
"""What policy is told where the amount is not known."""
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?", re.ASCII)
_DIGITS = Decimal("0.0001")


class Amounts:
    """The fields of one connection that hold amounts."""

    def __init__(self, connection: str, named: Iterable[str]) -> None:
        """Take `Object.Field`, and `Object.action.argument` for the arguments of actions; letter case is no matter."""
        self._connection = connection
        self._named: dict[str, tuple[str, ...]] = {}
        for one in named:
            owner, _, name = one.rpartition(".")
            self._named[owner.casefold()] = (*self._named.get(owner.casefold(), ()), name)

    def fields(self, facts: ObjectFacts) -> tuple[str, ...]:
        """Name the amounts of an object in its own spelling.

        Raises:
            ConfigurationError: it has no such field that this identity may see.
        """
        known = {name.casefold(): name for name in facts.fields}
        for name in (named := self._named.get(facts.name.casefold(), ())):
            if name.casefold() not in known:
                raise ConfigurationError(
                    f"connections.{self._connection}.amounts names {facts.name}.{name}, which this identity does not "
                    f"see{nearest(name, facts.fields)}; mend it",
                    object=facts.name,
                    field=name,
                )
        return tuple(known[name.casefold()] for name in named)

    def to_look_up(self, facts: ObjectFacts) -> tuple[str, ...]:
        """Name those that can be read off a record before it is written."""
        return tuple(name for name in self.fields(facts) if facts.fields[name].readable)

    def of(self, plan: Plan) -> str | None:
        """Return the greatest amount of a write, of what it finds and of what it brings; None where it has none.

        A sign does not matter: what is credited is as much as what is billed.
        """
        found = [size for one in (plan, *plan.below) for size in self._sizes(one)] if self._named else []
        return str(max(found)) if found else None

    def _sizes(self, plan: Plan) -> Iterator[Decimal]:
        request, facts = plan.request, plan.facts
        if facts is None:
            return
        arguments: tuple[str, ...] = ()
        if isinstance(request, Invoke):
            arguments = self._named.get(f"{facts.name}.{request.action}".casefold(), ())
            given = {name.casefold(): value for name, value in request.arguments.items()}
            yield from (_size(given.get(name.casefold())) for name in arguments)
        for name in self.fields(facts):
            if isinstance(request, Loading):
                # Old records are not read for a load.
                yield from (
                    _size(one.values.get(name)) if isinstance(one, Create) else LARGEST_AMOUNT for one in request.lines
                )
            elif plan.record or isinstance(request, Upsert):
                yield from _of_record(plan, name)
            elif not arguments:
                yield _size(_values(plan).get(name))


def _of_record(plan: Plan, name: str) -> Iterator[Decimal]:
    """Tell what a record has, and what it is to have: who lowers an amount deals with the greater one."""
    values = _values(plan)
    if name in values:
        yield _size(values[name])
    new = isinstance(plan.request, Upsert) and plan.state is None
    if not (new and name in values):
        yield _size(plan.state.fields.get(name) if plan.state else None)


def _values(plan: Plan) -> Mapping[str, object]:
    request = plan.request
    return request.values if isinstance(request, Create | Update | Upsert) else {}


def _size(value: object) -> Decimal:
    """Read a number, rounded up to what policy can hold; anything else is not known."""
    if not isinstance(value, int | float | str) or not _NUMBER.fullmatch(str(value)):
        return LARGEST_AMOUNT
    size = abs(Decimal(str(value)))
    return LARGEST_AMOUNT if size > LARGEST_AMOUNT else size.quantize(_DIGITS, ROUND_CEILING)
