"""How is every value of a body or an address looked at once, each with what is known of it?"""

import csv
import io
import json
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode

from isthmus.core.cassettes.judging import Judgement
from isthmus.core.cassettes.leaves import ROOT, Leaf, Scalar, Seen, below, speaks
from isthmus.core.cassettes.multipart import is_batch, multipart_structure, multipart_walked
from isthmus.core.cassettes.xml import is_xml, xml_structure, xml_walked
from isthmus.core.errors import UpstreamError
from isthmus.core.http import parse_json
from isthmus.core.records import JSON

__all__ = ["Leaf", "Scalar", "Seen", "body_walked", "query_walked", "segments_walked", "structure_of"]

_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_FORM = "application/x-www-form-urlencoded"
_UTF_8 = ("", "utf-8", "utf8", "us-ascii")


def body_walked(body: bytes, content_type: str, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    """Return a body as it is to be written, or None and why it cannot be."""
    kind = _kind(content_type)
    if not body:
        return "", ""
    if content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'") not in _UTF_8:
        return None, "it is in another encoding than UTF-8"
    if is_json(kind):
        return _json_text(body, judgement, seen)
    if is_xml(kind):
        return xml_walked(body, judgement, seen)
    if is_batch(kind):
        return _batch_walked(body, content_type, judgement, seen)
    if kind in _LINES:
        return _lines_walked(body, judgement, seen)
    if kind == "text/csv":
        return _csv_walked(body, judgement, seen)
    if kind == _FORM:
        return query_walked(body.decode("ascii", errors="replace"), judgement, seen), ""
    if kind == "text/plain" and body.isdigit():
        # What OData answers to $count.
        return str(seen(Leaf(body.decode("ascii"), "", None))), ""
    return None, f"nothing is known of the values of {kind or 'a body without a type'}"


def structure_of(body: str, content_type: str) -> JSON:
    """Return what two spellings of one body have in common."""
    kind = _kind(content_type)
    found: JSON
    if is_batch(kind):
        found = multipart_structure(
            body.encode(), content_type, lambda inner, of: structure_of(inner.decode("utf-8", errors="replace"), of)
        )
    elif kind == _FORM:
        found = [[name, value] for name, value in parse_qsl(body, keep_blank_values=True)]
    else:
        found = xml_structure(body.encode()) if is_xml(kind) else None
    if found is not None or not body:
        return found
    try:
        read: JSON = json.loads(body)
    except ValueError:
        return body
    return read


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Tell whether a media type is JSON (RFC 6839 suffixes included)."""
    return kind.startswith("application/") and kind.endswith(("/json", "+json"))


def _json_text(body: bytes, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    try:
        found = parse_json(body)
    except UpstreamError:
        return None, "it says that it is JSON, and is not"
    return json.dumps(json_walked(found, judgement, seen, ROOT), ensure_ascii=False, separators=(",", ":")), ""


def json_walked(node: JSON, judgement: Judgement, seen: Seen, at: Leaf) -> JSON:
    """Return JSON with every value replaced by what `seen` makes of it."""
    if isinstance(node, dict):
        made: dict[str, JSON] = {}
        for name, value in node.items():
            inner = below(name, judgement, at, holds=isinstance(value, dict | list))
            told = seen(Leaf(name, "", None)) if speaks(name, judgement) else name
            made[str(told)] = json_walked(value, judgement, seen, inner)
        return made
    if isinstance(node, list):
        return [json_walked(one, judgement, seen, at) for one in node]
    if isinstance(node, str | int | float) or node is None:
        return seen(Leaf(node, at.name, at.known, at.inside))
    raise TypeError(f"{type(node).__name__} is no JSON")


def _lines_walked(body: bytes, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    """Look at JSON that ends with its line."""
    made = []
    for line in body.splitlines():
        text, why = _json_text(line, judgement, seen) if line.strip() else ("", "")
        if text is None:
            return None, why
        made.append(text)
    return "\n".join(made) + "\n", ""


def _batch_walked(body: bytes, content_type: str, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    def address(target: str) -> str:
        path, _, query = target.partition("?")
        return segments_walked(path, seen) + (f"?{query_walked(query, judgement, seen)}" if query else "")

    return multipart_walked(
        body, content_type, seen, lambda inner, kind: body_walked(inner, kind, judgement, seen), address
    )


def _csv_walked(body: bytes, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    """Look at every cell of a table whose first line names its columns."""
    try:
        text = body.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None, "it says that it is CSV in UTF-8, and is not"
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return None, "its lines have different numbers of columns"
    columns = [below(name, judgement, ROOT) for name in rows[0]]
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\r\n" if "\r\n" in text else "\n")
    writer.writerow([str(seen(Leaf(one, "", None))) if speaks(one, judgement) else one for one in rows[0]])
    for row in rows[1:]:
        writer.writerow([seen(Leaf(one, at.name, at.known)) for one, at in zip(row, columns, strict=True)])
    return made.getvalue(), ""


def query_walked(raw: str, judgement: Judgement, seen: Seen) -> str:
    """Return a query string, or a form, with every value replaced; parameters are not fields."""
    pairs = parse_qsl(raw, keep_blank_values=True)
    told = [(name, str(seen(_parameter(name, value, judgement)))) for name, value in pairs]
    return urlencode(told, quote_via=quote, safe="")


def _parameter(name: str, value: str, judgement: Judgement) -> Leaf:
    return Leaf(value, name, judgement.fields.get(name))


def segments_walked(raw: str, seen: Seen) -> str:
    """Return a path with every segment replaced."""
    parts: Sequence[str] = raw.split("/")
    return "/".join(quote(str(seen(Leaf(unquote(one), "", None))), safe="-._~$'(),=:@") if one else "" for one in parts)
