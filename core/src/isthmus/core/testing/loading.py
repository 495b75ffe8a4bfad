"""Does a load tell the truth about every line, and does it write none twice?"""

from collections.abc import Sequence
from dataclasses import replace

import httpx2

from isthmus.core.connector import LineOutcome, Load, Loaded, Pending, Settlement
from isthmus.core.records import Compare, Operator, Row
from isthmus.core.testing.bench import Bench, Outcome
from isthmus.core.testing.calls import Call, getting, loading, querying, reconciling
from isthmus.core.testing.hostile import at as in_place
from isthmus.core.testing.hostile import misshapen, played
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.violation import broken, demand

__all__ = ["PROMISES"]

LATE = 86_400.0
ODD = "O'Brien, \"x\"; y\\z {1} <b> é 'end"
"""A text that needs quoting in every format there is."""


def _loads(bench: Bench) -> bool:
    return "load" in bench.verbs and bool(bench.examples.loads)


def _reads(bench: Bench) -> bool:
    return _loads(bench) and "get" in bench.verbs


def _keyed(bench: Bench) -> bool:
    return _loads(bench) and "query" in bench.verbs and bool(_with_keys(bench))


def _with_keys(bench: Bench) -> list[Load]:
    return [one for one in bench.examples.loads if one.key_field and all(line.key for line in one.lines)]


def _outcomes(outcome: Outcome, load: Load) -> Sequence[LineOutcome]:
    found = outcome.value
    if not isinstance(found, Loaded):
        broken(
            f"a load of {len(load.lines)} lines was not done at once", "give examples that the upstream does at once"
        )
    _counted(found, load)
    return found.outcomes


def _counted(found: Loaded, load: Load) -> None:
    demand(
        len(found.outcomes) == len(load.lines),
        f"a load of {len(load.lines)} lines told of {len(found.outcomes)}",
        "tell of every line in the order of the lines, and raise UpstreamError where the system does not tell",
    )


def _in_order(bench: Bench) -> None:
    text = bench.examples.text
    for load in bench.examples.loads:
        told = _outcomes(bench.run(loading(bench.subject, load)), load)
        failed = [one.code for one in told if one.code]
        demand(not failed, f"the example load failed with {failed[:3]!r}", "give loads that the upstream carries out")
        if load.action == "delete":
            continue
        calls: list[Call] = [loading(bench.subject, load)]
        for at, (line, one) in enumerate(zip(load.lines, told, strict=True)):
            row = bench.run(*calls, getting(bench.subject, one.id)).value
            demand(
                isinstance(row, Row) and (text not in line.values or row.fields.get(text) == line.values[text]),
                f"line {at} is said to be record {one.id}, which holds something else",
                "match what the system tells with the lines by their number, and give the records' ids",
            )


def _inner_failure(bench: Bench) -> None:
    load, refused = bench.examples.loads[0], bench.examples.refused
    if refused is None:
        return
    for at in range(2):
        lines = [load.lines[0], load.lines[1]]
        lines.insert(at, refused)
        mixed = replace(load, lines=tuple(lines))
        told = _outcomes(bench.run(loading(bench.subject, mixed)), mixed)
        demand(
            told[at].code and not told[at].id,
            f"a line that the system refuses came back as {told[at]!r:.200}",
            "look at what became of each line: an answer of 200 says nothing of the lines in it",
        )
        good = [one for number, one in enumerate(told) if number != at]
        demand(
            all(one.id or one.code for one in good) and (any(one.id for one in good) or all(one.code for one in good)),
            "a load with one refused line told nothing of the others",
            "tell of each line what became of it",
        )


def _values_arrive(bench: Bench) -> None:
    load, text = bench.examples.loads[0], bench.examples.text
    odd = replace(load.lines[0], values={**load.lines[0].values, text: ODD})
    changed = replace(load, lines=(odd, *load.lines[1:]))
    call = loading(bench.subject, changed)
    told = _outcomes(bench.run(call), changed)
    if told[0].code:
        return
    row = bench.run(call, getting(bench.subject, told[0].id)).value
    found = row.fields.get(text) if isinstance(row, Row) else None
    demand(
        found == ODD,
        f"a line with the {text} {ODD!a} was written as {found!a:.120}",
        "write lines in the format's own quoting, by a library where there is one",
    )


