"""What is stored when somebody sends a value?"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from isthmus.plugins.sandbox.message import Json

from .schema import DURATIONS, MOMENTS, NUMBERS, Column, TableDefinition
from .store import Row, Store, read, written
from .viewer import Viewer

_ID: Final = re.compile(r"[0-9A-Za-z]{32}|global")
_MOMENT: Final = re.compile(r"(19|20|21)\d\d-\d\d-\d\d([ T]\d\d:\d\d:\d\d)?")
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_TRUE: Final = frozenset({"true", "1", "yes"})


def text_of(value: Json) -> str:
    """Return a JSON value as the text that the platform makes of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inner = value.get("value", value.get("display_value"))
        return "" if inner is None or isinstance(inner, Mapping) else str(inner)
    if isinstance(value, list | tuple):
        return ",".join(str(each) for each in value)
    return str(value)


class Reader:
    """Turn what a call sends into what is stored; `display` says that it sends what screens show."""

    def __init__(self, store: Store, viewer: Viewer, *, display: bool = False) -> None:
        self._store = store
        self._viewer = viewer
        self._display = display

    def row(self, table: TableDefinition, values: Mapping[str, Json]) -> Row:
        """Return the values of all known columns; what a column cannot hold is left out."""
        found: Row = {}
        for name, value in values.items():
            column = table.columns.get(name)
            if column is None:
                continue
            stored = self.value(table, column, text_of(value))
            if stored is not None:
                found[name] = stored
        return found

    def value(self, table: TableDefinition, column: Column, text: str) -> str | None:
        """Return what is stored for a text, or None where the column cannot hold it."""
        if self._display and column.choice:
            text = _chosen(self._store.schema.offered(table, column), text)
        if text == "":
            return ""
        if column.type == "boolean":
            return "true" if text.lower() in _TRUE else "false"
        if column.type in NUMBERS:
            return _number(text, whole=column.type == "integer")
        if column.type in MOMENTS or column.type in DURATIONS:
            return self._moment(text)
        if column.type == "glide_date":
            return (_stored_moment(text) or "")[:10] or None
        if column.type == "GUID":
            return text if _ID.fullmatch(text) else None
        if column.is_reference:
            return self._reference(column, text)
        if column.is_journal or column.type in ("html", "conditions"):
            return text
        return text[: column.size] if column.type == "string" else text

    def _moment(self, text: str) -> str | None:
        if self._display:
            try:
                local = datetime.strptime(text, self._viewer.date_form).replace(tzinfo=self._viewer.zone)
            except ValueError:
                return None
            return written(local.astimezone(UTC))
        return _stored_moment(text)

    def _reference(self, column: Column, text: str) -> str:
        """Return a sys_id as it came, known or not; else that of the row which is displayed or keyed so, or nothing."""
        if column.named or (not self._display and _ID.fullmatch(text)):
            return text
        target = self._store.schema.find(column.to)
        if target is None:
            return text
        wanted = text.casefold()
        keys = ("user_name", "email", "number", "name") if column.to == "sys_user" else ("number", "name")
        for row in self._store.scan(target):
            if self._store.display(column.to, row).casefold() == wanted:
                return row["sys_id"]
            if any(row.get(key, "").casefold() == wanted for key in keys):
                return row["sys_id"]
        return ""


def _number(text: str, *, whole: bool) -> str | None:
    plain = text.replace("$", "").replace(",", "").strip()
    if not _NUMBER.fullmatch(plain):
        return None
    return str(int(float(plain))) if whole or "." not in plain else plain


def _stored_moment(text: str) -> str | None:
    whole = text.replace("T", " ") if len(text) > 10 else f"{text} 00:00:00"
    try:
        return written(read(whole)) if _MOMENT.fullmatch(text) else None
    except ValueError:
        return None


def _chosen(offered: Mapping[str, str], text: str) -> str:
    wanted = text.casefold()
    return next((value for value, label in offered.items() if label.casefold() == wanted), text)
