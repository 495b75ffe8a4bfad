"""How does the CSV of a bulk job become typed rows?

Every value of the vendor's CSV stands in quotes, and what does not need care is decoded as the JSON that it nearly is:
three times as fast as with the csv module, which reads the rest.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import msgspec

from isthmus.connectors.salesforce.answers import strange
from isthmus.core.connector import FieldType
from isthmus.core.fields import MOST_TYPES, Fields, Scalar
from isthmus.core.http import HEAVIEST, Response
from isthmus.core.table import Table

__all__ = ["Columns", "read_sheet", "split_rows"]

ID, VERSION = "Id", "SystemModstamp"
VALUE = 100
"""Bytes that a value takes beside its text."""
_TRUTHS: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Columns:
    """What a CSV should hold: records of one object, and the paths of its columns with their types."""

    object: str
    paths: tuple[str, ...]
    types: tuple[FieldType, ...]


def read_sheet(answer: Response, columns: Columns, *, headed: bool) -> Table:
    """Read a page of results; empty values are None. `headed` is False where a page may come without a header.

    Raises:
        UpstreamError: it is not the CSV that was asked for.
    """
    body = answer.body.removeprefix(b"\xef\xbb\xbf")
    if len(body) * 4 + VALUE * body.count(b",") > HEAVIEST:
        raise strange()
    first, _, rest = body.partition(b"\n")
    names = [name.casefold() for name in (split_rows(first) or [[]])[0]]
    order = _order(names, columns)
    if order is None and (headed or ID.casefold() in names):
        raise strange()
    shape = _shape(columns)
    text = body if order is None else rest
    in_turn = order is None or order == tuple(range(len(order)))
    fields = shape.decoded(text) if in_turn else None
    if fields is not None:
        return Table(columns.object, fields, shape.at, ID, VERSION, filled=b'""' not in text)
    fields = shape.made(split_rows(text), order or tuple(range(len(columns.paths))))
    return Table(columns.object, fields, shape.at, ID, VERSION)


def _order(names: Sequence[str], columns: Columns) -> tuple[int, ...] | None:
    """Return the place of every path among the names of a header; None where it is no header of these columns."""
    wanted = [path.casefold() for path in columns.paths]
    return tuple(names.index(path) for path in wanted) if sorted(names) == sorted(wanted) else None


def split_rows(body: bytes) -> list[list[str]]:
    """Split CSV into rows of texts, whatever its line endings (RFC 4180); raises UpstreamError."""
    try:
        reader = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
        return [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error):
        raise strange() from None


class _Shape:
    """How the rows of some columns are made."""

    def __init__(self, columns: Columns) -> None:
        self.at = {path: f"f{number}" for number, path in enumerate(columns.paths)}
        self._types = [FieldType.ID if path == ID else type for path, type in zip(self.at, columns.types, strict=True)]
        self._numbers = [name for name, type in zip(self.at.values(), self._types, strict=True) if type is _NUMBER]
        told = [(name, _KINDS.get(type, str | None)) for name, type in zip(self.at.values(), self._types, strict=True)]
        made = msgspec.defstruct(
            "Fields",
            told,
            bases=(Fields,),
            namespace={"at": self.at},
            frozen=True,
            gc=False,
            array_like=True,
            forbid_unknown_fields=True,
        )
        self._kind = cast("Callable[..., Fields]", made)
        self._decoder: msgspec.json.Decoder[list[Fields]] = msgspec.json.Decoder(
            list[made],  # type: ignore[valid-type]
            strict=False,
        )

    def decoded(self, body: bytes) -> Sequence[Fields] | None:
        """Read rows as JSON; None where that might not be what the CSV says.

        Both languages begin and end a value at the same quotation marks, so that JSON that parses has the values of
        the CSV, unless one of them looked like the end of a row or, beside a doubled mark, like an empty value. Then
        there are fewer rows than ends, or more marks than values take.
        """
        text = body.rstrip(b"\r\n")
        if not text:
            return ()
        ends = text.count(b'"\n"')
        for raw, told in _ESCAPES:
            if raw in text:
                text = text.replace(raw, told)
        text = b"[[" + text + b"]]"
        empty = b'""' in text
        if empty:
            # Neighbours share a comma, so that one pass finds every other one.
            text = text.replace(b',"",', b",null,").replace(b',"",', b",null,")
            text = text.replace(b'["",', b"[null,").replace(b',""]', b",null]").replace(b'[""]', b"[null]")
        try:
            rows = self._decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeError):
            return None
        sure = len(rows) == ends + 1 and (not empty or body.count(b'"') == 2 * len(self.at) * len(rows))
        return rows if sure and self._finite(rows) else None

    def _finite(self, rows: Sequence[Fields]) -> bool:
        return all(value is None or math.isfinite(value) for name in self._numbers
                   for value in (cast("float | None", getattr(one, name)) for one in rows))  # fmt: skip

    def made(self, rows: Sequence[Sequence[str]], order: Sequence[int]) -> Sequence[Fields]:
        """Make rows of texts, the columns of which stand in some order."""
        if not rows:
            return ()
        if any(len(row) != len(order) for row in rows):
            raise strange()
        found = list(zip(*rows, strict=True))
        texts = [found[place] for place in order]
        return list(map(self._kind, *[_typed(column, type) for column, type in zip(texts, self._types, strict=True)]))


_shape = lru_cache(maxsize=MOST_TYPES)(_Shape)
_NUMBER = FieldType.NUMBER
_KINDS: Mapping[FieldType, Any] = {
    FieldType.ID: str,
    FieldType.BOOLEAN: bool | None,
    FieldType.INTEGER: int | None,
    FieldType.NUMBER: float | None,
}
_ESCAPES = (
    (b"\\", b"\\\\"),
    (b'"\n"', b'"],["'),
    (b"\n", b"\\n"),
    (b"\r", b"\\r"),
    (b"\t", b"\\t"),
)


def _typed(texts: Sequence[str], type: FieldType) -> Sequence[Scalar]:
    try:
        match type:
            case FieldType.BOOLEAN:
                return [_TRUTHS[text] if text else None for text in texts]
            case FieldType.INTEGER:
                return [int(text) if text else None for text in texts]
            case FieldType.NUMBER:
                return [_number(text) if text else None for text in texts]
            case FieldType.ID if "" in texts:
                raise strange()
            case _:
                return [text or None for text in texts] if "" in texts else texts
    except (KeyError, ValueError):
        raise strange() from None


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found
