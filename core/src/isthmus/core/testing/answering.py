"""Do the verbs answer what was asked: these fields, this many, in this order, under this condition?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from isthmus.core.connector import Batch, Changed, ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON, AllOf, AnyOf, Compare, Condition, Negated, Operator, Order, Row
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.calls import querying, searching
from isthmus.core.testing.promise import Promise, implements
from isthmus.core.testing.soundness import unsound
from isthmus.core.testing.violation import broken, demand

__all__ = ["PROMISES", "rows_of"]

Test: TypeAlias = Callable[[str], bool]


def rows_of(bench: Bench, **asked: object) -> Sequence[Row]:
    """Query the example object; raises Violation where that fails."""
    found = bench.run(querying(bench.subject, **asked)).value  # type: ignore[arg-type]
    problem = unsound("query", found)
    demand(not problem, f"query: {problem}", "return Row values")
    return found if isinstance(found, Sequence) else ()


def _typed(bench: Bench) -> None:
    for outcome in bench.recorded:
        problem = unsound(outcome.call.name, outcome.value)
        demand(not problem, f"{outcome.call.name}: {problem}", "return what the contract's signature says")


def _complete(bench: Bench) -> None:
    told = bench.examples
    for outcome in bench.recorded:
        if outcome.call.name not in ("query", "get", "search", "export", "changes"):
            continue
        found = outcome.value.rows if isinstance(outcome.value, Batch | Changed) else outcome.value
        rows = [one for one in (found if isinstance(found, Sequence) else [found]) if isinstance(one, Row)]
        demand(rows, f"the example {outcome.call.name} found nothing", "give an example that the upstream answers")
        for row in rows:
            absent = [name for name in told.fields if name not in row.fields]
            demand(
                not absent,
                f"{outcome.call.name} left out {', '.join(absent)}",
                "give every field that was asked for under the name it was asked by, None where it is empty",
            )
            demand(
                row.object == told.object and row.id,
                f"{outcome.call.name} gave a row of {row.object!r} with id {row.id!r}",
                "name the object that was asked for and the record's id",
            )


def _figured(bench: Bench) -> None:
    told = bench.examples
    found = bench.recording("aggregate").value
    for row in found if isinstance(found, Sequence) else ():
        absent = [name for name in (told.text, told.measure.name) if name not in row]
        demand(
            not absent,
            f"a row of figures left out {', '.join(absent)}",
            "give every group by its field and every figure by the name of its measure",
        )


def _described(bench: Bench) -> None:
    listed = bench.recording("objects").value
    demand(
        any(
            getattr(one, "name", "") == bench.examples.object
            for one in (listed if isinstance(listed, Sequence) else ())
        ),
        f"objects does not list {bench.examples.object!r}",
        "list every object that the verbs take",
    )
    facts = bench.recording("catalogue").value
    told = bench.examples
    if not isinstance(facts, ObjectFacts):
        broken("catalogue gave no ObjectFacts", "return what the contract says")
    special = [facts.id_field, facts.version_field, facts.owner_field, facts.state_field]
    named = [*told.fields, told.text, told.order_by, *facts.default_fields, *facts.searched, *special]
    for name in filter(None, named):
        demand(
            "." in name or name in facts.fields,
            f"catalogue does not describe {name!r}",
            "describe every field that a row, a filter or a control field may name; core refuses all others",
        )


def _limited(bench: Bench) -> None:
    for limit in (1, 2, 3):
        rows = rows_of(bench, limit=limit)
        demand(
            len(rows) == limit,
            f"a query with limit {limit} gave {len(rows)} rows, and there are at least three records",
            "follow the system's pages up to the limit, and cut there",
        )
    if "search" in bench.verbs:
        found = bench.run(searching(bench.subject, 1)).value
        demand(isinstance(found, Sequence) and len(found) <= 1, "a search with limit 1 gave more", "cut at the limit")
    ids = [row.id for row in rows_of(bench)]
    demand(len(set(ids)) == len(ids), "a query gave the same record twice", "look at where one page ends")


def _sorted(bench: Bench) -> None:
    name = bench.examples.order_by
    for descending in (False, True):
        rows = rows_of(bench, order_by=(Order(name, descending),), select=(*bench.examples.fields, name))
        given = [row.fields.get(name) for row in rows]
        present = [one for one in given if one is not None]
        wanted = [None] * (len(given) - len(present)) + sorted(present, key=_rank, reverse=descending)
        demand(
            [None if one is None else _rank(one) for one in given]
            == [None if one is None else _rank(one) for one in wanted],
            f"rows sorted by {name} {'descending' if descending else 'ascending'} came as {given[:6]!r}",
            "pass `order_by` on, missing values first in both directions, and do not sort one page by itself",
        )


def _rank(value: JSON) -> tuple[int, float, str]:
    if isinstance(value, bool | int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _honoured(bench: Bench) -> None:
    name = bench.examples.text
    sample = next((str(one) for row in rows_of(bench) if (one := row.fields.get(name))), "")
    demand(sample, f"no example record has a {name}", "name a text field that is filled as `text`")
    for said, where, holds in _conditions(name, sample):
        outcome = bench.run(querying(bench.subject, where))
        if isinstance(outcome.error, InvalidArguments):
            demand(
                not outcome.exchanges,
                f"a query with {said!r} was refused after {len(outcome.exchanges)} requests",
                "refuse what cannot be expressed before anything is sent",
            )
            continue
        found = outcome.value
        rows = [row for row in (found if isinstance(found, Sequence) else ()) if isinstance(row, Row)]
        wrong = [row.fields.get(name) for row in rows if not holds(str(row.fields.get(name) or ""))]
        demand(
            not wrong,
            f"a query with {name} {said} gave rows that do not fit, such as {wrong[:1]!r}",
            "translate every operator and join, and raise InvalidArguments for those that the system has not",
        )
        demand(
            rows or not holds(sample),
            f"a query with {name} {said} found nothing, and a record fits",
            "look at how the condition is written for the system",
        )


def _conditions(name: str, sample: str) -> Iterator[tuple[str, Condition, Test]]:
    same, other = Compare(name, Operator.EQ, sample), Compare(name, Operator.EQ, "k1t holds no such text")
    for op, holds in _tests(sample).items():
        listed = op in (Operator.IN, Operator.NOT_IN)
        value = sample[1:-1] or sample if op is Operator.CONTAINS else sample
        yield op.value, Compare(name, op, (value,) if listed else value), holds
    yield "eq, and another eq", AllOf((same, other)), lambda _: False
    yield "eq, or another eq", AnyOf((other, same)), _tests(sample)[Operator.EQ]
    yield "not eq", Negated(same), _tests(sample)[Operator.NE]
    yield "not (eq or another eq)", Negated(AnyOf((other, same))), _tests(sample)[Operator.NE]


def _tests(sample: str) -> Mapping[Operator, Test]:
    """Judge by text without case, since systems differ in that."""
    plain, inner = sample.casefold(), (sample[1:-1] or sample).casefold()
    return {
        Operator.EQ: lambda text: text.casefold() == plain,
        Operator.NE: lambda text: text.casefold() != plain,
        Operator.LT: lambda text: text.casefold() != plain,
        Operator.GT: lambda text: text.casefold() != plain,
        Operator.IN: lambda text: text.casefold() == plain,
        Operator.NOT_IN: lambda text: text.casefold() != plain,
        Operator.CONTAINS: lambda text: inner in text.casefold(),
        Operator.STARTS_WITH: lambda text: text.casefold().startswith(plain),
        Operator.ENDS_WITH: lambda text: text.casefold().endswith(plain),
    }


PROMISES = (
    Promise("every method answers with the types of the contract", _typed),
    Promise("a read gives the object, the id and every field asked for", _complete),
    Promise("figures are named by their groups and measures", _figured, implements("aggregate")),
    Promise("the catalogue describes every field that reads and writes name", _described),
    Promise("a query gives as many rows as its limit allows, and no more", _limited, implements("query")),
    Promise(
        "a query sorts as it was asked to, missing values first",
        _sorted,
        lambda bench: "query" in bench.verbs and bool(bench.examples.order_by),
    ),
    Promise("a condition is honoured or refused, and never left out", _honoured, implements("query")),
)
