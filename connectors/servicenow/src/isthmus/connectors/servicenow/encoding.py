"""How do released records look in the encoding of the Table API, and what do texts of an SDK mean as values?"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from isthmus.connectors.servicenow.values import plain
from isthmus.core import Groups, Page, Record
from isthmus.core.connector import FieldType, ObjectFacts
from isthmus.core.errors import IsthmusError
from isthmus.core.http import Response
from isthmus.core.records import JSON, Ref, Value
from isthmus.core.results import value_json

__all__ = ["Shape", "answer", "figures", "refusal", "typed_values", "withheld"]

KIND = "application/json;charset=UTF-8"
_REF = re.compile(r"ref_[a-z2-7]{16}")
_MOMENT = re.compile(r"([0-9-]{10})T([0-9:]{8})Z")
_STATUSES = {"ACCESS_DENIED": 403, "BUSINESS_RULE": 403, "DUPLICATE": 403}


@dataclass(frozen=True, slots=True)
class Shape:
    """In which form an SDK wants values: `display` is false, true or all; `links` where references are addresses."""

    facts: ObjectFacts
    base: str
    display: str = "false"
    links: bool = True

    def record(self, record: Record) -> dict[str, JSON]:
        """Write a record; all values are texts, and what stands for a value is its token."""
        told = {name: self._field(name, value) for name, value in record.fields.items()}
        return {"sys_id": self._plain("sys_id", record.id), **told}

    def _field(self, name: str, value: Value) -> JSON:
        return self._plain(name, _text(value, self._kind(name)))

    def _plain(self, name: str, text: str) -> JSON:
        if self.display == "all":
            return {"display_value": text, "value": text}
        target = self._target(name) if self.links and text else ""
        if target and self.display == "false":
            return {"link": f"{self.base}/table/{target}/{text}", "value": text}
        return text

    def _kind(self, name: str) -> FieldType:
        found = self.facts.fields.get(name)
        return found.type if found else FieldType.STRING

    def _target(self, name: str) -> str:
        found = self.facts.fields.get(name)
        return found.references[0] if found and found.references else ""


def typed_values(facts: ObjectFacts, body: Mapping[str, JSON]) -> dict[str, JSON]:
    """Read the values of a write as an agent would give them: tokens become refs, texts get their field's type."""
    return {name: _typed(facts, name, value) for name, value in body.items()}


def answer(status: int, body: JSON = None, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer as the vendor's server would; no body at all with 204."""
    content = b"" if status == 204 else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    told = {} if status == 204 else {"content-type": KIND}
    return Response(status, told | dict(headers or {}), content)


def figures(groups: Groups, grouped: bool) -> Response:  # noqa: FBT001 it is what the vendor's shape turns on
    """Write figures: one object without groups, a list with them; numbers are texts."""
    rows = [_stats(row) for row in groups.rows]
    body: JSON = list(rows) if grouped else (rows[0] if rows else {"stats": {"count": "0"}})
    return answer(200, {"result": body}, withheld(groups))


def refusal(status: int, error: IsthmusError) -> Response:
    """Write what the system said no to, in its own shape and with our sentence."""
    status = _STATUSES.get(error.vendor_code, status)
    said: dict[str, JSON] = {"message": error.vendor_text or error.sentence, "detail": error.sentence}
    return answer(status, {"error": said, "status": "failure"})


def withheld(result: Page | Groups) -> dict[str, str]:
    """Name what was kept back in headers, where no client trips over it."""
    names = ", ".join(one.what for one in result.withheld)
    told = {"isthmus-complete": str(result.complete).lower()}
    return told | ({"isthmus-withheld": names.encode("ascii", "replace").decode()} if names else {})


def _stats(row: Mapping[str, Value]) -> dict[str, JSON]:
    stats: dict[str, JSON] = {}
    groups: list[JSON] = []
    nested: dict[str, dict[str, JSON]] = {}
    for name, value in row.items():
        function, _, field = name.partition(".")
        if name == "count":
            stats["count"] = _text(value, FieldType.INTEGER)
        elif field and function in ("avg", "min", "max", "sum"):
            nested.setdefault(function, {})[field] = _text(value, FieldType.STRING)
        else:
            groups.append({"field": name, "value": _text(value, FieldType.STRING)})
    told: dict[str, JSON] = {"stats": {**stats, **nested}}
    return told | ({"groupby_fields": groups} if groups else {})


def _text(value: Value, kind: FieldType) -> str:
    match value:
        case None:
            return ""
        case Ref(token):
            return token
        case bool():
            return str(value).lower()
        case str():
            moment = _MOMENT.fullmatch(value) if kind is FieldType.DATETIME else None
            return f"{moment[1]} {moment[2]}" if moment else value
        case int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case _:
            return json.dumps(value_json(value), ensure_ascii=False)


def _typed(facts: ObjectFacts, name: str, value: JSON) -> JSON:
    if not isinstance(value, str):
        return value
    if _REF.fullmatch(value):
        return {"ref": value}
    found = facts.fields.get(name)
    return plain(value, found.type) if found is not None and found.type is not FieldType.STRING else value
