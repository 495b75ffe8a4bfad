"""Do `classify`, `fault`, `quota` and `parse` only compute, whatever they are shown?"""

from collections.abc import Callable, Iterator

from isthmus.core.connector import Connector, Fault
from isthmus.core.errors import CredentialError, IsthmusError, UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import Aggregate, Query
from isthmus.core.resilience import FaultKind
from isthmus.core.testing.bench import Answer, Bench
from isthmus.core.testing.bodies import BODIES, GARBLED, bent
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.soundness import unsound_reading
from isthmus.core.testing.violation import broken, demand
from isthmus.core.testing.watch import TOUCHING, Reached, watching

__all__ = ["PROMISES"]

STATUSES = (*range(200, 209), 226, *range(300, 309), *range(400, 432), 451, *range(500, 512), 520, 599)
BUSY = frozenset({FaultKind.THROTTLE, FaultKind.QUOTA})
OPEN = frozenset({FaultKind.TRANSIENT, FaultKind.UNKNOWN, *BUSY})


def _alone(bench: Bench) -> None:
    connector, told = bench.subject.build(), bench.examples
    steps: list[tuple[str, Callable[[], object]]] = []
    for one in (one for outcome in bench.recorded for one in outcome.exchanges):
        seen = one.answer.as_seen()
        steps.append(("classify", lambda request=one.request: list(connector.classify(request))))  # type: ignore[misc]
        steps.append(("fault", lambda seen=seen: connector.fault(seen)))  # type: ignore[misc]
        steps.append(("quota", lambda seen=seen: list(connector.quota(seen))))  # type: ignore[misc]
    if connector_parses(bench):
        steps.append(("parse", lambda: connector.parse(told.query_text)))
    for name, step in steps:
        step()  # once before it is watched: tables may be loaded on first use
        with watching(TOUCHING) as reached:
            try:
                step()
            except Reached:
                pass
        demand(
            not reached,
            f"{name} does {', '.join(sorted(set(reached)))}",
            "let it compute from the request or the answer alone; it runs on every request",
        )


def connector_parses(bench: Bench) -> bool:
    """Tell whether the connector reads the system's own query language."""
    return bench.subject.connector.parse is not Connector.parse


def _parsed(bench: Bench) -> None:
    connector = bench.subject.build()
    found = connector.parse(bench.examples.query_text)
    demand(
        isinstance(found, Query | Aggregate), f"parse gave a {type(found).__name__}", "return a Query or an Aggregate"
    )
    for text in ("", " ", "k1t", bench.examples.query_text + " k1t '", "(" * 5_000, "'" * 999, "\x00", "\ud800"):
        try:
            connector.parse(text)
        except IsthmusError:
            continue
        except (Exception, RecursionError) as error:  # noqa: BLE001 what it raises is what is judged
            broken(
                f"parse raised {type(error).__name__} for {text[:40]!a}",
                "raise InvalidArguments that says where the text is wrong",
            )


def _explained(bench: Bench) -> None:
    for status in STATUSES:
        for body in BODIES.values():
            _fault(bench, Answer(status, body=body))
            _fault(bench, Answer(status, (("content-type", "text/html"),), body))
            _fault(bench, Answer(status, (), body))
    for told, _, _ in bench.examples.faults:
        for body in bent(told.body):
            _fault(bench, Answer(told.status, tuple(told.headers.items()), body))


def _fault(bench: Bench, answer: Answer) -> Fault | None:
    try:
        found = bench.subject.build().fault(answer.as_seen())
    except Exception as error:  # noqa: BLE001 what it raises is what is judged
        broken(
            f"fault raised {type(error).__name__} for status {answer.status} with body {answer.body[:60]!r}",
            "take nothing in an error body for granted: it may be empty, HTML, cut off, or of another shape",
        )
    if found is None:
        return None
    sound = type(found) is Fault and type(found.kind) is FaultKind and issubclass(found.error, UpstreamError)
    texts = (found.code, found.sentence, found.field, found.text) if sound else ()
    demand(
        sound and {type(one) for one in texts} == {str} and found.code and found.sentence,
        f"fault gave {found!r} for status {answer.status} with body {answer.body[:60]!r}",
        "return None or a Fault with a FaultKind, a code, a sentence and an UpstreamError",
    )
    return found


