"""Is a write refused where the record changed since it was read?"""

from collections.abc import Mapping

from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import VersionConflict
from isthmus.core.records import Row
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.calls import WRITES, Call, getting, operation_of, updating
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES"]


def _guarded(bench: Bench) -> None:
    facts = bench.recording("catalogue").value
    if not isinstance(facts, ObjectFacts) or facts.version_field is None:
        return
    told, read = bench.examples, bench.run(getting(bench.subject, bench.examples.id)).value
    version = read.version if isinstance(read, Row) else None
    demand(version, "get gave a row without version, and the catalogue names a version field", "fill `Row.version`")
    fresh = bench.run(updating(bench.subject, told.changes, version=version))
    guard = getattr(fresh.value, "guard", None)
    demand(guard in ("server", "read"), f"an update with a version has guard {guard!r}", "say who compared it")
    first = updating(bench.subject, told.changes)
    late: Mapping[str, Call] = {
        "update": updating(bench.subject, {**told.changes, told.text: "k1t is late"}, version=version),
        "delete": Call(
            "delete",
            operation_of(bench.subject, "delete", records=(told.id,)),
            lambda one: one.delete(told.object, told.id, version),
        ),
    }
    for name in sorted(bench.verbs & late.keys()):
        outcome = bench.run(first, late[name])
        demand(
            isinstance(outcome.error, VersionConflict),
            f"{name} with the version before last ended with {outcome.error!r}",
            "let the system compare versions, or read and compare just before; raise VersionConflict",
        )
        wrote = [one for one in outcome.exchanges if any(part.effect in WRITES[name] for part in one.parts)]
        refused = [one for one in wrote if one.answer.status < 400]
        demand(not refused, f"{name} with an old version was done all the same", "compare before the write is sent")


PROMISES = (
    Promise(
        "a write with an old version is refused, where records have versions",
        _guarded,
        lambda one: {"get", "update"} <= one.verbs,
    ),
)
