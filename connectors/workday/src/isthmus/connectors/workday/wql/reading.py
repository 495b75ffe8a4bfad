"""How are the rows of a data source read? One query where nothing is sorted, two where missing values come first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.workday.answers import Entity, listed_in, shown, strange, text_at
from isthmus.connectors.workday.settings import SourceSettings, WorkdaySettings
from isthmus.connectors.workday.shapes import Kind
from isthmus.connectors.workday.wql.source import DESCRIPTOR, Source
from isthmus.connectors.workday.wql.text import AS_OF, query_text, sections
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.http import Http, path
from isthmus.core.records import JSON, Compare, Condition, Operator, Order, Query, Row

__all__ = ["SourceWay", "read_source", "read_source_row"]


@dataclass(frozen=True, slots=True)
class SourceWay:
    """One call's way to one data source; `as_of` is the day that is asked about, today where it is None."""

    http: Http
    settings: WorkdaySettings
    own: SourceSettings
    source: Source
    as_of: str | None = None

    def parameters(self) -> Mapping[str, str]:
        """Return what stands behind the source; raises InvalidArguments where it knows no effective date."""
        if self.as_of is None:
            return self.own.parameters
        if not self.source.effective:
            raise InvalidArguments(f"{self.source.alias} knows no effective date", field="as_of")
        return {**self.own.parameters, AS_OF: self.as_of}


async def read_source(way: SourceWay, query: Query) -> Sequence[Row]:
    """Read up to `query.limit` rows."""
    rows = dict[str, Row]()
    for where in sections(query.where, query.order_by, way.own.id):
        left = query.limit - len(rows)
        if left > 0:
            found = await _rows(way, query, where, query.order_by, left)
            given = len(rows) + len(found)
            rows |= {row.id: row for row in found}
            if len(rows) < given:
                raise strange("with a row twice; see that the id of the source tells its rows apart")
    return list(rows.values())


async def read_source_row(way: SourceWay, object: str, id: str, fields: Sequence[str]) -> Row:
    """Read the one row with an id; raises NotFound."""
    where = Compare(way.own.id, Operator.EQ, id)
    found = await _rows(way, Query(object, tuple(fields), where, limit=2), where, (), 2)
    if not found:
        raise NotFound("there is no such row, or this identity may not see it", object=object)
    if len(found) > 1 or found[0].id != id:
        raise strange("with another row than was asked for")
    return found[0]


async def _rows(
    way: SourceWay, query: Query, where: Condition | None, order_by: Sequence[Order], limit: int
) -> Sequence[Row]:
    names = dict.fromkeys((*(_asked(one, way.source) for one in query.select), way.own.id))
    source = way.source
    text = query_text(source.alias, tuple(names), where, order_by, limit, source.kinds, way.parameters())
    root = f"{way.settings.rest}/{way.settings.wql}/{way.settings.tenant}/data"
    page = listed_in(await way.http.post(path(root), json={"query": text}))
    if len(page.entities) > limit:
        raise strange("with more rows than were asked for")
    return [_row(one, way, query) for one in page.entities]


def _asked(name: str, source: Source) -> str:
    """Return the field that a name is read by: the text of a reference comes with the reference."""
    whole = name.removesuffix(DESCRIPTOR)
    return whole if name not in source.kinds and whole in source.kinds else name


def _row(entity: Entity, way: SourceWay, query: Query) -> Row:
    kinds, own = way.source.kinds, way.own.id
    id = shown(entity.get(own), kinds[own], own)
    if not isinstance(id, str) or not id:
        raise strange("with a row that has no id")
    return Row(query.object, id, {name: _value(entity, name, kinds) for name in query.select})


def _value(entity: Entity, name: str, kinds: Mapping[str, Kind]) -> JSON:
    if name in kinds:
        return shown(entity.get(name), kinds[name], name)
    return text_at(entity.get(name.removesuffix(DESCRIPTOR)), "descriptor") or None
