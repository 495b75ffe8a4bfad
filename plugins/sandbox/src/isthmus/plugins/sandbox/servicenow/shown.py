"""How is a stored value written in an answer?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from isthmus.plugins.sandbox.message import Json

from .access import Access
from .glide.invalid import Invalid
from .glide.paths import Path, resolve
from .schema import DURATIONS, MOMENTS, PASSWORDS, Column, TableDefinition
from .store import Row, Store, read
from .viewer import Viewer

EPOCH: Final = "1970-01-01 00:00:00"


@dataclass(frozen=True, slots=True)
class Style:
    """What a call asks for: `display` is false, true or all; `bare` leaves out the links of references."""

    display: str = "false"
    bare: bool = False


class Shown:
    """Write rows as one user sees them; links lead to `origin`."""

    def __init__(self, store: Store, viewer: Viewer, access: Access, origin: str) -> None:
        self._store = store
        self._viewer = viewer
        self._access = access
        self._origin = origin

    def record(self, table: TableDefinition, row: Row, style: Style, fields: Sequence[str] = ()) -> dict[str, Json]:
        """Return a row as a JSON object; unknown fields are left out, of hidden ones the value."""
        owner = self._store.class_of(table.name, row)
        found: dict[str, Json] = {}
        for name in fields or owner.columns:
            try:
                path = resolve(self._store, owner, name)
            except Invalid:
                continue
            found[name] = self._field(owner, path, row, style)
        return found

    def _field(self, owner: TableDefinition, path: Path, row: Row, style: Style) -> Json:
        holder = path.holder(self._store, row)
        table = path.table if path.steps else owner
        hidden = holder is None or not self._access.field("read", table, path.column.name)
        if not hidden and path.steps and holder is not None:
            hidden = not self._access.row("read", path.table, holder)
        value = "" if hidden or holder is None else self.value(path.column, holder)
        display = "" if hidden or holder is None else self.display(table, path.column, holder)
        return self._styled(path.column, value, display, style)

    def _styled(self, column: Column, value: str, display: str, style: Style) -> Json:
        linked = column.is_reference and not style.bare and value != ""
        if style.display == "all":
            parts: dict[str, Json] = {"display_value": display, "value": value}
            return {**parts, "link": self._leads(column, value)} if linked else parts
        if style.display == "true":
            return {"display_value": display, "link": self._leads(column, value)} if linked else display
        return {"link": self._leads(column, value), "value": value} if linked else value

    def _leads(self, column: Column, value: str) -> str:
        if column.named:
            return f"{self._origin}/api/now/table/{column.to}?name={quote(value)}"
        return self.link(column.to, value)

    def link(self, table: str, sys_id: str) -> str:
        """Return the address of a row."""
        return f"{self._origin}/api/now/table/{table}/{quote(sys_id)}"

    def value(self, column: Column, row: Row) -> str:
        """Return the value as the database holds it; journals and passwords are never read this way."""
        if column.is_journal or column.type in PASSWORDS:
            return ""
        return _computed(column, row)

    def display(self, table: TableDefinition, column: Column, row: Row) -> str:
        """Return the value as the user's screen shows it."""
        value = self.value(column, row)
        if column.type in PASSWORDS:
            return "********" if row.get(column.name) else ""
        if not value:
            return ""
        offered = self._store.schema.offered(table, column)
        if offered:
            return offered.get(value, value)
        return self._spelled(column, value)

    def _spelled(self, column: Column, value: str) -> str:
        if column.type in MOMENTS:
            return read(value).astimezone(self._viewer.zone).strftime(self._viewer.date_form)
        if column.type == "glide_date":
            return read(f"{value} 00:00:00").strftime(self._viewer.date_form.split(" ")[0])
        if column.type in DURATIONS:
            return spelled_duration(value)
        if column.type == "currency":
            return f"${float(value):,.2f}"
        if column.type == "sys_class_name":
            table = self._store.schema.find(value)
            return table.label if table else value
        if column.type == "domain_id":
            return value
        if column.is_reference:
            target = self._store.referred(column, value)
            return self._store.display(column.to, target) if target else ""
        if column.type == "glide_list" and column.to:
            return ", ".join(self._named(column.to, each) for each in value.split(","))
        return value

    def _named(self, table: str, sys_id: str) -> str:
        row = self._store.get(table, sys_id)
        return self._store.display(table, row) if row else sys_id


def _computed(column: Column, row: Mapping[str, str]) -> str:
    if column.name == "task_effective_number":
        return row.get("number", "")
    return row.get(column.name, "")


def spelled_duration(value: str) -> str:
    """Return `1 Day 4 Hours` for a duration, which is stored as a date after 1970."""
    length: timedelta = read(value) - read(EPOCH)
    hours, rest = divmod(length.seconds, 3_600)
    parts = ((length.days, "Day"), (hours, "Hour"), (rest // 60, "Minute"), (rest % 60, "Second"))
    return " ".join(f"{count} {name}{'s' if count != 1 else ''}" for count, name in parts if count) or "0 Seconds"


def duration(seconds: int) -> str:
    """Return a length of time as it is stored."""
    return (read(EPOCH) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
