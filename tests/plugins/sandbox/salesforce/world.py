"""How does a recorded request become one about our own enterprise?"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from isthmus.plugins.sandbox import SalesforceOrg
from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.salesforce.store import Store, Value

from .recordings import Exchange, parsed

VERSION = "58.0"
OBJECTS = {"Custom__c": "Invoice__c"}
VALUES = {"In Progress": "Prospecting", "PytestAccountRecordType": "Business_Account"}
_ID = re.compile(r"\b[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\b")
_URL = re.compile(r"/services/data/v[^/]+/(?:tooling/)?sobjects/(\w+)/(\w+)")
_TOLD_VERSION = re.compile(r"/services/data/v(\d+\.0)/")


class World:
    """One org that starts empty and is given the rows that recordings tell of, under ids of its own."""

    def __init__(self, org: SalesforceOrg, client: httpx2.Client, exchanges: Iterable[Exchange]) -> None:
        self.org = org
        self.client = client
        self._ids: dict[str, str] = {}
        self._told: dict[str, dict[str, Any]] = {}
        for exchange in exchanges:
            for key, record in _told_rows(exchange):
                self._told.setdefault(key, {}).update(record)

    def send(self, exchange: Exchange) -> httpx2.Response:
        """Make the rows that the answer tells of, send the request as our own and learn the ids of what it made."""
        answer = parsed(exchange.answer)
        for key, record in _told_rows(exchange):
            self._row(record["attributes"]["url"], key)
        if exchange.status == 500 and not exchange.answer:
            self.org.faults.arm("server_error")
        version = next(iter(_TOLD_VERSION.findall(exchange.answer)), VERSION)
        reply = self.client.request(
            exchange.method,
            self._ours(exchange.path, version),
            params=[(name, self._ours(value, version)) for name, value in parse_qsl(exchange.query)],
            content=self._body(exchange.body, version),
            headers={"content-type": "application/json"} if exchange.body else {},
        )
        self._learn(answer, parsed(reply.text))
        return reply

    def _ours(self, text: str, version: str) -> str:
        for theirs, mine in (*OBJECTS.items(), *VALUES.items()):
            text = text.replace(theirs, mine)
        return _ID.sub(lambda match: self._id(match[0]), text.replace("/vxx.0/", f"/v{version}/"))

    def _body(self, text: str, version: str) -> str | None:
        body = parsed(text)
        if body is None:
            return text or None
        for part in body.get("compositeRequest", ()):
            headers = part.get("httpHeaders", {})
            # Our enterprise opened in 2026: what was unchanged since 2020 has to be asked for in our own time.
            if "2020" in headers.get("If-Modified-Since", ""):
                headers["If-Modified-Since"] = "Fri, 01 Jan 2027 00:00:00 GMT"
        return self._ours(json.dumps(body), version)

    def _id(self, theirs: str) -> str:
        if theirs not in self._ids and any(each.isdigit() for each in theirs):
            for store in (self.org.tooling.store, self.org.store):
                sobject = store.schema.by_prefix(theirs[:3])
                if sobject is not None:
                    return self._row(f"/services/data/vxx.0/sobjects/{sobject.name}/{theirs}", theirs)
        return self._ids.get(theirs, theirs)

    def _row(self, url: str, theirs: str) -> str:
        if theirs not in self._ids:
            found = _URL.fullmatch(url)
            assert found is not None, url
            name = OBJECTS.get(found[1], found[1])
            self._ids[theirs] = self._existing(name) or self._insert(name, self._told.get(theirs, {}))
        return self._ids[theirs]

    def _existing(self, name: str) -> str | None:
        """Return a row of ours that stands for any of theirs: one organization, users who log in, code that is there."""
        if name == "ApexClass":
            return next(str(row["Id"]) for row in self.org.tooling.store[name] if str(row["Name"]).endswith("_TEST"))
        if name in ("Organization", "User") or name in self.org.tooling.store.tables:
            return next(iter(self._store(name)[name].rows), None)
        return None

    def _store(self, name: str) -> Store:
        return self.org.tooling.store if name in self.org.tooling.store.tables else self.org.store

    def _insert(self, name: str, told: Mapping[str, Any]) -> str:
        store = self._store(name)
        sobject = store.schema.objects[name]
        by = next(iter(self.org.store["User"].rows))
        values: dict[str, Value] = {"OwnerId": by} if "ownerid" in sobject.by_name else {}
        for key, value in told.items():
            column = sobject.by_name.get(key.lower()) or sobject.by_relationship.get(key.lower())
            if column is not None and column.name != "Id" and not isinstance(value, Mapping | list):
                values[column.name] = self._ours(value, VERSION) if isinstance(value, str) else value
        # Bulk results tell instants as milliseconds since 1970.
        for field in sobject.fields:
            if field.type == "datetime" and isinstance(told := values.get(field.name), int):
                values[field.name] = stamp(datetime.fromtimestamp(told / 1000, UTC))
        return str(store.insert(name, values, by)["Id"])

    def _learn(self, recorded: Any, ours: Any) -> None:
        if isinstance(recorded, str) and isinstance(ours, str):
            self._ids[recorded] = ours
            return
        made = [(recorded, ours)] if isinstance(recorded, Mapping) else zip(recorded or (), ours or (), strict=False)
        for theirs, mine in made:
            if isinstance(theirs, Mapping) and isinstance(mine, Mapping) and "success" in theirs and "id" in mine:
                self._ids[theirs["id"]] = mine["id"]


def _told_rows(exchange: Exchange) -> Iterator[tuple[str, dict[str, Any]]]:
    return _records(parsed(exchange.answer)) if '"attributes"' in exchange.answer else iter(())


def _records(told: Any, parent: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and content of every record of an answer, parents before children; a relationship holds an id."""
    if isinstance(told, list):
        for each in told:
            yield from _records(each, parent)
    if not isinstance(told, Mapping):
        return
    url = _URL.fullmatch(str((told.get("attributes") or {}).get("url")))
    parents = {name: _key(value) for name, value in told.items() if _key(value)}
    for name, value in told.items():
        if name in parents:
            yield from _records(value)
    if url is not None:
        yield url[2], {**told, **parents, **({} if parent is None else _pointing(parent))}
    for name, value in told.items():
        if name not in parents:
            yield from _records(value, url[2] if url is not None else parent)


def _key(value: Any) -> str | None:
    found = _URL.fullmatch(str((value.get("attributes") or {}).get("url"))) if isinstance(value, Mapping) else None
    return found[2] if found is not None else None


def _pointing(parent: str) -> dict[str, str]:
    """Return the field by which a row below a contact points to it: the only children that recordings nest."""
    return {"ContactId": parent}
