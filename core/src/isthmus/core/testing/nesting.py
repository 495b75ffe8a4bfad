"""Are records below a new one made with it, as a whole or not at all, and told in the order they were given?"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from isthmus.core.connector import ObjectFacts, Written
from isthmus.core.records import JSON, Compare, Operator
from isthmus.core.testing.bench import Bench, Outcome
from isthmus.core.testing.calls import Call, creating, operation_of, querying
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.violation import broken, demand

__all__ = ["PROMISES"]

_Below = list[tuple[ObjectFacts, Mapping[str, JSON]]]


def _below(bench: Bench, facts: ObjectFacts, values: Mapping[str, JSON]) -> _Below:
    """List the records below one with these values, each followed by its own."""
    found: _Below = []
    for name, child in facts.children.items():
        records = values.get(name, [])
        for one in records if isinstance(records, list) else []:
            if isinstance(one, Mapping):
                known = bench.facts(child)
                found += [(known, one), *_below(bench, known, one)]
    return found


def _making(bench: Bench, values: Mapping[str, JSON], below: _Below) -> Call:
    plain = creating(bench.subject, {**bench.examples.values, **values}, None)
    objects = plain.operation.objects | {facts.name for facts, _ in below}
    return Call("create", replace(plain.operation, objects=objects), plain.run)


def _listed(bench: Bench, values: Mapping[str, JSON]) -> _Below:
    found = _below(bench, bench.facts(bench.examples.object), values)
    if not found:
        broken(
            f"nothing in {sorted(values)} lies below a {bench.examples.object}",
            "name relationships to records below in `ObjectFacts.children`, and give lists of their values",
        )
    return found


def _in_order(bench: Bench) -> None:
    below = _listed(bench, bench.examples.below)
    made: list[tuple[str, str]] = []

    def steps() -> Iterator[Call]:
        plain = _making(bench, bench.examples.below, below)

        async def make(one: object) -> object:
            found = await plain.run(one)  # type: ignore[arg-type]
            made.extend(found.below if isinstance(found, Written) else ())
            return found

        yield Call("create", plain.operation, make)
        for (facts, values), (name, id) in zip(below, made, strict=False):
            doing = operation_of(bench.subject, "get", name, (id,))
            names = (facts.id_field, *values.keys() - facts.children.keys())
            yield Call("get", doing, lambda one, about=(name, id, names): one.get(*about))  # type: ignore[misc]

    outcomes = bench.sequence(steps())
    outcomes[0].value  # noqa: B018 raises where it failed
    told = [name for name, _ in made]
    demand(
        told == [facts.name for facts, _ in below],
        f"{[facts.name for facts, _ in below]} were given below a record, and the outcome names {told}",
        "name object and id of each record in `Written.below`, each followed by those below it, in the order given",
    )
    for (facts, values), outcome in zip(below, outcomes[1:], strict=True):
        fields = getattr(outcome.value, "fields", {})
        own = {name: value for name, value in values.items() if name not in facts.children}
        demand(
            all(fields.get(name) == value for name, value in own.items()),
            f"a {facts.name} below a record holds {dict(fields)}, not {own}",
            "join the ids of the answer to the records by the references that were sent, not by their place",
        )


def _as_a_whole(bench: Bench) -> None:
    below = _listed(bench, bench.examples.refused_below)
    text = bench.examples.text
    mark = f"k1t {bench.examples.values.get(text, '')}"
    failing = _making(bench, {**bench.examples.refused_below, text: mark}, below)
    looking = querying(bench.subject, where=Compare(text, Operator.EQ, mark))
    first, after = bench.sequence([failing, looking])
    demand(
        first.error is not None and first.typed,
        "a record below another was refused, and the create did not fail",
        "raise what the system says of any record of the whole",
    )
    demand(
        not _rows(after),
        "a record below another was refused, and the one above it was made nevertheless",
        "make all of them by one request that the system carries out as a whole; declare no `children` otherwise",
    )


def _rows(outcome: Outcome) -> bool:
    found = outcome.value
    return bool(found) if isinstance(found, tuple | list) else False


PROMISES = (
    Promise(
        "records below a new one are told in the order they were given",
        _in_order,
        lambda bench: "create" in bench.verbs and bool(bench.examples.below),
    ),
    Promise(
        "a new record and those below it are made as a whole or not at all",
        _as_a_whole,
        lambda bench: "create" in bench.verbs and bool(bench.examples.refused_below),
    ),
)
