"""Which typed method does every verb have? Written once; each of `faces` says only how it waits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Generic, Literal, TypeVar

from isthmus.core.arguments import EXPORTED
from isthmus.core.errors import InvalidArguments
from isthmus.core.files import File, upload_of
from isthmus.core.models import Change, Model, Named, New, asked_of, object_of, page_of, values_of
from isthmus.core.records import (
    JSON,
    USUAL_LINES,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Negated,
    Order,
    Page,
    Query,
    Record,
    Value,
)
from isthmus.core.results import Answer, Description, Groups, Result, value_json
from isthmus.core.streams import Loaded, Upload

__all__ = ["Ask", "told"]

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class Ask(Generic[R]):
    """What a typed method asks of `call`: the tool, its arguments as JSON, and the type of its answer.

    `named` is what the caller called the object: a class makes its own objects of the records. `first` is the number
    of a load's first line, `upload` the file that goes along.
    """

    tool: str
    arguments: Mapping[str, JSON]
    answer: type[R]
    named: Named = ""
    first: int = 0
    upload: Upload | None = None

    def following(self, result: Result) -> "Ask[R] | None":
        """Ask for the page behind a page; None where there is none."""
        after = result.after if isinstance(result, Page) else None
        return replace(self, arguments={**self.arguments, "after": after}) if after else None

    def answered(self, result: Result) -> object:
        """Return the answer as its type, or as objects of the class that was asked for."""
        if not isinstance(result, self.answer):
            raise TypeError(f"{self.tool} answered with a {type(result).__name__}, not a {self.answer.__name__}")
        if isinstance(result, Loaded):
            return replace(result, first=self.first)
        if isinstance(self.named, str):
            return result
        if isinstance(result, Record):
            return self.named.of(result)
        return page_of(self.named, result) if isinstance(result, Page) else result


def describe(system: str, object: str = "", *, words: str = "") -> Ask[Description]:
    """List a system's objects, or one object's fields with their types and data classes; `words` finds actions."""
    return Ask("describe", _given(system, object=object, words=words), Description)


def query(system: str, query: Query | str, *, after: str = "") -> Ask[Page]:
    """Read records by conditions, or by a text in the system's own query language.

    `after` continues an earlier page of exactly this query.
    """
    if isinstance(query, str):
        return Ask("query", _given(system, text=query, after=after), Page)
    order: list[JSON] = [{"field": one.field, "descending": one.descending} for one in query.order_by]
    arguments = _given(
        system,
        object=query.object,
        select=list(query.select),
        where=_condition(query.where),
        order_by=order,
        limit=query.limit,
        after=after or query.after or "",
        as_of=query.as_of,
    )
    return Ask("query", arguments, Page)


def query_objects(
    system: str,
    model: type[Model],
    *,
    select: Sequence[str] = (),
    where: Condition | None = None,
    order_by: Sequence[Order] = (),
    limit: int = 50,
    after: str = "",
    as_of: str = "",
) -> Ask[Page]:
    """Read records as objects of a class; without `select`, with every field that the class has."""
    chosen = tuple(str(name) for name in asked_of(model, select))
    asked = query(system, Query(object_of(model), chosen, where, tuple(order_by), limit, as_of=as_of), after=after)
    return replace(asked, named=model)


def export(
    system: str,
    object: Named,
    where: Condition | None = None,
    *,
    select: Sequence[str] = (),
    limit: int = EXPORTED,
    after: str = "",
    as_of: str = "",
) -> Ask[Page]:
    """Read all records that meet a condition, page after page of `limit` records, in no order.

    `after` of a page goes on behind it, in another process too; one connection is read after the other.
    """
    chosen: list[JSON] = [str(name) for name in asked_of(object, select)]
    name = object_of(object)
    arguments = _given(system, object=name, where=_condition(where), limit=limit, after=after, as_of=as_of)
    return Ask("export", {**arguments, "select": chosen} if chosen else arguments, Page, object)


def changes(
    system: str,
    object: Named,
    *,
    since: datetime | None = None,
    select: Sequence[str] = (),
    limit: int = EXPORTED,
    after: str = "",
) -> Ask[Page]:
    """Read which records changed or are gone since a moment, or since an earlier look; without either from now on.

    The `after` of the page is where the next look begins, at once or next week; an empty page is the end for now. A
    record that changes again in between comes again.
    """
    chosen: list[JSON] = [str(name) for name in asked_of(object, select)]
    moment = since.isoformat() if since else ""
    arguments = _given(system, object=object_of(object), since=moment, limit=limit, after=after)
    return Ask("changes", {**arguments, "select": chosen} if chosen else arguments, Page, object)


def get(system: str, object: Named, id: str, fields: Sequence[str] = (), *, as_of: str = "") -> Ask[Record]:
    """Read one record by its id; without `fields`, those the class has, or else those the caller may see.

    `as_of` is the day whose truth is read (ISO 8601), of an object that is `dated`; empty is today.
    """
    arguments = _given(system, object=object_of(object), id=id, fields=asked_of(object, fields), as_of=as_of)
    return Ask("get", arguments, Record, object)


def search(system: str, object: Named, text: str, *, fields: Sequence[str] = (), limit: int = 50) -> Ask[Page]:
    """Find records by words."""
    arguments = _given(system, object=object_of(object), text=text, fields=asked_of(object, fields), limit=limit)
    return Ask("search", arguments, Page, object)


def aggregate(system: str, aggregate: Aggregate) -> Ask[Groups]:
    """Count, sum or average records, in groups if wanted."""
    measures: list[JSON] = [
        {key: told for key, told in (("function", one.function), ("field", one.field), ("name", one.name)) if told}
        for one in aggregate.measures
    ]
    arguments = _given(
        system,
        object=aggregate.object,
        measures=measures,
        group_by=list(aggregate.group_by),
        where=_condition(aggregate.where),
        limit=aggregate.limit,
    )
    return Ask("aggregate", arguments, Groups)


def create(
    system: str, object: Named, values: Mapping[str, Value] | New, *, key: str = "", approval: str = ""
) -> Ask[Record]:
    """Create one record; a `key` of the caller's own makes a repeat harmless."""
    name = object_of(object)
    arguments = _given(system, object=name, values=_values(name, values), key=key, approval=approval)
    return Ask("create", arguments, Record, object)


