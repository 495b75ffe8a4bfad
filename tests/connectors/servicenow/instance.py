"""A small instance over HTTP, written from the vendor's pages and not from the connector.

It ignores what it cannot read, pages before it applies rights on rows, answers texts for everything, drops unknown
fields without a word and lets rules change what was written. Its queries are read by `reading`.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2

from . import reading

Record = dict[str, str]
HEADERS = {"content-type": "application/json;charset=UTF-8", "x-ratelimit-limit": "1000", "x-ratelimit-reset": "4102444800",
           "x-ratelimit-rule": "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f"}  # fmt: skip
PARENTS = {"incident": "task", "task": ""}
COLUMNS: dict[str, dict[str, dict[str, str]]] = {
    "task": {
        "sys_id": {"internal_type": "GUID", "read_only": "true", "unique": "true"},
        "sys_mod_count": {"internal_type": "integer", "read_only": "true"},
        "sys_created_on": {"internal_type": "glide_date_time", "read_only": "true"},
        "sys_updated_on": {"internal_type": "glide_date_time", "read_only": "true"},
        "number": {"max_length": "40", "display": "true"},
        "short_description": {"max_length": "160"},
        "description": {"max_length": "4000"},
        "active": {"internal_type": "boolean"},
        "state": {"internal_type": "integer", "choice": "3"},
        "priority": {"internal_type": "integer", "choice": "1"},
        "reassignment_count": {"internal_type": "integer"},
        "due_date": {"internal_type": "glide_date_time"},
        "comments": {"internal_type": "journal_input", "max_length": "4000"},
        "assigned_to": {"internal_type": "reference", "reference": "sys_user"},
        "correlation_id": {"max_length": "100"},
        "close_notes": {"max_length": "4000"},
    },
    "incident": {
        "caller_id": {"internal_type": "reference", "reference": "sys_user"},
        "incident_state": {"internal_type": "integer", "choice": "3"},
        "category": {"max_length": "40"},
    },
    "sys_user": {
        "sys_id": {"internal_type": "GUID", "read_only": "true", "unique": "true"},
        "sys_mod_count": {"internal_type": "integer", "read_only": "true"},
        "user_name": {"max_length": "40"},
        "name": {"max_length": "150", "display": "true"},
        "email": {"internal_type": "email", "max_length": "100"},
        "country": {"max_length": "3"},
        "location": {"internal_type": "reference", "reference": "cmn_location"},
        "user_password": {"internal_type": "password"},
        "notes": {"max_length": "4000"},
    },
    "cmn_location": {
        "sys_id": {"internal_type": "GUID", "read_only": "true"},
        "name": {"max_length": "100"},
        "country": {"max_length": "40"},
    },
    "m2m_dictionary_dataclass": {
        "sys_dictionary": {"internal_type": "reference", "reference": "sys_dictionary"},
        "data_class": {"internal_type": "reference", "reference": "data_classification"},
    },
    "sys_attachment": {
        "sys_id": {"internal_type": "GUID", "read_only": "true"},
        "table_name": {"max_length": "80"},
        "table_sys_id": {"max_length": "32"},
        "file_name": {"max_length": "100"},
        "size_bytes": {"internal_type": "integer"},
    },
}
CHOICES = {("task", "state"): ("1", "2", "3", "6", "7"), ("task", "priority"): ("1", "2", "3", "4", "5")}
ANNA, JOHN = "a" * 31 + "1", "b" * 31 + "2"


def id_at(number: int) -> str:
    return f"{number:032x}"


@dataclass
class Instance(httpx2.AsyncBaseTransport):
    """`hidden` are ids that rights on rows hide, `closed` tables that are forbidden, `rule` changes what is written."""

    hidden: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    blind: set[str] = field(default_factory=set)
    rule: Callable[[str, Record], None] = lambda _table, _record: None
    tables: dict[str, dict[str, Record]] = field(default_factory=dict)
    asked: list[httpx2.Request] = field(default_factory=list)
    scripted: list[httpx2.Response | Callable[[httpx2.Request], httpx2.Response]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=lambda: dict(HEADERS))

    def __post_init__(self) -> None:
        users = (
            (ANNA, "anna", "Anna Weber", "anna@kessmar.example", "DEU"),
            (JOHN, "john", "John Hill", "john@kessmar.example", "USA"),
        )
        for id, login, name, mail, country in users:
            self.put(
                "sys_user",
                {
                    "sys_id": id,
                    "user_name": login,
                    "name": name,
                    "email": mail,
                    "country": country,
                    "notes": "met at the fair",
                },
            )
        for number in range(1, 7):
            self.put("incident", {
                "sys_id": id_at(number), "number": f"INC{number:07}", "short_description": f"Printer {'ABCDEF'[number - 1]} is out",
                "description": "long" if number % 2 else "", "state": "1", "priority": "" if number in (2, 5) else str(number % 4 + 1),
                "active": "true", "caller_id": ANNA if number % 2 else JOHN, "sys_created_on": f"2026-01-0{number} 10:00:00",
                "reassignment_count": "" if number == 3 else str(number * 3), "correlation_id": "",
            })  # fmt: skip
        self.put(
            "sys_attachment",
            {
                "sys_id": id_at(77),
                "table_name": "incident",
                "table_sys_id": id_at(1),
                "file_name": "log.txt",
                "size_bytes": "12",
            },
        )
        for table, columns in COLUMNS.items():
            parent = PARENTS.get(table, "")
            self.put("sys_db_object", {"name": table, "label": table.title(), "super_class.name": parent})
            for element, told in columns.items():
                row = {
                    "name": table,
                    "element": element,
                    "internal_type": "string",
                    "column_label": element,
                    "active": "true",
                }
                self.put("sys_dictionary", row | told)
        for (table, element), values in CHOICES.items():
            for at, value in enumerate(values):
                self.put(
                    "sys_choice",
                    {
                        "name": table,
                        "element": element,
                        "value": value,
                        "label": f"{element} {value}",
                        "language": "en",
                        "inactive": "false",
                        "sequence": str(at),
                    },
                )
        self.put("sys_documentation", {"name": "task", "element": "number", "label": "Number", "language": "en"})
        pii = {"sys_dictionary.name": "sys_user", "data_class.name": "Personally identifiable information"}
        for element in ("name", "email"):
            self.put("m2m_dictionary_dataclass", {**pii, "sys_dictionary.element": element})

    def put(self, table: str, values: Record) -> Record:
        rows = self.tables.setdefault(table, {})
        record = {"sys_id": id_at(1_000_000 + sum(map(len, self.tables.values()))), "sys_mod_count": "0", **values}
        rows[record["sys_id"]] = record
        return record

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.asked.append(request)
        if self.scripted:
            one = self.scripted.pop(0)
            return one if isinstance(one, httpx2.Response) else one(request)
        return self.answer(request)

    def sent(self, method: str = "") -> list[str]:
        """List requests for records, metadata aside."""
        return [
            f"{one.method} {unquote(one.url.raw_path.decode())}" for one in self.asked
            if method in ("", one.method) and not re.search("/table/(sys_db|sys_dic|sys_cho|sys_doc|m2m)", str(one.url))
        ]  # fmt: skip

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        parts = request.url.path.removeprefix("/api/now").strip("/").split("/")
        asked = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        match request.method, parts:
            case _, ["table", table, *_] if table in self.closed:
                return self.error(403, "Operation Failed", "Failed API level ACL Validation")
            case _, ["table", table, *_] if table not in COLUMNS and table not in self.tables:
                return self.error(400, f"Invalid table {table}", None)
            case "GET", ["table", table]:
                return self.page(table, asked)
            case "GET", ["attachment"]:
                return self.page("sys_attachment", asked)
            case "POST", ["table", table]:
                return self.create(table, json.loads(request.content), asked)
            case "GET", ["stats", table]:
                return self.stats(table, asked)
            case method, ["table", table, id]:
                return self.one(method, table, id, request, asked)
        return self.error(400, "Requested URI does not represent any resource", None)

    def error(self, status: int, message: str, detail: str | None) -> httpx2.Response:
        return self.say(status, {"error": {"message": message, "detail": detail}, "status": "failure"})

    def say(self, status: int, body: object, **headers: str) -> httpx2.Response:
        named = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Response(status, headers=named, content=json.dumps(body).encode())

    def page(self, table: str, asked: dict[str, str]) -> httpx2.Response:
        found = self.matching(table, asked.get("sysparm_query", ""))
        start, size = int(asked.get("sysparm_offset", 0)), int(asked.get("sysparm_limit", 10_000))
        shown = [one for one in found[start : start + size] if one["sys_id"] not in self.hidden]
        return self.say(
            200, {"result": [self.shown(table, one, asked) for one in shown]}, x_total_count=str(len(found))
        )

    def matching(self, table: str, query: str) -> list[Record]:
        rows = list(self.tables.get(table, {}).values())
        if query == "sys_id=javascript:gs.getUserID()":
            return [one for one in rows if one["user_name"] == "anna"]
        known = {name for row in rows for name in row} | set(self.columns(table))
        full = [
            {name: self.value(table, row, name) for name in {*known, *re.findall(r"[a-z_]+\.[a-z_.]+", query)}}
            for row in rows
        ]
        found = [row for row, whole in zip(rows, full, strict=True) if self.holds(query, whole)]
        for key in reversed(reading.read(query).order):
            name, down = key.removeprefix("ORDERBYDESC").removeprefix("ORDERBY"), key.startswith("ORDERBYDESC")
            # Missing values come last, the other way round than isthmus wants them.
            found.sort(key=lambda row, name=name: self.rank(row.get(name, "")), reverse=down)
            found.sort(key=lambda row, name=name: not row.get(name))
        return found

    def rank(self, text: str) -> tuple[float, str]:
        return (float(text), "") if re.fullmatch(r"-?[0-9.]+", text) else (0.0, text.casefold())

    def holds(self, query: str, row: Record) -> bool:
        groups = reading.read(query).groups
        return not groups or any(all(any(self.fits(one, row) for one in some) for some in group) for group in groups)

    def fits(self, one: tuple[str, str, str], row: Record) -> bool:
        name, operator, value = one
        if name not in row:
            return True  # what it does not know it ignores
        has = row[name]
        if operator in ("ISEMPTY", "ISNOTEMPTY"):
            return (has == "") is (operator == "ISEMPTY")
        if operator in ("<", "<=", ">", ">="):
            tests = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__}
            if has and re.fullmatch("-?[0-9.]+", has) and re.fullmatch("-?[0-9.]+", value):
                return tests[operator](float(has), float(value))
        return bool(has) and reading._TESTS[operator](has.casefold(), value.casefold())

    def columns(self, table: str) -> dict[str, dict[str, str]]:
        return {**COLUMNS.get(PARENTS.get(table, ""), {}), **COLUMNS.get(table, {})}

    def value(self, table: str, row: Record, path: str) -> str:
        if path in row or "." not in path:
            return row.get(path, "")
        first, _, rest = path.partition(".")
        target = self.columns(table).get(first, {}).get("reference", "")
        other = self.tables.get(target, {}).get(row.get(first, ""))
        return self.value(target, other, rest) if other else ""

    def shown(self, table: str, row: Record, asked: dict[str, str]) -> dict[str, Any]:
        known = self.columns(table) or row
        names = [name for name in asked.get("sysparm_fields", "").split(",") if name] or list(known)
        return {
            name: "" if known.get(name, {}) and COLUMNS.get(table) and known[name].get("internal_type") == "journal_input" else self.value(table, row, name)
            for name in names if (name in known or name in row or "." in name) and name not in self.blind
        }  # fmt: skip

    def create(self, table: str, values: Record, asked: dict[str, str]) -> httpx2.Response:
        if values.get("sys_id") in self.tables.get(table, {}):
            return self.error(403, "Operation Failed", "Error during insert: unique key violation")
        record = self.put(
            table,
            {
                "number": f"INC{len(self.tables[table]) + 1:07}",
                "state": "1",
                "active": "true",
                **self.kept(table, values),
            },
        )
        self.rule(table, record)
        location = f"https://upstream.example/api/now/table/{table}/{record['sys_id']}"
        return self.say(201, {"result": self.shown(table, record, asked)}, location=location)

    def kept(self, table: str, values: Record) -> Record:
        return {name: value for name, value in values.items() if name in self.columns(table)}

    def one(self, method: str, table: str, id: str, request: httpx2.Request, asked: dict[str, str]) -> httpx2.Response:
        record = self.tables.get(table, {}).get(id)
        if record is None or id in self.hidden:
            return self.error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        if method == "DELETE":
            self.tables[table].pop(id)
            self.put("sys_audit_delete", {"documentkey": id, "tablename": table})
            return httpx2.Response(204)
        if method in ("PATCH", "PUT"):
            record.update(self.kept(table, json.loads(request.content)))
            self.rule(table, record)
            record["sys_mod_count"] = str(int(record["sys_mod_count"]) + 1)
        return self.say(200, {"result": self.shown(table, record, asked)})

    def stats(self, table: str, asked: dict[str, str]) -> httpx2.Response:
        found = self.matching(table, asked.get("sysparm_query", ""))
        if any(one["sys_id"] in self.hidden for one in found):
            return self.error(403, "Insufficient rights to query records", None)
        groups = [name for name in asked.get("sysparm_group_by", "").split(",") if name]
        told: dict[tuple[str, ...], list[Record]] = {}
        for one in found:
            told.setdefault(tuple(self.value(table, one, name) for name in groups), []).append(one)
        rows = [self.figures(rows, asked) | ({"groupby_fields": [{"field": name, "value": value} for name, value in zip(groups, key, strict=True)]} if groups else {})
                for key, rows in told.items()]  # fmt: skip
        return self.say(200, {"result": rows if groups else (rows[0] if rows else self.figures([], asked))})

    def figures(self, rows: list[Record], asked: dict[str, str]) -> dict[str, Any]:
        stats: dict[str, Any] = {"count": str(len(rows))}
        for word, work in (("sum", sum), ("min", min), ("max", max), ("avg", lambda some: sum(some) / len(some))):
            for name in asked.get(f"sysparm_{word}_fields", "").split(","):
                some = [float(one[name]) for one in rows if one.get(name)]
                if name and some:
                    stats.setdefault(word, {})[name] = f"{work(some):g}"
        return {"stats": stats}
