"""How do many requests go in one, and what became of each? The outer answer says nothing of that."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.connectors.servicenow.answers import strange
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Http, Path, Response, parse_json, query_string
from isthmus.core.records import JSON

__all__ = ["LARGEST_PART", "Part", "encoded", "send_parts"]

LARGEST_PART = 4 << 20
"""Bytes of one part's body; an instance takes 5 MB."""
MOST_PARTS, MOST_BYTES = 50, 2 << 20
"""Of one batch, as far as one part alone does not have more."""
_JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch."""

    method: str
    path: Path
    params: dict[str, str]
    body: bytes = b""

    def written(self, id: int) -> dict[str, JSON]:
        """Write it as the Batch API takes it."""
        headers: list[JSON] = [{"name": "Accept", "value": "application/json"}]
        if self.body:
            headers.append({"name": "Content-Type", "value": "application/json"})
        query = f"?{query_string(self.params)}" if self.params else ""
        content: dict[str, JSON] = {"body": base64.b64encode(self.body).decode("ascii")} if self.body else {}
        known: dict[str, JSON] = {"id": str(id), "method": self.method, "url": f"{self.path}{query}"}
        return {**known, "headers": headers, **content, "exclude_response_headers": True}


async def send_parts(http: Http, where: Path, parts: Sequence[Part], answers: dict[int, Response]) -> None:
    """Send parts in portions, and those alone again that an instance had no time for; raises what a request does.

    Each answer goes into `answers` by its part's place; a part that the instance never had time for gets none.
    """
    due = list(range(len(parts)))
    while due:
        portion = _portion(parts, due)
        body: JSON = {"batch_request_id": "1", "rest_requests": [parts[at].written(at) for at in portion]}
        served = _served((await http.post(where, json=body)).json(), portion)
        if not served:
            return
        answers.update(served)
        due = [at for at in due if at not in served]


def _portion(parts: Sequence[Part], due: Sequence[int]) -> Sequence[int]:
    size, chosen = 0, list[int]()
    for at in due[:MOST_PARTS]:
        size += len(parts[at].body) + len(parts[at].path)
        if chosen and size > MOST_BYTES:
            break
        chosen.append(at)
    return chosen


def _served(raw: JSON, sent: Sequence[int]) -> dict[int, Response]:
    """Read which parts were answered; what was sent must be answered or named as left out, and nothing else."""
    told = raw if isinstance(raw, dict) else {}
    listed, left = told.get("serviced_requests"), told.get("unserviced_requests", [])
    if not isinstance(listed, list) or not isinstance(left, list):
        raise strange()
    known = {str(at): at for at in sent}
    served: dict[int, Response] = {}
    for one in listed:
        at = known.pop(str(one.get("id")), None) if isinstance(one, dict) else None
        if at is None or not isinstance(one, dict):
            raise strange()
        served[at] = _answer(one)
    if set(known) != {str(one) for one in left}:
        raise strange()
    return served


def _answer(one: dict[str, JSON]) -> Response:
    status, coded = one.get("status_code"), one.get("body") or ""
    if not isinstance(status, int) or not isinstance(coded, str):
        raise strange()
    try:
        body = base64.b64decode(coded, validate=True)
    except binascii.Error:
        raise strange() from None
    return Response(status, {"content-type": _JSON if _reads(body) else "text/plain"}, body)


def _reads(body: bytes) -> bool:
    """Tell whether a body is JSON: what it is said to be is left out of a batch to save room."""
    try:
        parse_json(body)
    except UpstreamError:
        return False
    return True


def encoded(values: object) -> bytes:
    """Write the body of a part; raises InvalidArguments where it has lone surrogates."""
    try:
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise InvalidArguments("the values hold a lone surrogate; send valid Unicode") from error
