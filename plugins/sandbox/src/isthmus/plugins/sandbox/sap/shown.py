"""How is a row written as JSON?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json

from .keys import address, etag
from .odata.evaluate import Compiler
from .odata.options import Options
from .order import arranged
from .schema import Table
from .store import Row
from .values import shown

if TYPE_CHECKING:
    from .call import Call


MESSAGES: Final = "SAP__Messages"
"""Where a V4 row that is a root says what there is to say about its state: here always nothing."""


@dataclass(frozen=True)
class Shown:
    """Write rows for one call."""

    call: "Call"
    zeros: bool = True

    def entity(self, table: Table, row: Row, options: Options) -> dict[str, Json]:
        """Return a row with what is expanded below it."""
        return self._v2(table, row, options) if self.call.version == 2 else self._v4(table, row, options)

    def values(self, table: Table, row: Row, options: Options) -> dict[str, Json]:
        """Return the properties that are asked for."""
        return {
            name: shown(field, row[name], self.call.version, exact=self.call.exact, zeros=self.zeros)
            for name, field in table.fields.items()
            if options.keeps(name)
        }

    def _v2(self, table: Table, row: Row, options: Options) -> dict[str, Json]:
        call, service = self.call, self.call.service
        uri = f"{call.root}{address(service, table, row)}"
        about: dict[str, Json] = {"id": uri, "uri": uri, "type": service.type_of(table)}
        mark = etag(call.store, table, row, 2)
        if mark is not None:
            about["etag"] = mark
        found: dict[str, Json] = {"__metadata": about, **self.values(table, row, options)}
        for name, link in service.links(table):
            if name in options.expand:
                inner = service.tables[link.table]
                below = [self._v2(inner, each, options.expand[name]) for each in call.view.follow(link, row)]
                found[name] = {"results": below} if link.many else next(iter(below), None)
            elif options.keeps(name):
                found[name] = {"__deferred": {"uri": f"{uri}/{name}"}}
        return found

    def _v4(self, table: Table, row: Row, options: Options) -> dict[str, Json]:
        found: dict[str, Json] = {}
        mark = etag(self.call.store, table, row, 4)
        if mark is not None:
            found["@odata.etag"] = mark
        found |= self.values(table, row, options)
        if table.etag == "self" and options.keeps(MESSAGES):
            found[MESSAGES] = []
        for name, _link in self.call.service.links(table):
            if name in options.expand:
                found |= self._expanded(name, table, row, options.expand[name])
        return found

    def _expanded(self, name: str, table: Table, row: Row, options: Options) -> Mapping[str, Json]:
        call = self.call
        link = call.service.link(table, name)
        assert link is not None  # noqa: S101 - options are read against the service
        inner = call.service.tables[link.table]
        rows = call.view.follow(link, row)
        if not link.many:
            return {name: self._v4(inner, rows[0], options) if rows else None}
        rows = arranged(Compiler(call.service, call.view), inner, rows, options)
        found: dict[str, Json] = {f"{name}@odata.count": len(rows)} if options.count else {}
        end = None if options.top is None else options.skip + options.top
        return {**found, name: [self._v4(inner, each, options) for each in rows[options.skip : end]]}