def _begun(bench: Bench) -> None:
    for load in bench.examples.loads:
        begun: list[tuple[str, int]] = []
        outcome = bench.run(loading(bench.subject, load, begun))
        _outcomes(outcome, load)
        known = dict(begun)
        for number, one in enumerate(outcome.exchanges):
            for part in one.parts:
                demand(
                    not part.job or known.get(part.job, number + 1) <= number,
                    f"request {number + 1} of a load belongs to job {part.job!r}, which `begun` was not told of before",
                    "await begun(job) before the first line leaves, so that the load is found again",
                )
                demand(
                    not (begun and part.job is None and part.effect.writes),
                    f"request {number + 1} of a load in a job writes beside the job",
                    "send every line within the job: self.http.within(job)",
                )


class _Broken(httpx2.AsyncBaseTransport):
    """An upstream whose answer to one request is lost; the request itself arrives."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, at: int) -> None:
        self._inner, self._left = inner, at

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        self._left -= 1
        if self._left == -1:
            raise httpx2.ReadError("the answer is lost", request=request)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def _broken_off(bench: Bench) -> None:
    for load in _with_keys(bench):
        for at in range(len(bench.run(loading(bench.subject, load)).exchanges)):
            upstream, begun = _Broken(bench.subject.upstream(), at), list[tuple[str, int]]()
            finding = [
                querying(bench.subject, Compare(load.key_field, Operator.EQ, line.key), limit=5) for line in load.lines
            ]
            steps = [loading(bench.subject, load, begun), _reading_back(bench, load, begun), *finding]
            first, back, *found = bench.sequence(steps, lambda upstream=upstream: upstream)  # type: ignore[misc]
            demand(
                first.typed, f"a load whose answer was lost raised {first.error!r}", "let errors of self.http through"
            )
            ids = [[row.id for row in _rows(one)] for one in found]
            demand(
                all(len(one) <= 1 for one in ids),
                f"the answer to request {at + 1} of a load was lost, and a line was written {max(map(len, ids))} times",
                "never repeat lines whose answer was lost, unless their key keeps the system from writing them twice",
            )
            _told_truly(first.result, load, ids, "the load")
            if back.error is not None or not isinstance(back.result, tuple):
                continue
            settlement, outcome = back.result
            demand(
                settlement is not Settlement.NOT_HAPPENED or not any(ids),
                f"the answer to request {at + 1} of a load was lost, its lines are there, and reconcile denies them",
                "say CANNOT_TELL unless the job itself says that it did nothing and never will",
            )
            demand(
                settlement is not Settlement.HAPPENED or isinstance(outcome, Loaded),
                "reconcile says that a load happened, and not what became of its lines",
                "give a Loaded with the outcome of every line",
            )
            _told_truly(outcome if settlement is Settlement.HAPPENED else None, load, ids, "reconcile")


def _reading_back(bench: Bench, load: Load, begun: list[tuple[str, int]]) -> Call:
    """Return a reading back of the job that `begun` holds by the time that it is made."""
    plain = reconciling(bench.subject, Pending("load", load.object, load=load))

    async def run(one: object) -> object:
        job = begun[-1][0] if begun else ""
        lost = Pending("load", load.object, load=load, job=job, age=LATE)
        return await reconciling(bench.subject, lost).run(one)  # type: ignore[arg-type]

    return Call("reconcile", plain.operation, run)


def _told_truly(found: object, load: Load, ids: Sequence[Sequence[str]], who: str) -> None:
    if not isinstance(found, Loaded):
        return
    _counted(found, load)
    for at, (one, there) in enumerate(zip(found.outcomes, ids, strict=True)):
        demand(
            not one.id or one.id in there,
            f"{who} says that line {at} is record {one.id}, and under its key there is {', '.join(there) or 'nothing'}",
            "tell of each line what the system says of it, and CANNOT_TELL where it does not",
        )


def _rows(outcome: Outcome) -> list[Row]:
    found = outcome.value
    return [row for row in found if isinstance(row, Row)] if isinstance(found, Sequence) else []


def _whole(bench: Bench) -> None:
    for load in bench.examples.loads:
        recorded = bench.run(loading(bench.subject, load))
        for position, other in misshapen(recorded):
            found = played(bench, recorded, in_place(position, other)).result
            if isinstance(found, Loaded):
                _counted(found, load)


PROMISES = (
    Promise("a load tells of every line, in order, which record it is", _in_order, _reads),
    Promise("a refused line of a load is told of, whatever the answer around it says", _inner_failure, _loads),
    Promise("the values of a load's lines arrive as they were given", _values_arrive, _reads),
    Promise("a load's job is known before its first line leaves", _begun, _loads),
    Promise("a load that broke off is read back truly, and written no second time", _broken_off, _keyed),
    Promise("a load tells of all lines or of none", _whole, _loads),
)
