"""How is a composite request answered? Part by part, each a governed call of its own, in order.

A refusal is raised as long as no part has written anything; after that it is told in the part's own answer, so that
nobody loses sight of what was done (the vendor answers so too: 200 outside, failures inside).
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from isthmus.connectors.salesforce.encoding import answer
from isthmus.core.errors import InvalidArguments, IsthmusError
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["COMPOSITES", "Part"]

Part = Callable[[str, str, JSON], Awaitable[Response]]
"""Answer one part: method, path with query, body."""

_MOST_PARTS, _MOST_ROWS = 25, 200
_REFERENCE = re.compile(r"@\{(?P<id>[A-Za-z][A-Za-z0-9_]*)\.(?P<path>[\w.\[\]]+)\}")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")


@dataclass
class _Sequence:
    """Parts in order; `wrote` once one of them has changed anything."""

    part: Part
    wrote: bool = field(default=False)

    async def do(self, method: str, path: str, body: JSON, known: Mapping[str, JSON]) -> tuple[int, JSON]:
        """Answer one part with its status and body; `known` are the answers that it may refer to."""
        try:
            found = await self.part(method, str(_filled(path, known)), _filled(body, known))
        except IsthmusError as error:
            if not self.wrote:
                raise
            return 400, [{"errorCode": error.reason.upper(), "message": error.sentence}]
        self.wrote |= method != "GET" and found.status < 300
        return found.status, json.loads(found.body) if found.body else None


async def composite(body: Mapping[str, JSON], part: Part, _base: str) -> Response:
    """Answer `/composite`: at most 25 parts that may refer to earlier answers."""
    parts = _objects(body.get("compositeRequest"), _MOST_PARTS)
    # Every part is looked at before the first is sent: what is wrong with a later one must not hide what was done.
    wanted = [(_text(one, "referenceId"), _text(one, "method"), _text(one, "url"), one.get("body")) for one in parts]
    _one_transaction(body, sum(method != "GET" for _, method, _, _ in wanted))
    done, known, answers = _Sequence(part), dict[str, JSON](), list[JSON]()
    for reference, method, url, values in wanted:
        status, told = await done.do(method, url, values, known)
        known[reference] = told
        answers.append({"body": told, "httpHeaders": {}, "httpStatusCode": status, "referenceId": reference})
    return answer(200, {"compositeResponse": answers})


async def batch(body: Mapping[str, JSON], part: Part, _base: str) -> Response:
    """Answer `/composite/batch`: at most 25 independent parts."""
    parts = _objects(body.get("batchRequests"), _MOST_PARTS)
    wanted = [(_text(one, "method"), _text(one, "url"), one.get("richInput")) for one in parts]
    done, results, failed = _Sequence(part), list[JSON](), False
    for method, url, values in wanted:
        if failed and body.get("haltOnError") is True:
            told: JSON = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "an earlier part failed"}]
            results.append({"statusCode": 412, "result": told})
            continue
        path = url if url.startswith("/") else f"/services/data/{url}"
        status, result = await done.do(method, path, values, {})
        failed |= status >= 400
        results.append({"statusCode": status, "result": result})
    return answer(200, {"hasErrors": failed, "results": results})


async def create_rows(body: Mapping[str, JSON], part: Part, base: str) -> Response:
    """Answer `POST /composite/sobjects`: each row is a create of its own."""
    return await _rows(body, part, base, "POST")


async def update_rows(body: Mapping[str, JSON], part: Part, base: str) -> Response:
    """Answer `PATCH /composite/sobjects`: each row names its type and id."""
    return await _rows(body, part, base, "PATCH")


async def _rows(body: Mapping[str, JSON], part: Part, base: str, method: str) -> Response:
    rows = _objects(body.get("records"), _MOST_ROWS)
    _one_transaction(body, len(rows))
    kinds = [kind if isinstance(kind := row.get("attributes"), Mapping) else {} for row in rows]
    objects = [_text(kind, "type") for kind in kinds]
    done, results = _Sequence(part), list[JSON]()
    for object, row in zip(objects, rows, strict=True):
        id = row.get("id", row.get("Id"))
        path = f"{base}/sobjects/{object}" + (f"/{id}" if method == "PATCH" else "")
        values = {name: value for name, value in row.items() if name not in ("attributes", "id", "Id")}
        status, told = await done.do(method, path, values, {})
        made = told.get("id") if isinstance(told, Mapping) else id
        results.append({"id": made, "success": True, "errors": []} if status < 300 else _failed(told))
    return answer(200, results)


def _failed(told: JSON) -> JSON:
    """Write a row's failure, where the vendor calls the code `statusCode`."""
    errors: list[JSON] = [
        {"statusCode": one.get("errorCode"), "message": one.get("message"), "fields": one.get("fields", [])}
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, Mapping)
    ]
    return {"success": False, "errors": errors}


def _one_transaction(body: Mapping[str, JSON], writes: int) -> None:
    if body.get("allOrNone") is True and writes > 1:
        raise InvalidArguments(
            "allOrNone over several writes needs one transaction, and here each write is judged, recorded and sent on "
            "its own; send them without allOrNone and read every part's outcome",
            field="allOrNone",
        )


def _objects(raw: JSON, most: int) -> Sequence[Mapping[str, JSON]]:
    if not isinstance(raw, list) or not all(isinstance(one, Mapping) for one in raw) or len(raw) > most:
        raise InvalidArguments(f"a composite request holds a list of at most {most} parts")
    return raw


def _text(node: Mapping[str, JSON], name: str) -> str:
    found = node.get(name)
    if not isinstance(found, str) or not found:
        raise InvalidArguments(f"a part of the composite request lacks {name!r}", field=name)
    return found


def _filled(value: JSON, known: Mapping[str, JSON]) -> JSON:
    """Put what earlier parts answered where a text refers to it, as in `@{first.id}`."""
    if isinstance(value, str):
        alone = _REFERENCE.fullmatch(value)
        if alone:
            return _referred(alone, known)
        return _REFERENCE.sub(lambda found: str(_referred(found, known)), value)
    if isinstance(value, Mapping):
        return {name: _filled(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    return value


def _referred(found: re.Match[str], known: Mapping[str, JSON]) -> JSON:
    value: JSON = known.get(found["id"])
    for name, position in _STEP.findall(found["path"]):
        if name and isinstance(value, Mapping) and name in value:
            value = value[name]
        elif position and isinstance(value, list) and int(position) < len(value):
            value = value[int(position)]
        else:
            raise InvalidArguments(f"{found[0]} refers to nothing that an earlier part answered", field=found["id"])
    return value


COMPOSITES: Mapping[tuple[str, str], Callable[[Mapping[str, JSON], Part, str], Awaitable[Response]]] = {
    ("POST", ""): composite,
    ("POST", "batch"): batch,
    ("POST", "sobjects"): create_rows,
    ("PATCH", "sobjects"): update_rows,
}
"""What is answered, by method and the rest of the path."""
