"""How are many records written in few requests, and what became of each line?

Each line is a change set of its own, so that a line that fails takes no other with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from isthmus.connectors.sap.faults import part_fault
from isthmus.connectors.sap.odata.answers import Rows, entity_of
from isthmus.connectors.sap.odata.batch import ChangeSet, Part
from isthmus.connectors.sap.odata.edm import EntitySet, Version
from isthmus.connectors.sap.odata.messages import notes_of
from isthmus.connectors.sap.odata.options import entity_options
from isthmus.connectors.sap.odata.values import body_of, spelling
from isthmus.connectors.sap.reading import read_rows
from isthmus.connectors.sap.way import Way
from isthmus.connectors.sap.writing import changed, created, guarding
from isthmus.core.connector import Begun, Line, LineOutcome, Load, Loaded, Written
from isthmus.core.errors import InvalidArguments, IsthmusError, UpstreamError
from isthmus.core.http import Path, Response, query_string
from isthmus.core.records import JSON, MOST_ROWS, Compare, Operator, Query, Row
from isthmus.core.resilience import FaultKind

__all__ = ["load_lines", "rows_by_ids", "rows_by_keys"]

AT_ONCE, MOST_BYTES = 50, 1 << 20
"""Lines of one batch, and bytes of their bodies as far as one alone has not more."""
KEYS_AT_ONCE = 20
"""How many keys one query asks for: each is part of its address."""
UNSURE = (FaultKind.UNKNOWN, FaultKind.TRANSIENT)


@dataclass(frozen=True, slots=True)
class _Write:
    """One line on its way; `id` is the record of a change or a deletion."""

    part: Part
    values: Mapping[str, JSON]
    id: str = ""


async def load_lines(way: Way, load: Load, begun: Begun) -> Loaded:
    """Write the lines, once it is durable which of them will not leave.

    Raises what a request does where nothing was written, or nobody knows what became of some.
    """
    if load.action == "upsert":
        raise InvalidArguments("no service changes or creates by a key; load creates and updates apart", field="action")
    entity_set = way.set_of(load.object)
    outcomes, writes = dict[int, LineOutcome](), dict[int, _Write]()
    for number, line in enumerate(load.lines):
        try:
            writes[number] = _write(way, entity_set, load, line)
        except InvalidArguments as error:
            outcomes[number] = LineOutcome(code=error.reason, field=error.field)
    outcomes |= await _taken(way, load, writes) if load.action == "create" else await _marked(way, load, writes)
    due = {number: one for number, one in writes.items() if number not in outcomes}
    if due and outcomes:
        await begun("", outcomes)
    outcomes |= await _written(way, entity_set, due)
    return Loaded([outcomes[number] for number in range(len(load.lines))])


async def _taken(way: Way, load: Load, writes: Mapping[int, _Write]) -> dict[int, LineOutcome]:
    """Refuse lines whose key a record has already, or an earlier line: no service keeps it unique."""
    property, outcomes = way.set_of(load.object).properties.get(load.key_field), dict[int, LineOutcome]()
    keys = {number: key for number in writes if (key := load.lines[number].key) and property is not None}
    if property is None or not keys:
        return outcomes
    taken = set(await rows_by_keys(way, load, [*keys.values()], ()))
    for number, key in keys.items():
        told = spelling(key, property)
        if told in taken:
            outcomes[number] = LineOutcome(code="key_taken", field=load.key_field)
        taken.add(told)
    return outcomes


async def _marked(way: Way, load: Load, writes: dict[int, _Write]) -> dict[int, LineOutcome]:
    """Mark each line with the version that its record has now, since a load names none; tell of those it cannot."""
    ids = {number: one.id for number, one in writes.items()}
    rows, refused = await rows_by_ids(way, load.object, [*ids.values()], way.set_of(load.object).keys)
    for number, one in writes.items():
        if one.id in rows:
            headers = {**one.part.headers, **guarding(rows[one.id].version)}
            writes[number] = replace(one, part=replace(one.part, headers=headers))
    return {number: refused[id] for number, id in ids.items() if id in refused}


def _write(way: Way, entity_set: EntitySet, load: Load, line: Line) -> _Write:
    """Write one line as a part of a batch; raises InvalidArguments."""
    if load.action == "delete":
        return _Write(way.part("DELETE", way.entity(entity_set, line.id)), {}, line.id)
    if load.action == "update":
        method = "MERGE" if way.service.version is Version.V2 else "PATCH"
        body = body_of(line.values, entity_set, way.service, creating=False)
        return _Write(way.part(method, way.entity(entity_set, line.id), body), line.values, line.id)
    values = dict(line.values)
    if line.key is not None and load.key_field:
        values[load.key_field] = line.key
    body = body_of(values, entity_set, way.service, creating=True)
    return _Write(way.part("POST", way.collection(entity_set), body), values)


async def _written(way: Way, entity_set: EntitySet, writes: Mapping[int, _Write]) -> dict[int, LineOutcome]:
    answers = dict[int, Response]()
    stopped = await _sent(way, writes, answers)
    outcomes = {number: LineOutcome(code=stopped or "not_reached") for number in writes}
    return outcomes | {number: _outcome(way, entity_set, writes[number], one) for number, one in answers.items()}


async def _sent(way: Way, writes: Mapping[int, _Write], answers: dict[int, Response]) -> str:
    """Send the lines in batches and collect their answers; return the reason why some did not go.

    Raises what a request does where nothing is answered, or where it is not known what became of what was sent.
    """
    meter, due = way.http.scope.meter, list(writes)
    while due:
        portion = _portion(writes, due)
        entries = [ChangeSet((writes[number].part,)) for number in portion]
        try:
            answer = await way.send_batch(entries)
        except IsthmusError as error:
            if not answers or meter.writes_sent > meter.writes_answered:
                raise
            return error.reason
        reached = len(answers)
        for number, one in zip(portion, way.told_of(answer, entries), strict=True):
            told = one.refusal or next(iter(one.responses), None)
            if told is not None:
                answers[number] = told
        if len(answers) == reached:
            break
        due = [number for number in due if number not in answers]
    return ""


def _portion(writes: Mapping[int, _Write], due: Sequence[int]) -> Sequence[int]:
    size, chosen = 0, list[int]()
    for number in due[:AT_ONCE]:
        size += len(writes[number].part.body)
        if chosen and size > MOST_BYTES:
            break
        chosen.append(number)
    return chosen


def _outcome(way: Way, entity_set: EntitySet, write: _Write, answer: Response) -> LineOutcome:
    """Read what became of a line; raises UpstreamError where its answer does not tell."""
    fault = part_fault(answer)
    if fault is not None:
        if fault.kind in UNSURE and not 400 <= answer.status < 500:
            raise UpstreamError("the service did not say what became of every line; it is read back", code="no_answer")
        return LineOutcome(code=fault.code, field=fault.field, text=fault.text)
    if write.part.method == "DELETE":
        return LineOutcome(write.id, notes=notes_of(answer))
    done: Written
    if write.id:
        done = changed(way, entity_set, write.id, write.values, answer)
    else:
        done, _ = created(way, entity_set, write.values, answer)
    return LineOutcome(done.id, created=done.created, altered=tuple(sorted(done.altered)), notes=done.notes)


async def rows_by_keys(way: Way, load: Load, keys: Sequence[str], names: Sequence[str]) -> dict[str, list[Row]]:
    """Map each key that records have in the key field of a load, by its `spelling`, to these records."""
    property, found = way.set_of(load.object).properties[load.key_field], dict[str, list[Row]]()
    for some in _some(list(dict.fromkeys(keys)), KEYS_AT_ONCE):
        where = Compare(load.key_field, Operator.IN, tuple(some))
        for row in await read_rows(way, Query(load.object, (load.key_field, *names), where, limit=MOST_ROWS)):
            found.setdefault(spelling(row.fields[load.key_field], property), []).append(row)
    return found


async def rows_by_ids(
    way: Way, object: str, ids: Sequence[str], names: Sequence[str]
) -> tuple[dict[str, Row], dict[str, LineOutcome]]:
    """Read records by their ids, many in one request; of those that cannot be read it is told why."""
    entity_set, found, refused = way.set_of(object), dict[str, Row](), dict[str, LineOutcome]()
    reading = Rows(object, entity_set, way.service, names)
    options = query_string(entity_options(names, entity_set, way.service))
    due = list(dict.fromkeys(ids))
    while due:
        some = due[:AT_ONCE]
        parts = [way.part("GET", Path(f"{way.entity(entity_set, id)}?{options}")) for id in some]
        told = way.told_of(await way.send_batch(parts), parts)
        for id, one in zip(some, told, strict=True):
            for answer in one.responses:
                fault = part_fault(answer)
                if fault is not None:
                    refused[id] = LineOutcome(code=fault.code, field=fault.field, text=fault.text)
                else:
                    found[id] = reading.row(entity_of(answer.json(), way.service.version), answer.headers)
                    if found[id].id != id:
                        raise UpstreamError("the service gave another record", code="unreadable_answer", object=object)
        if not told[0].responses:
            raise UpstreamError("the service reached no part of a batch", code="unreadable_answer", object=object)
        due = [id for id in due if id not in found and id not in refused]
    return found, refused


def _some(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[at : at + size] for at in range(0, len(names), size))
