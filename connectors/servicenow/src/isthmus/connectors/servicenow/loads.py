"""How are many records written in few requests, and what became of each line?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from isthmus.connectors.servicenow.answers import ID, VERSION, text_at
from isthmus.connectors.servicenow.batch import LARGEST_PART, Part, encoded, send_parts
from isthmus.connectors.servicenow.faults import fault_of
from isthmus.connectors.servicenow.ids import checked_id, id_of_key, is_id
from isthmus.connectors.servicenow.queries import groups_of, text_of
from isthmus.connectors.servicenow.readback import absent, settle
from isthmus.connectors.servicenow.tables import BY_ID, DELETED, Tables, check_class
from isthmus.connectors.servicenow.writing import key_value, keyed, sent_of, shown, written
from isthmus.core.connector import Key, Line, LineOutcome, Load, Loaded, ObjectFacts, Pending, Settlement
from isthmus.core.errors import InvalidArguments, IsthmusError, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.records import JSON, AnyOf, Compare, Condition, Operator
from isthmus.core.resilience import FaultKind

__all__ = ["load_lines", "read_back"]

AT_ONCE = 50
"""How many keys or ids one look asks for."""
UNSURE = (FaultKind.UNKNOWN, FaultKind.TRANSIENT)


@dataclass(frozen=True, slots=True)
class _Write:
    """One line on its way: its part of a batch, and what is sent, to compare the answer with."""

    part: Part
    sent: Mapping[str, str]
    id: str = ""


async def load_lines(tables: Tables, load: Load) -> Loaded:
    """Write the lines, each on its own: what stops one stops no other.

    Raises what a request does where nothing was written yet, and UpstreamError where nobody knows what became of some.
    """
    facts = await tables.facts_of(load.object)
    known = await _known(tables, load, facts) if load.action == "upsert" else {}
    elsewhere = await _elsewhere(tables, load)
    outcomes: dict[int, LineOutcome] = {}
    writes: dict[int, _Write] = {}
    for number, line in enumerate(load.lines):
        try:
            check_class(load.object, elsewhere.get(line.id.lower(), {}))
            writes[number] = _write(tables, load, line, facts, known)
        except (InvalidArguments, UpstreamRejected) as error:
            outcomes[number] = LineOutcome(code=error.reason, field=error.field)
    http = tables.http.on(*(one.id for one in writes.values() if one.id)) if known else tables.http
    outcomes |= await _sent(replace(tables, http=http), writes, facts)
    return Loaded([outcomes[number] for number in range(len(load.lines))])


async def _sent(tables: Tables, writes: Mapping[int, _Write], facts: ObjectFacts) -> dict[int, LineOutcome]:
    numbers, answers, stopped = list(writes), dict[int, Response](), "unserviced"
    meter = tables.http.scope.meter
    try:
        await send_parts(tables.http, tables.path("/batch"), [writes[number].part for number in numbers], answers)
    except IsthmusError as error:
        told_nothing = error.reason == "unreadable_answer"
        if not answers or told_nothing or meter.writes_sent > meter.writes_answered:
            raise
        # All that was sent is answered, so the rest was not written, and this is why.
        stopped = error.reason
    outcomes = {number: LineOutcome(code=stopped) for number in numbers}
    for at, answer in answers.items():
        outcomes[numbers[at]] = _outcome(writes[numbers[at]], facts, answer)
    return outcomes


def _write(tables: Tables, load: Load, line: Line, facts: ObjectFacts, known: Mapping[str, Sequence[str]]) -> _Write:
    """Write one line as its part; raises InvalidArguments, or UpstreamRejected where its key names several records."""
    id = checked_id(line.id) if load.action in ("update", "delete") else ""
    if load.action == "delete":
        return _Write(Part("DELETE", tables.path("/table/{}/{}", load.object, id), {}), {}, id)
    values, key = dict(line.values), Key(load.key_field, line.key) if line.key is not None else None
    if load.action == "upsert":
        found = known.get(_spelled(line.key or ""), ())
        if len(found) > 1:
            raise UpstreamRejected(f"several records have this {load.key_field}", field=load.key_field)
        id = found[0] if found else ""
        if id:
            values.pop(load.key_field, None)
    sent = sent_of(facts, values)
    if not id and key is not None:
        sent = keyed(load.object, sent, key, facts)
    body = encoded(sent)
    if len(body) > LARGEST_PART:
        raise InvalidArguments("the values of this line are too large for one request")
    where = tables.path("/table/{}/{}", load.object, id) if id else tables.path("/table/{}", load.object)
    return _Write(Part("PATCH" if id else "POST", where, dict(shown(sent)), body), sent, id)


def _outcome(write: _Write, facts: ObjectFacts, answer: Response) -> LineOutcome:
    """Read what became of a line; raises UpstreamError where its answer does not tell."""
    fault = fault_of(answer)
    if fault is not None:
        if fault.kind in UNSURE and not 400 <= answer.status < 500:
            raise _unsure()
        return LineOutcome(code=fault.code, field=fault.field, text=fault.text)
    if write.part.method == "DELETE":
        if answer.status != 204:
            raise _unsure()
        return LineOutcome(write.id)
    done = written(facts, write.sent, answer, created=not write.id, id=write.id)
    return LineOutcome(done.id, created=done.created, altered=tuple(sorted(done.altered)))


def _unsure() -> UpstreamError:
    return UpstreamError("the instance did not say what became of every line; it is read back", code="no_answer")


async def _known(tables: Tables, load: Load, facts: ObjectFacts) -> Mapping[str, Sequence[str]]:
    """Map each key of an upsert to the ids of the records that have it; raises UpstreamRejected where one is hidden."""
    found: dict[str, list[str]] = {}
    for one in await _by_keys(tables, load, facts, (ID, *await tables.classed(load.object))):
        check_class(load.object, one)
        found.setdefault(_spelled(text_at(one, facts.field(load.key_field).name)), []).append(text_at(one, ID))
    return found


async def _elsewhere(tables: Tables, load: Load) -> Mapping[str, Mapping[str, JSON]]:
    """Read in which table each record that a line names lies, where it may be one below."""
    classed, found = await tables.classed(load.object), dict[str, Mapping[str, JSON]]()
    named = [checked_id(line.id) for line in load.lines if line.id]
    for some in _some(named) if classed else ():
        page = await tables.by_id(load.object, some, (ID, *classed))
        found |= {text_at(one, ID).lower(): one for one in page.records}
    return found


async def _by_keys(
    tables: Tables, load: Load, facts: ObjectFacts, fields: Sequence[str]
) -> Sequence[Mapping[str, JSON]]:
    """Read the records that have one of the keys, or whose id follows from one."""
    field, found = facts.field(load.key_field), list[Mapping[str, JSON]]()
    names = tuple(dict.fromkeys((ID, field.name, *fields)))
    for some in _some([one.key for one in load.lines if one.key]):
        terms: list[Condition] = []
        for key in some:
            derived = id_of_key(load.object, field.name, key)
            value = key_value(Key(field.name, key), field)
            if field.name != ID:
                terms.append(Compare(field.name, Operator.EQ, value))
            terms.append(Compare(ID, Operator.EQ, value if field.name == ID and is_id(value) else derived))
        text = text_of(groups_of(AnyOf(tuple(terms))), (BY_ID,))
        page = await tables.list(load.object, text, names, 4 * AT_ONCE)
        if page.hidden:
            raise UpstreamRejected(
                f"a record with one of these keys in {field.name} may be hidden from this identity",
                object=load.object,
                field=field.name,
            )
        found += page.records
    return found


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))


def _spelled(key: str) -> str:
    """Write a key as an instance compares it: in any letter case."""
    return key.strip().casefold()


async def read_back(tables: Tables, pending: Pending, load: Load) -> tuple[Settlement, Loaded | None]:
    """Tell of every line whether it was written; as long as one cannot be told, the load cannot."""
    facts = await tables.facts_of(load.object)
    if load.action in ("create", "upsert"):
        if not load.key_field or any(not one.key for one in load.lines):
            return Settlement.CANNOT_TELL, None
        settled = await _back_by_key(tables, pending, load, facts)
    else:
        settled = await _back_by_id(tables, pending, load, facts)
    if any(told is Settlement.CANNOT_TELL for told, _ in settled):
        return Settlement.CANNOT_TELL, None
    if all(told is Settlement.NOT_HAPPENED for told, _ in settled):
        return Settlement.NOT_HAPPENED, None
    created = load.action == "create"
    return Settlement.HAPPENED, Loaded(
        [
            LineOutcome(id, created=created) if told is Settlement.HAPPENED else LineOutcome(code="not_written")
            for told, id in settled
        ]
    )


def _names(load: Load) -> tuple[str, ...]:
    return tuple(dict.fromkeys((ID, VERSION, *(name for one in load.lines for name in one.values))))


async def _back_by_key(
    tables: Tables, pending: Pending, load: Load, facts: ObjectFacts
) -> Sequence[tuple[Settlement, str]]:
    field = facts.field(load.key_field)
    rows = await _by_keys(tables, load, facts, _names(load))
    settled = []
    for line in load.lines:
        key = Key(field.name, line.key or "")
        own = id_of_key(load.object, field.name, key.value)
        mine = [one for one in rows if _is_of(one, field.name, key.value, own)]
        asked = replace(pending, verb=load.action, key=key, values=line.values, load=None)
        settled.append((settle(asked, facts, mine), text_at(mine[0], ID) if mine else ""))
    return settled


def _is_of(row: Mapping[str, JSON], field: str, key: str, derived: str) -> bool:
    return text_at(row, ID) == derived or _spelled(text_at(row, field)) == _spelled(key)


async def _back_by_id(
    tables: Tables, pending: Pending, load: Load, facts: ObjectFacts
) -> Sequence[tuple[Settlement, str]]:
    ids = [checked_id(one.id) for one in load.lines]
    rows: dict[str, Mapping[str, JSON]] = {}
    gone: set[str] = set()
    for some in _some(ids):
        page = await tables.by_id(load.object, some, _names(load))
        if page.hidden:
            return [(Settlement.CANNOT_TELL, "")]
        rows |= {text_at(one, ID).lower(): one for one in page.records}
        missing = [one for one in some if one.lower() not in rows]
        gone |= await _gone(tables, missing) if load.action == "delete" and missing else set()
    settled = []
    for line in load.lines:
        row = rows.get(line.id.lower())
        if load.action == "update":
            asked = replace(pending, verb="update", id=line.id, key=None, values=line.values, load=None)
            told = settle(asked, facts, [row] if row else [])
        elif row is not None:
            told = absent(pending)
        else:
            told = Settlement.HAPPENED if line.id.lower() in gone else Settlement.CANNOT_TELL
        settled.append((told, line.id))
    return settled


async def _gone(tables: Tables, ids: Sequence[str]) -> set[str]:
    where = Compare("documentkey", Operator.IN, tuple(ids))
    try:
        told = await tables.list(DELETED, text_of(groups_of(where), (BY_ID,)), (ID, "documentkey"), 4 * AT_ONCE)
    except UpstreamRejected:
        return set()
    return {text_at(one, "documentkey").lower() for one in told.records}
