"""How do several requests travel as one, and what became of each? The outer answer says nothing of that."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Response, parse_json
from isthmus.core.records import JSON

__all__ = [
    "Answered",
    "ChangeSet",
    "Entry",
    "Part",
    "answered_json",
    "answered_multipart",
    "encoded",
    "read_json",
    "read_multipart",
    "written_json",
    "written_multipart",
]

MOST_PARTS = 200
"""Of one batch, in change sets or out of them."""
READS = frozenset({"GET", "HEAD"})
METHODS = READS | {"POST", "PUT", "PATCH", "MERGE", "DELETE"}

_TARGET = re.compile(r"(?!/)[!#-\[\]_a-z~]{1,8000}")
"""A path below the service's root with its parameters: printable, without space, quotation mark and backslash."""
_SCHEME = re.compile(r"[^/?(']*:")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1998}[\x21-\x7e])?")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_BOUNDARY = re.compile(
    r"""\s*multipart/mixed\s*;\s*boundary=(?:"([^"\\\r\n]{1,70})"|([A-Za-z0-9_'()+,./:=?-]{1,70}))\s*""", re.IGNORECASE
)
_LINE = re.compile(rb"([A-Z]{3,6}) (\S{1,8000}) HTTP/1\.1")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_HTTP = "application/http"


@dataclass(frozen=True, slots=True)
class Part:
    """One request; `target` is its address below the service's root, encoded as a URL has it."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    id: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Writes that happen all or not at all (OData V4: an atomicity group)."""

    parts: tuple[Part, ...]


Entry = Part | ChangeSet


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one entry: it is `done` where every one of its requests succeeded.

    A set that failed did nothing, whatever some of its `responses` say; without any the service never came to it.
    """

    done: bool
    responses: tuple[Response, ...] = ()

    @property
    def refusal(self) -> Response | None:
        """Return the answer that says why it is not done."""
        return next((one for one in self.responses if not _succeeded(one)), None)


def written_multipart(entries: Sequence[Entry]) -> tuple[str, bytes]:
    """Write a batch as multipart/mixed; return its content type and its bytes.

    Raises:
        InvalidArguments: a part has a target or a header that could begin another request, or is a read in a set.
    """
    return _joined("batch", [_section(one) for one in _checked(entries)])


def _section(entry: Entry) -> bytes:
    if isinstance(entry, Part):
        return _framed(entry)
    kind, content = _joined("changeset", [_framed(one) for one in entry.parts])
    return f"Content-Type: {kind}\r\n\r\n".encode("ascii") + content


def _framed(part: Part) -> bytes:
    head = f"Content-Type: {_HTTP}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {part.id}\r\n\r\n"
    named = {**part.headers, **({"Content-Length": str(len(part.body))} if part.method not in READS else {})}
    lines = [f"{part.method} {part.target} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return head.encode("ascii") + "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + part.body


def _joined(name: str, sections: Sequence[bytes]) -> tuple[str, bytes]:
    """Join sections by a boundary that follows from what they hold, so that none can hold it."""
    whole = b"\r\n".join(sections)
    boundary = f"{name}_{hashlib.sha256(whole).hexdigest()[:40]}"
    line = f"--{boundary}".encode("ascii")
    if line in whole:
        raise InvalidArguments("a value holds the boundary of its own batch; leave it out")
    body = b"".join(line + b"\r\n" + section + b"\r\n" for section in sections) + line + b"--\r\n"
    return f"multipart/mixed; boundary={boundary}", body


def written_json(entries: Sequence[Entry]) -> JSON:
    """Write a batch as OData JSON 4.01 has it; bodies must be JSON. Raises as `written_multipart`."""
    told = list[JSON]()
    for group, entry in enumerate(_checked(entries)):
        more = {"atomicityGroup": f"g{group}"} if isinstance(entry, ChangeSet) else {}
        for part in _parts(entry):
            one: dict[str, JSON] = {"id": part.id, "method": part.method, "url": part.target}
            headers = {name.lower(): value for name, value in part.headers.items()}
            if part.body:
                one["body"] = parse_json(part.body)
                headers.setdefault("content-type", "application/json")
            told.append({**one, "headers": headers, **more})
    return {"requests": told}


def encoded(body: JSON) -> bytes:
    """Write the body of a part; raises InvalidArguments for a lone surrogate."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise InvalidArguments("the values hold a lone surrogate; send valid Unicode") from error


def _parts(entry: Entry) -> tuple[Part, ...]:
    return (entry,) if isinstance(entry, Part) else entry.parts