def _no_success(bench: Bench) -> None:
    for status in (one for one in STATUSES if one >= 300):
        for said, body in BODIES.items():
            found = _fault(bench, Answer(status, body=body))
            if found is None:
                broken(
                    f"status {status} with {said} counts as a success",
                    "return a Fault for every status from 300; a redirect is not followed",
                )
            demand(
                status != 401 or issubclass(found.error, CredentialError),
                f"401 with {said} is a {found.error.__name__}",
                "let 401 raise CredentialError, of kind AUTHORIZATION",
            )
            demand(
                status != 429 or found.kind in BUSY,
                f"429 with {said} is {found.kind.value!r}",
                "give THROTTLE, or QUOTA where a longer quota is spent, so that callers wait",
            )
            demand(
                status < 500 or found.kind in OPEN,
                f"status {status} with {said} is {found.kind.value!r}",
                "give TRANSIENT or UNKNOWN for server errors: a write may have been done, and must be read back",
            )


def _told_apart(bench: Bench) -> None:
    connector = bench.subject.build()
    for answer, kind, error in bench.examples.faults:
        found = connector.fault(answer)
        demand(
            found is not None and found.kind is kind and found.error is error,
            f"{answer.status} {answer.body[:80]!r} is {found!r}, and means {kind.value!r} with {error.__name__}",
            "put the vendor's code into the connector's table",
        )


def _measured(bench: Bench) -> None:
    readings = 0
    for answer in (one.answer for outcome in bench.recorded for one in outcome.exchanges):
        readings += len(_quota(bench, answer.as_seen()))
        for garbled in _garbled(answer):
            _quota(bench, garbled)
    demand(readings, "no answer of the upstream yields a quota reading", "let the example upstream report its quota")


def _garbled(answer: Answer) -> Iterator[Response]:
    yield Answer(answer.status, (), answer.body).as_seen()
    yield Answer(answer.status, answer.headers, b"").as_seen()
    for at, (name, value) in enumerate(answer.headers):
        for other in (*GARBLED, value[:-1], value + "0" * 30, value.replace("1", "x"), value.replace("/", "/-")):
            changed = (*answer.headers[:at], (name, other), *answer.headers[at + 1 :])
            yield Answer(answer.status, changed, answer.body).as_seen()


def _quota(bench: Bench, seen: Response) -> list[object]:
    try:
        found = list(bench.subject.build().quota(seen))
    except Exception as error:  # noqa: BLE001 what it raises is what is judged
        broken(
            f"quota raised {type(error).__name__} for the headers {dict(seen.headers)!r:.200}",
            "give no reading where a header is missing or cannot be read",
        )
    for reading in found:
        problem = unsound_reading(reading)
        demand(not problem, f"quota: {problem}", "give whole counts of what the system says, or nothing")
    return list(found)


def _never_quoted(bench: Bench) -> None:
    said = "Bearer k1t quoted@vendor.example"
    bodies = [body.replace(b"SAID", said.encode()) for body in _SAYING]
    for told, _, _ in bench.examples.faults:
        bodies += bent(told.body, (said,))
    for status in (400, 401, 403, 404, 409, 429, 500, 503):
        for body in bodies:
            found = _fault(bench, Answer(status, body=body))
            ours = "" if found is None else f"{found.code} {found.sentence} {found.field}"
            demand(
                "quoted@vendor" not in ours,
                f"the words of the system are part of the fault's own: {ours!r}",
                "write the sentence yourself and put the system's words into Fault.text, which is released as data",
            )


_SAYING = (
    b"SAID",
    b'"SAID"',
    b'["SAID"]',
    b'{"error": "SAID", "message": "SAID", "detail": "SAID", "code": "SAID", "title": "SAID"}',
    b'{"error": {"message": "SAID", "code": "SAID", "status": "SAID"}}',
    b'{"errors": [{"message": "SAID", "code": "SAID", "field": "SAID"}]}',
    b'[{"message": "SAID", "errorCode": "SAID", "fields": ["SAID"]}]',
)


PROMISES = (
    Promise("classify, fault, quota and parse only compute", _alone),
    Promise("parse reads the example and refuses what is no query", _parsed, connector_parses),
    Promise("any status with any body is explained without raising", _explained),
    Promise("no status from 300 is a success, and each kind of failure is told", _no_success),
    Promise("the vendor's own errors are told apart", _told_apart, lambda bench: bool(bench.examples.faults)),
    Promise("what the system says is never part of our own sentence", _never_quoted),
    Promise(
        "quota is read off the answers, and missing or garbled headers do no harm",
        _measured,
        lambda bench: bench.subject.connector.quota is not Connector.quota,
    ),
)
