"""Which example call goes with each method of the contract, and what may it declare?"""

import hashlib
import io
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from isthmus.core.connector import Connector, Key, LineOutcome, Load, ObjectFacts, Pending, Upload
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.records import JSON, Aggregate, Condition, Order, Query
from isthmus.core.streams import NO_LINES
from isthmus.core.testing.subject import Run, Subject

__all__ = [
    "BYTES",
    "READS",
    "WRITES",
    "Call",
    "attaching",
    "calls_of",
    "changing",
    "creating",
    "downloading",
    "exporting",
    "getting",
    "invoking",
    "loading",
    "operation_of",
    "querying",
    "reconciling",
    "searching",
    "updating",
    "uploading",
]

READS = ("objects", "catalogue", "query", "get", "search", "aggregate", "probe")
WRITES: Mapping[str, frozenset[Effect]] = {
    "create": frozenset({Effect.CREATE}),
    "update": frozenset({Effect.UPDATE, Effect.TRANSITION}),
    "upsert": frozenset({Effect.CREATE, Effect.UPDATE, Effect.TRANSITION}),
    "delete": frozenset({Effect.DELETE}),
    "attach": frozenset({Effect.CREATE}),
}
LOADS: Mapping[str, frozenset[Effect]] = {
    "create": frozenset({Effect.CREATE}),
    "update": frozenset({Effect.UPDATE}),
    "upsert": frozenset({Effect.CREATE, Effect.UPDATE}),
    "delete": frozenset({Effect.DELETE}),
}
BYTES = b"k1t\r\n--\x00\xff\xfe<html>\n" + bytes(range(256)) * 4
"""What is attached: every byte there is, and what looks like something else."""
ROWS = 50
_VERBS = frozenset(one.value for one in Verb)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method of the contract, with the operation that core would judge."""

    name: str
    operation: Operation
    run: Callable[[Connector], Awaitable[object]]

    @property
    def writes(self) -> bool:
        """Tell whether it changes the system."""
        return self.operation.writes


def operation_of(
    subject: Subject,
    name: str,
    object: str | None = None,
    records: tuple[str, ...] = (),
    effects: frozenset[Effect] | None = None,
) -> Operation:
    """Describe a call as core would."""
    about = subject.examples.object if object is None else object
    return Operation(
        connection="example",
        system="example",
        tool=name,
        verb=Verb(name) if name in _VERBS else Verb.DESCRIBE,
        effects=WRITES.get(name, frozenset({Effect.READ})) if effects is None else effects,
        object=about,
        objects=frozenset({about}) | subject.connector.metadata_objects | _beside(subject, name),
        records=records,
        rows=ROWS,
    )


def _beside(subject: Subject, verb: str) -> frozenset[str]:
    """Name the objects in which files, and what actions touch, lie beside the record's own."""
    connector = subject.connector
    own = {"attach": connector.file_objects, "download": connector.file_objects, "invoke": connector.action_objects}
    return own.get(verb, frozenset())


def calls_of(subject: Subject) -> Sequence[Call]:
    """Return one call of each method that the connector implements."""
    return [*_reads(subject), *_writes(subject)]


def _reads(subject: Subject) -> Iterator[Call]:
    told, verbs = subject.examples, subject.connector.verbs()
    yield Call("objects", operation_of(subject, "objects", ""), lambda one: one.objects())
    yield Call("catalogue", operation_of(subject, "catalogue"), lambda one: one.catalogue(told.object))
    if "query" in verbs:
        yield querying(subject)
    if "export" in verbs:
        yield exporting(subject)
    if "changes" in verbs and told.since:
        yield changing(subject, told.since)
    if "download" in verbs and told.file:
        yield downloading(subject, told.file)
    if "get" in verbs:
        yield getting(subject, told.id)
    if "search" in verbs:
        yield searching(subject)
    if "aggregate" in verbs:
        counted = Aggregate(told.object, (told.measure,), (told.text,))
        yield Call("aggregate", operation_of(subject, "aggregate"), lambda one: one.aggregate(counted))
    if subject.connector.probe is not Connector.probe:
        yield Call("probe", operation_of(subject, "probe", ""), lambda one: one.probe())


def _writes(subject: Subject) -> Iterator[Call]:
    told, verbs = subject.examples, subject.connector.verbs()
    if "create" in verbs:
        yield creating(subject, told.values, told.key)
    if "update" in verbs:
        yield updating(subject, told.changes)
    if "upsert" in verbs and (key := told.key):
        doing = operation_of(subject, "upsert")
        yield Call("upsert", doing, lambda one: one.upsert(told.object, key, told.values))
    if "delete" in verbs:
        doing = operation_of(subject, "delete", records=(told.id,))
        yield Call("delete", doing, lambda one: one.delete(told.object, told.id, None))
    if "attach" in verbs:
        yield attaching(subject, uploading())
    if "load" in verbs:
        yield from (loading(subject, load) for load in told.loads)