def _numbered(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Give every request an id that has none: the answers of a set are told apart by theirs."""
    numbers = map(str, count(1))

    def named(part: Part) -> Part:
        return part if part.id else replace(part, id=next(numbers))

    return [named(one) if isinstance(one, Part) else ChangeSet(tuple(map(named, one.parts))) for one in entries]


def _checked(entries: Sequence[Entry]) -> Sequence[Entry]:
    parts = [one for entry in entries for one in _parts(entry)]
    named = [one.id for one in parts if one.id]
    if not 0 < len(parts) <= MOST_PARTS or len(set(named)) < len(named) or 0 < len(named) < len(parts):
        raise InvalidArguments(f"a batch takes 1 to {MOST_PARTS} requests, all with an id of their own or none")
    for one in parts:
        if not _sound(one):
            raise InvalidArguments("a part of a batch has a method, an address or a header that it may not have")
    for entry in entries:
        if isinstance(entry, ChangeSet) and (not entry.parts or any(one.method in READS for one in entry.parts)):
            raise InvalidArguments("a change set holds one write or several, and no read")
    return _numbered(entries)


def _sound(part: Part) -> bool:
    target = _TARGET.fullmatch(part.target) is not None and not _SCHEME.match(part.target.partition("?")[0])
    named = all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in part.headers.items())
    fits = (not part.id or _ID.fullmatch(part.id) is not None) and not (part.method in READS and part.body)
    return part.method in METHODS and target and named and fits


# What was sent, read back: the effect check sees every part of a batch, or refuses it.


def read_multipart(content_type: str, body: bytes) -> Sequence[Entry] | None:
    """Take a batch apart; None where two servers could read it differently."""
    sections = _sections(content_type, body)
    found = [_entry(one) for one in sections or ()]
    entries = [one for one in found if one is not None]
    return _unless_odd(entries) if len(entries) == len(found) else None


def read_json(body: bytes) -> Sequence[Entry] | None:
    """Take a V4 JSON batch apart; None where it is not understood for certain."""
    try:
        raw = parse_json(body)
    except UpstreamError:
        return None
    listed = raw.get("requests") if isinstance(raw, Mapping) and raw.keys() == {"requests"} else None
    if not isinstance(listed, list):
        return None
    groups, entries = dict[str, list[Part]](), list[tuple[str, Part]]()
    for one in listed:
        told = _json_part(one)
        if told is None:
            return None
        group, part = told
        entries.append(told)
        if group:
            groups.setdefault(group, []).append(part)
    named = dict.fromkeys(group or f"\0{part.id}" for group, part in entries)
    alone = {f"\0{part.id}": part for group, part in entries if not group}
    return _unless_odd([ChangeSet(tuple(groups[one])) if one in groups else alone[one] for one in named])


def _json_part(raw: JSON) -> tuple[str, Part] | None:
    known = {"id", "method", "url", "headers", "body", "atomicityGroup"}
    if not isinstance(raw, Mapping) or not raw.keys() <= known:
        return None
    id, method, url, group = (raw.get(one, "") for one in ("id", "method", "url", "atomicityGroup"))
    headers = raw.get("headers", {})
    if not (isinstance(id, str) and isinstance(method, str) and isinstance(url, str) and isinstance(group, str)):
        return None
    if not isinstance(headers, Mapping):
        return None
    named = {name: value for name, value in headers.items() if isinstance(value, str)}
    if len(named) < len(headers) or not id or ("atomicityGroup" in raw and not group):
        return None
    body = json.dumps(raw["body"], ensure_ascii=False).encode() if "body" in raw else b""
    return group, Part(method, url, named, body, id)


def _unless_odd(entries: Sequence[Entry]) -> Sequence[Entry] | None:
    try:
        return _checked(entries)
    except InvalidArguments:
        return None


def _entry(section: bytes) -> Entry | None:
    told = _message(section)
    if told is None:
        return None
    headers, content = told
    kind = headers.get("content-type", "")
    if kind == _HTTP:
        return _request(headers.get("content-id", ""), content)
    sections = _sections(kind, content)
    found = [_entry(one) for one in sections or ()]
    parts = tuple(one for one in found if isinstance(one, Part))
    return ChangeSet(parts) if parts and len(parts) == len(found) else None


def _request(id: str, content: bytes) -> Part | None:
    first, _, rest = content.partition(b"\r\n")
    line, told = _LINE.fullmatch(first), _message(rest)
    if line is None or told is None:
        return None
    headers, body = told
    length = headers.pop("content-length", "")
    method = line[1].decode("ascii")
    if length != ("" if method in READS else str(len(body))):
        return None
    return Part(method, line[2].decode("latin-1"), headers, body, id)


def _message(raw: bytes) -> tuple[dict[str, str], bytes] | None:
    """Split headers from content; None where a name comes twice or a line is none."""
    head, blank, content = (b"\r\n" + raw).partition(b"\r\n\r\n")
    if not blank:
        return None
    headers = dict[str, str]()
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        key = name.decode("latin-1").lower()
        if not colon or not _NAME.fullmatch(key) or key in headers:
            return None
        headers[key] = value.decode("latin-1").strip(" \t")
    return headers, content


def _sections(content_type: str, body: bytes) -> Sequence[bytes] | None:
    """Split a multipart body (RFC 2046 section 5.1.1); None where it is not closed or has something around it."""
    found = _BOUNDARY.fullmatch(content_type)
    if found is None:
        return None
    boundary = (found[1] or found[2]).encode("ascii", "replace")
    first, *sections = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if first.strip() or not sections:
        return None
    *parts, last = sections
    if not last.startswith(b"--") or last[2:].strip():
        return None
    opened = [one.lstrip(b" \t") for one in parts]
    return [one[2:] for one in opened] if opened and all(one.startswith(b"\r\n") for one in opened) else None


# What came back.


def answered_multipart(response: Response, entries: Sequence[Entry]) -> Sequence[Answered]:
    """Tell what became of each entry; raises UpstreamError where the answer does not say."""
    sections = _sections(response.headers.get("content-type", ""), response.body)
    if sections is None or not len(sections) <= len(entries):
        raise _strange()
    found = [_section_answer(raw, entry) for raw, entry in zip(sections, _numbered(entries), strict=False)]
    return _with_rest(found, entries)


def _section_answer(raw: bytes, entry: Entry) -> Answered:
    told = _message(raw)
    if told is None:
        raise _strange()
    headers, content = told
    kind = headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() == _HTTP:
        return _judged((_response(content),), entry)
    sections = _sections(kind, content)
    messages = [_message(one) for one in sections or ()]
    if isinstance(entry, Part) or not messages:
        raise _strange()
    responses = [(one[0].get("content-id", ""), _response(one[1])) for one in messages if one is not None]
    return _judged(_ordered(responses, [one.id for one in entry.parts]), entry)


def _ordered(responses: Sequence[tuple[str, Response]], ids: Sequence[str]) -> tuple[Response, ...]:
    """Bring the answers of a set into the order of its requests, where they are told apart by their ids."""
    named = dict(responses)
    if all(ids) and len(named) == len(responses) == len(ids) and named.keys() == set(ids):
        return tuple(named[one] for one in ids)
    return tuple(one for _, one in responses)


def _response(raw: bytes) -> Response:
    first, _, rest = raw.lstrip(b"\r\n").partition(b"\r\n")
    # Some servers leave out the blank line after the last header where no body follows.
    line, told = _STATUS.fullmatch(first), _message(rest) or _message(rest.rstrip(b"\r\n") + b"\r\n\r\n")
    if line is None or told is None:
        raise _strange()
    headers, body = told
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        body = body[: int(length)] if len(length) < 10 else body
    return Response(int(line[1]), headers, body)


def answered_json(raw: JSON, entries: Sequence[Entry]) -> Sequence[Answered]:
    """Tell what became of each entry of a V4 JSON batch; raises UpstreamError where the answer does not say."""
    listed = raw.get("responses") if isinstance(raw, Mapping) else None
    if not isinstance(listed, list):
        raise _strange()
    told = dict(_json_response(one) for one in listed)
    wanted = [[part.id for part in _parts(entry)] for entry in _numbered(entries)]
    if len(told) < len(listed) or not told.keys() <= {id for some in wanted for id in some}:
        raise _strange()
    found = [tuple(told[id] for id in some if id in told) for some in wanted]
    while found and not found[-1]:
        found.pop()
    return _with_rest([_judged(some, entry) for some, entry in zip(found, entries, strict=False)], entries)


def _json_response(raw: JSON) -> tuple[str, Response]:
    if not isinstance(raw, Mapping):
        raise _strange()
    id, status, headers = (raw.get(one) for one in ("id", "status", "headers"))
    if not (isinstance(id, str) and isinstance(status, int) and 100 <= status < 600):
        raise _strange()
    told = headers if isinstance(headers, Mapping) else {}
    named = {name.lower(): value for name, value in told.items() if isinstance(value, str)}
    body = raw.get("body")
    if body is None:
        return id, Response(status, named, b"")
    if isinstance(body, str) and "json" not in named.get("content-type", ""):
        return id, Response(status, named, body.encode("utf-8", "replace"))
    return id, Response(status, {"content-type": "application/json", **named}, json.dumps(body).encode())


def _judged(responses: tuple[Response, ...], entry: Entry) -> Answered:
    """A set is done where every request in it got a success of its own; one refusal undoes all of them."""
    whole = len(responses) == len(_parts(entry))
    if whole and all(map(_succeeded, responses)):
        return Answered(done=True, responses=responses)
    found = Answered(done=False, responses=responses)
    if found.refusal is None:
        raise _strange()
    return found


def _with_rest(found: Sequence[Answered], entries: Sequence[Entry]) -> Sequence[Answered]:
    """Add those that a service left out, as it may after a failure (OData V4 protocol section 11.7.4)."""
    if len(found) < len(entries) and (not found or found[-1].done):
        raise _strange()
    return [*found, *[Answered(done=False)] * (len(entries) - len(found))]


def _succeeded(response: Response) -> bool:
    return 200 <= response.status < 300


def _strange() -> UpstreamError:
    return UpstreamError("the service's answer does not tell what became of a batch", code="unreadable_answer")
