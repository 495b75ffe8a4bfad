"""How is a row written into the answer, with its parents and children?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.schema import Schema, SObject
from isthmus.plugins.sandbox.salesforce.store import Row

from .columns import Column


@dataclass(slots=True)
class Children:
    """The rows below each parent, gathered once when the first parent is written; they all fit in one page."""

    gather: Callable[[], Sequence[Row]]
    window: Callable[[list[Row]], Sequence[Row]]
    tree: "Tree"
    key: str
    _by_parent: dict[str, list[Row]] | None = None

    def write(self, parent: str, base: str) -> Json:
        """Return the nested result of one parent, or None where it has no such rows."""
        if self._by_parent is None:
            self._by_parent = {}
            for row in self.gather():
                self._by_parent.setdefault(str(row[self.key]), []).append(row)
        rows = self.window(self._by_parent.get(parent, []))
        if not rows:
            return None
        return {"totalSize": len(rows), "done": True, "records": [self.tree.render(row, base) for row in rows]}


@dataclass(slots=True)
class Tree:
    """The shape of one record; every getter starts at the row of the statement's own object.

    `object` is None for a parent that may be of several objects, `locate` fetches a parent's own id.
    """

    schema: Schema
    object: SObject | None
    locate: Column | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    parents: "dict[str, Tree]" = field(default_factory=dict)
    children: dict[str, Children] = field(default_factory=dict)

    def render(self, row: Row, base: str) -> Mapping[str, Json]:
        """Write one row of the statement's own object."""
        return self._write(row, base) or {}

    def _write(self, row: Row, base: str) -> Mapping[str, Json] | None:
        key = row["Id"] if self.locate is None else self.locate.get(row)
        if key is None:
            return None
        record: dict[str, Json] = {"attributes": self._attributes(str(key), row, base)}
        record.update((name, column.get(row)) for name, column in self.columns.items())
        record.update((name, parent._write(row, base)) for name, parent in self.parents.items())  # noqa: SLF001 - same class
        record.update((name, children.write(str(row["Id"]), base)) for name, children in self.children.items())
        return record

    def _attributes(self, key: str, row: Row, base: str) -> Mapping[str, Json]:
        found = self.object or self.schema.by_prefix(key[:3])
        name = found.name if found else "Name"
        if found is not None and found.metadata and self.locate is None:
            key = str(row["DurableId"])
        return {"type": name if self.object else "Name", "url": f"{base}/sobjects/{name}/{key}"}