def querying(
    subject: Subject,
    where: Condition | None = None,
    order_by: Sequence[Order] = (),
    limit: int = ROWS,
    *,
    object: str | None = None,
    select: Sequence[str] | None = None,
) -> Call:
    """Return a query of the example object and fields."""
    told = subject.examples
    about = told.object if object is None else object
    fields = tuple(dict.fromkeys((*told.fields, told.text))) if select is None else tuple(select)
    asked = Query(about, fields, where, tuple(order_by), limit)
    return Call("query", operation_of(subject, "query", about), lambda one: one.query(asked))


def exporting(subject: Subject, at: str = "", limit: int = ROWS, where: Condition | None = None) -> Call:
    """Return a read of the next of all records."""
    told = subject.examples
    asked = Query(told.object, tuple(dict.fromkeys((*told.fields, told.text))), where, limit=limit)
    return Call("export", operation_of(subject, "export"), lambda one: one.export(asked, at))


def changing(subject: Subject, since: str, limit: int = ROWS) -> Call:
    """Return a look at what changed."""
    told = subject.examples
    asked = Query(told.object, tuple(dict.fromkeys((*told.fields, told.text))), limit=limit)
    return Call("changes", operation_of(subject, "changes"), lambda one: one.changes(asked, since))


def uploading(name: str = "k1t.bin", content: bytes = BYTES) -> Upload:
    """Return a file on its way into the system."""
    sha256 = hashlib.sha256(content).hexdigest()
    return Upload(name, "application/octet-stream", len(content), sha256, partial(io.BytesIO, content))


def attaching(subject: Subject, file: Upload, id: str | None = None) -> Call:
    """Return an attach to the example record, or to another one."""
    told, record = subject.examples, subject.examples.id if id is None else id
    doing = operation_of(subject, "attach", records=(record,))
    return Call("attach", doing, lambda one: one.attach(told.object, record, file))


def downloading(subject: Subject, file: str, id: str | None = None, into: io.BytesIO | None = None) -> Call:
    """Return a download of a file of the example record, or of another one."""
    told, record = subject.examples, subject.examples.id if id is None else id
    doing = operation_of(subject, "download", records=(record, file))
    return Call(
        "download",
        doing,
        lambda one: one.download(told.object, record, file, io.BytesIO() if into is None else into),
    )


def loading(subject: Subject, load: Load, begun: list[tuple[str, int]] | None = None) -> Call:
    """Return a load; `begun` gets each job with the number of requests that were sent by then."""
    ids = tuple(line.id for line in load.lines if line.id)
    doing = operation_of(subject, "load", load.object, ids, LOADS[load.action])

    async def run(one: Connector) -> object:
        async def note(job: str, unsent: Mapping[int, LineOutcome] = NO_LINES) -> None:  # noqa: ARG001 none may leave
            if begun is not None and job:
                begun.append((job, one.http.scope.meter.requests))

        return await one.load(load, note)

    return Call("load", doing, run)


def invoking(subject: Subject, facts: ObjectFacts, run: Run, arguments: Mapping[str, JSON] | None = None) -> Call:
    """Return a run of an action, with its own arguments or others."""
    action = facts.action(run.action)
    id = (run.id or subject.examples.id) if action.on_record else ""
    told = run.arguments if arguments is None else arguments
    doing = operation_of(subject, "invoke", facts.name, (id,) if id else (), action.effects)
    return Call("invoke", doing, lambda one: one.invoke(facts.name, run.action, id, told, "k1t-run"))


def searching(subject: Subject, limit: int = 5) -> Call:
    """Return a search of the example object by the example words."""
    told = subject.examples
    sought = {told.object: told.fields}
    return Call("search", operation_of(subject, "search"), lambda one: one.search(told.words, sought, limit))


def getting(subject: Subject, id: str, object: str | None = None) -> Call:
    """Return a read of one record."""
    about = subject.examples.object if object is None else object
    doing = operation_of(subject, "get", about, (id,))
    return Call("get", doing, lambda one: one.get(about, id, subject.examples.fields))


def creating(subject: Subject, values: Mapping[str, JSON], key: Key | None) -> Call:
    """Return a create of the example object."""
    about = subject.examples.object
    return Call("create", operation_of(subject, "create"), lambda one: one.create(about, values, key))


def updating(subject: Subject, changes: Mapping[str, JSON], id: str | None = None, version: str | None = None) -> Call:
    """Return a change of the example record, or of another one."""
    about, record = subject.examples.object, subject.examples.id if id is None else id
    doing = operation_of(subject, "update", records=(record,))
    return Call("update", doing, lambda one: one.update(about, record, changes, version))


def reconciling(subject: Subject, pending: Pending) -> Call:
    """Return a reading back, which may do no more than read."""
    looking = operation_of(subject, "reconcile", records=(pending.id,) if pending.id else ())
    doing = replace(looking, objects=looking.objects | _beside(subject, pending.verb))
    return Call("reconcile", doing, lambda one: one.reconcile(pending))
