"""Does `classify` tell the truth about every request: of each verb, of each part, and of those that nobody knows?"""

from collections.abc import Iterator, Sequence

import httpx2

from isthmus.core.errors import Denied
from isthmus.core.http.effect import mismatch
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.testing.bench import Bench, Exchange, Outcome
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES", "shown"]

UNKNOWN = "k1t-unknown"


def shown(request: httpx2.Request) -> str:
    """Name a request for a sentence."""
    return f"{request.method} {request.url.raw_path.decode('ascii')[:120]}"


def _covered(bench: Bench) -> None:
    for outcome in bench.recorded:
        name, error = outcome.call.name, outcome.error
        demand(
            not (isinstance(error, Denied) and error.reason == "effect_mismatch"),
            f"a request of {name} was refused: {error}",
            "let classify know every request that the verbs send, with its effect, object and record ids",
        )
        demand(
            not (isinstance(error, Denied) and error.reason == "foreign_origin"),
            f"{name} sends a request to another origin",
            "build paths with path() and send them through self.http",
        )
        for one in outcome.exchanges:
            why = mismatch(one.parts, one.operation)
            demand(not why, f"{shown(one.request)} of {name}: {why}", "classify it as what it does, and no more")
        demand(
            outcome.call.writes or not any(part.effect.writes for one in outcome.exchanges for part in one.parts),
            f"{name} sends a request that writes",
            "let a verb that reads send reads only",
        )


def _truthful(bench: Bench) -> None:
    for outcome in bench.recorded:
        if not outcome.call.writes:
            continue
        wanted = {one for one in outcome.call.operation.effects if one.writes}
        found = {part.effect for one in outcome.exchanges for part in one.parts if part.effect.writes}
        demand(
            found & wanted,
            f"no request of {outcome.call.name} is classified as {' or '.join(sorted(wanted))}",
            "classify what changes the system by what it changes; this is what stops a read tool from writing",
        )
        demand(
            outcome.call.name != "upsert" or Effect.CREATE in found,
            "an upsert is not classified as a create too",
            "give one RequestClass for the create and one for the change",
        )
        _names_the_record(bench, outcome)


def _names_the_record(bench: Bench, outcome: Outcome) -> None:
    doing = outcome.call.operation
    records, objects = doing.records, doing.objects - bench.subject.connector.metadata_objects
    several = outcome.call.name in ("load", "attach", "invoke")
    for one in outcome.exchanges:
        for part in one.parts:
            demand(
                not part.effect.writes
                or not records
                or part.records == records
                or (several and set(part.records) <= set(records)),
                f"{shown(one.request)} is said to touch the records {part.records!r}, and the call names {records!r}",
                "read the record ids off the request into RequestClass.records",
            )
            demand(
                not part.effect.writes or part.object in objects,
                f"{shown(one.request)} is said to touch {part.object!r}",
                "read the object's name off the request into RequestClass.object",
            )


def _reads(bench: Bench) -> Sequence[Exchange]:
    return [one for outcome in bench.recorded for one in outcome.exchanges if _harmless(one.parts)]


def _harmless(parts: Sequence[RequestClass]) -> bool:
    return bool(parts) and all(part.effect is Effect.READ for part in parts)


def _by_method(bench: Bench) -> None:
    connector, reads = bench.subject.build(), _reads(bench)
    by_post = any(one.request.method == "POST" for one in reads)
    methods = ["PUT", "PATCH", "DELETE"] if by_post else ["POST", "PUT", "PATCH", "DELETE"]
    for one in reads:
        for method in methods:
            for content in (one.request.content, b"", b"{}"):
                changed = httpx2.Request(method, one.request.url, headers=one.request.headers, content=content)
                demand(
                    not _harmless(connector.classify(changed)),
                    f"{shown(changed)} is classified as a read",
                    "look at the method as well as at the path, and refuse the pairs that you do not know",
                )


def _unknown(bench: Bench) -> None:
    connector = bench.subject.build()
    for request in _strangers(bench):
        parts = connector.classify(request)
        demand(
            not parts,
            f"{shown(request)} is classified as {', '.join(part.effect for part in parts)}",
            "give an empty answer for every request that classify does not know for certain; match the whole path",
        )


def _strangers(bench: Bench) -> Iterator[httpx2.Request]:
    base = bench.subject.url.rstrip("/")
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        yield httpx2.Request(method, f"{base}/{UNKNOWN}/{UNKNOWN}/{UNKNOWN}/{UNKNOWN}/{UNKNOWN}", content=b"{}")
    seen = set[tuple[str, str]]()
    for outcome in bench.recorded:
        for one in outcome.exchanges:
            raw = one.request.url.raw_path.decode("ascii").partition("?")[0].rstrip("/")
            if (one.request.method, raw) in seen or not raw:
                continue
            seen.add((one.request.method, raw))
            content = one.request.content
            for odd in ("//", f"/{UNKNOWN}/{UNKNOWN}/{UNKNOWN}", "%2f..%2f..%2f" + UNKNOWN, f"/%2e%2e/{UNKNOWN}"):
                yield httpx2.Request(one.request.method, base + raw + odd, content=content)
            yield httpx2.Request("PURGE", base + raw, content=content)


def _composed(bench: Bench) -> None:
    connector = bench.subject.build()
    for request, wanted in bench.examples.requests:
        found = tuple(connector.classify(request))
        demand(
            [_told(one) for one in found] == [_told(one) for one in wanted],
            f"{shown(request)} is {[_told(one) for one in wanted]}, and classify says {[_told(one) for one in found]}",
            "give one RequestClass for each part, in order, and none at all where one part is not understood",
        )


def _told(part: RequestClass) -> tuple[str, str, tuple[str, ...]]:
    return part.effect.value, part.object, part.records


PROMISES = (
    Promise("every request of a verb is classified as no more than the verb declares", _covered),
    Promise("a write is classified as the write that it is, with its object and record", _truthful),
    Promise("a known path with a method that writes is not called a read", _by_method),
    Promise("a request that classify does not know is refused", _unknown),
    Promise("each part of a composed request is classified", _composed, lambda bench: bool(bench.examples.requests)),
)
