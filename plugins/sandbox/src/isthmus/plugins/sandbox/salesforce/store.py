"""Where do the rows live, and how is one found by id or by key?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from isthmus.plugins.sandbox.clock import Clock, stamp

from .ids import mint
from .schema import Field, Schema, SObject

Value: TypeAlias = str | int | float | bool | Mapping[str, str | float | None] | None
Row: TypeAlias = dict[str, Value]


def moment_of(text: str) -> datetime:
    """Read what `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


@dataclass(slots=True)
class _Undo:
    """What stood where since the outermost savepoint; nothing is kept while none is open."""

    open: int = 0
    past: "list[tuple[Table, str, Row | None]]" = field(default_factory=list)


class Table:
    """Hold the rows of one object by id, in the order in which they were made."""

    def __init__(self, sobject: SObject, undo: _Undo) -> None:
        self._undo = undo
        self.sobject = sobject
        self._blank: Row = {
            "IsDeleted": False,
            **{each.name: False if each.type == "boolean" else None for each in sobject.fields},
        }
        self.rows: dict[str, Row] = {}
        self.revisions: dict[str, int] = {}
        self._keys: dict[str, dict[str, dict[str, None]]] = {
            column.name: {} for column in sobject.fields if column.is_key or column.unique or column.indexed
        }

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def blank(self) -> Row:
        """Return a row with every field empty."""
        return self._blank.copy()

    def put(self, key: str, row: Row) -> None:
        """Store a new row or the new state of one."""
        old = self.rows.get(key)
        if self._undo.open:
            self._undo.past.append((self, key, old))
        self._replace(key, old, row)
        self.revisions[key] = self.revisions.get(key, 0) + 1

    def restore(self, key: str, row: Row | None) -> None:
        """Go back one revision of a row; None stands for a row that was not there yet."""
        self._replace(key, self.rows.get(key), row)
        self.revisions[key] -= 1
        if row is None:
            del self.revisions[key]

    def _replace(self, key: str, old: Row | None, new: Row | None) -> None:
        if old is not None and not old.get("IsDeleted"):
            self._index(key, old, add=False)
        if new is None:
            del self.rows[key]
            return
        self.rows[key] = new
        if not new.get("IsDeleted"):
            self._index(key, new, add=True)

    def drop(self, key: str) -> None:
        """Forget a row for good."""
        self._index(key, self.rows.pop(key), add=False)

    def find(self, column: Field, value: str) -> list[Row]:
        """Return the live rows whose key field holds this value."""
        keys = self._keys.get(column.name)
        if keys is None:
            return []
        return [self.rows[key] for key in keys.get(_folded(column, value), ())]

    def has_index(self, column: Field) -> bool:
        """Say whether `find` answers for this field."""
        return column.name in self._keys

    def _index(self, key: str, row: Row, *, add: bool) -> None:
        for name, entries in self._keys.items():
            value = row.get(name)
            if value is None:
                continue
            folded = _folded(self.sobject.by_name[name.lower()], str(value))
            if add:
                entries.setdefault(folded, {})[key] = None
            else:
                entries.get(folded, {}).pop(key, None)


def _folded(column: Field, value: str) -> str:
    return value if column.case_sensitive else value.casefold()


class Store:
    """Hold the tables of one org and stamp what is written."""

    def __init__(self, schema: Schema, clock: Clock, pod: str) -> None:
        self.schema = schema
        self.clock = clock
        self.pod = pod
        self._undo = _Undo()
        self.tables = {name: Table(sobject, self._undo) for name, sobject in schema.objects.items()}
        self._numbers = dict.fromkeys(schema.objects, 0)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    @contextmanager
    def savepoint(self) -> Iterator[Callable[[], None]]:
        """Yield what takes back every change made since; an exception takes them back too.

        Ids and automatic numbers that were given out stay used, as they do in a real org.
        """
        undo = self._undo
        mark = len(undo.past)

        def roll_back() -> None:
            while len(undo.past) > mark:
                table, key, row = undo.past.pop()
                table.restore(key, row)

        undo.open += 1
        try:
            yield roll_back
        except BaseException:
            roll_back()
            raise
        finally:
            undo.open -= 1
            if not undo.open:
                undo.past.clear()

    def next_id(self, name: str) -> str:
        """Return a fresh id for this object."""
        self._numbers[name] += 1
        return mint(self.schema.objects[name].prefix, self.pod, self._numbers[name])

    def insert(self, name: str, values: Mapping[str, Value], by: str, at: datetime | None = None) -> Row:
        """Store a new row made by this user and return it."""
        table = self.tables[name]
        row = table.blank()
        row.update(values)
        row["Id"] = key = self.next_id(name)
        for column in table.sobject.fields:
            if column.auto_number:
                row[column.name] = column.auto_number.format(self._numbers[name])
        made = stamp(at or self.clock.now())
        row.update(CreatedDate=made, CreatedById=by, LastModifiedDate=made, LastModifiedById=by, SystemModstamp=made)
        self.derive(name, row)
        table.put(key, row)
        return row

    def change(self, name: str, row: Row, values: Mapping[str, Value], by: str, *, same_second: bool = False) -> Row:
        """Store a new state of a row.

        The stamps have whole seconds. So that two changes stay apart although the clock stands still, a stamp moves at
        least one second past its predecessor; `same_second` keeps it where it is, as two quick changes would in life.
        """
        table = self.tables[name]
        changed = {**row, **values}
        before = moment_of(str(row["SystemModstamp"]))
        after = before if same_second else max(self.clock.now(), before + timedelta(seconds=1))
        changed.update(LastModifiedDate=stamp(after), LastModifiedById=by, SystemModstamp=stamp(after))
        self.derive(name, changed)
        table.put(str(row["Id"]), changed)
        return changed

    def derive(self, name: str, row: Row) -> None:
        """Fill in the fields that the org computes from others."""
        derive = _DERIVED.get(name)
        if derive is not None:
            derive(self, row)

    def reference(self, name: str, label: Value) -> Row | None:
        """Return the row of a state table with this label."""
        return next((each for each in self.tables[name] if each["ApiName"] == label), None)


def _joined(parts: Iterable[Value]) -> str | None:
    return " ".join(str(part) for part in parts if part) or None


def _address(row: Row, prefix: str = "") -> Mapping[str, str | float | None] | None:
    names = ("city", "country", "countryCode", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state")
    parts = {each: row.get(f"{prefix}{each[0].upper()}{each[1:]}") for each in (*names, "street")}
    if not any(parts.values()):
        return None
    return {name: value if isinstance(value, str | float) else None for name, value in parts.items()}


def _derive_account(_: Store, row: Row) -> None:
    row["BillingAddress"] = _address(row, "Billing")
    row["ShippingAddress"] = _address(row, "Shipping")


def _derive_person(_: Store, row: Row) -> None:
    row["Name"] = _joined((row["FirstName"], row["LastName"]))


def _derive_contact(store: Store, row: Row) -> None:
    _derive_person(store, row)
    row["Salutation_Line__c"] = _joined(("Dear", row["Salutation"], row["LastName"]))
    row["MailingAddress"] = _address(row, "Mailing")
    row["OtherAddress"] = _address(row, "Other")


def _derive_case(store: Store, row: Row) -> None:
    status = store.reference("CaseStatus", row["Status"])
    closed = bool(status and status["IsClosed"])
    row["ClosedDate"] = (row["ClosedDate"] or row["LastModifiedDate"]) if closed else None
    row["IsClosed"] = closed
    contact = store["Contact"].rows.get(str(row["ContactId"]))
    row["ContactEmail"] = contact["Email"] if contact else None
    if contact and row["AccountId"] is None:
        row["AccountId"] = contact["AccountId"]


def _derive_opportunity(store: Store, row: Row) -> None:
    stage = store.reference("OpportunityStage", row["StageName"])
    row["IsClosed"] = bool(stage and stage["IsClosed"])
    row["IsWon"] = bool(stage and stage["IsWon"])
    close = str(row["CloseDate"] or "")
    year, quarter = (int(close[:4]), (int(close[5:7]) + 2) // 3) if close else (None, None)
    row.update(FiscalYear=year, FiscalQuarter=quarter, Fiscal=f"{year} {quarter}" if close else None)


def _derive_lead(store: Store, row: Row) -> None:
    _derive_person(store, row)
    status = store.reference("LeadStatus", row["Status"])
    row["Address"] = _address(row)
    row["IsConverted"] = bool(status and status["IsConverted"])


def _derive_task(_: Store, row: Row) -> None:
    row["IsClosed"] = row["Status"] == "Completed"


def _derive_note(_: Store, row: Row) -> None:
    row["Name"] = row["Name"] or row["Id"]


_DERIVED = {
    "Account": _derive_account,
    "Contact": _derive_contact,
    "User": _derive_person,
    "Lead": _derive_lead,
    "Case": _derive_case,
    "Opportunity": _derive_opportunity,
    "Task": _derive_task,
    "Asset_Note__c": _derive_note,
}
