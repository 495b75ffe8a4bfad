"""A random caller: which call does it make next, and what does it learn from the answers?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from isthmus.core.records import Page, Record, Ref
from isthmus.core.results import Result
from isthmus.plugins.sandbox import Sandbox

OBJECTS = (
    "Contact",
    "Contact",
    "Contact",
    "Case",
    "Case",
    "Lead",
    "Account",
    "Opportunity",
    "Task",
    "Invoice__c",
    "User",
)
OPERATORS = ("eq", "ne", "lt", "ge", "in", "not_in", "contains", "starts_with", "ends_with")
WORDS = ("US", "DE", "Ber", "pho", "Web", "an", "2026-01-01", "2026-01-01T00:00:00Z", "High", "'", "%", "\\")
FAULTS = ("expire_session", "lock_row", "html_200", "server_error", "concurrent_limit", "lost_answer", "edge_throttle")
WRITTEN = {
    "Case": ("SuppliedEmail", "SuppliedName", "SuppliedPhone", "Description", "Subject"),
    "Contact": ("FirstName", "Email", "Title", "Description", "MailingStreet", "Birthdate"),
    "Opportunity": ("Name", "Description", "StageName", "CloseDate"),
}
LINKS = {"Case": "ContactId", "Opportunity": "AccountId", "Contact": "AccountId"}
Arguments = dict[str, object]


@dataclass
class Walk:
    """A seeded walk over all tools; `pool` keeps the refs and ids that answers gave."""

    sandbox: Sandbox
    random: Random
    refs: list[str] = field(default_factory=list)
    ids: dict[str, list[str]] = field(default_factory=dict)
    page: tuple[Arguments, str] | None = None

    def step(self) -> tuple[str, Arguments]:
        """Choose the next call, and now and then a mishap that it will meet."""
        if self.random.random() < 0.15:
            org = self.random.choice(list(self.sandbox.salesforce.values()))
            org.faults.clear()
            org.faults.arm(self.random.choice(FAULTS))
        if self.page and self.random.random() < 0.5:
            arguments, after = self.page
            self.page = None
            return "query", {**arguments, "after": after}
        kinds = (self._query, self._query, self._text, self._get, self._get, self._search, self._aggregate)
        writes = (self._create, self._create, self._update, self._update, self._upsert, self._delete)
        return self.random.choice((*kinds, *writes, self._describe))()

    def learn(self, arguments: Arguments, result: Result) -> None:
        """Keep what an answer gave."""
        records = result.records if isinstance(result, Page) else (result,) if isinstance(result, Record) else ()
        for record in records:
            self.ids.setdefault(record.object, []).append(record.id)
            self.refs += [value.token for value in record.fields.values() if isinstance(value, Ref)]
        if isinstance(result, Page) and result.after:
            self.page = ({name: value for name, value in arguments.items() if name != "after"}, result.after)

    def _object(self) -> str:
        return self.random.choice(OBJECTS)

    def _path(self, object: str, depth: int = 0) -> str:
        schema = self.sandbox.salesforce["eu"].schema.objects
        column = self.random.choice(schema[object].fields)
        if column.relationship and depth < 2 and self.random.random() < 0.7:
            return f"{column.relationship}.{self._path(self.random.choice(column.refers), depth + 1)}"
        return self.random.choice((column.name, column.name, column.name, column.name.upper()))

    def _paths(self, object: str, most: int) -> list[str]:
        return [self._path(object) for _ in range(self.random.randint(1, most))]

    def _ref(self) -> object:
        return {"ref": self.random.choice(self.refs[-40:])} if self.refs else "nothing"

    def _id(self, object: str) -> str:
        known = self.ids.get(object)
        return self.random.choice(known) if known else f"crm-{self.random.choice(('eu', 'us'))}:003000000000000AAA"

    def _value(self) -> object:
        kinds = (self._ref, lambda: self.random.choice(WORDS), lambda: None, lambda: 3, lambda: {"relative": "TODAY"})
        return self.random.choice(kinds)()

    def _where(self, object: str, depth: int = 0) -> Mapping[str, object]:
        if depth < 2 and self.random.random() < 0.3:
            word = self.random.choice(("all", "any"))
            return {word: [self._where(object, depth + 1) for _ in range(self.random.randint(1, 3))]}
        if depth < 2 and self.random.random() < 0.1:
            return {"not": self._where(object, depth + 1)}
        if self.random.random() < 0.4:
            country = {"Contact": "MailingCountryCode", "Lead": "CountryCode", "Case": "Contact.MailingCountryCode"}
            if object in country:
                return {"field": country[object], "op": "eq", "value": self.random.choice(("US", "DE", "FR", None))}
        if self.random.random() < 0.3 and self.refs:
            name = self.random.choice(("LastName", "Email", "Name", "Phone", "FirstName", self._path(object)))
            return {"field": name, "op": self.random.choice(("eq", "eq", "ge", "contains")), "value": self._ref()}
        operator = self.random.choice(OPERATORS)
        value = [self._value(), self._value()] if operator in ("in", "not_in") else self._value()
        return {"field": self._path(object), "op": operator, "value": value}

    def _query(self) -> tuple[str, Arguments]:
        object = self._object()
        arguments: Arguments = {"object": object, "limit": self.random.choice((1, 5, 20, 50))}
        if self.random.random() < 0.8:
            arguments["select"] = self._paths(object, 8)
        if self.random.random() < 0.5:
            arguments["where"] = self._where(object)
        if self.random.random() < 0.4:
            arguments["order_by"] = [{"field": self._path(object), "descending": self.random.random() < 0.5}]
        return "query", arguments

    def _text(self) -> tuple[str, Arguments]:
        object, names = self._object(), ", ".join
        inner = self.random.choice(("Contact", "Account", "Case"))
        clauses = [
            f"SELECT {names(self._paths(object, 5))} FROM {object}",
            f"SELECT COUNT(Id), MAX({self._path(object)}) FROM {object} GROUP BY {self._path(object)}",
            f"SELECT FIELDS(ALL) FROM {object} LIMIT 5",
            f"SELECT Id, (SELECT Name, Email FROM Contacts) FROM {inner}",
        ]
        text = self.random.choices(clauses, [6, 2, 1, 1])[0]
        name = self.random.choice(("Name", "Phone", "Email", "Id", self._path(object)))
        filters = [
            f" WHERE {name} LIKE '{self.random.choice(('K', 'an', 'Be'))}%'",
            f" WHERE Id IN (SELECT {self._path(inner)} FROM {inner} WHERE {self._path(inner)} LIKE 'A%')",
            f" WHERE {self._path(object)} != null ORDER BY {self._path(object)} LIMIT 7",
            "",
        ]
        return "query", {"text": text + (self.random.choice(filters) if "LIMIT" not in text else "")}

    def _get(self) -> tuple[str, Arguments]:
        object = self._object()
        more = {"fields": self._paths(object, 8)} if self.random.random() < 0.6 else {}
        return "get", {"object": object, "id": self._id(object), **more}

    def _search(self) -> tuple[str, Arguments]:
        object = self._object()
        return "search", {"object": object, "text": self.random.choice(("anna", "ber", "30 23125", "trading", "ab*"))}

    def _aggregate(self) -> tuple[str, Arguments]:
        object = self._object()
        function = self.random.choice(("count", "sum", "min", "max", "avg", "count_distinct"))
        measure = {"function": function} | ({"field": self._path(object)} if function != "count" else {})
        arguments: Arguments = {"object": object, "measures": [measure]}
        if self.random.random() < 0.5:
            arguments["group_by"] = self._paths(object, 2)
        if self.random.random() < 0.5:
            arguments["where"] = self._where(object)
        return "aggregate", arguments

    def _values(self, object: str) -> Arguments:
        texts = WRITTEN.get(object, ("Name", "Phone", "Description"))
        names = self.random.sample(texts, self.random.randint(1, 2))
        # A name where the org wants an address or a number: its refusal repeats what the ref stands for.
        values = {name: self._ref() if self.random.random() < 0.6 else self.random.choice(WORDS) for name in names}
        if object in LINKS and self.random.random() < 0.4:
            values[LINKS[object]] = self._id(LINKS[object].removesuffix("Id"))
        if object == "Contact":
            values |= {"LastName": self.random.choice((self._ref(), "Doe"))} if self.random.random() < 0.8 else {}
            values |= (
                {"MailingCountryCode": self.random.choice(("US", "DE", "US", None))}
                if self.random.random() < 0.5
                else {}
            )
        if self.random.random() < 0.1:
            values[self._path(object)] = self._value()
        return values

    def _create(self) -> tuple[str, Arguments]:
        object = self.random.choice(("Case", "Case", "Case", "Contact", "Account", "Opportunity", "Lead"))
        return "create", {"object": object, "values": self._values(object)}

    def _update(self) -> tuple[str, Arguments]:
        object = self.random.choice(("Case", "Case", "Contact", "Contact", "Account", "Opportunity"))
        return "update", {"object": object, "id": self._id(object), "values": self._values(object)}

    def _upsert(self) -> tuple[str, Arguments]:
        object = self.random.choice(("Contact", "Case"))
        key = self.random.choice((self._ref(), f"k{self.random.randrange(5)}"))
        return "upsert", {"object": object, "key_field": "Isthmus_Key__c", "key": key, "values": self._values(object)}

    def _delete(self) -> tuple[str, Arguments]:
        return "delete", {"object": "Case", "id": self._id("Case")}

    def _describe(self) -> tuple[str, Arguments]:
        return "describe", self.random.choice(({}, {"object": self._object()}))
