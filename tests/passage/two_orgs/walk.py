"""A random caller: which call does it make next, and what does it learn from the answers?"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from isthmus.core.records import Page, Record, Ref
from isthmus.core.results import Result

from .terrain import Terrain

OPERATORS = ("eq", "ne", "lt", "ge", "in", "not_in", "contains", "starts_with", "ends_with")
WORDS = ("US", "DE", "Ber", "pho", "Web", "an", "2026-01-01", "2026-01-01T00:00:00Z", "High", "'", "%", "\\")
Arguments = dict[str, object]
BRIDGE = "bridge"
"""Stands for a request of an SDK where a tool is named."""


@dataclass
class Walk:
    """A seeded walk over all tools of one system; `pool` keeps the refs and ids that answers gave."""

    terrain: Terrain
    random: Random
    refs: list[str] = field(default_factory=list)
    ids: dict[str, list[str]] = field(default_factory=dict)
    page: tuple[str, Arguments, str] | None = None
    files: list[tuple[str, str, str]] = field(default_factory=list)

    def step(self) -> tuple[str, Arguments]:
        """Choose the next call, and now and then a mishap that it will meet."""
        if self.random.random() < 0.15:
            org = self.random.choice(self.terrain.orgs)
            org.faults.clear()
            org.faults.arm(self.random.choice(self.terrain.faults))
        if self.page and self.random.random() < 0.5:
            tool, arguments, after = self.page
            self.page = None
            return tool, {**arguments, "after": after}
        kinds = (self._query, self._query, self._text, self._get, self._get, self._search, self._aggregate)
        writes = (self._create, self._create, self._update, self._update, self._upsert, self._delete)
        many = (self._export, self._export, self._changes, self._load, self._load)
        deeds = (self._attach, self._download, self._invoke, self._invoke) if self.terrain.files else ()
        bridged = (self._bridge, self._bridge, self._bridge) if self.terrain.bridged else ()
        return self.random.choice((*kinds, *writes, self._describe, *many, *deeds, *bridged))()

    def learn(self, tool: str, arguments: Arguments, result: Result) -> None:
        """Keep what an answer gave."""
        records = result.records if isinstance(result, Page) else (result,) if isinstance(result, Record) else ()
        for record in records:
            self.ids.setdefault(record.object, []).append(record.id)
            self.refs += [value.token for value in record.fields.values() if isinstance(value, Ref)]
        if isinstance(result, Page) and result.after:
            self.page = (tool, {name: value for name, value in arguments.items() if name != "after"}, result.after)
        if tool == "attach" and isinstance(result, Record):
            self.files.append((str(arguments["object"]), str(arguments["id"]), result.id))

    def _object(self) -> str:
        return self.random.choice(self.terrain.objects)

    def _path(self, object: str, depth: int = 0) -> str:
        column = self.random.choice(self.terrain.columns[object])
        if column.relationship and depth < 2 and self.random.random() < 0.7:
            return f"{column.relationship}.{self._path(self.random.choice(column.refers), depth + 1)}"
        return self.random.choice((column.name, column.name, column.name, column.name.upper()))

    def _paths(self, object: str, most: int) -> list[str]:
        return [self._path(object) for _ in range(self.random.randint(1, most))]

    def _ref(self) -> object:
        return {"ref": self.random.choice(self.refs[-40:])} if self.refs else "nothing"

    def _id(self, object: str) -> str:
        known = self.ids.get(object)
        return (
            self.random.choice(known)
            if known
            else f"{self.terrain.system}-{self.random.choice(('eu', 'us'))}:003000000000000AAA"
        )

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
            country = self.terrain.countries.get(object)
            if country:
                return {"field": country, "op": "eq", "value": self.random.choice(("US", "DE", "FR", None))}
        if self.random.random() < 0.3 and self.refs:
            name = self.random.choice((*self.terrain.names, self._path(object)))
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
        return "query", {"text": self.terrain.text(self._path, self.random.choice, self._object())}

    def _get(self) -> tuple[str, Arguments]:
        object = self._object()
        more = {"fields": self._paths(object, 8)} if self.random.random() < 0.6 else {}
        return "get", {"object": object, "id": self._id(object), **more}

    def _search(self) -> tuple[str, Arguments]:
        object = self._object()
        return "search", {"object": object, "text": self.random.choice(self.terrain.words)}

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
        texts = self.terrain.written.get(object, self.terrain.written[""])
        names = self.random.sample(texts, self.random.randint(1, 2))
        # A name where the org wants an address or a number: its refusal repeats what the ref stands for.
        values = {name: self._ref() if self.random.random() < 0.6 else self.random.choice(WORDS) for name in names}
        if object in self.terrain.links and self.random.random() < 0.4:
            name, target = self.terrain.links[object]
            values[name] = self._id(target)
        if object == self.terrain.person:
            if self.random.random() < 0.8:
                values[self.terrain.required] = self.random.choice((self._ref(), "Doe"))
            if self.random.random() < 0.5:
                values[self.terrain.countries[object]] = self.random.choice(("US", "DE", "US", None))
        if self.random.random() < 0.1:
            values[self._path(object)] = self._value()
        return values

    def _create(self) -> tuple[str, Arguments]:
        object = self.random.choice(self.terrain.creates)
        return "create", {"object": object, "values": self._values(object)}

    def _update(self) -> tuple[str, Arguments]:
        object = self.random.choice(self.terrain.updates)
        return "update", {"object": object, "id": self._id(object), "values": self._values(object)}

    def _upsert(self) -> tuple[str, Arguments]:
        object = self.random.choice(list(self.terrain.keys))
        key, field = self.random.choice((self._ref(), f"k{self.random.randrange(5)}")), self.terrain.keys[object]
        return "upsert", {"object": object, "key_field": field, "key": key, "values": self._values(object)}

    def _delete(self) -> tuple[str, Arguments]:
        return "delete", {"object": self.terrain.deletes, "id": self._id(self.terrain.deletes)}

    def _export(self) -> tuple[str, Arguments]:
        _, arguments = self._query()
        return "export", {name: value for name, value in arguments.items() if name != "order_by"}

    def _changes(self) -> tuple[str, Arguments]:
        object = self._object()
        more = {"select": self._paths(object, 6)} if self.random.random() < 0.6 else {}
        return "changes", {"object": object, "since": "2026-01-01T00:00:00Z", "limit": 20, **more}

    def _load(self) -> tuple[str, Arguments]:
        action, count = (
            self.random.choice(("create", "create", "update", "upsert", "delete")),
            self.random.randint(1, 4),
        )
        key = f"load {self.random.randrange(10**9)}"
        match action:
            case "create":
                object = self.random.choice(self.terrain.creates)
                lines: list[object] = [{"values": self._values(object)} for _ in range(count)]
            case "update":
                object = self.random.choice(self.terrain.updates)
                lines = [{"id": self._id(object), "values": self._values(object)} for _ in range(count)]
            case "upsert":
                object = self.random.choice(list(self.terrain.keys))
                field = self.terrain.keys[object]
                lines = [
                    {"values": {**self._values(object), field: f"k{self.random.randrange(9)}"}} for _ in range(count)
                ]
                return "load", {"object": object, "action": action, "lines": lines, "key": key, "key_field": field}
            case _:
                object = self.terrain.deletes
                lines = [{"id": self._id(object)} for _ in range(count)]
        return "load", {"object": object, "action": action, "lines": lines, "key": key}

    def _attach(self) -> tuple[str, Arguments]:
        object, name = self._object(), f"note {self.random.randrange(10**6)}.txt"
        content = base64.b64encode(self.random.choice(WORDS).encode()).decode()
        return "attach", {"object": object, "id": self._id(object), "name": name, "content": content}

    def _download(self) -> tuple[str, Arguments]:
        if self.random.random() < 0.7 and (known := [*self.files, *self.terrain.files]):
            object, id, file = self.random.choice(known)
        else:
            object = self._object()
            id, file = self._id(object), self._id(object)
        return "download", {"object": object, "id": id, "file": file}

    def _invoke(self) -> tuple[str, Arguments]:
        object, action, takes_id = self.random.choice(self.terrain.actions)
        arguments = {"values": self._values(object)} if self.random.random() < 0.7 else {}
        arguments |= {"state": self.random.choice(("-4", "2", "4"))} if action == "move" else {}
        more = {"id": self._id(object)} if takes_id else {}
        return "invoke", {"object": object, "action": action, "arguments": arguments, **more}

    def _describe(self) -> tuple[str, Arguments]:
        return "describe", self.random.choice(({}, {"object": self._object()}))

    def _bridge(self) -> tuple[str, Arguments]:
        """Let an SDK ask: a list by an encoded query, one record by its id, or a write."""
        object = self._object()
        if self.random.random() < 0.3:
            known = self._values(object)
            return BRIDGE, {
                "object": object,
                "id": self._id(object) if self.random.random() < 0.5 else "",
                "values": {name: self._token(value) for name, value in known.items()},
            }
        if self.random.random() < 0.3:
            return BRIDGE, {"object": object, "id": self._id(object)}
        conditions = [
            (self._path(object), self.random.choice(("=", "STARTSWITH", "LIKE", "!=", ">")), self._token(self._value()))
            for _ in range(self.random.choice((0, 0, 1, 2)))
        ]
        order = self._path(object) if self.random.random() < 0.3 else ""
        fields = self._paths(object, 6) if self.random.random() < 0.5 else []
        return BRIDGE, {"object": object, "conditions": conditions, "fields": fields, "order": order}

    def _token(self, value: object) -> str:
        return str(value["ref"] if isinstance(value, Mapping) and "ref" in value else value)
