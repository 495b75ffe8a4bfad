"""What stays behind after a call: in errors, in logs, on the connector?"""

from collections.abc import Iterator

import httpx2

from isthmus.core.connector import Connector
from isthmus.core.errors import IsthmusError
from isthmus.core.records import Compare, Operator
from isthmus.core.testing.bench import SECRET, Bench, Outcome, Replay
from isthmus.core.testing.calls import Call, creating, querying, updating
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES"]

PRIVATE = "k1t private 5551 0199"


class _Echo(httpx2.AsyncBaseTransport):
    """A careless system: it shows in its answers what it was sent, the login too."""

    def __init__(self, status: int, form: str) -> None:
        self._status, self._form = status, form

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        login = request.headers.get("authorization", "")
        headers = {"content-type": "application/json", "x-echo": login, "location": f"/?token={login}"}
        return httpx2.Response(self._status, headers=headers, content=self._form.replace("TOLD", login).encode())


FORMS = (
    "TOLD",
    '"TOLD"',
    '{"error": "TOLD", "message": "TOLD", "code": "TOLD", "id": 7, "detail": "TOLD"}',
    '{"error": {"message": "TOLD", "code": "TOLD"}}',
    '[{"message": "TOLD", "errorCode": "TOLD", "fields": ["TOLD"]}]',
)


def _secret(bench: Bench) -> None:
    for call in bench.calls:
        for status in (200, 201, 302, 400, 401, 403, 404, 409, 429, 500, 503):
            for form in FORMS:
                connector = bench.subject.build()
                outcome = bench.play(call, _Echo(status, form), connector=connector)
                places = {"the error": " ".join(_told(outcome.error)), "the log or the output": outcome.said}
                places["the repr of the connector"] = f"{connector!r} {vars(connector)!r}"
                for place, text in places.items():
                    demand(
                        SECRET not in text,
                        f"the credential that the system echoed with {status} is in {place} of {call.name}",
                        "keep the system's words in Fault.text, and print, log and store nothing of an answer",
                    )


def _told(error: BaseException | None) -> Iterator[str]:
    """Yield all that a traceback, a log line or an agent would see of an error and its causes."""
    while error is not None:
        yield from (str(error), repr(error), str(getattr(error, "__notes__", "")))
        if isinstance(error, IsthmusError):
            yield str(error.details())
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _value(bench: Bench) -> None:
    for call in _private(bench):
        outcome = bench.play(call, Replay(bench.recording(call.name).exchanges))
        for place, text in (("the log or the output", outcome.said), ("the error", " ".join(_told(outcome.error)))):
            demand(
                PRIVATE not in text,
                f"a value of {call.name} is in {place}",
                "log and quote no values: they are people's data, and where they may go is for flow rules to say",
            )


def _private(bench: Bench) -> Iterator[Call]:
    subject, told = bench.subject, bench.examples
    if "query" in bench.verbs:
        yield querying(subject, Compare(told.text, Operator.EQ, PRIVATE))
    if "create" in bench.verbs:
        yield creating(subject, {**told.values, told.text: PRIVATE}, None)
    if "update" in bench.verbs:
        yield updating(subject, {**told.changes, told.text: PRIVATE})


def _nothing(bench: Bench) -> None:
    for outcome in bench.recorded:
        connector = bench.subject.build()
        before = {name: repr(value) for name, value in vars(connector).items()}
        first = _again(bench, outcome, connector, "anna")
        demand(
            {name: repr(value) for name, value in vars(connector).items()} == before,
            f"{outcome.call.name} left something on the connector",
            "keep nothing of a call on the connector: it serves every user; core caches what may be cached",
        )
        second = _again(bench, outcome, connector, "bert")
        demand(
            _asked(first) == _asked(second),
            f"{outcome.call.name} asked {len(_asked(first))} times for one user and {len(_asked(second))} for the next",
            "ask the system in every call: what one user may read, another may not",
        )


def _again(bench: Bench, outcome: Outcome, connector: Connector, user: str) -> Outcome:
    return bench.play(outcome.call, Replay(outcome.exchanges), connector=connector, user=user)


def _asked(outcome: Outcome) -> list[tuple[str, str]]:
    return [(one.request.method, str(one.request.url)) for one in outcome.exchanges]


PROMISES = (
    Promise("a credential shows in no error, log, output or repr, whatever the system echoes", _secret),
    Promise("a value shows in no error, log or output", _value),
    Promise("a call leaves nothing behind for the next user", _nothing),
)
