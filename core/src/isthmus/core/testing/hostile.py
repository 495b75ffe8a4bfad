"""What does a connector make of answers that a sound system never gives?"""

from collections.abc import Callable, Iterator, Sequence

from isthmus.core.testing.bench import Answer, Bench, Outcome, Replay
from isthmus.core.testing.bodies import BODIES, bent
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.soundness import unsound
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES", "at", "misshapen", "played"]

ELSEWHERE = "https://k1t-elsewhere.example/login"
ODD_HEADERS = (("content-type", "application/json"), ("location", ELSEWHERE), ("link", f'<{ELSEWHERE}>; rel="next"'))


def at(position: int, other: Answer) -> Callable[[int, Answer], Answer]:
    """Put another answer in the place of one."""
    return lambda where, answer: other if where == position else answer


def played(bench: Bench, outcome: Outcome, edit: Callable[[int, Answer], Answer]) -> Outcome:
    """Play a recorded call back with edited answers; raises Violation where it ends in anything untyped."""
    found = bench.play(outcome.call, Replay(outcome.exchanges, edit))
    demand(
        found.typed,
        f"{outcome.call.name} ended in {type(found.error).__name__}: {found.error!s:.160}",
        "check the shape of an answer before using it, and raise UpstreamError where it is another",
    )
    return found


def _shaped(bench: Bench) -> None:
    for outcome in bench.recorded:
        for position, other in misshapen(outcome):
            found = played(bench, outcome, at(position, other))
            problem = "" if found.error else unsound(outcome.call.name, found.result)
            demand(
                not problem,
                f"{outcome.call.name} took the answer {other.body[:120]!r} and gave on what is none: {problem}",
                "check the type of every part that goes into a result, and raise UpstreamError where it is another",
            )


def misshapen(outcome: Outcome) -> Iterator[tuple[int, Answer]]:
    """Yield answers of another shape, each with the position at which it takes the place of a sound one."""
    for position, one in enumerate(outcome.exchanges):
        for body in (*BODIES.values(), *bent(one.answer.body)):
            yield position, Answer(one.answer.status, one.answer.headers, body)
        yield position, Answer(one.answer.status, ODD_HEADERS, one.answer.body)


def _elsewhere() -> Sequence[Answer]:
    html = BODIES["an HTML page"]
    login = Answer(200, (("content-type", "text/html; charset=utf-8"),), html)
    moved = [Answer(status, (("location", ELSEWHERE),), html) for status in (301, 302, 303, 307, 308)]
    return [login, *moved, *(Answer(one.status, (*one.headers, ("content-length", "0"))) for one in moved)]


def _no_answer(bench: Bench) -> None:
    for outcome in bench.recorded:
        if outcome.call.name == "probe":
            continue
        for position in range(len(outcome.exchanges)):
            for other in _elsewhere():
                found = played(bench, outcome, at(position, other))
                demand(
                    found.error is not None,
                    f"{outcome.call.name} took a {other.status} with a page of HTML for a success",
                    "return a Fault for redirects and for a success that is not of the type the system documents",
                )


def _through_http(bench: Bench) -> None:
    for outcome in bench.recorded:
        found = played(bench, outcome, lambda _, answer: answer)
        demand(
            len(found.exchanges) == len(outcome.exchanges) or not outcome.exchanges,
            f"{outcome.call.name} sent {len(outcome.exchanges)} requests, and {len(found.exchanges)} when played back",
            "let a call depend on its arguments and the answers alone",
        )


PROMISES = (
    Promise("every request leaves through self.http", _through_http),
    Promise("an answer of another shape ends in a typed error or a sound result", _shaped),
    Promise("a login page or a redirect in place of an answer is no success", _no_answer),
)
