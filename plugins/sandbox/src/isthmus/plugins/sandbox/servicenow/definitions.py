"""Which rows describe the instance to itself: tables, columns, labels, choices, rules and classes of data?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from .schema import TableDefinition, data_file
from .store import Row, Store

_BY: Final = "system"
_SCALARS: Final = {"boolean": "boolean", "integer": "integer", "glide_date_time": "datetime", "reference": "string"}


class Definitions:
    """Write down the schema as rows, made at `made`."""

    def __init__(self, store: Store, made: datetime) -> None:
        self._store = store
        self._made = made
        self._tables: dict[str, Row] = {}

    def fill(self) -> None:
        """Make all rows."""
        kinds = sorted({column.type for table in self._store.schema for column in table.own.values()})
        for kind in kinds:
            values = {"name": kind, "label": kind.replace("_", " ").title(), "sys_name": kind}
            self._insert("sys_glide_object", {**values, "scalar_type": _SCALARS.get(kind, "string")})
        for table in self._store.schema:
            self._table(table)
        for name in cast("Sequence[str]", data_file("work.toml")["other_tables"]):
            label = name.replace("_", " ").title()
            self._insert("sys_db_object", {"name": name, "label": label, "sys_name": label})
        self._choices()
        self._rows()
        self._rules()

    def classify(self) -> None:
        """Say which columns carry which class of data."""
        classes = {row["name"]: row["sys_id"] for row in self._store.find("data_classification")}
        for name, kind in cast("Mapping[str, str]", data_file("work.toml")["classes"]).items():
            table, _, element = name.partition(".")
            entry = self._store.first("sys_dictionary", name=table, element=element)
            if entry is not None:
                self._insert("m2m_dictionary_dataclass", {"dictionary": entry["sys_id"], "dataclass": classes[kind]})

    def _insert(self, table: str, values: Mapping[str, str]) -> Row:
        return self._store.insert(table, values, _BY, self._made)

    def _table(self, table: TableDefinition) -> None:
        above = self._tables[table.parent.name]["sys_id"] if table.parent else ""
        values = {"name": table.name, "label": table.label, "sys_name": table.label, "super_class": above}
        opened = {"ws_access": "false" if table.closed else "true", "is_extendable": str(bool(table.children)).lower()}
        self._tables[table.name] = self._insert("sys_db_object", {**values, **opened})
        self._insert("sys_dictionary", {"name": table.name, "internal_type": "collection", "sys_name": table.label})
        self._label(table.name, "", table.label)
        if table.prefix:
            self._insert("sys_number", {"category": table.name, "prefix": table.prefix, "number": "10000"})
        for column in table.own.values():
            entry = {
                "name": table.name,
                "element": column.name,
                "column_label": column.label,
                "sys_name": column.label,
                "internal_type": column.type,
                "reference": column.to if column.type in ("reference", "glide_list") else "",
                "max_length": str(column.size),
                "read_only": str(column.read_only).lower(),
                "choice": "1" if column.choice else "",
                "display": str(column.name == table.display).lower(),
                "virtual": str(column.virtual).lower(),
                "default_value": column.default,
                "unique": str(column.name == "sys_id").lower(),
            }
            self._insert("sys_dictionary", entry)
            self._label(table.name, column.name, column.label)

    def _label(self, table: str, element: str, label: str) -> None:
        values = {"name": table, "element": element, "label": label, "plural": f"{label}s", "sys_name": label}
        self._insert("sys_documentation", values)

    def _choices(self) -> None:
        for name, offered in self._store.schema.choices.items():
            table, _, element = name.partition(".")
            for order, (value, label) in enumerate(offered.items()):
                values = {"name": table, "element": element, "value": value, "label": label, "sys_name": label}
                self._insert("sys_choice", {**values, "sequence": str(order)})

    def _rows(self) -> None:
        """Make the rows that are the same everywhere; `@table:display` stands for another one of them."""
        for each in cast("Sequence[Mapping[str, str]]", data_file("seed.toml")["row"]):
            table = each["table"]
            values = {name: self._meant(value) for name, value in each.items() if name != "table"}
            definition = self._store.schema[table]
            if definition.extends("sys_metadata") and "sys_name" not in values:
                values["sys_name"] = values.get(definition.display, "")
            self._insert(table, values)

    def _meant(self, value: str) -> str:
        if not value.startswith("@"):
            return value
        table, _, name = value[1:].partition(":")
        return next(row["sys_id"] for row in self._store.find(table) if self._store.display(table, row) == name)

    def _rules(self) -> None:
        """List the rules that the state models enforce, so that refusals can name them."""
        for table, each in data_file("states.toml").items():
            rule = str(cast("Mapping[str, object]", each).get("rule", ""))
            if rule:
                values = {"name": rule, "sys_name": rule, "collection": table, "when": "before", "active": "true"}
                self._insert("sys_script", values)
