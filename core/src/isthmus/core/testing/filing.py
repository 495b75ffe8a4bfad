"""Do files arrive byte by byte, beside their own record and no other?"""

import io
from collections.abc import Iterator

from isthmus.core.connector import FileFacts, Upload, Written
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.testing.bench import Bench, Outcome
from isthmus.core.testing.calls import BYTES, Call, attaching, downloading, uploading
from isthmus.core.testing.promise import Promise, implements
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES"]

NAMES = ("a&b=c.txt", "a;b='c'.txt", "ünï 𝄞.txt", "100%25.txt", "a#b+c.txt", "%2e%2e%2fx.txt")


def _back(bench: Bench, file: Upload, into: io.BytesIO) -> list[Outcome]:
    """Attach a file, and download it again."""
    made: list[str] = []
    plain = attaching(bench.subject, file)

    async def attach(one: object) -> object:
        found = await plain.run(one)  # type: ignore[arg-type]
        made.extend([found.id] if isinstance(found, Written) else ())
        return found

    def steps() -> Iterator[Call]:
        yield Call("attach", plain.operation, attach)
        if made:
            yield downloading(bench.subject, made[0], into=into)

    return bench.sequence(steps())


def _round_trip(bench: Bench) -> None:
    into = io.BytesIO()
    facts = _back(bench, uploading(), into)[-1].value
    found = into.getvalue()
    demand(
        found == BYTES,
        f"a file of {len(BYTES)} bytes was attached, and {len(found)} came back"
        + (", other ones" if len(found) == len(BYTES) else ""),
        "send the bytes by self.http.upload as they are, and write them by self.http.download into `into`",
    )
    demand(isinstance(facts, FileFacts) and facts.name, "a file has no name", "give the name that the system tells")


def _named(bench: Bench) -> None:
    plain = bench.run(attaching(bench.subject, uploading())).exchanges
    for name in NAMES:
        into = io.BytesIO()
        outcomes = _back(bench, uploading(name), into)
        first = outcomes[0]
        if isinstance(first.error, InvalidArguments) and not first.exchanges:
            continue
        demand(
            first.error is None and len(first.exchanges) == len(plain),
            f"a file with the name {name!a} ended in {first.error!a:.160}",
            "write the name in the one way that the format documents, or raise InvalidArguments unsent",
        )
        facts, written = outcomes[-1].value, first.value
        told = facts.name if isinstance(facts, FileFacts) else ""
        altered = bool(written.altered) if isinstance(written, Written) else False
        demand(
            told == name or altered,
            f"a file with the name {name!a} came back as {told!a}",
            "encode the name exactly once, and tell in `Written.altered` what the system made of it",
        )


def _beside_its_record(bench: Bench) -> None:
    outcome = bench.run(attaching(bench.subject, uploading()))
    outcome.value  # noqa: B018 raises where it failed
    named = {record for one in outcome.exchanges for part in one.parts for record in part.records}
    demand(
        bench.examples.id in named,
        f"no request of attach names the record {bench.examples.id}",
        "give a RequestClass that names the record which the file is put beside",
    )


def _of_its_own(bench: Bench) -> None:
    told, into = bench.examples, io.BytesIO()
    for file, what in ((told.other_file, "another record's file"), (f"{told.file}k1t", "a file that is not there")):
        outcome = bench.run(downloading(bench.subject, file, into=into))
        demand(
            outcome.error is not None and not into.getvalue(),
            f"{what} was handed out as one of {told.id}",
            "look up which record the file belongs to before reading it, and raise NotFound where it is another",
        )
        demand(
            isinstance(outcome.error, NotFound) or file != told.other_file,
            f"{what} ended in {outcome.error!r:.160}",
            "raise NotFound for a file of another record",
        )


def _as_sent(bench: Bench) -> None:
    into = io.BytesIO()
    outcome = bench.run(downloading(bench.subject, bench.examples.file, into=into))
    outcome.value  # noqa: B018 raises where it failed
    demand(
        into.getvalue() and into.getvalue() in [one.answer.body for one in outcome.exchanges],
        f"a download left {len(into.getvalue())} bytes that no answer had",
        "write exactly the bytes of the file into `into`, by self.http.download",
    )


PROMISES = (
    Promise("a file comes back byte by byte", _round_trip, lambda bench: {"attach", "download"} <= bench.verbs),
    Promise("a file keeps its name", _named, lambda bench: {"attach", "download"} <= bench.verbs),
    Promise("a request that attaches a file names its record", _beside_its_record, implements("attach")),
    Promise("a file of another record is not found", _of_its_own, implements("download")),
    Promise("a download holds what the system sent, and nothing else", _as_sent, implements("download")),
)
