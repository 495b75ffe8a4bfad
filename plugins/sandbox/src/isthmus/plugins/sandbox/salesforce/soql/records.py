"""How is a row written into the answer, with its parents and children?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.blobs import address
from isthmus.plugins.sandbox.salesforce.schema import Schema, SObject
from isthmus.plugins.sandbox.salesforce.store import Row

from .columns import Locate
from .values import Column

CHILD_PAGE: Final = 199
"""How many children of a parent come with it; the rest has a page of its own (seen in jsforce pull request 1752)."""


class Render(Protocol):
    """Write one row; `base` is the path of the API version, `more` keeps what does not fit in a page."""

    def __call__(self, row: Row, base: str, more: "More | None" = None, /) -> Mapping[str, Json]:
        """Return one record."""
        ...


@dataclass(frozen=True, slots=True)
class Results:
    """The rows that answer a statement; `render` writes one, given the base URL of the version in use."""

    sobject: SObject
    total: int
    rows: Sequence[Row]
    render: Render
    update: tuple[str, ...] = ()


More: TypeAlias = Callable[[Results, int], str]
"""Keep results of which so many rows have been given, and return the URL of the rest."""


@dataclass(slots=True)
class Children:
    """The rows below each parent, gathered once when the first parent is written."""

    gather: Callable[[], Sequence[Row]]
    window: Callable[[list[Row]], list[Row]]
    tree: "Tree"
    object: SObject
    key: str
    _by_parent: dict[str, list[Row]] | None = None

    def write(self, row: Row, base: str, more: More | None) -> Json:
        """Return the nested result of one parent, or None where it has no such rows."""
        if self._by_parent is None:
            self._by_parent = {}
            for child in self.gather():
                self._by_parent.setdefault(str(child[self.key]), []).append(child)
        rows = self.window(self._by_parent.get(str(row["Id"]), []))
        if not rows:
            return None
        end = CHILD_PAGE if more is not None and len(rows) > CHILD_PAGE else len(rows)
        body: dict[str, Json] = {"totalSize": len(rows), "done": end == len(rows)}
        if more is not None and end < len(rows):
            body["nextRecordsUrl"] = more(Results(self.object, len(rows), rows, self.tree.render), end)
        body["records"] = [self.tree.render(each, base, more) for each in rows[:end]]
        return body


@dataclass(slots=True)
class Variants:
    """A parent whose columns depend on its object; `otherwise` starts at the row below, the others at the parent."""

    locate: Locate
    trees: "Mapping[str, Tree]"
    otherwise: "Tree | None"

    def write(self, row: Row, base: str, more: More | None) -> Json:
        """Write the parent in the shape of its object, or None where it has none."""
        found = self.locate(row)
        if found is None:
            return None
        tree = self.trees.get(found[0].name)
        if tree is not None:
            return tree.render(found[1], base, more)
        return None if self.otherwise is None else self.otherwise.write(row, base, more)


Part: TypeAlias = "Column | Tree | Children | Variants"


@dataclass(slots=True)
class Tree:
    """The shape of one record, its parts in the order in which the statement selects them.

    Every getter starts at the row of the statement's own object. `object` is None for a parent that may be of several
    objects, `locate` fetches a parent's own id.
    """

    schema: Schema
    object: SObject | None
    locate: Column | None = None
    parts: dict[str, Part] = field(default_factory=dict)

    def render(self, row: Row, base: str, more: More | None = None) -> Mapping[str, Json]:
        """Write one row of the statement's own object."""
        return self.write(row, base, more) or {}

    def write(self, row: Row, base: str, more: More | None) -> Mapping[str, Json] | None:
        """Write one row, or None where it is a parent that there is none of."""
        key = row["Id"] if self.locate is None else self.locate.get(row)
        if key is None:
            return None
        attributes = self._attributes(str(key), row, base)
        record: dict[str, Json] = {"attributes": attributes}
        for name, part in self.parts.items():
            if not isinstance(part, Column):
                record[name] = part.write(row, base, more)
            elif part.field.type == "base64":
                record[name] = address(part.field, part.get(row), attributes)
            else:
                record[name] = part.get(row)
        return record

    def _attributes(self, key: str, row: Row, base: str) -> Mapping[str, Json]:
        found = self.object or self.schema.by_prefix(key[:3])
        name = found.name if found else "Name"
        if found is not None and found.metadata and self.locate is None:
            key = str(row["DurableId"])
        return {"type": name if self.object else "Name", "url": f"{base}/sobjects/{name}/{key}"}
