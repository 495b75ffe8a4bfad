"""Does an export bring every record once and end, and does a look at changes miss none?"""

from collections.abc import Iterator, Sequence

from isthmus.core.connector import Batch, Changed
from isthmus.core.cursors import Scalar, went_on
from isthmus.core.errors import UpstreamError
from isthmus.core.records import Compare, Condition, Operator, Row
from isthmus.core.testing.answering import rows_of
from isthmus.core.testing.bench import Bench, Outcome, Replay
from isthmus.core.testing.calls import Call, changing, creating, exporting, operation_of, updating
from isthmus.core.testing.promise import Promise, implements
from isthmus.core.testing.violation import broken, demand

__all__ = ["PROMISES"]

PARTS = 40
"""Batches that are read before an export counts as endless, or as long enough."""
MOST = 200
LATER = "k1t later"


def _batch(outcome: Outcome) -> Batch:
    found = outcome.value
    return found if isinstance(found, Batch) else broken("export gave no Batch", "return what the contract says")


def _read(bench: Bench, limit: int, where: Condition | None = None) -> tuple[list[Sequence[Row]], bool]:
    """Export from a fresh upstream; return the batches, and whether that was all."""
    batches, at, upstream = list[Sequence[Row]](), "", bench.subject.upstream()
    outcomes = iter(bench.sequence(_exports(bench, limit, where), lambda: upstream))
    for outcome in outcomes:
        found = _batch(outcome)
        batches.append(found.rows)
        at = found.at
    return batches, not at


def _exports(bench: Bench, limit: int, where: Condition | None) -> Iterator[Call]:
    """Yield one call after the other, each from where the one before ended."""
    places = [""]

    def after(call: Call) -> Call:
        async def run(one: object) -> object:
            found = await call.run(one)  # type: ignore[arg-type]
            places.append(found.at if isinstance(found, Batch) else "")
            return found

        return Call(call.name, call.operation, run)

    while len(places) <= PARTS and (places[-1] or len(places) == 1):
        yield after(exporting(bench.subject, places[-1], limit, where))


def _once(bench: Bench) -> None:
    known = {row.id for row in rows_of(bench, limit=MOST)} if "query" in bench.verbs else set[str]()
    for limit in (1, 2, MOST):
        batches, whole = _read(bench, limit)
        ids = [row.id for rows in batches for row in rows]
        most = max(map(len, batches))
        demand(
            most <= limit,
            f"a batch of an export has {most} records, and {limit} were asked for",
            "give at most `query.limit` records; core refuses the rest",
        )
        demand(
            len(set(ids)) == len(ids),
            f"an export {limit} at a time gave {len(ids) - len(set(ids))} records twice",
            "let `Batch.at` say where the next batch begins, and begin there",
        )
        demand(
            whole or ids,
            f"an export {limit} at a time gave nothing in {len(batches)} batches, and did not end",
            "say with an empty `at` that an export has ended, and give records as soon as they are there",
        )
        missing = known - set(ids) if whole and len(known) < MOST else set()
        demand(
            not missing,
            f"an export {limit} at a time ended without {len(missing)} of {len(known)} records that a query finds",
            "read on until the system has no more, and leave no record out between two batches",
        )


def _honoured(bench: Bench) -> None:
    name = bench.examples.text
    sample = next((str(one) for row in rows_of(bench) if (one := row.fields.get(name))), "")
    batches, _ = _read(bench, 50, Compare(name, Operator.EQ, sample))
    values = [str(row.fields.get(name) or "").casefold() for rows in batches for row in rows]
    demand(
        values and set(values) == {sample.casefold()},
        f"an export of records with one {name} gave {len(values)}, {len(values) - values.count(sample.casefold())} of "
        "them with another",
        "export what `query.where` finds, in every batch",
    )


def _ending(bench: Bench) -> None:
    """Read from a system that answers every question with what it answered before."""
    exchanges, at, passed = bench.recording("export").exchanges, "", tuple[Scalar, ...]()
    for limit in (50, 1):
        for _ in range(PARTS):
            outcome = bench.play(exporting(bench.subject, at, limit), Replay(exchanges))
            demand(outcome.typed, f"an export raised {outcome.error!r}", "raise UpstreamError for odd answers")
            found = outcome.result
            if not isinstance(found, Batch):
                break
            try:
                # What core remembers of an export, so that a circle ends.
                passed = went_on(passed, found.rows[0].id, "example") if found.rows else passed
            except UpstreamError:
                break
            if not found.at or (found.rows and found.at == at):
                break
            at = found.at
        else:
            broken(
                f"a system that gives the same answers again was asked for {PARTS} batches, and then for more",
                "raise UpstreamError where a batch that should have records has none, and give each record under its "
                "own id, so that core sees a circle",
            )


def _changed(outcome: Outcome) -> Changed:
    found = outcome.value
    return found if isinstance(found, Changed) else broken("changes gave no Changed", "return what the contract says")


