"""Where do the addresses lead that a system gives, and do its pages come to an end?"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import httpx2

from isthmus.core.records import Row
from isthmus.core.testing.bench import Answer, Bench, Outcome, Replay
from isthmus.core.testing.bodies import bent
from isthmus.core.testing.calls import querying
from isthmus.core.testing.promise import Promise, implements
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES"]

LIMIT = 200


def _scripted(answer: Callable[[], httpx2.Response]) -> httpx2.AsyncBaseTransport:
    """Return an upstream that asks for one answer after the other."""
    return httpx2.MockTransport(lambda _: answer())


def _foreign(bench: Bench) -> Iterator[str]:
    """Yield addresses that lead elsewhere, or that two readers understand differently."""
    scheme, host = bench.origin.scheme, bench.origin.host
    whole, path = f"{scheme}://{bench.origin.netloc}", _first_path(bench)
    other = "http" if scheme == "https" else "https"
    yield f"https://k1t.example{path}"
    yield f"{other}://{bench.origin.netloc}{path}"
    yield f"{scheme}://{host}:9{path}"
    yield f"//k1t.example{path}"
    yield f"///k1t.example{path}"
    yield f"\\\\k1t.example{path}"
    yield f"{whole}@k1t.example{path}"
    yield f"{scheme}://k1t@{bench.origin.netloc}{path}"
    yield f"{whole}.k1t.example{path}"
    yield f"{scheme}://k1t{host}{path}"
    yield f"{whole}\\@k1t.example{path}"
    yield f"{scheme}://{host}:443@k1t.example{path}"
    yield f"https://k1t\u3002example{path}"
    yield f"{whole}\u2024example{path}"
    yield f"{scheme}://{host}.{path}"
    yield f"https://[::ffff:127.0.0.1]{path}"
    yield f"ht\ttps://k1t.example{path}"
    yield f"{path}/%2e%2e/%2e%2e/admin"
    yield f"{path}/../../admin"
    yield f"{path}\r\nX-Kit: 1"
    yield "file:///etc/passwd"
    yield "data:application/json,{}"
    yield f"{path}?" + "k" * 9_000


def _first_path(bench: Bench) -> str:
    exchanges = bench.recording("query").exchanges
    return exchanges[0].request.url.raw_path.decode("ascii").partition("?")[0] if exchanges else "/"


def _pinned(bench: Bench) -> None:
    if (more := bench.examples.more) is None:
        return
    for address in _foreign(bench):
        outcome = bench.play(querying(bench.subject, limit=LIMIT), _scripted(lambda where=address: more(where)))  # type: ignore[misc]
        demand(
            outcome.typed and outcome.error is not None,
            f"the rest of a page was at {address[:80]!a}, and the query ended with {outcome.error!r}",
            "pass the address to self.http.follow as it came, and let its error through",
        )
        demand(
            len(outcome.exchanges) <= 1,
            f"the rest of a page was at {address[:80]!a}, and {len(outcome.exchanges) - 1} more requests were sent",
            "pass the address to self.http.follow as it came; do not cut out its path",
        )


def _ending(bench: Bench) -> None:
    for script in _endless(bench):
        outcome = bench.play(querying(bench.subject, limit=LIMIT), script)
        demand(
            outcome.typed,
            f"pages without end raised {outcome.error!r}",
            "raise UpstreamError where an address comes again or a page has no records",
        )
        ids = [row.id for row in _rows(outcome)]
        demand(
            len(set(ids)) == len(ids) <= LIMIT,
            f"pages without end gave {len(ids)} rows, {len(ids) - len(set(ids))} of them twice",
            "raise UpstreamError where an address or a record comes again",
        )


def _endless(bench: Bench) -> Iterator[httpx2.AsyncBaseTransport]:
    recorded = bench.recording("query").exchanges
    yield Replay(recorded)
    more = bench.examples.more
    if more is None or not recorded:
        return
    whole = recorded[0].request.url.raw_path.decode("ascii")
    path, numbers = _first_path(bench), count()
    yield _scripted(lambda: more(whole))
    yield _scripted(lambda: more(f"{path}?page={next(numbers)}"))
    yield _scripted(lambda: more(f"{path}/{next(numbers)}"))
    emptied = more(whole)
    for body in bent(emptied.content, ([],)):
        answer = Answer(200, body=body)
        yield _scripted(answer.on_wire)


def _rows(outcome: Outcome) -> Sequence[Row]:
    found = outcome.result
    return [row for row in found if isinstance(row, Row)] if isinstance(found, Sequence) else []


def _follows(bench: Bench) -> None:
    whole = _first_path(bench)
    if (more := bench.examples.more) is None:
        return
    call = querying(bench.subject, limit=LIMIT)
    outcome = bench.play(call, _scripted(lambda: more(f"{whole}/k1t-next-page")))
    read_on = len(outcome.exchanges) > 1 or outcome.error is not None
    demand(
        read_on,
        f"there was more at an address of the system's own, and the query gave {len(_rows(outcome))} of {LIMIT} rows",
        "follow the address with self.http.follow until the limit is reached",
    )


PROMISES = (
    Promise("pages that never end come to an end", _ending, implements("query")),
    Promise("the rest of a page is read, or its lack is an error", _follows, lambda one: one.examples.more is not None),
    Promise(
        "an address that leads elsewhere is refused and never asked", _pinned, lambda one: one.examples.more is not None
    ),
)
