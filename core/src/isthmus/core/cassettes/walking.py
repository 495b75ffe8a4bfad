"""How is every value of a body or an address looked at once, each with what is known of it?"""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode

from isthmus.core.cassettes.judging import Judgement, Known
from isthmus.core.errors import UpstreamError
from isthmus.core.http import parse_json
from isthmus.core.records import JSON

__all__ = ["Leaf", "Seen", "body_walked", "query_walked", "segments_walked"]

DEEPEST = 5
"""How many texts of JSON may stand inside each other."""
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value: its name, what is known of it, and whether it is part of a field's value instead of all of it."""

    value: Scalar
    name: str
    known: Known | None
    inside: bool = False


Seen = Callable[[Leaf], Scalar]
"""Looks at a value and returns what is to stand in its place."""


def json_walked(node: JSON, judgement: Judgement, seen: Seen, at: Leaf) -> JSON:
    """Return JSON with every value replaced by what `seen` makes of it."""
    if isinstance(node, dict):
        made: dict[str, JSON] = {}
        for name, value in node.items():
            below = _below(name, judgement, at)
            told = seen(Leaf(name, "", None)) if _speaks(name, judgement) else name
            made[str(told)] = json_walked(value, judgement, seen, below)
        return made
    if isinstance(node, list):
        return [json_walked(one, judgement, seen, at) for one in node]
    if isinstance(node, str | int | float) or node is None:
        return seen(Leaf(node, at.name, at.known, at.inside))
    raise TypeError(f"{type(node).__name__} is no JSON")


def _below(name: str, judgement: Judgement, at: Leaf) -> Leaf:
    known = judgement.fields.get(name)
    if known is not None:
        return Leaf(None, name, known)
    if at.known is not None:
        return Leaf(None, at.name, at.known, inside=True)
    return Leaf(None, name, None)


_NAME = re.compile(r"[A-Za-z_@$][A-Za-z0-9_@$.:-]{0,100}", re.ASCII)


def _speaks(name: str, judgement: Judgement) -> bool:
    """Tell whether a name in an object may be a value itself."""
    return name not in judgement.names and name not in judgement.fields and not _NAME.fullmatch(name)


def body_walked(body: bytes, content_type: str, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    """Return a body as it is to be written, or None and why it cannot be."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return "", ""
    if kind.startswith(("application/json", "application/")) and kind.endswith("json"):
        try:
            found = parse_json(body)
        except UpstreamError:
            return None, "it says that it is JSON, and is not"
        return json.dumps(json_walked(found, judgement, seen, ROOT), ensure_ascii=False, separators=(",", ":")), ""
    if kind == "text/csv":
        return _csv_walked(body, judgement, seen)
    if kind == "application/x-www-form-urlencoded":
        return query_walked(body.decode("ascii", errors="replace"), judgement, seen), ""
    return None, f"nothing is known of the values of {kind or 'a body without a type'}"


ROOT = Leaf(None, "", None)


def _csv_walked(body: bytes, judgement: Judgement, seen: Seen) -> tuple[str | None, str]:
    """Look at every cell of a table whose first line names its columns."""
    try:
        text = body.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None, "it says that it is CSV in UTF-8, and is not"
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return None, "its lines have different numbers of columns"
    columns = [_below(name, judgement, ROOT) for name in rows[0]]
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\r\n" if "\r\n" in text else "\n")
    writer.writerow([str(seen(Leaf(one, "", None))) if _speaks(one, judgement) else one for one in rows[0]])
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
