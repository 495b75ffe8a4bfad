"""Does reading back tell what became of a write, and never guess?"""

import json
from collections.abc import Iterator, Mapping, Sequence

from isthmus.core.connector import Connector, Key, Pending, Settlement, Upload, Written
from isthmus.core.records import JSON
from isthmus.core.testing.bench import Answer, Bench, Outcome, Replay
from isthmus.core.testing.calls import Call, creating, reconciling, uploading
from isthmus.core.testing.hostile import at
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.soundness import unsound
from isthmus.core.testing.violation import broken, demand

__all__ = ["PROMISES"]

LATE = 86_400.0
ELSE = "k1t wrote this"


def _implemented(bench: Bench) -> bool:
    return bench.subject.connector.reconcile is not Connector.reconcile


def _keyed(bench: Bench) -> bool:
    return _implemented(bench) and "create" in bench.verbs and bench.examples.key is not None


def _settled(outcome: Outcome) -> Settlement:
    """Return the settlement of a reading back; it must have done nothing but read."""
    found, said = outcome.value, unsound("reconcile", outcome.result)
    writes = [part.effect for one in outcome.exchanges for part in one.parts if part.effect.writes]
    demand(not writes, f"reconcile would {writes}", "only read while reading back")
    if said or not isinstance(found, tuple) or not isinstance(found[0], Settlement):
        broken(f"reconcile: {said}", "return a Settlement and what was written, or None")
    return found[0]


def _happened(bench: Bench) -> None:
    told = bench.examples
    for call, pending in _done(bench):
        outcome = bench.run(call, reconciling(bench.subject, pending))
        settlement = _settled(outcome)
        demand(
            settlement is not Settlement.NOT_HAPPENED,
            f"{call.name} was done, and reconcile says that it was not",
            "say NOT_HAPPENED only where the system's answer proves it",
        )
        if call.name == "create" and pending.key:
            written = outcome.value[1] if isinstance(outcome.value, tuple) else None
            demand(
                settlement is Settlement.HAPPENED and isinstance(written, Written) and written.id,
                f"a create with key {told.key!r} was done, and reconcile says {settlement.value} and {written!r}",
                "look the record up by its key, compare its values, and return its id",
            )


def _done(bench: Bench) -> Iterator[tuple[Call, Pending]]:
    """Yield a write of each kind with what is pending if its answer is lost."""
    told = bench.examples
    # What becomes of loads is asked where loads are; what actions leave to be found differs from one to the next.
    for call in (one for one in bench.calls if one.writes and one.name not in ("load", "invoke")):
        keyed = told.key if call.name in ("create", "upsert") else None
        if call.name == "create" and keyed is None:
            continue
        id = told.id if call.name in ("update", "delete", "attach") else ""
        values = {"update": told.changes, "delete": {}, "attach": _about(uploading())}.get(call.name, told.values)
        yield call, Pending(call.name, told.object, id=id, key=keyed, values=values, age=LATE)


def _about(file: Upload) -> Mapping[str, JSON]:
    return {"name": file.name, "type": file.type, "size": file.size, "sha256": file.sha256}


def _not_claimed(bench: Bench) -> None:
    told, never = bench.examples, "k1t never written"
    for call, pending in _done(bench):
        key = Key(pending.key.field, "k1t-never") if pending.key else None
        values = {**pending.values, told.text: never} if pending.values else {}
        if call.name == "attach":
            values = dict(_about(uploading("k1t-never.bin", never.encode())))
        for age in (0.0, LATE):
            lost = Pending(call.name, told.object, id=pending.id, key=key, values=values, age=age)
            settlement = _settled(bench.run(reconciling(bench.subject, lost)))
            demand(
                settlement is not Settlement.HAPPENED,
                f"{call.name} was never sent, and reconcile says that it happened",
                "say HAPPENED only where key and values are there",
            )
            demand(
                age > 0 or settlement is not Settlement.NOT_HAPPENED,
                f"{call.name} left this instant, and reconcile already says that it did not happen",
                "look at `Pending.age`: the system may still be at it; say CANNOT_TELL until it has certainly ended",
            )


def _unkeyed(bench: Bench) -> None:
    told = bench.examples
    lost = Pending("create", told.object, values=told.values, age=LATE)
    settlement = _settled(bench.run(creating(bench.subject, told.values, None), reconciling(bench.subject, lost)))
    demand(
        settlement is Settlement.CANNOT_TELL,
        f"a record like the one created is there, and reconcile says {settlement.value} of a create without key",
        "say CANNOT_TELL without a key: likeness is no proof",
    )


def _somebody_elses(bench: Bench) -> None:
    told = bench.examples
    lost = Pending("create", told.object, key=told.key, values=told.values, age=LATE)
    call = reconciling(bench.subject, lost)
    recorded = bench.run(creating(bench.subject, told.values, told.key), call)
    value = json.dumps(told.values.get(told.text)).encode()

    def other(_: int, answer: Answer) -> Answer:
        return Answer(answer.status, answer.headers, answer.body.replace(value, json.dumps(ELSE).encode()))

    settlement = _settled(bench.play(call, Replay(recorded.exchanges, other)))
    demand(
        settlement is not Settlement.HAPPENED,
        f"the record with this key has another {told.text}, and reconcile says that the create happened",
        "compare the values too: somebody else may have used the key",
    )


def _failing(bench: Bench) -> None:
    for call, pending in _done(bench):
        back = reconciling(bench.subject, pending)
        recorded = bench.run(call, back).exchanges
        for position in range(len(recorded)):
            for failure in _failures():
                outcome = bench.play(back, Replay(recorded, at(position, failure)))
                demand(outcome.typed, f"reconcile raised {outcome.error!r}", "let the errors of self.http through")
                demand(
                    outcome.error is not None or _settled(outcome) is Settlement.CANNOT_TELL,
                    f"reading back {call.name} met {failure.status} {failure.body[:40]!r}, and reconcile decided",
                    "let the error through, or say CANNOT_TELL, where the system did not answer",
                )


def _failures() -> Sequence[Answer]:
    html = (("content-type", "text/html"),)
    plain = [Answer(status, body=b"{}") for status in (302, 401, 403, 429, 500, 502, 503)]
    return [*plain, Answer(200, html, b"<html>Sign in</html>"), Answer(200, body=b'{"cut": ')]


PROMISES = (
    Promise("a write that was done is recognised, and never called undone", _happened, _implemented),
    Promise("a write that was not done is never claimed, nor called undone at once", _not_claimed, _implemented),
    Promise("a create without a key is never guessed by likeness", _unkeyed, _keyed),
    Promise("a record of somebody else with the same key is no proof", _somebody_elses, _keyed),
    Promise("a reading back that fails settles nothing", _failing, _implemented),
)
