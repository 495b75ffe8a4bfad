"""Which of Workday's surfaces serves an object, and how is it asked there? REST, WQL, SOAP and reports alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from isthmus.connectors.workday.raas.reading import ReportWay, export_report, read_report, read_report_row
from isthmus.connectors.workday.rest.reading import Way, export_rows, read_record, read_rows
from isthmus.connectors.workday.soap.calling import SoapWay, export_service, read_service, read_service_record
from isthmus.connectors.workday.wql.reading import SourceWay, read_source, read_source_row
from isthmus.core.connector import Batch
from isthmus.core.records import AllOf, Compare, Operator, Order, Query, Row

__all__ = ["Door", "ReportDoor", "RestDoor", "SoapDoor", "SourceDoor"]


class Door(Protocol):
    """One call's way to one object, whatever it is served by."""

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows in the order asked."""
        ...

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next rows in whichever order is cheapest."""
        ...

    async def get(self, id: str, fields: Sequence[str]) -> Row:
        """Read one record; raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class RestDoor:
    """A collection of a REST service."""

    way: Way

    async def query(self, query: Query) -> Sequence[Row]:
        """Look through the collection."""
        return await read_rows(self.way, query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read on from a place."""
        return await export_rows(self.way, query, at)

    async def get(self, id: str, fields: Sequence[str]) -> Row:
        """Read one record."""
        return await read_record(self.way, id, fields)


@dataclass(frozen=True, slots=True)
class SourceDoor:
    """A data source."""

    way: SourceWay
    object: str

    async def query(self, query: Query) -> Sequence[Row]:
        """Ask by WQL."""
        return await read_source(self.way, query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read on in the order of ids."""
        id_field, where = self.way.own.id, query.where
        if at:
            beyond = Compare(id_field, Operator.GT, at)
            where = AllOf((where, beyond)) if where else beyond
        asked = Query(query.object, query.select, where, (Order(id_field),), query.limit)
        rows = await read_source(self.way, asked)
        return Batch(rows, rows[-1].id if len(rows) == query.limit else "")

    async def get(self, id: str, fields: Sequence[str]) -> Row:
        """Ask for one row."""
        return await read_source_row(self.way, self.object, id, fields)


@dataclass(frozen=True, slots=True)
class SoapDoor:
    """The records of an operation of a web service."""

    way: SoapWay
    object: str

    async def query(self, query: Query) -> Sequence[Row]:
        """Read by ids, or all pages of one moment."""
        return await read_service(self.way, query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read on among the pages of one moment."""
        return await export_service(self.way, query, at)

    async def get(self, id: str, fields: Sequence[str]) -> Row:
        """Read one record."""
        return await read_service_record(self.way, self.object, id, fields)


@dataclass(frozen=True, slots=True)
class ReportDoor:
    """A report."""

    way: ReportWay

    async def query(self, query: Query) -> Sequence[Row]:
        """Run it, and keep the first rows."""
        return await read_report(self.way, query)

    async def export(self, query: Query, at: str) -> Batch:
        """Run it once, and read on in it."""
        return await export_report(self.way, query, at)

    async def get(self, id: str, fields: Sequence[str]) -> Row:
        """Run it, and look for a row."""
        return await read_report_row(self.way, id, fields)
