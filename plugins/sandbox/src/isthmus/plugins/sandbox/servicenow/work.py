"""Which tickets, changes, orders, machines and log lines does an instance hold when it opens?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final, cast

from .schema import data_file
from .states import derive
from .store import Row, Store, written

_INCIDENTS: Final = 240
_PROBLEMS: Final = 24
_CHANGES: Final = 69
_SERVERS: Final = 12
_LOG_LINES: Final = 700


class Work:
    """Make up an instance's work; callers are its customers' people."""

    def __init__(self, store: Store, random: Random, users: Mapping[str, str], contacts: Sequence[Row]) -> None:
        self._store = store
        self._random = random
        self._users = users
        self._contacts = contacts
        self._start = store.clock.now()
        self._groups = {row["name"]: row["sys_id"] for row in store.find("sys_user_group")}
        self._machines: list[str] = []
        self._problems: list[str] = []

    def fill(self) -> None:
        """Make all rows."""
        self._configuration()
        for number in range(_PROBLEMS):
            self._problem(number)
        for number in range(_INCIDENTS):
            self._incident(number)
        for number in range(_CHANGES):
            self._change(number)
        self._orders()
        for number in range(_LOG_LINES):
            self._log_line(number)

    def _lines(self, name: str) -> Sequence[str]:
        return cast("Sequence[str]", data_file("work.toml")[name])

    def _moment(self, most_days: int) -> datetime:
        return self._start - timedelta(hours=2, minutes=self._random.randrange(most_days * 24 * 60))

    def _insert(self, table: str, values: Mapping[str, str], by: str, at: datetime) -> Row:
        """Store a row as if this user had made it then."""
        definition = self._store.schema[table]
        row = {**definition.blank, **values}
        if definition.extends("task"):
            row["opened_by"], row["opened_at"] = self._users[by], written(at)
        derive(definition, row, None, self._users[by], written(at + timedelta(hours=self._random.randrange(1, 90))))
        return self._store.insert(table, row, by, at)

    def _incident(self, number: int) -> None:
        subject, category = self._random.choice(cast("Sequence[tuple[str, str]]", data_file("work.toml")["incidents"]))
        state = self._random.choices(["1", "2", "3", "6", "7", "8"], [20, 25, 10, 20, 20, 5])[0]
        values = {
            "short_description": subject,
            "category": category,
            "state": state,
            "impact": self._random.choice("123"),
            "urgency": self._random.choice("123"),
            "contact_type": self._random.choice(["email", "phone", "self-service"]),
            "cmdb_ci": self._random.choice([*self._machines, ""]),
            "assignment_group": self._groups[self._random.choice(["Service Desk", "Network", "Database"])],
            "hold_reason": "1" if state == "3" else "",
            "problem_id": self._random.choice([*self._problems, "", "", "", "", ""]),
        }
        if self._contacts:
            caller = self._random.choice(self._contacts)
            details = self._random.choice(self._lines("details"))
            values["caller_id"], values["company"] = caller["sys_id"], caller["company"]
            values["location"] = caller["location"]
            values["description"] = details.format_map(caller)
        if state != "1":
            values["assigned_to"] = self._users[self._random.choice(["alice", "greta", "frank"])]
        if state in ("6", "7"):
            values["close_code"] = "Solved (Permanently)"
            values["close_notes"] = self._random.choice(self._lines("notes"))
        by, at = self._random.choice(["alice", "greta", "integration"]), self._moment(200)
        row = self._insert("incident", values, by, at)
        if number % 3 == 0:
            self._note("incident", row, at)

    def _note(self, table: str, row: Row, at: datetime) -> None:
        text = self._random.choice(self._lines("notes"))
        element = self._random.choice(["comments", "work_notes"])
        values = {"name": table, "element": element, "element_id": row["sys_id"], "value": text}
        self._store.insert("sys_journal_field", values, "alice", at + timedelta(minutes=30))

    def _problem(self, number: int) -> None:
        lines = self._lines("problems")
        state = self._random.choice(["101", "102", "103", "104", "106", "107"])
        values = {
            "short_description": lines[number % len(lines)],
            "state": state,
            "impact": self._random.choice("123"),
            "urgency": self._random.choice("123"),
            "category": "software",
            "assigned_to": self._users["problem.admin"],
            "assignment_group": self._groups["Problem Solving"],
        }
        if state in ("106", "107"):
            values.update(resolution_code="fix_applied", fix_notes="Replaced.", cause_notes="Worn out.")
        self._problems.append(self._insert("problem", values, "greta", self._moment(300))["sys_id"])

    def _change(self, number: int) -> None:
        lines, state = self._lines("changes"), self._random.choice(["-5", "-4", "-3", "-2", "-1", "0", "3", "4"])
        at = self._moment(120)
        begins = at + timedelta(days=self._random.randrange(3, 20))
        values = {
            "short_description": lines[number % len(lines)],
            "type": "emergency" if number % 9 == 0 else "normal",
            "state": state,
            "risk": self._random.choice("234"),
            "cmdb_ci": self._random.choice(self._machines),
            "start_date": written(begins),
            "end_date": written(begins + timedelta(hours=2)),
            "assignment_group": self._groups["Network"],
            "requested_by": self._users["frank"],
            "approval": "requested" if state == "-3" else "not requested",
        }
        if state == "3":
            values.update(close_code="successful", close_notes="Done as planned.")
        row = self._insert("change_request", values, "frank", at)
        if number % 2 == 0:
            task = {"change_request": row["sys_id"], "parent": row["sys_id"], "short_description": "Tell the users"}
            self._insert("change_task", {**task, "change_task_type": "planning"}, "frank", at)
        if state == "-3":
            self._approvals(row, at)

    def _approvals(self, change: Row, at: datetime) -> None:
        board = self._groups["CAB Approval"]
        for member in list(self._store.find("sys_user_grmember", group=board)):
            values = {
                "state": "requested",
                "approver": member["user"],
                "sysapproval": change["sys_id"],
                "document_id": change["sys_id"],
                "source_table": "change_request",
                "group": board,
            }
            self._store.insert("sysapproval_approver", values, "system", at)

    def _configuration(self) -> None:
        at = self._start - timedelta(days=500)
        owner = {"support_group": self._groups["Network"], "managed_by": self._users["frank"]}
        relations = {row["name"]: row["sys_id"] for row in self._store.find("cmdb_rel_type")}
        services = [
            self._insert("cmdb_ci_service", {"name": name, "busines_criticality": "1 - most critical"}, "frank", at)
            for name in ("Customer Portal", "Mail", "Reporting")
        ]
        for number in range(_SERVERS):
            linux = number % 3 != 0
            values = {
                "name": f"srv-{number:03d}",
                "serial_number": f"SN{number:06d}",
                "os": "Linux" if linux else "Windows",
                "ram": str(8192 * (1 + number % 4)),
                "cpu_count": str(2 + number % 8),
                "ip_address": f"192.0.2.{number + 1}",
                "fqdn": f"srv-{number:03d}.kessmar.example",
                "environment": "production" if number % 2 else "test",
                **owner,
            }
            server = self._insert("cmdb_ci_linux_server" if linux else "cmdb_ci_win_server", values, "frank", at)
            self._machines.append(server["sys_id"])
            asset = {"display_name": values["name"], "serial_number": values["serial_number"], "ci": server["sys_id"]}
            self._store.insert("alm_asset", asset, "frank", at)
            link = {"parent": services[number % 3]["sys_id"], "child": server["sys_id"]}
            self._store.insert("cmdb_rel_ci", {**link, "type": relations["Depends on::Used by"]}, "frank", at)

    def _orders(self) -> None:
        items = list(self._store.find("sc_cat_item"))
        for number in range(12):
            at, person = self._moment(90), self._users[self._random.choice(["bob", "dave", "henri"])]
            item = items[number % len(items)]
            request = self._insert("sc_request", {"requested_for": person, "price": item["price"]}, "bob", at)
            values = {"request": request["sys_id"], "cat_item": item["sys_id"], "requested_for": person}
            named = {"short_description": item["name"], "price": item["price"]}
            line = self._insert("sc_req_item", {**values, **named}, "bob", at)
            task = {"request": request["sys_id"], "request_item": line["sys_id"], "short_description": "Hand it out"}
            self._insert("sc_task", task, "bob", at)

    def _log_line(self, number: int) -> None:
        source = self._random.choice(self._lines("log_sources"))
        values = {"level": self._random.choice("0012"), "source": source, "message": f"{source}: line {number}"}
        self._store.insert("syslog", values, "system", self._moment(5))