class _Looks:
    """Looks at changes, each from where the one before ended; what they told is kept."""

    def __init__(self, bench: Bench, limit: int = 50) -> None:
        self._bench, self._limit = bench, limit
        self.at = bench.examples.since
        self.told: list[Changed] = []
        self.moved = True

    @property
    def rows(self) -> list[Row]:
        return [row for one in self.told for row in one.rows]

    @property
    def deleted(self) -> list[str]:
        return [id for one in self.told for id in one.deleted]

    def look(self) -> Call:
        """Return the next look."""
        plain = changing(self._bench.subject, "", self._limit)

        async def run(one: object) -> object:
            found = await changing(self._bench.subject, self.at, self._limit).run(one)  # type: ignore[arg-type]
            if isinstance(found, Changed):
                self.moved = found.at != self.at or not (found.rows or found.deleted)
                self.told.append(found)
                self.at = found.at
            return found

        return Call("changes", plain.operation, run)

    def until_nothing(self) -> Iterator[Call]:
        """Yield looks until one tells of nothing, or there were too many."""
        before = len(self.told)
        for _ in range(PARTS):
            yield self.look()
            if len(self.told) == before or not (self.told[-1].rows or self.told[-1].deleted):
                return
            before = len(self.told)


def _moves_on(bench: Bench) -> None:
    for limit in (1, 2, 50):
        looks = _Looks(bench, limit)
        outcomes = bench.sequence(looks.until_nothing())
        for outcome in outcomes:
            rows = _changed(outcome).rows
            demand(
                len(rows) <= limit,
                f"a look at changes gave {len(rows)} records, and {limit} were asked for",
                "give at most `query.limit` records, and the rest by the next look",
            )
        demand(looks.rows, "a look at changes gave nothing", "give a moment as `since` after which something changed")
        demand(
            looks.moved and len(outcomes) < PARTS,
            f"{len(outcomes)} looks {limit} at a time, each from where the last one ended, came to no end",
            "let `Changed.at` move behind the last change that was told of",
        )
        ids = [row.id for row in looks.rows]
        demand(
            len(set(ids)) == len(ids),
            "a record that changed once was told of twice",
            "let `Changed.at` say exactly where the last look ended, also among changes of one moment",
        )


def _nothing_lost(bench: Bench) -> None:
    told, subject, looks, upstream = bench.examples, bench.subject, _Looks(bench), bench.subject.upstream()
    other = next((row.id for row in rows_of(bench) if row.id != told.id), "")

    def steps() -> Iterator[Call]:
        yield from looks.until_nothing()
        looks.told.clear()
        yield updating(subject, told.changes)
        yield looks.look()
        yield updating(subject, told.changes, other)
        if "create" in bench.verbs:
            yield creating(subject, {**told.values, told.text: LATER}, None)
        yield looks.look()
        told.settle(upstream)
        yield from looks.until_nothing()

    for outcome in bench.sequence(steps(), lambda: upstream):
        outcome.value  # noqa: B018 raises where a step failed
    wanted = {told.id, other}
    missing = sorted(wanted - {row.id for row in looks.rows})
    demand(
        not missing,
        f"{', '.join(missing)} changed between looks, and no later one told of it",
        "move on only behind changes that have settled: what ends later may bear an earlier stamp; let "
        "Examples.settle move on the clock of the upstream",
    )
    created = [row for row in looks.rows if row.fields.get(told.text) == LATER]
    demand(
        "create" not in bench.verbs or created,
        "a record was created between looks, and no later one told of it",
        "tell of new records as well as of changed ones",
    )


def _gone(bench: Bench) -> None:
    told, subject, looks, upstream = bench.examples, bench.subject, _Looks(bench), bench.subject.upstream()
    deleting = Call(
        "delete",
        operation_of(subject, "delete", records=(told.id,)),
        lambda one: one.delete(told.object, told.id, None),
    )

    def steps() -> Iterator[Call]:
        yield from looks.until_nothing()
        looks.told.clear()
        yield deleting
        told.settle(upstream)
        yield from looks.until_nothing()

    for outcome in bench.sequence(steps(), lambda: upstream):
        outcome.value  # noqa: B018 raises where a step failed
    demand(
        told.id in looks.deleted and told.id not in [row.id for row in looks.rows],
        f"{told.id} was deleted, and changes told of the deleted ones {looks.deleted[:5]!r}",
        "name the ids of deleted records in `Changed.deleted`, and give no row of them",
    )


PROMISES = (
    Promise("an export brings every record once, no more at a time than asked for", _once, implements("export")),
    Promise("an export brings what its condition finds", _honoured, implements("export")),
    Promise("an export of a system that repeats itself comes to an end", _ending, implements("export")),
    Promise("looks at changes move on, and tell of each change once", _moves_on, implements("changes")),
    Promise(
        "no change between two looks is lost, however late it settles",
        _nothing_lost,
        lambda bench: {"changes", "update", "query"} <= bench.verbs,
    ),
    Promise("a deleted record is told of by its id", _gone, lambda bench: {"changes", "delete"} <= bench.verbs),
)
