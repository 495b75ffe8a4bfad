"""How do released records look in the vendor's own JSON?"""

import json
from collections.abc import Mapping, Sequence

from isthmus.core import Groups, Page, Record
from isthmus.core.errors import IsthmusError
from isthmus.core.http import Response
from isthmus.core.records import JSON
from isthmus.core.results import value_json

__all__ = ["answer", "found", "grouped", "record_json", "refusal", "withheld", "written"]

KIND = "application/json;charset=UTF-8"


def answer(status: int, body: JSON = None, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer as the vendor's server would; no body at all with 204."""
    content = b"" if status == 204 else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    told = {} if status == 204 else {"content-type": KIND}
    return Response(status, told | dict(headers or {}), content)


def record_json(record: Record, base: str) -> dict[str, JSON]:
    """Nest the fields of a record by their relationships; a ref is `{"ref": token}`, as every argument takes it."""
    url = f"{base}/sobjects/{record.object}/{record.id}"
    node: dict[str, JSON] = {"attributes": {"type": record.object, "url": url}}
    for path, value in record.fields.items():
        *hops, last = path.split(".")
        _parent(node, hops)[last] = value_json(value)
    return {name: _emptied(value) for name, value in node.items()}


def _parent(node: dict[str, JSON], hops: Sequence[str]) -> dict[str, JSON]:
    for hop in hops:
        # Which object the parent is, only metadata tells; the relationship's name is what can be said here.
        known = node.setdefault(hop, {"attributes": {"type": hop}})
        node = known if isinstance(known, dict) else {}
    return node


def _emptied(value: JSON) -> JSON:
    """Say null for a parent of which nothing is known, as the vendor says of a missing one."""
    if not isinstance(value, dict) or "attributes" not in value or "ref" in value:
        return value
    inner = {name: _emptied(one) for name, one in value.items()}
    return inner if any(one is not None for name, one in inner.items() if name != "attributes") else None


def found(page: Page, base: str, *, following: str = "", before: int = 0, most: int | None = None) -> Response:
    """Write a page of a query; `totalSize` counts what was handed out so far, since nobody counts the rest.

    What was withheld is named in headers, where no client trips over it.
    """
    records = page.records if most is None else page.records[:most]
    body: dict[str, JSON] = {"totalSize": before + len(records), "done": not following}
    if following:
        body["nextRecordsUrl"] = following
    body["records"] = [record_json(one, base) for one in records]
    return answer(200, body, withheld(page))


def grouped(groups: Groups, *, counted: bool) -> Response:
    """Write figures; a bare `COUNT()` is told as `totalSize` with no rows at all."""
    if counted:
        total = next(iter(groups.rows[0].values())) if groups.rows else 0
        return answer(200, {"totalSize": value_json(total), "done": True, "records": []}, withheld(groups))
    rows: list[JSON] = [
        {"attributes": {"type": "AggregateResult"}} | {name: value_json(value) for name, value in row.items()}
        for row in groups.rows
    ]
    return answer(200, {"totalSize": len(rows), "done": True, "records": rows}, withheld(groups))


def written(record: Record, *, upserted: bool = False) -> Response:
    """Write what a create or an upsert did."""
    body: dict[str, JSON] = {"id": record.id, "success": True, "errors": []}
    if upserted:
        body["created"] = record.created is True
    return answer(200 if upserted and not record.created else 201, body)


def refusal(status: int, error: IsthmusError, code: str = "") -> Response:
    """Write what the system said no to, in its own shape and with our sentence."""
    told: dict[str, JSON] = {
        "message": error.vendor_text or error.sentence,
        "errorCode": code or error.vendor_code or error.reason,
    }
    if error.field:
        told["fields"] = [name.strip() for name in error.field.split(",")]
    return answer(status, [told])


def withheld(result: Page | Groups) -> dict[str, str]:
    """Name what was withheld in headers."""
    names = ", ".join(one.what for one in result.withheld)
    told = {"isthmus-complete": str(result.complete).lower()}
    return told | ({"isthmus-withheld": names.encode("ascii", "replace").decode()} if names else {})
