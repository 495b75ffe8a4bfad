"""How are several requests answered in one?"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .errors import Refused, bad, in_v2, in_v4
from .resources import answer as answer_one
from .values import as_bytes

if TYPE_CHECKING:
    from .call import Call

_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_LINE: Final = re.compile(r"([A-Z]+) (\S+) HTTP/1\.1")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "MERGE", "DELETE"})


class _Failed(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def answer(call: "Call") -> Reply:
    """Answer POST on $batch; raises Refused where it cannot be read."""
    if call.method != "POST":
        raise Refused(405, "/IWBEP/CM_MGW_RT/029", f"Method {call.method} is not allowed here")
    kind = call.request.headers.get("content-type", "")
    if kind.startswith("application/json") and call.version == 4:
        return _json(call)
    match = _BOUNDARY.search(kind)
    if not kind.startswith("multipart/mixed") or match is None:
        raise Refused(415, "/IWFND/CM_MGW_RT/025", f"Content type '{kind}' is not supported by $batch")
    return _multipart(call, match[1])


def _multipart(call: "Call", boundary: str) -> Reply:
    answers: list[str] = []
    for head, body in _cut(call.request.body.decode("utf-8", "replace"), boundary):
        kind = head.get("content-type", "")
        match = _BOUNDARY.search(kind)
        if kind.startswith("multipart/mixed") and match is not None:
            answers.append(_change_set(call, _cut(body, match[1]), len(answers)))
            continue
        request, method = _request(call, body)
        if method in _WRITES and call.version == 2:
            raise bad("A write must stand inside a change set", "/IWFND/CM_MGW_RT/026")
        answers.append(_part(_guarded(call, request, method), head.get("content-id")))
    mark = f"{call.landscape.random.getrandbits(64):016X}"
    text = "".join(f"--{mark}\r\n{each}\r\n" for each in answers) + f"--{mark}--\r\n"
    status = 202 if call.version == 2 else 200
    return Reply(status, text.encode(), media_type=f"multipart/mixed; boundary={mark}")


def _cut(text: str, boundary: str) -> list[tuple[dict[str, str], str]]:
    """Return the parts of a multipart body as headers and what follows them; raises Refused."""
    text = text.replace("\r\n", "\n")
    pieces = re.split(rf"(?:^|\n)--{re.escape(boundary)}(--)?[ \t]*(?=\n|$)", text)
    if len(pieces) < 3 or pieces[-2] != "--":
        raise bad("Malformed multipart body: the last boundary is missing", "/IWFND/CM_MGW_RT/027")
    found = []
    for piece in pieces[2:-2:2]:
        head, _, body = piece.removeprefix("\n").partition("\n\n")
        found.append((_headers(head), body))
    return found


def _headers(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.split("\n") if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _request(call: "Call", text: str, content: Mapping[str, str] | None = None) -> tuple[Request, str]:
    """Read the request of a part, whose URL is relative to the service; raises Refused."""
    head, _, body = text.lstrip("\n").partition("\n\n")
    first, _, rest = head.partition("\n")
    match = _LINE.fullmatch(first.strip())
    if match is None:
        raise bad(f"Malformed request line '{first.strip()}' in $batch", "/IWFND/CM_MGW_RT/028")
    headers = _headers(rest)
    return _built(call, match[1], _referred(match[2], content or {}), headers, body.rstrip("\n").encode())


def _referred(url: str, content: Mapping[str, str]) -> str:
    """Return a URL in which `$1` stands for what the part with that Content-ID made."""
    match = re.match(r"/?\$([\w-]+)(?=/|$)", url)
    if match is None or match[1] not in content:
        return url
    return content[match[1]] + url[match.end() :]


def _built(call: "Call", method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Request, str]:
    parts = urlsplit(url)
    path = parts.path
    if parts.netloc or path.startswith("/"):
        if not path.startswith(call.service.path):
            raise bad(f"'{url}' lies outside of the service", "/IWFND/CM_MGW_RT/029")
        path = path.removeprefix(call.service.path)
    raw = f"{call.service.path}/{path.lstrip('/')}"
    kept = {"host": call.request.host, **headers}
    method = headers.get("x-http-method", method).upper() if method == "POST" else method
    return Request(method, unquote(raw), raw, parts.query, kept, body, call.request.scheme), method


def _guarded(call: "Call", request: Request, method: str) -> Reply:
    """Answer one part; a refusal is its answer, and leaves no effect."""
    marked = len(call.effects)
    try:
        return _one(call, request, method)
    except _Failed as failed:
        del call.effects[marked:]
        return failed.reply


def _one(call: "Call", request: Request, method: str) -> Reply:
    """Answer one part; raises _Failed with the answer of a refusal."""
    inner = call.inner(request, method)
    if method not in (*_WRITES, "GET"):
        raise _Failed(_refusal(call, Refused(405, "/IWBEP/CM_MGW_RT/029", f"Method {method} is not allowed here")))
    try:
        return answer_one(inner, request.raw_path.removeprefix(call.service.path))
    except Refused as refusal:
        if refusal.status < 400:
            return Reply(refusal.status, empty=True)
        raise _Failed(_refusal(call, refusal)) from None


def _refusal(call: "Call", refusal: Refused) -> Reply:
    if call.version == 4:
        return in_v4(refusal)
    transaction = f"{call.landscape.random.getrandbits(128):032X}"
    return in_v2(refusal, call.service.id, transaction, call.landscape.clock.now(), "en")


def _change_set(call: "Call", parts: Sequence[tuple[dict[str, str], str]], number: int) -> str:
    """Answer a change set: all of it, or one refusal that stands for all of it."""
    content: dict[str, str] = {}
    answers: list[str] = []
    marked = len(call.effects)
    try:
        with call.store.unit_of_work():
            for head, body in parts:
                request, method = _request(call, body, content)
                if method == "GET":
                    raise bad("A read must stand outside of change sets", "/IWFND/CM_MGW_RT/030")
                reply = _one(call, request, method)
                name = head.get("content-id")
                if name and "Location" in reply.headers:
                    content[name] = reply.headers["Location"].removeprefix(call.root)
                answers.append(_part(reply, name))
    except _Failed as failed:
        del call.effects[marked:]
        return _part(failed.reply, None)
    mark = f"{call.landscape.random.getrandbits(64):016X}{number}"
    inside = "".join(f"--{mark}\r\n{each}\r\n" for each in answers)
    return f"Content-Type: multipart/mixed; boundary={mark}\r\n\r\n{inside}--{mark}--\r\n"


def _content(reply: Reply) -> bytes:
    if reply.empty or reply.body is None:
        return b""
    return reply.body if isinstance(reply.body, bytes) else as_bytes(reply.body)


def _part(reply: Reply, content_id: str | None) -> str:
    """Write one answer as a part."""
    content = _content(reply).decode()
    headers = dict(reply.headers)
    if content:
        headers["Content-Type"] = reply.media_type
    headers["Content-Length"] = str(len(content.encode()))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    named = f"Content-ID: {content_id}\r\n" if content_id else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
    return f"{head}HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{lines}\r\n{content}"


def _json(call: "Call") -> Reply:
    """Answer a batch in JSON: a group of writes is done together or not at all, others stand alone."""
    listed = call.json.get("requests")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise bad("'requests' is no list", "/IWBEP/CM_V4S_RUN/031")
    requests = [each for each in listed if isinstance(each, Mapping)]
    ids = [str(each.get("id", "")) for each in requests]
    if len(requests) != len(listed) or len(set(ids)) != len(ids) or "" in ids:
        raise bad("Every request of a batch needs an id of its own", "/IWBEP/CM_V4S_RUN/032")
    done: dict[str, Reply] = {}
    for each in requests:
        group = str(each.get("atomicityGroup", ""))
        if str(each["id"]) in done:
            continue
        if group:
            _group(call, [other for other in requests if str(other.get("atomicityGroup", "")) == group], done)
        else:
            done[str(each["id"])] = _json_one(call, each, done, atomic=False)
    responses: list[Json] = [_as_json(name, done[name], _group_of(requests, name)) for name in ids]
    return Reply(200, as_bytes({"responses": responses}), media_type="application/json;charset=utf-8")


def _group_of(requests: Sequence[Mapping[str, Json]], name: str) -> str:
    return next(str(each.get("atomicityGroup", "")) for each in requests if str(each["id"]) == name)


def _group(call: "Call", members: Sequence[Mapping[str, Json]], done: dict[str, Reply]) -> None:
    """Do a group; where a member fails, those before keep their answers though they are taken back."""
    marked, group = len(call.effects), str(members[0].get("atomicityGroup"))
    try:
        with call.store.unit_of_work():
            for each in members:
                done[str(each["id"])] = done[group] = _json_one(call, each, done, atomic=True)
    except _Failed as failed:
        del call.effects[marked:]
        names = [str(each["id"]) for each in members]
        broken = next(name for name in names if name not in done)
        done[broken] = done[group] = failed.reply
        for name in names[names.index(broken) + 1 :]:
            done[name] = in_v4(Refused(424, "/IWBEP/CM_V4S_RUN/033", "A request that this one depends on failed"))


def _json_one(call: "Call", each: Mapping[str, Json], done: Mapping[str, Reply], *, atomic: bool) -> Reply:
    if not _ready(each, done):
        refusal = in_v4(Refused(424, "/IWBEP/CM_V4S_RUN/033", "A request that this one depends on failed"))
        if atomic:
            raise _Failed(refusal)
        return refusal
    given = each.get("headers")
    headers = {str(name).lower(): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    headers.setdefault("content-type", "application/json")
    made = {
        name: reply.headers["Location"].removeprefix(call.root)
        for name, reply in done.items()
        if "Location" in reply.headers
    }
    url = _referred(str(each.get("url", "")), made)
    body = as_bytes(each["body"]) if "body" in each else b""
    request, method = _built(call, str(each.get("method", "GET")).upper(), url, headers, body)
    return _one(call, request, method) if atomic else _guarded(call, request, method)


def _ready(each: Mapping[str, Json], done: Mapping[str, Reply]) -> bool:
    """Say whether all that a request depends on was done: requests, or groups of them, by name."""
    needed = each.get("dependsOn")
    for name in needed if isinstance(needed, Sequence) and not isinstance(needed, str) else ():
        before = done.get(str(name))
        if before is None or before.status >= 400:
            return False
    return True


def _as_json(name: str, reply: Reply, group: str) -> Json:
    found: dict[str, Json] = {"id": name, "status": reply.status}
    if group:
        found["atomicityGroup"] = group
    content = _content(reply)
    headers = dict(reply.headers)
    if content:
        headers["content-type"] = reply.media_type
        is_json = reply.media_type.startswith("application/json")
        found["body"] = json.loads(content, parse_float=Decimal) if is_json else content.decode()
    return {**found, "headers": {name.lower(): value for name, value in headers.items()}}
