"""How is a batch of requests, or of answers, looked through part by part (RFC 2046, OData 11.7)?"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from isthmus.core.cassettes.headers import headers_walked
from isthmus.core.cassettes.leaves import Seen
from isthmus.core.records import JSON

__all__ = ["Message", "boundary_told", "is_batch", "multipart_structure", "multipart_walked"]

DEEPEST = 3
_BOUNDARY = re.compile(
    r""";\s*boundary=(?:"([^"\\\r\n]{1,70})"|([A-Za-z0-9_'()+,./:=?-]{1,70}))\s*(?:;|$)""", re.IGNORECASE
)
_ASKED = re.compile(rb"([A-Z]{3,7}) (\S{1,8000}) HTTP/1\.[01]")
_TOLD = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_OWN = ("content-id", "content-transfer-encoding")
_WHY = "a part of it is no request, no answer and no change set"
_ID = re.compile(r"<?[A-Za-z0-9_.@-]{1,80}>?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """One part: a request (`method` and `target`), an answer (`status`), or a change set (`parts`)."""

    named: Mapping[str, str]
    method: str = ""
    target: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: "tuple[Message, ...]" = ()

    @property
    def kind(self) -> str:
        """Return the type of its body."""
        return self.headers.get("content-type", "")


def is_batch(kind: str) -> bool:
    """Tell whether a media type is that of a batch."""
    return kind == "multipart/mixed"


def boundary_told(depth: int = 0) -> str:
    """Return the content type under which a batch is written: a boundary may be made of what it parts."""
    return f"multipart/mixed; boundary={_line(depth)}"


def _line(depth: int) -> str:
    return f"part-{depth}"


Walk = Callable[[bytes, str], tuple[str | None, str]]


def multipart_walked(
    body: bytes, content_type: str, seen: Seen, walk: Walk, address: Callable[[str], str]
) -> tuple[str | None, str]:
    """Look at every part; `walk` looks at a body, `address` at a target. One part that cannot be written ends it."""
    found = _read(body, content_type)
    if found is None:
        return None, _WHY
    made = list[Message]()
    for one in _each(found):
        text, why = walk(one.body, one.kind) if one.body else ("", "")
        if text is None:
            return None, why
        made.append(
            Message(
                _named(one.named),
                one.method,
                address(one.target) if one.target else "",
                one.status,
                headers_walked(one.headers, seen),
                text.encode(),
            )
        )
    written = _written(found, iter(made), 0)
    return (written.decode(), "") if written is not None else (None, "a value in it is the line between its parts")


def multipart_structure(body: bytes, content_type: str, read: Callable[[bytes, str], JSON]) -> JSON:
    """Return what two spellings of one batch have in common, whatever parts its parts; None where it is none."""
    found = _read(body, content_type)
    return None if found is None else [_told(one, read) for one in found]


def _told(one: Message, read: Callable[[bytes, str], JSON]) -> JSON:
    if one.parts:
        return [_told(part, read) for part in one.parts]
    return {"method": one.method, "target": unquote(one.target), "status": one.status, "body": read(one.body, one.kind)}


def _each(parts: Sequence[Message]) -> Iterator[Message]:
    for one in parts:
        if one.parts:
            yield from _each(one.parts)
        else:
            yield one


def _named(named: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in named.items() if name in _OWN and _ID.fullmatch(value)}
    return {"content-type": "application/http", **kept}


def _written(parts: Sequence[Message], made: Iterator[Message], depth: int) -> bytes | None:
    """Write parts in the order of `parts`, each as `made` has it; None where a boundary is in what it parts."""
    line, sections = f"--{_line(depth)}".encode("ascii"), list[bytes]()
    for one in parts:
        inner = _written(one.parts, made, depth + 1) if one.parts else _framed(next(made))
        if inner is None or line in inner:
            return None
        head = f"content-type: {boundary_told(depth + 1)}\r\n\r\n".encode("ascii") if one.parts else b""
        sections.append(head + inner)
    return b"".join(line + b"\r\n" + one + b"\r\n" for one in sections) + line + b"--\r\n"


def _framed(one: Message) -> bytes:
    first = f"{one.method} {one.target} HTTP/1.1" if one.method else f"HTTP/1.1 {one.status} -"
    inner = {**one.headers, **({"content-length": str(len(one.body))} if one.body or not one.method else {})}
    return f"{_lines(one.named)}\r\n{first}\r\n{_lines(inner)}\r\n".encode() + one.body


def _lines(named: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in named.items())


def _read(body: bytes, content_type: str, depth: int = 0) -> tuple[Message, ...] | None:
    """Take a batch apart; None where it is none, or not closed."""
    found = _BOUNDARY.search(content_type)
    if found is None or depth >= DEEPEST:
        return None
    boundary = (found[1] or found[2]).encode("ascii", "replace")
    before, *sections = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if before.strip() or not sections or not sections[-1].startswith(b"--") or sections[-1][2:].strip():
        return None
    parts = [_part(one.lstrip(b" \t").removeprefix(b"\r\n"), depth) for one in sections[:-1]]
    whole = tuple(one for one in parts if one is not None)
    return whole if whole and len(whole) == len(parts) else None


def _part(section: bytes, depth: int) -> Message | None:
    told = _message(section)
    if told is None:
        return None
    named, content = told
    kind = named.get("content-type", "").partition(";")[0].strip().lower()
    if is_batch(kind):
        parts = _read(content, named["content-type"], depth + 1)
        return Message(named, parts=parts) if parts else None
    return _http(named, content) if kind == "application/http" else None


def _http(named: Mapping[str, str], content: bytes) -> Message | None:
    first, _, rest = content.lstrip(b"\r\n").partition(b"\r\n")
    # Some servers leave out the blank line after the last header where no body follows.
    told = _message(rest) or _message(rest.rstrip(b"\r\n") + b"\r\n\r\n")
    asked, answered = _ASKED.fullmatch(first), _TOLD.fullmatch(first)
    if told is None or (asked is None and answered is None):
        return None
    headers, body = told
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 10:
        body = body[: int(length)]
    if asked is not None:
        return Message(named, asked[1].decode("ascii"), asked[2].decode("latin-1"), headers=headers, body=body)
    return Message(named, status=int(answered[1]) if answered else 0, headers=headers, body=body)


def _message(raw: bytes) -> tuple[dict[str, str], bytes] | None:
    """Split headers from content; None where a line is no header."""
    head, blank, content = (b"\r\n" + raw).partition(b"\r\n\r\n")
    if not blank:
        return None
    headers = dict[str, str]()
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if not colon:
            return None
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return headers, content