def update(
    system: str,
    object: Named,
    id: str,
    values: Mapping[str, Value] | Change,
    *,
    version: str = "",
    approval: str = "",
) -> Ask[Record]:
    """Change fields of one record; with a `version`, only if it still has it."""
    name = object_of(object)
    arguments = _given(system, object=name, id=id, values=_values(name, values), version=version, approval=approval)
    return Ask("update", arguments, Record, object)


def transition(
    system: str,
    object: Named,
    id: str,
    to: str,
    values: Mapping[str, Value] | Change | None = None,
    *,
    version: str = "",
    approval: str = "",
) -> Ask[Record]:
    """Bring one record into another state, with the values that this takes; with a `version`, only if it has it."""
    name = object_of(object)
    told = _values(name, values or {})
    arguments = _given(system, object=name, id=id, to=to, version=version, approval=approval)
    return Ask("transition", {**arguments, "values": told} if told else arguments, Record, object)


def upsert(
    system: str,
    object: Named,
    key_field: str,
    key: Value,
    values: Mapping[str, Value] | New | Change,
    *,
    approval: str = "",
) -> Ask[Record]:
    """Create the record that has `key` in a unique field, or change it."""
    name = object_of(object)
    arguments = _given(system, object=name, key_field=key_field, values=_values(name, values), approval=approval)
    return Ask("upsert", {**arguments, "key": value_json(key)}, Record, object)


def delete(system: str, object: Named, id: str, *, version: str = "", approval: str = "") -> Ask[Record]:
    """Delete one record; with a `version`, only if it still has it."""
    arguments = _given(system, object=object_of(object), id=id, version=version, approval=approval)
    return Ask("delete", arguments, Record, object)


