"""What happens between a request to write and the stored row?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isthmus.plugins.sandbox.message import Json

from .approvals import settle
from .errors import aborted, acl_failed
from .glide import Finder
from .incoming import Reader
from .schema import TableDefinition
from .states import derive, model_of
from .store import Row, written

if TYPE_CHECKING:
    from .call import Call


@dataclass(frozen=True, slots=True)
class Draft:
    """What a call wants to write: the values of columns, and the entries for journals."""

    values: Row
    entries: Mapping[str, str]
    refused: tuple[str, ...] = ()


class Writer:
    """Carry out one call's writes: access rules, business rules, computed values, journals, audit.

    `service` says that one of the platform's own services writes, which may move what direct writes may not.
    """

    def __init__(self, call: "Call", *, display: bool = False, service: bool = False) -> None:
        self._call = call
        self._store = call.store
        self._display = display
        self._service = service

    def draft(self, table: TableDefinition, values: Mapping[str, Json], operation: str) -> Draft:
        """Leave out what this user cannot write: unknown, computed and protected fields; nothing is refused for it."""
        reader = Reader(self._store, self._call.viewer, display=self._display)
        kept = {}
        for name, value in values.items():
            column = table.columns.get(name)
            given_id = name == "sys_id" and operation == "create"
            if column is None or (column.read_only and not given_id):
                continue
            if self._call.access.field(operation, table, name) and not self._call.loses(name):
                kept[name] = value
        row = reader.row(table, kept)
        row.update({name: value for name, value in self._call.altered().items() if name in table.columns})
        entries = {name: row.pop(name) for name in list(row) if table.columns[name].is_journal}
        refused = tuple(name for name in values if name not in row and name not in entries)
        return Draft(row, {name: text for name, text in entries.items() if text}, refused)

    def insert(self, table: TableDefinition, values: Mapping[str, Json]) -> Row:
        """Store a new row; raises ApiError."""
        call = self._call
        if not call.access.may("create", table):
            raise acl_failed("Insert")
        draft = self.draft(table, values, "create")
        sys_id = draft.values.get("sys_id", "")
        if sys_id and self._store.get(table.line[-1].name, sys_id) is not None:
            raise aborted(table.name, "Unique key violation", sys_id)
        row = {**table.blank, **draft.values}
        now = written(call.now)
        if table.extends("task"):
            row["opened_by"] = row["opened_by"] or call.viewer.user_id
            row["opened_at"] = row["opened_at"] or now
        derive(table, row, None, call.viewer.user_id, now)
        self._run_rules(table, row, None, "action_insert")
        derive(table, row, None, call.viewer.user_id, now)
        made = self._store.insert(table.name, row, call.viewer.user_name)
        self._journal(table, made, draft.entries)
        call.did("created", table.name, made["sys_id"])
        settle(call, table, made, None)
        return self._store.get(table.name, made["sys_id"]) or made

    def update(self, table: TableDefinition, row: Row, values: Mapping[str, Json]) -> Row:
        """Store a new state of a row; raises ApiError. A write that changes nothing leaves the stamps alone."""
        call, owner = self._call, self._store.class_of(table.name, row)
        if not call.access.row("write", owner, row):
            raise acl_failed("Update")
        draft = self.draft(owner, values, "write")
        changed = {**row, **self._movable(owner, draft.values)}
        derive(owner, changed, row, call.viewer.user_id, written(call.now))
        self._check_move(owner, row, changed)
        self._run_rules(owner, changed, row, "action_update")
        derive(owner, changed, row, call.viewer.user_id, written(call.now))
        if changed == row and not draft.entries:
            return row
        same_second = call.meets("same_second")
        stored = self._store.change(owner.name, row, changed, call.viewer.user_name, same_second=same_second)
        self._journal(owner, stored, draft.entries)
        self._audit(owner, row, stored)
        call.did("updated", owner.name, row["sys_id"])
        settle(call, owner, stored, row)
        return self._store.get(owner.name, row["sys_id"]) or stored

    def delete(self, table: TableDefinition, row: Row) -> None:
        """Remove a row and what hangs on it; raises ApiError."""
        call, owner = self._call, self._store.class_of(table.name, row)
        if not call.access.row("delete", owner, row):
            raise acl_failed("Delete")
        self._run_rules(owner, dict(row), row, "action_delete")
        self._store.delete(owner.name, row)
        for each in list(self._store.find("sys_attachment", table_sys_id=row["sys_id"])):
            self._store.delete("sys_attachment", each)
            call.instance.files.pop(each["sys_id"], None)
        said = {"tablename": owner.name, "documentkey": row["sys_id"], "payload": json.dumps(row, sort_keys=True)}
        display = self._store.display(owner.name, row)
        self._store.insert("sys_audit_delete", {**said, "display_value": display}, call.viewer.user_name)
        call.did("deleted", owner.name, row["sys_id"])

    def _movable(self, table: TableDefinition, values: Row) -> Row:
        """Leave out a state that only a service may write: like every such field it is ignored without a word."""
        model = model_of(table)
        if model is None or not model.service_only or self._service:
            return values
        return {name: value for name, value in values.items() if name not in ("state", model.mirror)}

    def _check_move(self, table: TableDefinition, old: Row, new: Row) -> None:
        model = model_of(table)
        if model is None or old["state"] == new["state"]:
            return
        if not model.allows(old, new):
            key = self._store.first("sys_script", name=model.rule)
            raise aborted(table.name, model.rule, key["sys_id"] if key else "0" * 32)

    def _run_rules(self, table: TableDefinition, row: Row, old: Row | None, action: str) -> None:
        """Let the business rules look at the row before it is stored; they may set fields, or stop the write."""
        names = [each.name for each in table.line]
        rules = [rule for name in names for rule in self._store.find("sys_script", collection=name)]
        rules = [rule for rule in rules if rule["active"] == "true" and rule[action] == "true"]
        rules = [rule for rule in rules if rule["when"] == "before"]
        for rule in sorted(rules, key=lambda each: int(each["order"] or 100)):
            finder = Finder(self._store, self._call.viewer, self._call.now, before=old or dict(table.blank))
            if not finder.compile(table, rule["filter_condition"]).test(row):
                continue
            if rule["abort_action"] == "true":
                message = rule["message"] if rule["add_message"] == "true" else ""
                raise aborted(table.name, rule["name"], rule["sys_id"], message)
            row.update(self._template(table, rule["template"]))

    def _template(self, table: TableDefinition, text: str) -> Row:
        """Return the values that a rule sets, written as an encoded query of equalities."""
        reader = Reader(self._store, self._call.viewer)
        pairs = (part.partition("=") for part in text.split("^") if "=" in part)
        return reader.row(table, {name: value for name, _, value in pairs})

    def _journal(self, table: TableDefinition, row: Row, entries: Mapping[str, str]) -> None:
        for name, text in entries.items():
            values = {"name": table.name, "element": name, "element_id": row["sys_id"], "value": text}
            self._store.insert("sys_journal_field", values, self._call.viewer.user_name)

    def _audit(self, table: TableDefinition, old: Row, new: Row) -> None:
        if not table.extends("task"):
            return
        user = self._call.viewer.user_name
        for name in table.columns:
            if old[name] != new[name] and not name.startswith("sys_"):
                change = {"fieldname": name, "oldvalue": old[name], "newvalue": new[name]}
                where = {"tablename": table.name, "documentkey": new["sys_id"], "user": user}
                self._store.insert("sys_audit", {**where, **change, "record_checkpoint": new["sys_mod_count"]}, user)