def told(result: Result) -> bool:
    """Tell whether a page says anything: one that only says "not ready yet" does not."""
    return not isinstance(result, Page) or bool(result.records or result.withheld or result.after is None)


def attach(
    system: str,
    object: Named,
    id: str,
    content: bytes | Path,
    *,
    name: str = "",
    type: str = "",
    approval: str = "",
) -> Ask[Record]:
    """Put a file beside a record: bytes with a name, or a file on disk, which is read a portion at a time.

    The record that comes back is the file's. `type` is a media type (RFC 6838).
    """
    file = upload_of(content, name, type)
    arguments = _given(system, object=object_of(object), id=id, name=file.name, type=file.type, approval=approval)
    return Ask("attach", arguments, Record, upload=file)


def download(system: str, object: Named, id: str, file: str) -> Ask[File]:
    """Read a file of a record; whoever gets it closes it. Nobody may read one who may not see all of the system."""
    return Ask("download", _given(system, object=object_of(object), id=id, file=file), File)


def invoke(
    system: str,
    object: Named,
    action: str,
    arguments: Mapping[str, Value] | None = None,
    *,
    id: str = "",
    key: str = "",
    approval: str = "",
) -> Ask[Answer]:
    """Run an action that `describe` names for an object; a `key` of the caller's own makes a repeat harmless."""
    told: JSON = {name: value_json(value) for name, value in (arguments or {}).items()}
    asked = _given(system, object=object_of(object), action=action, id=id, key=key, approval=approval)
    return Ask("invoke", {**asked, "arguments": told} if told else asked, Answer)


def load(
    system: str,
    object: Named,
    lines: Iterable[str | Mapping[str, Value] | New | tuple[str, Mapping[str, Value] | Change]],
    *,
    key: str,
    action: Literal["create", "update", "upsert", "delete"] = "create",
    key_field: str = "",
    size: int = USUAL_LINES,
    approval: str = "",
) -> Iterator[Ask[Loaded]]:
    """Write many records alike, `size` at a time, and tell of each line what became of it.

    A line is the values of a record to create or upsert (`key_field` among them), `(id, values)` to update, or an id
    to delete. `key` names the whole load: the same load with the same key again goes on where it was broken off, and
    no line is written twice. With a `size` of up to 10,000 a system that works on jobs is asked less often.
    """
    name, told = object_of(object), iter(lines)
    for number in count():
        part = [_line(name, line) for line in islice(told, size)]
        if not part:
            return
        arguments = _given(system, object=name, action=action, key_field=key_field, approval=approval)
        yield Ask("load", {**arguments, "lines": part, "key": f"{key}/{number}"}, Loaded, first=number * size)


def _line(object: str, line: str | Mapping[str, Value] | New | tuple[str, Mapping[str, Value] | Change]) -> JSON:
    match line:
        case str():
            return {"id": line}
        case (str(id), values):
            return {"id": id, "values": _values(object, values)}
        case _:
            return {"values": _values(object, line)}


def _given(system: str, **arguments: JSON) -> dict[str, JSON]:
    """Leave out what was not given: an empty text or list, or no condition."""
    return {"system": system} | {name: told for name, told in arguments.items() if told not in ("", [], None)}


def _values(object: str, values: Mapping[str, Value] | New | Change) -> dict[str, JSON]:
    return {name: value_json(value) for name, value in values_of(object, values).items()}


def _condition(condition: Condition | None) -> JSON:
    match condition:
        case None:
            return None
        case Compare(field, op, value):
            return {"field": field, "op": op.value, "value": value_json(value)}
        case AllOf(terms):
            return {"all": [_condition(term) for term in terms]}
        case AnyOf(terms):
            return {"any": [_condition(term) for term in terms]}
        case Negated(term):
            return {"not": _condition(term)}
        case InQuery():
            raise InvalidArguments(
                f"a sub-query on {condition.field!r} has no JSON form; give the query as text in the system's own "
                "language",
                field=condition.field,
            )
